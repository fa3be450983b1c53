// The outside wall of the data plane: malformed and ambiguous HTTP, hosts and origins, CORS, health, routing. Raw
// sockets where no client would send such a thing (RFC 9112; MCP transports, security).

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import { post } from './support/mcp-client.ts';
import { sendRaw, statusesOf } from './support/mcp-client-raw.ts';

let app: TestApp;
let gateway: TestGateway;
let path: string;

beforeAll(async () => {
  app = await openTestApp();
  gateway = await app.gateway({});
  path = new URL(gateway.url).pathname;
});
afterAll(async () => {
  await app.close();
});

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const head = (...lines: string[]): string => [`POST ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
const HOST = 'Host: 127.0.0.1';
const JSON_TYPE = 'Content-Type: application/json';
const LENGTH = `Content-Length: ${PING.length}`;
const SMUGGLED = `GET /healthz HTTP/1.1\r\n${HOST}\r\n\r\n`;

describe('malformed and ambiguous requests', () => {
  const cases: Record<string, () => string> = {
    'two Host headers': () =>
      `${head(HOST, 'Host: localhost', JSON_TYPE, LENGTH, 'Connection: close')}${PING}`,
    'two equal Host headers': () => `${head(HOST, HOST, JSON_TYPE, LENGTH, 'Connection: close')}${PING}`,
    'no Host header': () => `${head(JSON_TYPE, LENGTH)}${PING}`,
    'an absolute target': () =>
      head(HOST, JSON_TYPE, LENGTH, 'Connection: close').replace(path, gateway.url) + PING,
    'an asterisk target': () => `OPTIONS * HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`,
    'length and chunks': () =>
      `${head(HOST, JSON_TYPE, LENGTH, 'Transfer-Encoding: chunked')}0\r\n\r\n${SMUGGLED}`,
    'two different lengths': () => `${head(HOST, JSON_TYPE, LENGTH, 'Content-Length: 3')}${PING}`,
    'a list of lengths': () =>
      `${head(HOST, JSON_TYPE, `Content-Length: ${PING.length}, ${PING.length}`)}${PING}`,
    'a signed length': () => `${head(HOST, JSON_TYPE, `Content-Length: +${PING.length}`)}${PING}`,
    'a length in hex': () => `${head(HOST, JSON_TYPE, 'Content-Length: 0x28')}${PING}`,
    'an endless length': () => `${head(HOST, JSON_TYPE, `Content-Length: ${'9'.repeat(40)}`)}${PING}`,
    'an unknown transfer coding': () =>
      `${head(HOST, JSON_TYPE, 'Transfer-Encoding: identity, xchunked')}0\r\n\r\n`,
    'chunked that is not last': () => `${head(HOST, JSON_TYPE, 'Transfer-Encoding: chunked, gzip')}0\r\n\r\n`,
    'a chunk size that is no number': () =>
      `${head(HOST, JSON_TYPE, 'Transfer-Encoding: chunked')}zz\r\n${PING}\r\n0\r\n\r\n`,
    'a chunk longer than it says': () =>
      `${head(HOST, JSON_TYPE, 'Transfer-Encoding: chunked')}5\r\n${PING}\r\n0\r\n\r\n`,
    'a folded header': () => `${head(HOST, JSON_TYPE, 'X-A: 1', ' 2', LENGTH)}${PING}`,
    'a space before the colon': () => `${head(HOST, JSON_TYPE, `Content-Length : ${PING.length}`)}${PING}`,
    'a NUL in a value': () => `${head(HOST, JSON_TYPE, 'X-A: a\0b', LENGTH)}${PING}`,
    'a bare CR in a value': () => `${head(HOST, JSON_TYPE, 'X-A: a\rb', LENGTH)}${PING}`,
    'another protocol version': () => head(HOST, LENGTH).replace('HTTP/1.1', 'HTTP/9.9') + PING,
    'two content types': () =>
      `${head(HOST, JSON_TYPE, 'Content-Type: text/plain', LENGTH, 'Connection: close')}${PING}`,
    'no HTTP at all': () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  };
  test.each(Object.keys(cases))('%s: 400, and the connection closes', async (name) => {
    const received = await sendRaw(app.port, cases[name]?.() ?? '');
    expect(statusesOf(received)).toEqual([400]);
    expect(received.toLowerCase()).toContain('connection: close');
  });

  test.each(['Authorization', 'MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name'])(
    'a repeated %s is refused or never looked at',
    async (name) => {
      const text = `${head(HOST, JSON_TYPE, LENGTH, 'Connection: close', `${name}: 2025-06-18`, `${name}: 2025-11-25`)}${PING}`;
      const [status] = statusesOf(await sendRaw(app.port, text));
      // The first belongs to authorizers, the last two to a later revision: this request concerns neither.
      expect(status).toBe(name === 'MCP-Protocol-Version' ? 400 : 200);
    },
  );

  test('more than 16 KiB of headers: 431', async () => {
    expect(statusesOf(await sendRaw(app.port, head(HOST, `X-Fill: ${'x'.repeat(17_000)}`)))).toEqual([431]);
  });

  test('CONNECT opens no tunnel', async () => {
    expect(
      statusesOf(
        await sendRaw(app.port, `CONNECT 127.0.0.1:${app.port} HTTP/1.1\r\n${HOST}\r\n\r\n${SMUGGLED}`),
      ),
    ).toEqual([405]);
  });

  test('an offer to upgrade is ignored and the request answered', async () => {
    const offer = [
      'Connection: Upgrade, HTTP2-Settings, close',
      'Upgrade: h2c',
      'HTTP2-Settings: AAEAAEAAAAIAAAAA',
    ];
    const received = await sendRaw(app.port, `${head(HOST, JSON_TYPE, LENGTH, ...offer)}${PING}`);
    expect(statusesOf(received)).toEqual([200]);
    expect(received).toContain('"result":{}');
    const webSocket = [
      'Connection: Upgrade, close',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: eA==',
    ];
    expect(statusesOf(await sendRaw(app.port, head(HOST, ...webSocket).replace('POST', 'GET')))).toEqual([
      405,
    ]);
  });

  test('nominating security headers as hop-by-hop changes nothing', async () => {
    const text = `${head(HOST, JSON_TYPE, LENGTH, 'Connection: close, Authorization, Host, Content-Length')}${PING}`;
    expect(statusesOf(await sendRaw(app.port, text))).toEqual([200]);
  });

  test('pipelined requests are answered in order', async () => {
    const one = (id: number, ...more: string[]): string =>
      `${head(HOST, JSON_TYPE, LENGTH, ...more)}${PING.replace('"id":1', `"id":${id}`)}`;
    const received = await sendRaw(app.port, one(1) + one(2) + one(3, 'Connection: close'));
    expect([...received.matchAll(/"id":(\d)/g)].map(([, id]) => id)).toEqual(['1', '2', '3']);
  });

  test('a refusal before the body leaves the connection in step', async () => {
    const wrong = `${head(HOST, 'Origin: https://evil.example', JSON_TYPE, `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`;
    const received = await sendRaw(
      app.port,
      `${wrong}${head(HOST, JSON_TYPE, LENGTH, 'Connection: close')}${PING}`,
    );
    expect(statusesOf(received)).toEqual([403, 200]);
    expect(received).toContain('"result":{}');
  });

  test('the server is well after all of it', async () => {
    expect(app.lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect((await post(gateway.url, PING)).status).toBe(200);
  });
});

describe('hosts and origins', () => {
  const status = async (...lines: string[]): Promise<number | undefined> =>
    statusesOf(
      await sendRaw(app.port, `${head(...lines, JSON_TYPE, LENGTH, 'Connection: close')}${PING}`),
    )[0];

  test.each(['127.0.0.1', '127.0.0.1:9', 'localhost', 'LOCALHOST:80', '[::1]:80'])(
    'Host %s is this server',
    async (host) => {
      expect(await status(`Host: ${host}`)).toBe(200);
    },
  );
  test.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example:80',
    'localhost@evil.example',
    'localhost#.evil.example',
    'a b',
    '127.0.0.2',
  ])('Host %s is not', async (host) => {
    expect(await status(`Host: ${host}`)).toBe(403);
  });
  test('an accepted host does not open the way for another', async () => {
    expect(await status('Host: localhost')).toBe(200);
    expect(await status('Host: evil.example')).toBe(403);
  });
  test.each([
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'file://',
    'http://localhost, http://evil.example',
    '',
  ])('Origin “%s” may not call', async (origin) => {
    expect(await status(HOST, `Origin: ${origin}`)).toBe(403);
  });
  test('two origins may not call', async () => {
    expect(await status(HOST, 'Origin: http://localhost', 'Origin: https://evil.example')).toBe(403);
  });
  test.each(['http://localhost', 'http://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:3000'])(
    'on loopback Origin %s may',
    async (origin) => {
      const answer = await post(gateway.url, PING, { origin });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('vary')).toBe('Origin');
      const exposed = answer.headers.get('access-control-expose-headers')?.toLowerCase().split(', ') ?? [];
      expect(exposed).toEqual(
        expect.arrayContaining([
          'www-authenticate',
          'mcp-session-id',
          'mcp-protocol-version',
          'x-amzn-requestid',
        ]),
      );
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  test('preflight: allowed origins get what they ask for, others nothing', async () => {
    const preflight = (origin: string): Promise<Response> =>
      fetch(gateway.url, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization, content-type, mcp-method,mcp-param-x, bad header',
        },
      });
    const good = await preflight('http://localhost:5173');
    expect([good.status, good.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'http://localhost:5173',
    ]);
    expect(good.headers.get('access-control-allow-headers')).toBe(
      'authorization, content-type, mcp-method, mcp-param-x',
    );
    expect(good.headers.get('access-control-allow-methods')).toContain('POST');
    const bad = await preflight('https://evil.example');
    expect([bad.status, bad.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });

  test('with GATEWRIGHT_ALLOWED_ORIGINS only those may call', async () => {
    const strict = await openTestApp({ allowedOrigins: ['https://app.example'] });
    const { url } = await strict.gateway({});
    const statusFor = async (origin: string): Promise<number> => (await post(url, PING, { origin })).status;
    expect(await statusFor('https://app.example')).toBe(200);
    for (const origin of [
      'https://app.example:444',
      'http://app.example',
      'https://app.example.evil',
      'http://localhost:5173',
      new URL(url).origin,
    ])
      expect(await statusFor(origin), origin).toBe(403);
    expect((await post(url, PING)).status).toBe(200);
    await strict.close();
  });
});

describe('routes', () => {
  const get = async (target: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${app.app.publicUrl}${target}`, init);

  test('health', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' });
  });

  test('an unknown gateway: 404 in JSON-RPC', async () => {
    for (const id of ['nothing-0000000000', '%zz', '__proto__', 'x'.repeat(160)]) {
      const answer = await post(`${app.app.publicUrl}/gateways/${id}/mcp`, PING);
      expect([answer.status, answer.json.error?.code, answer.json.id], id).toEqual([404, -32602, 0]);
      expect(answer.headers.get('www-authenticate')).toBeNull();
    }
  });

  test.each([
    '/nothing',
    '/gateways/x/mcp/more',
    '/gateways//mcp',
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/gateways/x',
    '/GATEWAYS/x/mcp',
  ])('%s is no MCP endpoint', async (target) => {
    const answer = await get(target, {
      method: 'POST',
      body: PING,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await answer.text()).not.toContain('jsonrpc');
  });

  test('with a gateway domain each gateway has its own host', async () => {
    const domain = await openTestApp({ gatewayDomain: 'gateway.example.com' });
    const { id, url } = await domain.gateway({});
    expect(url).toBe(`https://${id}.gateway.example.com/mcp`);
    const statusFor = async (host: string, target: string, method = 'POST'): Promise<number | undefined> => {
      const text = [
        `${method} ${target} HTTP/1.1`,
        `Host: ${host}`,
        JSON_TYPE,
        ...(method === 'POST' ? [LENGTH] : []),
        'Connection: close',
        '',
        '',
      ].join('\r\n');
      return statusesOf(await sendRaw(domain.port, method === 'POST' ? text + PING : text))[0];
    };
    expect(await statusFor(`${id}.gateway.example.com`, '/mcp')).toBe(200);
    expect(await statusFor(`${id.toUpperCase()}.Gateway.Example.com:443`, '/mcp')).toBe(200);
    expect(await statusFor(`${id}.gateway.example.com`, `/gateways/${id}/mcp`)).toBe(404);
    expect(await statusFor('other-0000000000.gateway.example.com', '/mcp')).toBe(404);
    expect(await statusFor(`${id}.gateway.example.com.evil.example`, '/mcp')).toBe(403);
    expect(await statusFor(`${id}.evil.example`, '/mcp')).toBe(403);
    expect(await statusFor(`${id}.gateway.example.com`, '/healthz', 'GET')).toBe(200);
    for (const odd of [
      '%.gateway.example.com',
      'a_b.gateway.example.com',
      '.gateway.example.com',
      '-.gateway.example.com',
    ])
      expect([403, 404], odd).toContain(await statusFor(odd, '/mcp'));
    expect(domain.lines.filter(({ level }) => level === 'error')).toEqual([]);
    await domain.close();
  });
});
