// Many large answers at the same time: they wait for each other's room, come whole, and those of a slow upstream hold up
// only its own.

import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createEgressClient } from './client.ts';
import { createEgressGuard, parseAllowRule } from './guard.ts';

const MIB = 1024 * 1024;
const LIMITS = { timeoutMs: 60_000, maxResponseBytes: 6 * MIB };
const servers: Server[] = [];
const clients: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function openClient() {
  const client = createEgressClient({ guard: createEgressGuard([parseAllowRule('127.0.0.1')]) });
  clients.push(client);
  return client;
}

async function serve(answer: (path: string, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => answer(request.url ?? '', response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = (base: string, path: string) => ({ method: 'GET', url: new URL(path, base), headers: {} });

/** A body that tells which one it is. */
const bodyOf = (path: string, bytes: number): Buffer => Buffer.alloc(bytes, `${path};`);

it.each(['with its length', 'in chunks', 'on a connection that is closed after it'])(
  'an answer %s comes whole, whatever comes beside it',
  async (manner) => {
    const base = await serve((path, response) => {
      const body = bodyOf(path, 5 * MIB);
      if (manner === 'in chunks') response.write(body.subarray(0, MIB));
      else {
        response.setHeader('content-length', body.length);
        if (manner.includes('closed')) response.setHeader('connection', 'close');
      }
      response.end(manner === 'in chunks' ? body.subarray(MIB) : body);
    });
    const client = openClient();
    for (let round = 0; round < 2; round += 1) {
      const wrong = await Promise.all(
        Array.from({ length: 40 }, async (_, at) => {
          const { status, body } = await client.request(get(base, `/${round}x${at}`), LIMITS);
          return status === 200 && body.equals(bodyOf(`/${round}x${at}`, 5 * MIB)) ? 0 : 1;
        }),
      );
      expect(wrong.filter((one) => one > 0)).toHaveLength(0);
    }
  },
  60_000,
);

it('answers of an upstream that stops in the middle hold up only its own large ones, until they are given up', async () => {
  const held: ServerResponse[] = [];
  const slow = await serve((path, response) => {
    if (path === '/small') response.end('small');
    else {
      response.setHeader('content-length', 5 * MIB);
      response.write(bodyOf(path, MIB));
      held.push(response);
    }
  });
  const other = await serve((path, response) => void response.end(bodyOf(path, 5 * MIB)));
  const client = openClient();
  const givingUp = new AbortController();
  const stuck = Array.from({ length: 30 }, (_, at) =>
    client.request(get(slow, `/${at}`), { ...LIMITS, signal: givingUp.signal }).then(
      () => 'answered',
      () => 'given up',
    ),
  );
  while (held.length < 30) await new Promise((resolve) => setImmediate(resolve));
  expect((await client.request(get(slow, '/small'), LIMITS)).body.toString()).toBe('small');
  for (let turn = 0; turn < 20; turn += 1)
    expect((await client.request(get(other, `/${turn}`), LIMITS)).body).toHaveLength(5 * MIB);
  // One that has to wait is still bound by its deadline.
  await expect(client.request(get(slow, '/late'), { ...LIMITS, timeoutMs: 50 })).rejects.toMatchObject({
    code: 'UpstreamTimeout',
  });
  givingUp.abort();
  expect(new Set(await Promise.all(stuck))).toEqual(new Set(['given up']));
  const again = client.request(get(slow, '/again'), LIMITS);
  while (!held.some((response) => response.req.url === '/again'))
    await new Promise((resolve) => setImmediate(resolve));
  held.at(-1)?.end(bodyOf('/again', 4 * MIB));
  expect((await again).body).toHaveLength(5 * MIB);
}, 60_000);

it('one that is too large is refused while others wait', async () => {
  const base = await serve((path, response) => {
    response.write(bodyOf(path, 5 * MIB));
    response.end(path.startsWith('/big') ? bodyOf(path, 5 * MIB) : undefined);
  });
  const client = openClient();
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      client.request(get(base, `/${at % 2 === 0 ? 'big' : 'fit'}${at}`), LIMITS).then(
        ({ body }) => body.length,
        (thrown: { code?: string }) => thrown.code,
      ),
    ),
  );
  expect(outcomes.filter((outcome) => outcome === 'UpstreamInvalid')).toHaveLength(20);
  expect(outcomes.filter((outcome) => outcome === 5 * MIB)).toHaveLength(20);
}, 60_000);
