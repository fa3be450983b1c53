// What the benchmarks of calls have in common: processes that are measured and pinned where the system can, load over kept
// connections, CPU per call.

import { fork, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { Pool } from 'undici';

// Pinning takes the scheduler out of the figures; without it they only spread more.
const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['-pc', '0', String(process.pid)]).status === 0;

export interface Server {
  readonly name: string;
  readonly process: ChildProcess;
  readonly url: URL;
  readonly pool: Pool;
  readonly connections: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** CPU microseconds a call, one figure a round. */
  readonly perCall: number[];
}

/** A process under load. */
export function server(
  name: string,
  child: ChildProcess,
  at: URL,
  headers: Record<string, string>,
  message: object,
  connections: number,
): Server {
  return {
    name,
    process: child,
    url: at,
    pool: new Pool(at.origin, { connections }),
    connections,
    headers,
    body: JSON.stringify(message),
    perCall: [],
  };
}

/** Makes so many calls. @throws Error with the answer that was not right */
export async function load(
  { pool, url: at, headers, body, connections }: Server,
  calls: number,
): Promise<void> {
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
  await Promise.all(Array.from({ length: connections }, client));
}

/** Where the system can: servers that are measured on one core, the load and its upstream on another. */
function pinnedTo(core: number): { execPath?: string; execArgv?: string[] } {
  return canPin ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath] } : {};
}

/** Starts a process of this folder. */
export function start(file: string, argv: string[]): ChildProcess {
  const nowhere = openSync('/dev/null', 'w');
  return fork(new URL(file, import.meta.url), argv, {
    stdio: ['ignore', nowhere, 'inherit', 'ipc'],
    ...pinnedTo(file === 'process-upstream.ts' ? 0 : 1),
  });
}

/** The next thing that a process tells. */
export async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}

/** CPU microseconds that a process has used. */
export async function cpu(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const { cpu: usage } = await answer<{ cpu: NodeJS.CpuUsage }>(child);
  return usage.user + usage.system;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Rounds of load on each server in turn, after the compiler has done its work. */
export async function measure(servers: readonly Server[], rounds: number, calls: number): Promise<void> {
  for (let round = 0; round < 3; round += 1) for (const each of servers) await load(each, calls);
  for (let round = 0; round < rounds; round += 1)
    for (const each of servers) {
      const before = await cpu(each.process);
      await load(each, calls);
      each.perCall.push(((await cpu(each.process)) - before) / calls);
    }
}

/** An issuer of tokens, and one of them. */
export async function startIssuer(): Promise<{ issuer: string; token: string; close: () => void }> {
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
