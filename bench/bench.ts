// CPU of the gateway per `tools/call`, as a ratio to the floor, both measured in turn in one run. Absolute times say
// more about the machine than about the code, so only the ratio has a budget (budget.json).

import { fork, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { Pool } from 'undici';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15);
const CALLS = Number(process.env['BENCH_CALLS'] ?? 5_000);
const CONNECTIONS = 32;
const { toolsCallRatio } = JSON.parse(readFileSync(new URL('budget.json', import.meta.url), 'utf8')) as {
  toolsCallRatio: number;
};

// Pinning takes the scheduler out of the figures; without it they only spread more.
const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['-pc', '0', String(process.pid)]).status === 0;

interface Server {
  readonly name: string;
  readonly process: ChildProcess;
  readonly url: URL;
  readonly pool: Pool;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly perCall: number[];
}

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
  server('floor', floorProcess, new URL(`http://127.0.0.1:${floorPort}/`), bearer, legacy),
  server(
    'gateway, 2025-11-25',
    gatewayProcess,
    new URL(url),
    { ...bearer, 'mcp-protocol-version': '2025-11-25' },
    legacy,
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
  ),
];

// Long enough for the compiler to have done its work everywhere: a cold floor would flatter the gateway.
for (let round = 0; round < 3; round += 1) for (const each of servers) await load(each, CALLS);
for (let round = 0; round < ROUNDS; round += 1)
  for (const each of servers) {
    const before = await cpu(each.process);
    await load(each, CALLS);
    each.perCall.push(((await cpu(each.process)) - before) / CALLS);
  }

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

function server(
  name: string,
  child: ChildProcess,
  at: URL,
  headers: Record<string, string>,
  message: object,
): Server {
  return {
    name,
    process: child,
    url: at,
    pool: new Pool(at.origin, { connections: CONNECTIONS }),
    headers,
    body: JSON.stringify(message),
    perCall: [],
  };
}

async function load({ pool, url: at, headers, body }: Server, calls: number): Promise<void> {
  let left = calls;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const response = await pool.request({ path: at.pathname, method: 'POST', headers, body });
      const text = await response.body.text();
      if (response.statusCode !== 200 || !text.includes('"isError":false'))
        throw new Error(`${response.statusCode}: ${text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

/** Where the system can: servers that are measured on one core, the load and its upstream on another. */
function pinnedTo(core: number): { execPath?: string; execArgv?: string[] } {
  return canPin ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath] } : {};
}

function start(file: string, argv: string[]): ChildProcess {
  const nowhere = openSync('/dev/null', 'w');
  return fork(new URL(file, import.meta.url), argv, {
    stdio: ['ignore', nowhere, 'inherit', 'ipc'],
    ...pinnedTo(file === 'process-upstream.ts' ? 0 : 1),
  });
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}

async function cpu(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const { cpu: usage } = await answer<{ cpu: NodeJS.CpuUsage }>(child);
  return usage.user + usage.system;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function startIssuer(): Promise<{ issuer: string; token: string; close: () => void }> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  let base = '';
  const http = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : { issuer: base, jwks_uri: `${base}/jwks` }),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const signed = await new SignJWT({ client_id: 'bench', scope: 'tools' })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench', typ: 'at+jwt' })
    .setIssuer(base)
    .setSubject('bench')
    .setAudience('bench')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  return { issuer: base, token: signed, close: () => void http.close() };
}
