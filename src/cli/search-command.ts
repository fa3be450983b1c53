// `gatewright search`: asks a gateway’s search as an agent would, and says why each tool was found; `gatewright search
// eval` measures it with questions of one’s own, so that descriptions can be mended where they do not say enough.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { createEgressClient } from '../upstream/client.ts';
import { createEgressGuard } from '../upstream/guard.ts';
import { EMBEDDER_TYPES } from '../plugins.ts';
import { openOfflineSearch } from '../search/offline.ts';
import { measure, parseJudgedSet } from '../search/quality.ts';
import type { Judged, JudgedSet, Quality } from '../search/quality.ts';
import type { SearchHit } from '../search/tool-search.ts';
import { createLog } from '../telemetry/log.ts';
import { endpointOf, messageOf } from './api-commands.ts';
import { callControlPlane, findCredentials } from './client.ts';
import type { ControlClientOptions } from './client.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

const EVAL_RESULTS = 10;
const WORST_SHOWN = 10;

type Flags = Readonly<Record<string, unknown>>;
type ShownHit = Omit<SearchHit, 'explanation'> & NonNullable<SearchHit['explanation']>;

/** Adds the commands. */
export function addSearchCommand(program: Command, env: Environment): void {
  const search = program
    .command('search <gateway> <query>')
    .description('find tools of a gateway as its search tool would, with scores and why each was found')
    .option('--max-results <number>', 'at most this many', '10')
    .option('--json', 'the answer as JSON');
  addServerFlags(search).action(async (gateway: string, query: string, flags: Flags) => {
    await orComplain(async () => {
      const client = clientOf(env, flags);
      if (!client) return;
      const id = await gatewayIdOf(gateway, client);
      const maxResults = Number(flags['maxResults']);
      const { items, legs } = await ask(id, query, maxResults, client);
      if (flags['json'] === true) write(JSON.stringify({ items, legs }, null, 2));
      else write(describeHits(items, legs));
    });
  });
  const evaluate = search
    .command('eval <file>')
    .description(
      'measure the search with questions of your own: recall and nDCG, and the questions it does worst',
    )
    .option('--gateway <id or name>', 'search this gateway; without it, the tools in the file')
    .option('--embedder <name>', 'without --gateway: embedded, words or none', 'embedded')
    .option('--json', 'the measures as JSON');
  addServerFlags(evaluate).action(async (file: string, _flags: Flags, command: Command) => {
    // A flag that both commands know is taken by the outer one, wherever it stands.
    const flags = command.optsWithGlobals<Flags>();
    await orComplain(async () => {
      const set = readSet(file);
      const results = await evaluateSet(set, flags, env);
      if (!results) return;
      const quality = measure(results);
      if (flags['json'] === true) write(JSON.stringify(quality, null, 2));
      else write(describeQuality(quality, results));
    });
  });
}

function addServerFlags(command: Command): Command {
  command.option('--endpoint-url <URL>', 'address of the control plane (default: http://<listen>)');
  return addSettingFlags(command);
}

async function orComplain(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    process.exitCode = 1;
  }
}

function clientOf(env: Environment, flags: Flags): ControlClientOptions | undefined {
  const outcome = configOrFaults(env, flags);
  if (!outcome) return undefined;
  const { config } = outcome;
  return {
    endpoint: endpointOf(flags, env, config),
    region: config.region,
    credentials: findCredentials(env, config),
  };
}

async function call(
  method: string,
  path: string,
  body: JsonObject | undefined,
  client: ControlClientOptions,
  query: Readonly<Record<string, string>> = {},
): Promise<JsonObject> {
  const answer = await callControlPlane(
    { method, path, query, ...(body ? { body: JSON.stringify(body) } : {}) },
    client,
  );
  if (answer.status >= 300)
    throw new Error(`${answer.errorType ?? `HTTP ${answer.status}`}: ${messageOf(answer.body)}`);
  const value: unknown = JSON.parse(answer.body);
  return isJsonObject(value) ? value : {};
}

/** A name or an id: an id is taken as it is when no gateway has it for a name. */
async function gatewayIdOf(named: string, client: ControlClientOptions): Promise<string> {
  let nextToken: string | undefined;
  do {
    const query: Record<string, string> = nextToken === undefined ? {} : { nextToken };
    const page = await call('GET', '/gateways/', undefined, client, query);
    const items = Array.isArray(page['items']) ? (page['items'] as readonly unknown[]) : [];
    const found = items.filter(isJsonObject).find(({ name }) => name === named);
    if (found) return String(found['gatewayId']);
    nextToken = typeof page['nextToken'] === 'string' ? page['nextToken'] : undefined;
  } while (nextToken !== undefined);
  return named;
}

async function ask(
  gatewayId: string,
  query: string,
  maxResults: number,
  client: ControlClientOptions,
): Promise<{ items: readonly ShownHit[]; legs: readonly string[] }> {
  const path = `/gateways/${encodeURIComponent(gatewayId)}/searchTools`;
  return (await call('POST', path, { query, maxResults }, client)) as unknown as {
    items: readonly ShownHit[];
    legs: readonly string[];
  };
}

function describeHits(items: readonly ShownHit[], legs: readonly string[]): string {
  if (items.length === 0)
    return `nothing fits (searched by ${legs.join(', ') || 'nothing: there are no tools'})`;
  const lines = items.flatMap(({ name, description, score, lexical, words, sentence, matches }, index) => {
    const parts = [`words in common ${lexical.toFixed(2)}`, `word vectors ${words.toFixed(2)}`];
    if (legs.length > 2) parts.push(`sentence ${sentence.toFixed(2)}`);
    const terms = matches.map(({ term, fields }) => `${term} (${fields.join(', ')})`);
    return [
      `${String(index + 1).padStart(2)}. ${name}  ${score.toFixed(2)} = ${parts.join(' + ')}`,
      ...(description === '' ? [] : [`    ${firstLine(description)}`]),
      `    ${terms.length > 0 ? `has: ${terms.join('; ')}` : 'has no word of the question; found by likeness'}`,
    ];
  });
  return [...lines, `searched by ${legs.join(', ')}`].join('\n');
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

function readSet(file: string): JudgedSet {
  try {
    return parseJudgedSet(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

type Results = readonly { readonly judged: Judged; readonly found: readonly string[] }[];

async function evaluateSet(set: JudgedSet, flags: Flags, env: Environment): Promise<Results | undefined> {
  const named = flags['gateway'];
  if (typeof named !== 'string') return evaluateTools(set, String(flags['embedder']));
  const client = clientOf(env, flags);
  if (!client) return undefined;
  const id = await gatewayIdOf(named, client);
  const results: { judged: Judged; found: readonly string[] }[] = [];
  for (const judged of set.queries) {
    const { items } = await ask(id, judged.query, EVAL_RESULTS, client);
    results.push({ judged, found: items.map(({ name }) => name) });
  }
  return results;
}

async function evaluateTools({ tools, queries }: JudgedSet, embedderName: string): Promise<Results> {
  if (tools.length === 0)
    throw new Error('The file has no “tools”: name a gateway to search with --gateway.');
  if (!['embedded', 'words', 'none'].includes(embedderName))
    throw new Error('--embedder must be embedded, words or none; providers are measured with --gateway');
  const log = createLog('warn');
  const egress = createEgressClient({ guard: createEgressGuard([]) });
  const embedder = EMBEDDER_TYPES.find(({ name }) => name === embedderName)?.open(
    {},
    { egress, log, region: '', openKey: () => Promise.resolve(undefined) },
  );
  try {
    const search = await openOfflineSearch(tools, {
      isLexicalOnly: embedderName === 'none',
      ...(embedder ? { embedder } : {}),
    });
    const results: { judged: Judged; found: readonly string[] }[] = [];
    for (const judged of queries) {
      const { hits } = await search.search(judged.query, EVAL_RESULTS);
      results.push({ judged, found: hits.map(({ name }) => name) });
    }
    return results;
  } finally {
    await embedder?.close();
    await egress.close();
  }
}

function describeQuality(quality: Quality, results: Results): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const missed = results.filter(({ judged, found }) => !judged.relevant.some((name) => found.includes(name)));
  return [
    `${quality.queries} questions`,
    `recall@1 ${percent(quality.recallAt1)}, recall@5 ${percent(quality.recallAt5)}, recall@10 ${percent(quality.recallAt10)}, nDCG@10 ${percent(quality.ndcgAt10)}`,
    ...(missed.length > 0
      ? [`${missed.length} questions whose tools were not among the first ${EVAL_RESULTS}, for example:`]
      : []),
    ...missed
      .slice(0, WORST_SHOWN)
      .flatMap(({ judged, found }) => [
        `  ${firstLine(judged.query)}`,
        `    wanted ${judged.relevant.join(', ')}; first came ${found.slice(0, 3).join(', ') || 'nothing'}`,
      ]),
  ].join('\n');
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}
