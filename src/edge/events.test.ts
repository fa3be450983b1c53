// Streams over real sockets: what clients do that stop reading at the worst moment, or are gone before the beginning.

import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { EventSink, EventSource } from '../mcp/endpoint.ts';
import { writeEvents } from './events.ts';

let server: Server | undefined;
let client: Socket | undefined;

afterEach(async () => {
  vi.useRealTimers();
  client?.destroy();
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
});

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A source that remembers what happens to it. */
function openSource(onAttach: (sink: EventSink) => void = () => undefined) {
  const seen: string[] = [];
  const gone = Promise.withResolvers<void>();
  const source: EventSource = {
    attach(sink) {
      seen.push('attach');
      onAttach(sink);
    },
    drained: () => void seen.push('drained'),
    gone() {
      seen.push('gone');
      gone.resolve();
    },
  };
  return { source, seen, gone: gone.promise };
}

async function serve(
  source: EventSource,
  before: (socket: Socket) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly errors: unknown[]; readonly written: Promise<number> }> {
  const errors: unknown[] = [];
  const written = Promise.withResolvers<number>();
  server = createServer((request, response) => {
    response.on('error', (error) => errors.push(error));
    void before(request.socket)
      .then(() => writeEvents(request, response, {}, source))
      .then(written.resolve, written.reject);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = connect(port, '127.0.0.1', () => client?.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  client.on('error', () => undefined);
  return { errors, written: written.promise };
}

test('a client that stops reading before the end: no heartbeat after it, and its connection is given up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
  const { source, seen, gone } = openSource((sink) => {
    // More than any socket takes by itself.
    sink.write(`data: ${'x'.repeat(32 * 1024 * 1024)}\n\n`);
    sink.end();
  });
  const { errors, written } = await serve(source);
  client?.pause();
  while (!seen.includes('attach')) await turn();
  for (let turns = 0; turns < 100; turns += 1) await turn();
  vi.advanceTimersByTime(45_000);
  await turn();
  expect(errors).toEqual([]);
  vi.advanceTimersByTime(5 * 60_000);
  await gone;
  await written;
  expect(errors).toEqual([]);
});

test('a client that is gone before the stream begins: the stream hears of it', async () => {
  const { source, seen, gone } = openSource();
  const { written } = await serve(source, async (socket) => {
    client?.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
  });
  await gone;
  expect(await written).toBe(0);
  expect(seen).toEqual(['attach', 'gone']);
});

test('heartbeats are comments between events', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let sink: EventSink | undefined;
  const { source } = openSource((given) => (sink = given));
  await serve(source);
  let received = '';
  client?.on('data', (chunk: Buffer) => (received += chunk.toString()));
  await vi.waitFor(() => expect(sink).toBeDefined());
  sink?.write('data: 1\n\n');
  vi.advanceTimersByTime(15_000);
  sink?.write('data: 2\n\n');
  sink?.end();
  await vi.waitFor(() => expect(received).toContain('0\r\n\r\n'));
  const body = received.slice(received.indexOf('\r\n\r\n') + 4).replaceAll(/[0-9a-f]+\r\n|\r\n/g, '');
  expect(body).toBe('data: 1\n\n: keep-alive\n\ndata: 2\n\n');
});
