// Cost of the search: latency of a query over HTTP, beside a `tools/call` on the same gateway in the same run; time to
// build, memory, size of what is installed for it. Times say more about the machine than about the code; the ratios count.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';

const QUERIES = [
  'create an invoice for a customer',
  'find cheap flights to Berlin next week and book the best one for two people',
  'list open tickets',
  'translate a document into French',
  'what is the weather like tomorrow',
  'please help me cancel the subscription of an account',
  'rotate the signing key',
  'show the balance of my savings account',
];
const ROUNDS = 400;
/** What is installed for the search; all but the first two only because the first names them as peers. */
const PACKAGES = [
  '@energetic-ai',
  'stemmer',
  'long',
  'seedrandom',
  'node-fetch',
  'whatwg-url',
  'tr46',
  'webidl-conversions',
];
const ROOT = new URL('..', import.meta.url).pathname;

interface Ready {
  readonly gateways: readonly {
    readonly label: string;
    readonly url: string;
    readonly tool: string;
    readonly tools: number;
    readonly buildMs: number;
    readonly embedMs: number;
    readonly indexBytes: number;
  }[];
  readonly rssBefore: number;
  readonly rssAfter: number;
}

/** Prints the table. */
export async function measureCost(): Promise<void> {
  const upstream = start('process-upstream.ts', []);
  const { port } = await answer<{ port: number }>(upstream);
  const gateway = start('process-search.ts', [String(port)]);
  const { gateways, rssBefore, rssAfter } = await answer<Ready>(gateway);
  console.log(`\nlatency in ms, ${ROUNDS} interleaved rounds, one connection`);
  for (const { label, url, tool, tools, buildMs, embedMs, indexBytes } of gateways) {
    const pool = new Pool(new URL(url).origin, { connections: 1 });
    const path = new URL(url).pathname;
    const times = { call: [] as number[], search: [] as number[] };
    for (let round = 0; round < ROUNDS * 2; round += 1) {
      const call = await post(pool, path, tool, {});
      const query = `${QUERIES[round % QUERIES.length]} ${round}`;
      const search = await post(pool, path, 'x_amz_bedrock_agentcore_search', { query });
      // The first half warms up.
      if (round < ROUNDS) continue;
      times.call.push(call);
      times.search.push(search);
    }
    await pool.close();
    const [callP50, callP95, p50, p95] = [
      percentile(times.call, 0.5),
      percentile(times.call, 0.95),
      percentile(times.search, 0.5),
      percentile(times.search, 0.95),
    ];
    console.log(
      `${label.padEnd(34)} search p50 ${p50.toFixed(2)} p95 ${p95.toFixed(2)}  call p50 ${callP50.toFixed(2)} p95 ${callP95.toFixed(2)}  ratio p50 ${(p50 / callP50).toFixed(2)} p95 ${(p95 / callP95).toFixed(2)}`,
    );
    const perThousand = (ms: number): string => ((ms * 1_000) / tools).toFixed(0);
    const embedded = embedMs > 0 ? `, sentences ${perThousand(embedMs)} ms (in the background)` : '';
    console.log(
      `${''.padEnd(34)} per 1,000 tools: index ${perThousand(buildMs)} ms${embedded}; index ${(indexBytes / 1e6).toFixed(1)} MB`,
    );
  }
  console.log(`resident memory: ${mb(rssBefore)} without, ${mb(rssAfter)} with these gateways`);
  console.log(
    `installed for the search: ${mb(
      PACKAGES.reduce((sum, name) => sum + sizeOf(join(ROOT, 'node_modules', name)), 0) +
        sizeOf(join(ROOT, 'src/search')),
    )}`,
  );
  for (const child of [gateway, upstream]) child.disconnect();
}

async function post(pool: Pool, path: string, name: string, args: object): Promise<number> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: args },
  });
  const started = performance.now();
  const response = await pool.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await response.body.text();
  const ms = performance.now() - started;
  if (response.statusCode !== 200 || !text.includes('"isError":false')) throw new Error(text.slice(0, 300));
  return ms;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
}

function sizeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function start(file: string, argv: string[]): ChildProcess {
  const nowhere = openSync('/dev/null', 'w');
  return fork(new URL(file, import.meta.url), argv, { stdio: ['ignore', nowhere, 'inherit', 'ipc'] });
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}
