// CPU of the gateway per `tools/call`, as a ratio to the floor, both measured in turn in one run. Absolute times say
// more about the machine than about the code, so only the ratio has a budget (budget.json).

import { readFileSync } from 'node:fs';
import { answer, measure, median, server, start, startIssuer } from './measure.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const CALLS = Number(process.env['BENCH_CALLS'] ?? 5_000);
const CONNECTIONS = 32;
const { toolsCallRatio } = JSON.parse(readFileSync(new URL('budget.json', import.meta.url), 'utf8')) as {
  toolsCallRatio: number;
};

const { issuer, token, close } = await startIssuer();
const upstream = start('process-upstream.ts', []);
const { port } = await answer<{ port: number }>(upstream);
const floorProcess = start('process-floor.ts', [String(port)]);
const floorPort = (await answer<{ port: number }>(floorProcess)).port;
const gatewayProcess = start('process-gateway.ts', [
  String(port),
  `${issuer}/.well-known/openid-configuration`,
]);
const { url } = await answer<{ url: string }>(gatewayProcess);

const args = { name: 'Rex', kind: 'dog', age: 4, tags: ['brown', 'large'], owner: { id: 3, name: 'Ada' } };
const legacy = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'pets___addPet', arguments: args },
};
const modern = {
  ...legacy,
  params: {
    ...legacy.params,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
};
const bearer = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  authorization: `Bearer ${token}`,
};
const servers = [
  server('floor', floorProcess, new URL(`http://127.0.0.1:${floorPort}/`), bearer, legacy, CONNECTIONS),
  server(
    'gateway, 2025-11-25',
    gatewayProcess,
    new URL(url),
    { ...bearer, 'mcp-protocol-version': '2025-11-25' },
    legacy,
    CONNECTIONS,
  ),
  server(
    'gateway, 2026-07-28',
    gatewayProcess,
    new URL(url),
    {
      ...bearer,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'pets___addPet',
    },
    modern,
    CONNECTIONS,
  ),
];

await measure(servers, ROUNDS, CALLS);

const floor = servers[0];
console.log(`CPU µs per call, ${ROUNDS} interleaved rounds of ${CALLS} calls, ${CONNECTIONS} connections`);
let worst = 0;
for (const each of servers) {
  const pairs = each.perCall.map((value, index) => value / (floor?.perCall[index] ?? Number.NaN));
  if (each !== floor) worst = Math.max(worst, median(pairs));
  console.log(
    `${each.name.padEnd(22)} min ${Math.min(...each.perCall)
      .toFixed(1)
      .padStart(
        6,
      )}  median ${median(each.perCall).toFixed(1).padStart(6)}  ratio to floor ${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)} to ${Math.max(...pairs).toFixed(2)})`,
  );
}
for (const each of [upstream, floorProcess, gatewayProcess]) each.disconnect();
for (const each of servers) await each.pool.close();
close();
console.log(`budget ${toolsCallRatio}: ${worst <= toolsCallRatio ? 'kept' : 'exceeded'}`);
process.exitCode = worst <= toolsCallRatio ? 0 : 1;
