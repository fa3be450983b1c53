// How much of a request is read, and from whom: control plane before the signature is known to be good, all bodies
// together, answers that nobody takes, and what of a request gets into the log.

import { once } from 'node:events';
import { request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SMALL_BODY_BYTES, readBody } from '../src/edge/body.ts';
import type { BodyBudget } from '../src/edge/body.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { post } from './support/mcp-client.ts';

let app: TestApp;

beforeAll(async () => {
  app = await openTestApp();
});
afterAll(async () => {
  await app.close();
});

const MEGABYTE = Buffer.alloc(1024 * 1024, ' ');

/** Sends up to 40 MB to the control plane; stops sending when the answer comes. Gives status and MB sent. */
function upload(headers: OutgoingHttpHeaders): Promise<{ status: number; body: string; sent: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let isAnswered = false;
    const upload = request(
      { port: app.port, host: '127.0.0.1', method: 'POST', path: '/gateways/', headers },
      (answer) => {
        isAnswered = true;
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, body, sent });
          upload.destroy();
        });
      },
    );
    upload.on('error', (error) => {
      if (!isAnswered) reject(error);
    });
    const write = (): void => {
      if (isAnswered) return;
      if (sent === 40) return void upload.end();
      sent += 1;
      if (upload.write(MEGABYTE)) setImmediate(write);
      else upload.once('drain', write);
    };
    write();
  });
}

describe('bodies of the control plane', () => {
  const authorization = (accessKeyId: string): string =>
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/us-east-1/bedrock-agentcore/aws4_request, ` +
    `SignedHeaders=host, Signature=${'0'.repeat(64)}`;

  test.each([
    ['no key', {}, 'Missing Authentication Token'],
    ['a key nobody knows', { authorization: authorization('AKIAUNKNOWN') }, ''],
    ['no readable authorization', { authorization: 'Bearer x' }, 'The Authorization header must be'],
  ])('are not read from a caller with %s', async (_, headers, message) => {
    const answer = await upload(headers);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain(message);
    expect(answer.sent).toBeLessThan(40);
  });

  test('of declared length are refused before they are sent', async () => {
    const answer = await upload({ 'content-length': 40 * MEGABYTE.length });
    expect(answer.status).toBe(403);
    expect(answer.sent).toBeLessThan(40);
  });
});

describe('readBody', () => {
  const incoming = (...chunks: Buffer[]): IncomingMessage =>
    Object.assign(Readable.from(chunks), { headers: {} }) as unknown as IncomingMessage;

  test('keeps to what may be buffered at once, and gives it back', async () => {
    const budget: BodyBudget = { free: 1.5 * MEGABYTE.length };
    const full = await Promise.allSettled([
      readBody(incoming(MEGABYTE), 10 * MEGABYTE.length, budget),
      readBody(incoming(MEGABYTE, MEGABYTE), 10 * MEGABYTE.length, budget),
    ]);
    expect(full[0]).toMatchObject({ status: 'fulfilled' });
    expect(full[1]).toMatchObject({ status: 'rejected', reason: { code: 'Throttled' } });
    expect(budget.free).toBe(1.5 * MEGABYTE.length);
    await expect(readBody(incoming(MEGABYTE), 10, budget)).rejects.toMatchObject({ code: 'TooLarge' });
    expect(budget.free).toBe(1.5 * MEGABYTE.length);
  });

  test('always has room for a small body', async () => {
    const small = Buffer.alloc(SMALL_BODY_BYTES);
    await expect(readBody(incoming(small), MEGABYTE.length, { free: 0 })).resolves.toEqual(small);
  });
});

test('a caller writes no more than a line into the access log', async () => {
  const { url } = await app.gateway({});
  app.lines.length = 0;
  await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'm'.repeat(1_000_000) }));
  expect(JSON.stringify(app.lines).length).toBeLessThan(2_000);
});

test.each(['nonsense\r\n\r\n', 'CONNECT example.com:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'])(
  'a refused client that never closes its half loses the socket: %j',
  async (text) => {
    const socket = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(text);
    await once(socket.resume(), 'end');
    // Only a socket that is gone answers more bytes with a reset.
    const gone = new Promise((resolve) => socket.once('error', resolve));
    const more = setInterval(() => socket.write('x'), 200);
    await gone.finally(() => clearInterval(more));
    socket.destroy();
  },
);
