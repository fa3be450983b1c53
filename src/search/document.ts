// A tool’s definition → the texts that the search looks at, field by field. What is taken of a schema is bounded: a
// schema of thousands of properties must cost no more than it helps.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { SearchableTool } from './tool-search.ts';

/** The fields of a tool, in the order in which indexes number them. */
export const FIELDS = Object.freeze([
  'name',
  'target',
  'description',
  'parameterNames',
  'parameterDescriptions',
  'targetDescription',
  'output',
] as const);
export type Field = (typeof FIELDS)[number];

/** The texts of one tool. */
export type ToolTexts = Readonly<Record<Field, string>>;

const MAX_PROPERTIES = 60;
const MAX_OUTPUT_PROPERTIES = 30;
const MAX_DEPTH = 4;
const MAX_FIELD = 4_000;

/** The texts of a tool. A definition that is no JSON object counts as one without schema. */
export function textsOf(tool: SearchableTool): ToolTexts {
  const definition = parse(tool.text);
  const parameters = createCollector(MAX_PROPERTIES);
  collect(definition['inputSchema'], parameters, 0);
  const output = createCollector(MAX_OUTPUT_PROPERTIES);
  collect(definition['outputSchema'], output, 0);
  const annotations = isJsonObject(definition['annotations']) ? definition['annotations'] : {};
  const description = asText(definition['description']);
  // Many sources give the same words as title and as description; they shall not count twice.
  const titles = new Set([asText(definition['title']), asText(annotations['title'])]);
  titles.delete(description);
  return {
    name: tool.ownName,
    target: tool.targetName,
    description: join([...titles, description]),
    parameterNames: join(parameters.names),
    parameterDescriptions: join(parameters.descriptions),
    targetDescription: asText(tool.targetDescription).slice(0, MAX_FIELD),
    output: join([...output.names, ...output.descriptions]),
  };
}

/** What a model of sentences reads of a tool: its parameters only where it has no description. */
export function sentenceOf(texts: ToolTexts): string {
  const name = texts.name.replaceAll(/[_.\-/]+/g, ' ').replaceAll(/(?<=[\p{Ll}\d])(?=\p{Lu})/gu, ' ');
  const about = texts.description === '' ? texts.parameterNames.replaceAll('_', ' ') : texts.description;
  return (about === '' ? name : `${name}: ${about}`).slice(0, MAX_FIELD);
}

interface Collector {
  readonly names: string[];
  readonly descriptions: string[];
  left: number;
}

function createCollector(left: number): Collector {
  return { names: [], descriptions: [], left };
}

/** Names and descriptions of properties, also those inside lists, objects and alternatives. */
function collect(schema: unknown, into: Collector, depth: number): void {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return;
  const { properties, items } = schema;
  if (isJsonObject(properties))
    for (const [name, property] of Object.entries(properties)) {
      if (into.left <= 0) return;
      into.left -= 1;
      into.names.push(name);
      if (!isJsonObject(property)) continue;
      for (const key of ['title', 'description'])
        if (typeof property[key] === 'string') into.descriptions.push(property[key]);
      collect(property, into, depth + 1);
    }
  collect(items, into, depth + 1);
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const alternatives: unknown = schema[key];
    if (Array.isArray(alternatives))
      for (const alternative of alternatives.slice(0, MAX_PROPERTIES)) collect(alternative, into, depth + 1);
  }
}

function parse(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function join(texts: readonly string[]): string {
  return texts
    .filter((text) => text !== '')
    .join(' ')
    .slice(0, MAX_FIELD);
}
