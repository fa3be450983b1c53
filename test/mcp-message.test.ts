// JSON-RPC messages as nobody should send them, and the modern envelope with its headers: what is refused, with which
// code and status, and which id the refusal carries (JSON-RPC 2.0; MCP 2026-07-28, transports).

import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { MODERN, modern, modernParts, post } from './support/mcp-client.ts';
import { sendRaw, statusesOf } from './support/mcp-client-raw.ts';
import { describeApi, openUpstream } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

let app: TestApp;
let upstream: Upstream;
let url: string;

beforeAll(async () => {
  upstream = await openUpstream();
  app = await openTestApp();
  ({ url } = await app.gateway({
    targets: { api: describeApi(upstream.url, { echo: { query: { text: { type: 'string' } } } }) },
  }));
});
afterEach(() => {
  // Nothing that a client sends may become an internal error.
  expect(app.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

const MAX_BODY = 6 * 1024 * 1024;
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
/** HTTP status, code and id of an answer to any bytes. */
const outcome = async (body: string | Uint8Array, headers?: Record<string, string | null>) => {
  const { status, text } = await post(url, body, headers);
  // Not JSON.parse alone: ids beyond 2^53 have to be seen as they are written.
  const id = /^\{"jsonrpc":"2\.0","id":("[^"]*"|[^,]+),/.exec(text)?.[1];
  return [status, (JSON.parse(text) as { error?: { code: number } }).error?.code, id];
};

describe('messages', () => {
  test.each([
    '0',
    '1',
    '-1',
    '""',
    '"a"',
    '9007199254740993',
    '-123456789012345678901234567890',
    '"9007199254740993"',
  ])('id %s comes back as it is', async (id) => {
    expect(await outcome(PING.replace('1,', `${id},`))).toEqual([200, undefined, id]);
    expect(await outcome(`{"jsonrpc":"2.0","id":${id},"method":"no"}`)).toEqual([200, -32601, id]);
  });

  test.each(['null', '1.5', 'true', '[]', '{}', '[1]', '1e999'])('id %s is none', async (id) => {
    expect(await outcome(PING.replace('1,', `${id},`))).toEqual([400, -32600, 'null']);
  });

  test.each([
    ['no object', '5', -32600, 'null'],
    ['a string', '"ping"', -32600, 'null'],
    ['null', 'null', -32600, 'null'],
    ['an empty object', '{}', -32600, 'null'],
    ['no version', '{"id":1,"method":"ping"}', -32600, '1'],
    ['version 1.0', '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, '1'],
    ['version as a number', '{"jsonrpc":2.0,"id":1,"method":"ping"}', -32600, '1'],
    ['method a number', '{"jsonrpc":"2.0","id":1,"method":5}', -32600, '1'],
    ['params a list', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600, '1'],
    ['params null', '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', -32600, '1'],
    ['params text', '{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}', -32600, '1'],
    ['a response nobody waits for', '{"jsonrpc":"2.0","id":1,"result":{}}', -32600, '1'],
    ['an error nobody waits for', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', -32600, '1'],
    ['nothing', '', -32700, 'null'],
    ['half a message', PING.slice(0, -5), -32700, 'null'],
    ['two messages', PING + PING, -32700, 'null'],
    ['a repeated member', PING.replace('{', '{"id":2,'), -32700, 'null'],
    [
      'a repeated member deep inside',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{"b":1,"\\u0062":2}}}',
      -32700,
      'null',
    ],
    ['single quotes', "{'jsonrpc':'2.0'}", -32700, 'null'],
    ['NaN', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}', -32700, 'null'],
    [
      'nested 65 deep',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${'['.repeat(63)}${']'.repeat(63)}}}`,
      -32700,
      'null',
    ],
    ['nested a million deep', '['.repeat(1_000_000), -32700, 'null'],
  ])('%s: 400', async (_name, body, code, id) => {
    expect(await outcome(body)).toEqual([400, code, id]);
  });

  test('bytes that are no UTF-8 are no JSON; a byte order mark is overlooked', async () => {
    expect(
      await outcome(
        Buffer.from([...Buffer.from('{"jsonrpc":"2.0","id":1,"method":"'), 0xc0, 0xaf, ...Buffer.from('"}')]),
      ),
    ).toEqual([400, -32700, 'null']);
    expect(await outcome(Buffer.from(PING, 'utf16le'))).toEqual([400, -32700, 'null']);
    expect(await outcome(`\ufeff${PING}`)).toEqual([200, undefined, '1']);
    expect(await outcome(`\ufeff${PING.replace('1,', '9007199254740993,')}`)).toEqual([
      200,
      undefined,
      '9007199254740993',
    ]);
  });

  test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty', ''])(
    'method “%s” is not found in either era',
    async (method) => {
      expect(await outcome(JSON.stringify({ jsonrpc: '2.0', id: 1, method }))).toEqual([200, -32601, '1']);
      const answer = await modern(url, method);
      expect([answer.status, answer.json.error?.code]).toEqual([404, -32601]);
    },
  );

  test('members that mean something to JavaScript change nothing', async () => {
    const poison = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"text":"x"}';
    for (const params of [
      `{"name":"api___echo","arguments":${poison}}`,
      poison,
      `{"_meta":${poison},"name":"api___echo"}`,
    ])
      await post(url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
    await post(url, `{"__proto__":{"id":1},"jsonrpc":"2.0","id":1,"method":"ping"}`);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('any JSON at all gets a JSON-RPC answer and never an internal error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue({ maxDepth: 4 }),
        fc.constantFrom('ping', 'tools/list', 'tools/call', 'initialize', 'server/discover'),
        async (value, method) => {
          for (const body of [
            value,
            { jsonrpc: '2.0', id: 1, method, params: value },
            {
              jsonrpc: '2.0',
              id: 1,
              method,
              params: {
                name: 'api___echo',
                arguments: value,
                _meta: value,
                cursor: value,
                protocolVersion: value,
              },
            },
          ]) {
            const { status } = await post(url, JSON.stringify(body));
            expect([200, 202, 400, 404]).toContain(status);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('bodies', () => {
  test.each([
    null,
    '',
    'text/plain',
    'application/json-rpc',
    'application/jsonx',
    'text/json',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json; charset=utf-7',
    'application/x-www-form-urlencoded',
  ])('content type %s: 415', async (type) => {
    expect(await outcome(PING, { 'content-type': type })).toEqual([415, -32600, '0']);
  });
  test.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/json; profile=x',
  ])('content type %s is fine', async (type) => {
    expect(await outcome(PING, { 'content-type': type })).toEqual([200, undefined, '1']);
  });
  test.each(['gzip', 'br', 'x'])('content encoding %s: 415', async (coding) => {
    expect(await outcome(gzipSync(PING), { 'content-encoding': coding })).toEqual([415, -32600, '0']);
  });

  test('six mebibytes are read, a byte more is not, and the client gets to see that', async () => {
    const fill = (size: number): string =>
      PING.replace('}', `,"params":{"a":"`) + 'x'.repeat(size - PING.length - 18) + '"}}';
    expect(fill(MAX_BODY)).toHaveLength(MAX_BODY);
    expect((await post(url, fill(MAX_BODY))).status).toBe(200);
    expect((await outcome(fill(MAX_BODY + 1)))[0]).toBe(413);
    expect((await outcome(fill(2 * MAX_BODY)))[0]).toBe(413);
    const chunked = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([fill(MAX_BODY + 1)]).stream(),
      duplex: 'half',
    });
    expect(chunked.status).toBe(413);
    await chunked.arrayBuffer();
  });

  test('a length that is only claimed is refused without waiting for the body', async () => {
    const port = app.port;
    const head = `POST ${new URL(url).pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n`;
    const received = await sendRaw(port, head, (text) => text.includes('\r\n\r\n'));
    expect(statusesOf(received)).toEqual([413]);
    expect(received.toLowerCase()).toContain('connection: close');
  });

  test('a client that leaves in the middle of its body leaves nothing behind', async () => {
    const head = `POST ${new URL(url).pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"json`;
    await Promise.all([sendRawAndLeave(head), sendRawAndLeave(head)]);
    expect((await post(url, PING)).status).toBe(200);
  });
});

/** Sends, and hangs up as soon as the server has it. */
async function sendRawAndLeave(text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(app.port, '127.0.0.1', () => socket.write(text, () => socket.destroy()));
    socket.on('close', () => resolve());
  });
}

describe('the modern envelope', () => {
  type Change = (parts: ReturnType<typeof modernParts>) => void;
  const META = 'io.modelcontextprotocol/';
  const meta = (parts: ReturnType<typeof modernParts>): Record<string, unknown> =>
    parts.body.params['_meta'] as Record<string, unknown>;
  const send = async (
    change: Change,
    method = 'tools/call',
    params: Record<string, string> = { name: 'api___echo' },
  ) => {
    const parts = modernParts(method, params, 'id');
    change(parts);
    const { status, json } = await post(url, JSON.stringify(parts.body), parts.headers);
    return [status, json.error?.code ?? 'ok', json.id];
  };
  const cases: readonly [name: string, change: Change, status: number, code: number | 'ok'][] = [
    ['all as it should be', () => undefined, 200, 'ok'],
    ['no client info', (p) => delete meta(p)[`${META}clientInfo`], 200, 'ok'],
    ['a session id that nobody gave', (p) => (p.headers['mcp-session-id'] = 'x'), 200, 'ok'],
    ['no capabilities', (p) => delete meta(p)[`${META}clientCapabilities`], 400, -32602],
    ['capabilities a list', (p) => (meta(p)[`${META}clientCapabilities`] = []), 400, -32602],
    ['version a number', (p) => (meta(p)[`${META}protocolVersion`] = 5), 400, -32602],
    ['version null', (p) => (meta(p)[`${META}protocolVersion`] = null), 400, -32602],
    ['no version in the body', (p) => delete meta(p)[`${META}protocolVersion`], 400, -32602],
    ['_meta a list', (p) => (p.body.params['_meta'] = []), 400, -32602],
    ['_meta text', (p) => (p.body.params['_meta'] = 'x'), 400, -32602],
    ['no _meta', (p) => delete p.body.params['_meta'], 400, -32602],
    ['another version in the header', (p) => (p.headers['mcp-protocol-version'] = '2025-11-25'), 400, -32020],
    ['an unknown version in the body', (p) => (meta(p)[`${META}protocolVersion`] = 'v999.0.0'), 400, -32020],
    ['no version header', (p) => (p.headers['mcp-protocol-version'] = null), 400, -32020],
    ['no method header', (p) => (p.headers['mcp-method'] = null), 400, -32020],
    ['another method in the header', (p) => (p.headers['mcp-method'] = 'tools/list'), 400, -32020],
    ['the method in capitals', (p) => (p.headers['mcp-method'] = 'Tools/Call'), 400, -32020],
    ['no name header', (p) => (p.headers['mcp-name'] = null), 400, -32020],
    ['another name in the header', (p) => (p.headers['mcp-name'] = 'api___other'), 400, -32020],
    ['the name encoded', (p) => (p.headers['mcp-name'] = `=?base64?${btoa('api___echo')}?=`), 200, 'ok'],
    [
      'the name encoded in another spelling',
      (p) => (p.headers['mcp-name'] = '=?base64?YXBpX19fZWNobx==?='),
      400,
      -32020,
    ],
    [
      'the name encoded without padding',
      (p) => (p.headers['mcp-name'] = '=?base64?YXBpX19fZWNobw?='),
      400,
      -32020,
    ],
    [
      'the name encoded with marks in capitals',
      (p) => (p.headers['mcp-name'] = `=?BASE64?${btoa('api___echo')}?=`),
      400,
      -32020,
    ],
    ['an encoded name that is no UTF-8', (p) => (p.headers['mcp-name'] = '=?base64?wK8=?='), 400, -32020],
    ['only the frame of an encoded name', (p) => (p.headers['mcp-name'] = '=?base64?='), 400, -32020],
    ['a name that is no text', (p) => (p.body.params['name'] = 5), 400, -32020],
    ['no name at all', (p) => delete p.body.params['name'], 400, -32020],
  ];
  test.each(cases)('%s', async (_name, change, status, code) => {
    expect(await send(change)).toEqual([status, code, 'id']);
  });

  test('an unknown version, said twice alike, is answered with ours', async () => {
    const parts = modernParts('tools/list');
    meta(parts)[`${META}protocolVersion`] = 'v999.0.0';
    parts.headers['mcp-protocol-version'] = 'v999.0.0';
    const { status, json } = await post(url, JSON.stringify(parts.body), parts.headers);
    expect([status, json.error?.code, json.error?.data]).toEqual([
      400,
      -32022,
      { supported: [MODERN], requested: 'v999.0.0' },
    ]);
  });

  test('methods of earlier versions are gone', async () => {
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'prompts/list'])
      expect(await send(() => undefined, method, {})).toEqual([404, -32601, 'id']);
  });

  test('initialize under a modern header, and a notification with a modern claim', async () => {
    const header = { 'mcp-protocol-version': MODERN };
    expect((await post(url, '{"jsonrpc":"2.0","id":1,"method":"initialize"}', header)).json.error?.code).toBe(
      -32020,
    );
    expect((await post(url, '{"jsonrpc":"2.0","method":"notifications/x"}', header)).status).toBe(202);
    expect((await post(url, '{"jsonrpc":"2.0","id":1,"result":{}}', header)).status).toBe(400);
  });

  test('every result says what it is and who answered; no session is made', async () => {
    for (const [method, params] of [
      ['server/discover', {}],
      ['tools/list', {}],
      ['tools/call', { name: 'api___echo' }],
    ] as const) {
      const answer = await modern(url, method, params, { 'mcp-session-id': 'x' });
      expect(answer.json.result?.resultType).toBe('complete');
      expect(answer.json.result?._meta).toHaveProperty(`${META}serverInfo`);
      expect(answer.headers.get('mcp-session-id')).toBeNull();
    }
  });
});
