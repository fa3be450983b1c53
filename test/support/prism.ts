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
const START_MS = 60_000;

export interface Prism {
  readonly url: string;
  readonly port: number;
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

// What Prism says of its own answers, and of documents that describe none: not about the request.
const NOT_THE_REQUEST =
  /#(?:NO_RESPONSE_DEFINED|NO_SUCCESS_RESPONSE_DEFINED|NO_COMPLEX_OBJECT_TEXT|SCHEMA_TOO_COMPLEX|VIOLATIONS|NOT_ACCEPTABLE|UNKNOWN|INVALID_EXAMPLE)/;

/** What Prism holds against the request that got this answer, or undefined. */
export function violationIn({ headers, body }: UpstreamResponse): string | undefined {
  const found: string[] = [];
  const listed = parse(headers['sl-violations']);
  for (const violation of Array.isArray(listed) ? (listed as JsonValue[]) : [])
    if (
      isJsonObject(violation) &&
      Array.isArray(violation['location']) &&
      violation['location'][0] === 'request'
    )
      found.push(`${violation['location'].join('.')}: ${JSON.stringify(violation['message'])}`);
  const problem =
    headers['content-type']?.startsWith('application/problem+json') === true
      ? parse(body.toString())
      : undefined;
  const type = isJsonObject(problem) ? problem['type'] : undefined;
  if (isJsonObject(problem) && typeof type === 'string' && type.includes('stoplight.io/prism/errors#')) {
    const validation = problem['validation'];
    if (Array.isArray(validation))
      for (const fault of validation as JsonValue[])
        if (isJsonObject(fault) && Array.isArray(fault['location']) && fault['location'][0] !== 'response')
          found.push(`${fault['location'].join('.')}: ${JSON.stringify(fault['message'])}`);
    if (found.length === 0 && !NOT_THE_REQUEST.test(type))
      found.push(`${type.split('#')[1]}: ${JSON.stringify(problem['detail'])}`);
  }
  return found.length === 0 ? undefined : [...new Set(found)].join('; ');
}

function parse(text: string | undefined): JsonValue | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
