// CPU of the gateway per call of a Smithy operation, as a ratio to a call of the same size through an OpenAPI document, both
// in turn in one run. Budget 1.5.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { Pool } from 'undici';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const CALLS = Number(process.env['BENCH_CALLS'] ?? 3_000);
const CONNECTIONS = 32;
const BUDGET = 1.5;

const upstream = start('process-upstream.ts', []);
const { port } = await answer<{ port: number }>(upstream);
const gateway = start('process-smithy.ts', [String(port)]);
const urls = await answer<Record<string, string>>(gateway);
const message = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'pets___addPet',
    arguments: { name: 'Rex', kind: 'dog', age: 4, tags: ['brown', 'large'], owner: { id: 3, name: 'Ada' } },
  },
});
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-11-25',
};
const rows = Object.entries(urls).map(([name, url]) => ({
  name,
  url: new URL(url),
  pool: new Pool(new URL(url).origin, { connections: CONNECTIONS }),
  perCall: [] as number[],
}));
for (let round = 0; round < 3; round += 1) for (const row of rows) await load(row, CALLS);
for (let round = 0; round < ROUNDS; round += 1)
  for (const row of rows) {
    const before = await cpu(gateway);
    await load(row, CALLS);
    row.perCall.push(((await cpu(gateway)) - before) / CALLS);
  }

console.log(`CPU µs per call, ${ROUNDS} interleaved rounds of ${CALLS} calls, ${CONNECTIONS} connections`);
const [floor] = rows;
let worst = 0;
for (const { name, perCall } of rows) {
  const ratio = median(perCall.map((value, index) => value / (floor?.perCall[index] ?? Number.NaN)));
  worst = Math.max(worst, ratio);
  console.log(
    `${name.padEnd(12)} min ${Math.min(...perCall).toFixed(1)}  median ${median(perCall).toFixed(1)}  ratio to OpenAPI ${ratio.toFixed(2)}`,
  );
}
console.log(`budget ${BUDGET}: ${worst <= BUDGET ? 'kept' : 'exceeded'}`);
for (const child of [upstream, gateway]) child.disconnect();
for (const { pool } of rows) await pool.close();
process.exitCode = worst <= BUDGET ? 0 : 1;

async function load({ pool, url }: { pool: Pool; url: URL }, calls: number): Promise<void> {
  let left = calls;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const response = await pool.request({ path: url.pathname, method: 'POST', headers, body: message });
      const text = await response.body.text();
      if (response.statusCode !== 200 || !text.includes('"isError":false'))
        throw new Error(`${response.statusCode}: ${text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

function start(file: string, argv: string[]): ChildProcess {
  const nowhere = openSync('/dev/null', 'w');
  return fork(new URL(file, import.meta.url), argv, { stdio: ['ignore', nowhere, 'inherit', 'ipc'] });
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [told] = (await once(child, 'message')) as [T];
  return told;
}

async function cpu(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const { cpu: usage } = await answer<{ cpu: NodeJS.CpuUsage }>(child);
  return usage.user + usage.system;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
