// Prism (https://stoplight.io/prism) as a strict upstream: a mock server that checks each request against the
// document it was started with. Starts one process per document; knows nothing of tools.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { isJsonObject, type JsonValue } from '../../src/core/json.ts';
import type { UpstreamResponse } from '../../src/core/outbound.ts';

const BIN = join(import.meta.dirname, '../../node_modules/.bin');
const START_MS = 30_000;

export interface Prism {
  readonly url: string;
  readonly port: number;
  /** It broke off by itself. */
  hasEnded(): boolean;
  stop(): Promise<void>;
}

/** Starts Prism with a document, or gives the reason why it does not take it. */
export async function startPrism(file: string, atPort?: number): Promise<Prism | string> {
  const port = atPort ?? (await freePort());
  const child = spawn(join(BIN, 'node'), [join(BIN, 'prism'), 'mock', '--errors', '-p', String(port), file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000);
    });
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    if (output.includes('Prism is listening'))
      return {
        url: `http://127.0.0.1:${port}`,
        port,
        hasEnded: () => child.exitCode !== null || child.signalCode !== null,
        stop: () => stop(child),
      };
    await sleep(100);
  }
  await stop(child);
  return output.trim().split('\n').at(-1)?.slice(0, 200) ?? 'does not start';
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Prism's judgement of one request. `none`: it gave none, and why. */
export type Verdict =
  | { readonly kind: 'clean' }
  | { readonly kind: 'violation' | 'none'; readonly reason: string };

/** What Prism says of the request that got this answer. */
export function verdictIn({
  status,
  headers,
  body,
}: Pick<UpstreamResponse, 'status' | 'headers' | 'body'>): Verdict {
  const found = requestFaults(parse(headers['sl-violations']));
  const isProblem = headers['content-type']?.startsWith('application/problem+json') === true;
  const problem = isProblem ? parse(body.toString()) : undefined;
  const type = isJsonObject(problem) && typeof problem['type'] === 'string' ? problem['type'] : '';
  if (isJsonObject(problem) && type.includes('stoplight.io/prism/errors#')) {
    found.push(...requestFaults(problem['validation']));
    const name = type.split('#')[1] ?? '';
    // Its own failure, as far as it does not blame the request at all.
    if (found.length === 0 && status >= 500)
      return { kind: 'none', reason: `${name}: ${JSON.stringify(problem['detail'])}` };
    if (found.length === 0) found.push(`${name}: ${JSON.stringify(problem['detail'])}`);
  } else if (found.length === 0 && status >= 300) return { kind: 'none', reason: `status ${status}` };
  return found.length === 0
    ? { kind: 'clean' }
    : { kind: 'violation', reason: [...new Set(found)].join('; ') };
}

function requestFaults(listed: JsonValue | undefined): string[] {
  return (Array.isArray(listed) ? (listed as JsonValue[]) : []).flatMap((fault) =>
    isJsonObject(fault) && Array.isArray(fault['location']) && fault['location'][0] !== 'response'
      ? [`${fault['location'].join('.')}: ${JSON.stringify(fault['message'])}`]
      : [],
  );
}

function parse(text: string | undefined): JsonValue | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
