// CPU that the gateway adds to a warm call of a local function, beside what it adds to a call of an OpenAPI target: each
// over its own floor, all in one run. The functions' own processes are not counted: they are the same on both sides.

import { readFileSync } from 'node:fs';
import { answer, measure, median, server, start, startIssuer } from './measure.ts';
import type { Server } from './measure.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 11);
const CALLS = Number(process.env['BENCH_CALLS'] ?? 2_000);
/** As many as there are instances of the function. */
const CONNECTIONS = 4;
const { functionRatio } = JSON.parse(readFileSync(new URL('budget.json', import.meta.url), 'utf8')) as {
  functionRatio: number;
};

const { issuer, token, close } = await startIssuer();
const upstream = start('process-upstream.ts', []);
const { port } = await answer<{ port: number }>(upstream);
const apiFloor = start('process-floor.ts', [String(port)]);
const apiPort = (await answer<{ port: number }>(apiFloor)).port;
const runtimeFloor = start('process-floor-runtime.ts', [String(CONNECTIONS)]);
const runtimePort = (await answer<{ port: number }>(runtimeFloor)).port;
const gateway = start('process-gateway.ts', [
  String(port),
  `${issuer}/.well-known/openid-configuration`,
  'function',
]);
const { url } = await answer<{ url: string }>(gateway);

const args = { name: 'Rex', kind: 'dog', age: 4, tags: ['brown', 'large'], owner: { id: 3, name: 'Ada' } };
const callOf = (name: string) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: args },
});
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  authorization: `Bearer ${token}`,
  'mcp-protocol-version': '2025-11-25',
};
const at = (where: number): URL => new URL(`http://127.0.0.1:${where}/`);
const servers = [
  server('floor, HTTP API', apiFloor, at(apiPort), headers, callOf('pets___addPet'), CONNECTIONS),
  server('gateway, OpenAPI', gateway, new URL(url), headers, callOf('pets___addPet'), CONNECTIONS),
  server('floor, Runtime API', runtimeFloor, at(runtimePort), headers, callOf('x'), CONNECTIONS),
  server('gateway, function', gateway, new URL(url), headers, callOf('function___addPet'), CONNECTIONS),
] as const;
await measure(servers, ROUNDS, CALLS);

const [api, openApi, runtime, local] = servers;
const added = (over: Server, floor: Server): number[] =>
  over.perCall.map((value, round) => value - (floor.perCall[round] ?? Number.NaN));
const [addedToApi, addedToFunction] = [added(openApi, api), added(local, runtime)];
const ratio = median(addedToFunction) / median(addedToApi);
console.log(`CPU µs per call, ${ROUNDS} interleaved rounds of ${CALLS} calls, ${CONNECTIONS} connections`);
for (const each of servers) console.log(`${each.name.padEnd(20)} median ${median(each.perCall).toFixed(1)}`);
console.log(
  `added: OpenAPI ${median(addedToApi).toFixed(1)}, function ${median(addedToFunction).toFixed(1)}, ratio ${ratio.toFixed(2)}`,
);
for (const each of [upstream, apiFloor, runtimeFloor, gateway]) each.disconnect();
for (const each of servers) await each.pool.close();
close();
console.log(`budget ${functionRatio}: ${ratio <= functionRatio ? 'kept' : 'exceeded'}`);
process.exitCode = ratio <= functionRatio ? 0 : 1;
