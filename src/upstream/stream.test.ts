// Bodies read while they come, by readers that are slower than the sender: nothing is lost, and nobody waits for
// bytes that are there already.

import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { openStream } from './stream.ts';

let server: Server;
let pool: Pool;

afterEach(async () => {
  await pool.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function open(listener: RequestListener) {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  pool = new Pool(url.origin);
  return openStream(pool, { method: 'GET', url, headers: {} }, { headersTimeoutMs: 10_000 });
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

test.each([1, 64, 65, 130, 300, 1_000])('%i KiB, all sent before the reader begins', async (kib) => {
  const { status, body } = await open((_request, response) => response.end(Buffer.alloc(kib * 1024, 'a')));
  expect(status).toBe(200);
  let bytes = 0;
  await pause();
  for await (const chunk of body) {
    bytes += chunk.length;
    await pause();
  }
  expect(bytes).toBe(kib * 1024);
});

test('the last bytes before a silence are not held back', async () => {
  const size = 200 * 1024;
  const answer = await open((_request, response) => {
    response.writeHead(200).write(Buffer.alloc(size, 'a'));
  });
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    await pause();
    if (bytes === size) break;
  }
  expect(bytes).toBe(size);
  answer.cancel();
});
