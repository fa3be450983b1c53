// How well a search finds what it should: questions with the tools that answer them, and the usual measures over them.
// The file format is that of docs/search.md; it is read from people, so what is wrong with it is said.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { SearchableTool } from './tool-search.ts';

export interface Judged {
  readonly query: string;
  /** Names of the tools that answer it. */
  readonly relevant: readonly string[];
}

export interface JudgedSet {
  readonly queries: readonly Judged[];
  /** The tools to search, where the file brings them along. */
  readonly tools: readonly SearchableTool[];
}

/** Means over all questions, 0 to 1. */
export interface Quality {
  readonly recallAt1: number;
  readonly recallAt5: number;
  readonly recallAt10: number;
  readonly ndcgAt10: number;
  readonly queries: number;
}

/** @throws Error that says what is wrong with the file */
export function parseJudgedSet(text: string): JudgedSet {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value) || !Array.isArray(value['queries']))
    throw new Error('it must be an object with a list “queries”');
  const queries = (value['queries'] as readonly unknown[]).map((item, index) => {
    const { query, relevant } = isJsonObject(item) ? item : {};
    if (typeof query !== 'string' || !Array.isArray(relevant) || relevant.length === 0)
      throw new Error(`queries[${index}] needs “query” and a list “relevant” of at least one tool’s name`);
    return { query, relevant: relevant.map(String) };
  });
  const tools = Array.isArray(value['tools']) ? (value['tools'] as readonly unknown[]) : [];
  return { queries, tools: tools.filter(isJsonObject).map(toTool) };
}

/** `name`, `description`, and either `inputSchema` or `parameters` (name → description); `server` is the target. */
function toTool(item: JsonObject): SearchableTool {
  const { name, tool, server, server_description: about, description, inputSchema, parameters } = item;
  const properties = Object.fromEntries(
    Object.entries(isJsonObject(parameters) ? parameters : {}).map(([key, value]) => [
      key,
      { description: String(value) },
    ]),
  );
  const schema = isJsonObject(inputSchema) ? inputSchema : { type: 'object', properties };
  const targetName = typeof server === 'string' ? server : '';
  return {
    name: String(name),
    ownName: typeof tool === 'string' ? tool : String(name),
    targetId: targetName,
    targetName,
    ...(typeof about === 'string' ? { targetDescription: about } : {}),
    text: JSON.stringify({
      ...(typeof description === 'string' ? { description } : {}),
      inputSchema: schema,
    }),
  };
}

/** Measures of what was found, names best first, for each question. */
export function measure(
  results: readonly { readonly judged: Judged; readonly found: readonly string[] }[],
): Quality {
  const sums = { recallAt1: 0, recallAt5: 0, recallAt10: 0, ndcgAt10: 0 };
  for (const { judged, found } of results) {
    const relevant = new Set(judged.relevant);
    const recall = (k: number): number =>
      found.slice(0, k).filter((name) => relevant.has(name)).length / relevant.size;
    sums.recallAt1 += recall(1);
    sums.recallAt5 += recall(5);
    sums.recallAt10 += recall(10);
    let ideal = 0;
    for (let place = 0; place < Math.min(10, relevant.size); place += 1) ideal += gain(place);
    let gained = 0;
    for (const [place, name] of found.slice(0, 10).entries()) if (relevant.has(name)) gained += gain(place);
    sums.ndcgAt10 += gained / ideal;
  }
  const count = Math.max(1, results.length);
  return {
    recallAt1: sums.recallAt1 / count,
    recallAt5: sums.recallAt5 / count,
    recallAt10: sums.recallAt10 / count,
    ndcgAt10: sums.ndcgAt10 / count,
    queries: results.length,
  };
}

function gain(place: number): number {
  return 1 / Math.log2(place + 2);
}
