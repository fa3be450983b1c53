// Calls that go through: numbers that keep their digits, cancellation, upstreams that fail in every way. What goes
// wrong upstream is a result that a model can read, never an error of the protocol.

import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import type { JsonObject } from '../src/core/json.ts';
import { MODERN, legacy, modern, modernParts, post } from './support/mcp-client.ts';
import type { RawAnswer } from './support/mcp-client.ts';
import { describeApi, openUpstream, respondWith } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

const INT64 = { type: 'integer', format: 'int64' };
const ORDER = {
  type: 'object',
  properties: { id: INT64, items: { type: 'array', items: INT64 } },
  required: ['id'],
};

let app: TestApp;
let upstream: Upstream;
let url: string;

beforeAll(async () => {
  upstream = await openUpstream();
  app = await openTestApp();
  ({ url } = await app.gateway({
    tags: { 'gatewright:tool-names': 'bare' },
    targets: {
      api: describeApi(upstream.url, {
        order: { body: ORDER, answer: ORDER },
        find: { query: { id: INT64, text: { type: 'string' } } },
        strict: {
          answer: { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] },
        },
        slow: {},
      }),
    },
  }));
});
afterEach(() => {
  expect(app.lines.filter(({ level }) => level === 'error')).toEqual([]);
  upstream.requests.length = 0;
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

const call = (name: string, args: JsonObject = {}): Promise<RawAnswer> =>
  legacy(url, 'tools/call', { name, arguments: args }, '2025-11-25');
/** Arguments as text, so that no reader of this test takes digits away. */
const callText = (name: string, args: string): Promise<RawAnswer> =>
  post(
    url,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":${args}}}`,
    { 'mcp-protocol-version': '2025-11-25' },
  );

describe('integers beyond 2^53', () => {
  const LONG = '9007199254740993';
  const LONGEST = '-9223372036854775808';

  test('reach the upstream digit by digit, in a body and in a query', async () => {
    await callText('order', `{"id":${LONG},"items":[${LONGEST},1,9223372036854775807]}`);
    expect(upstream.requests[0]?.body).toBe(`{"id":${LONG},"items":[${LONGEST},1,9223372036854775807]}`);
    await callText('find', `{"id":${LONG}}`);
    expect(upstream.requests[1]?.path).toBe(`/find?id=${LONG}`);
  });

  test('come back digit by digit, as text and as structured content, in both eras', async () => {
    upstream.on('/order', respondWith(200, 'application/json', `{"id":${LONG},"items":[${LONGEST}]}`));
    const parts = modernParts('tools/call', { name: 'order', arguments: { id: 1 } });
    for (const { text } of [
      await callText('order', '{"id":1}'),
      await post(url, JSON.stringify(parts.body), parts.headers),
    ]) {
      expect(text).toContain(`"structuredContent":{"id":${LONG},"items":[${LONGEST}]}`);
      expect(text).toContain(String.raw`"text":"{\"id\":${LONG},\"items\":[${LONGEST}]}"`);
      expect(text).toContain('"isError":false');
    }
  });

  test('are still checked as numbers', async () => {
    expect((await callText('order', `{"id":"${LONG}x"}`)).json.result?.isError).toBe(true);
    expect((await callText('order', '{"id":1.5}')).json.result?.isError).toBe(true);
    expect(upstream.requests).toEqual([]);
  });
});

describe('cancellation', () => {
  test.each(['2025-11-25', MODERN])('when the client leaves (%s), the upstream sees it', async (version) => {
    upstream.on('/slow', () => undefined);
    const leaving = new AbortController();
    const parts =
      version === MODERN
        ? modernParts('tools/call', { name: 'slow' })
        : { body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow' } }, headers: {} };
    const arrived = upstream.next();
    const answer = expect(
      post(url, JSON.stringify(parts.body), parts.headers, leaving.signal),
    ).rejects.toThrow();
    const request = await arrived;
    leaving.abort();
    await answer;
    await request.abandoned;
  });

  test('calls of others go on', async () => {
    const arrived = upstream.next();
    const leaving = new AbortController();
    const gone = expect(
      post(
        url,
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow' } }),
        {},
        leaving.signal,
      ),
    ).rejects.toThrow();
    await arrived;
    leaving.abort();
    expect((await call('find', { text: 'x' })).json.result?.isError).toBe(false);
    await gone;
  });
});

describe('upstreams that fail', () => {
  const failure = async (name = 'find'): Promise<string> => {
    const answers = [await call(name), await modern(url, 'tools/call', { name })];
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.json.result?.isError).toBe(true);
    }
    return answers[0]?.json.result?.content?.[0]?.text ?? '';
  };

  test.each([400, 401, 403, 404, 409, 418, 429, 500, 502, 503])(
    'status %i is named, with the body',
    async (status) => {
      upstream.on('/find', respondWith(status, 'application/json', '{"reason":"because"}'));
      expect(await failure()).toMatch(new RegExp(`^HTTP ${status}.*\n.*because`, 's'));
    },
  );

  test('a redirect is told, not followed', async () => {
    upstream.on('/find', (_request, response) => void response.writeHead(302, { location: '/order' }).end());
    expect(await failure()).toContain('/order');
    expect(upstream.requests.every(({ path }) => path === '/find')).toBe(true);
  });

  test.each([
    ['application/json', '{"count":true}'],
    ['application/json', '[]'],
    ['application/json', '{"count":'],
    ['text/html', '<html>'],
  ])(
    'an answer that breaks the declared schema (%s %s) is given as text, and breaks no client',
    async (type, body) => {
      upstream.on('/strict', respondWith(200, type, body));
      for (const answer of [await call('strict'), await modern(url, 'tools/call', { name: 'strict' })])
        expect(answer.json.result).toMatchObject({
          structuredContent: {},
          content: [{ type: 'text', text: body }],
        });
    },
  );

  test('a body cut off, a connection dropped before and after the head', async () => {
    upstream.on('/find', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"a":', () => response.destroy());
    });
    await failure();
    upstream.on('/find', (_request, response) => void response.destroy());
    await failure();
  });

  test('compressed nonsense', async () => {
    upstream.on(
      '/find',
      (_request, response) =>
        void response
          .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' })
          .end('not gzip'),
    );
    await failure();
    upstream.on(
      '/find',
      (_request, response) =>
        void response
          .writeHead(200, { 'content-encoding': 'gzip, gzip', 'content-type': 'application/json' })
          .end('x'),
    );
    await failure();
  });

  test.each([
    ['is not HTTP', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n')],
    [
      'has a NUL in a header',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\n{}'),
    ],
    [
      'switches protocols',
      (socket: Socket) =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    ],
    [
      'has two lengths',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}'),
    ],
    [
      'has a bad chunk',
      (socket: Socket) =>
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n'),
    ],
    [
      'has an endless header',
      (socket: Socket) => socket.end(`HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(100_000)}\r\n\r\n`),
    ],
    ['closes at once', (socket: Socket) => socket.end()],
    ['is reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('an upstream whose answer %s', async (_name, answer) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const gateway = await app.gateway({ targets: { odd: describeApi(base, { get: {} }) } });
    const { status, json } = await legacy(gateway.url, 'tools/call', { name: 'odd___get' });
    expect([status, json.result?.isError]).toEqual([200, true]);
    // The client learns that it failed, not what the socket said.
    expect(JSON.stringify(json)).not.toMatch(/SSH|UND_ERR|HPE_|ECONN/);
    await new Promise((resolve) => server.close(resolve));
  });

  test('an upstream that is down, and one that egress forbids', async () => {
    const gone = await openUpstream();
    await gone.close();
    const gateway = await app.gateway({
      targets: {
        gone: describeApi(gone.url, { get: {} }),
        metadata: describeApi('http://169.254.169.254', { get: {} }),
      },
    });
    for (const name of ['gone___get', 'metadata___get']) {
      const { status, json } = await legacy(gateway.url, 'tools/call', { name });
      expect([status, json.result?.isError], name).toEqual([200, true]);
    }
  });

  test('text that no URL can hold is the caller’s fault', async () => {
    const { json } = await callText('find', String.raw`{"text":"\ud800"}`);
    expect(json.result?.isError ?? json.error?.code).toBeTruthy();
    expect(json.error?.code ?? -32602).toBe(-32602);
  });
});
