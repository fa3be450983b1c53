// What stands in messages besides words: ids and progress tokens of every kind, answers that are two things at once,
// texts that are no Unicode, and headers in every spelling.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { MODERN, modernParts, post } from './support/mcp-client.ts';
import { eventsOf, messagesOf, openRawSession, postModern } from './support/mcp-stream.ts';

let app: TestApp;
let fixture: FixtureServer;
let url: string;

beforeAll(async () => {
  app = await openTestApp();
  fixture = await openFixtureServer({ eras: 'modern' });
  ({ url } = await app.gateway({
    mcp: {
      supportedVersions: [MODERN, '2025-11-25', '2025-03-26'],
      sessionConfiguration: { sessionTimeoutInSeconds: 3_600 },
      streamingConfiguration: { enableResponseStreaming: true },
    },
    servers: { target: fixture.url },
  }));
}, 60_000);
afterEach(() => {
  expect(app.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
afterAll(async () => {
  await app.close();
  await fixture.close();
});

/** POSTs a modern request whose id is this JSON text. */
function withId(id: string): Promise<{ readonly status: number; readonly text: string }> {
  const { body, headers } = modernParts('tools/list', {}, 'ID');
  return post(url, JSON.stringify(body).replace('"ID"', id), headers);
}

test.each([
  '0',
  '-1',
  '"text"',
  '""',
  '9007199254740993',
  '-99999999999999999999999',
  String.raw`"\ud800"`,
  String.raw`"\u0000\n"`,
  '"__proto__"',
])('the id %s comes back as it was', async (id) => {
  const { status, text } = await withId(id);
  expect(status).toBe(200);
  expect(text).toContain(`"id":${id},"result"`);
});

test.each(['null', '1.5', 'true', '[]', '{}', '[1]', '1e400'])('the id %s is none', async (id) => {
  const { status, text } = await withId(id);
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ error: { code: expect.any(Number) as number } });
});

const echo: JsonObject = { name: 'target___slow_echo', arguments: { ms: 1, value: 'v' } };

test.each<[token: unknown, isOne: boolean]>([
  ['text', true],
  ['', true],
  [0, true],
  [-7, true],
  ['\ud800', true],
  [null, false],
  [1.5, false],
  [true, false],
  [[], false],
  [{}, false],
])('the progress token %j', async (progressToken, isOne) => {
  const session = await openRawSession(url);
  const answers = [
    await postModern(url, 'tools/call', echo, { meta: { progressToken: progressToken as never } }),
    await session.post({
      id: 1,
      method: 'tools/call',
      params: { ...echo, _meta: { progressToken: progressToken as never } },
    }),
  ];
  for (const answer of answers) {
    const messages = await messagesOf(answer);
    expect(messages.at(-1)).toMatchObject({ result: { structuredContent: { value: 'v' } } });
    const tokens = messages.slice(0, -1).map(({ params }) => (params as JsonObject)['progressToken']);
    expect(tokens.length > 0).toBe(isOne);
    for (const token of tokens) expect(token).toEqual(progressToken);
  }
  await session.close();
});

describe('an answer of a client', () => {
  test.each<[what: string, members: JsonObject]>([
    ['with a result and an error', { result: {}, error: { code: 1, message: 'x' } }],
    ['with neither', {}],
    ['with an id that is none', { id: null, result: {} }],
  ])('%s is none', async (_what, members) => {
    const session = await openRawSession(url, { elicitation: {} });
    const call = eventsOf(
      await session.post({
        id: 1,
        method: 'tools/call',
        params: { name: 'target___test_elicitation', arguments: { message: 'm' } },
      }),
    );
    let id: unknown;
    while (id === undefined) {
      const { value, done } = await call.next();
      if (done) throw new Error('no question came');
      if (value.message?.['method'] === 'elicitation/create') id = value.message['id'];
    }
    const answer = await session.post({ id: id as string, ...members });
    expect(answer.status).toBe(400);
    await answer.text();
    const good = { action: 'accept', content: { username: 'u', email: 'e' } };
    await (await session.post({ id: id as string, result: good, error: null })).text();
    const rest: unknown[] = [];
    for await (const event of call) rest.push(event.message);
    expect(JSON.stringify(rest.at(-1))).toContain('username');
    await session.close();
  });
});

describe('what stands beside', () => {
  test('`__proto__` in `_meta` and arguments reaches the server as any other name, and nothing else', async () => {
    const { body, headers } = modernParts('tools/call', { name: 'target___echo_meta', arguments: {} }, 1);
    const text = JSON.stringify(body).replace(
      '"_meta":{',
      '"_meta":{"__proto__":{"polluted":1},"com.example/own":{"__proto__":{"polluted":2}},',
    );
    const answer = await post(url, text, headers);
    expect(answer.status).toBe(200);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('notifications that claim 2026-07-28 in their body are dropped', async () => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    for (const headers of [{}, { 'mcp-protocol-version': MODERN }]) {
      const answer = await post(
        url,
        JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId: 1, _meta },
        }),
        headers,
      );
      expect([answer.status, answer.text]).toEqual([202, '']);
    }
  });

  test.each([
    ['TEXT/EVENT-STREAM, application/json', true],
    ['application/json;q=0.5, text/event-stream;q=1', true],
    ['application/json', false],
    ['*/*', false],
    ['', false],
  ])('Accept: %s', async (accept, isStream) => {
    const { body, headers } = modernParts('tools/call', echo, 1);
    (body.params['_meta'] as Record<string, unknown>)['progressToken'] = 1;
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...(headers as Record<string, string>), 'content-type': 'application/json', accept },
      body: JSON.stringify(body),
    });
    expect(answer.headers.get('content-type')).toContain(isStream ? 'text/event-stream' : 'application/json');
    expect((await messagesOf(answer)).at(-1)).toMatchObject({ id: 1, result: {} });
  });

  test('GET, HEAD and DELETE without a session, and with one in another spelling', async () => {
    const session = await openRawSession(url);
    const send = async (method: string, headers: Record<string, string>): Promise<number> => {
      const answer = await fetch(url, { method, headers });
      await answer.body?.cancel();
      return answer.status;
    };
    const accept = 'text/event-stream';
    expect(await send('GET', { accept })).toBe(400);
    expect(await send('HEAD', { accept })).toBe(405);
    expect(await send('DELETE', {})).toBe(400);
    expect(await send('GET', { accept: 'application/json', 'mcp-session-id': session.id })).toBe(406);
    expect(await send('GET', { accept: 'Text/Event-Stream', 'MCP-SESSION-ID': session.id })).toBe(200);
    expect(await send('DELETE', { 'Mcp-Session-Id': session.id })).toBe(204);
    expect(await send('DELETE', { 'Mcp-Session-Id': session.id })).toBe(404);
  });

  test('long and strange cursors are refused', async () => {
    for (const cursor of ['x'.repeat(3_000_000), '', '\ud800', '../..', 0, null, {}, []]) {
      const [message] = await messagesOf(await postModern(url, 'tools/list', { cursor: cursor }));
      expect(message).toMatchObject({ error: { code: -32_602 } });
    }
  });

  test('a batch with everything in it: each message has its own answer, and none is a stream', async () => {
    const session = await openRawSession(url, {}, '2025-03-26');
    const headers = {
      'mcp-session-id': session.id,
      accept: 'application/json, text/event-stream',
    };
    const _meta = { 'io.modelcontextprotocol/protocolVersion': MODERN };
    const answer = await post(
      url,
      JSON.stringify([
        { jsonrpc: '2.0', id: 1, method: 'ping' },
        { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} },
        { jsonrpc: '2.0', id: 'm', method: 'tools/list', params: { _meta } },
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
        { jsonrpc: '2.0', id: 'no', result: {} },
        { jsonrpc: '2.0', id: 'c', method: 'tools/call', params: { ...echo, _meta: { progressToken: 1 } } },
        { jsonrpc: '2.0', id: null, method: 'ping' },
        [],
        7,
      ]),
      headers,
    );
    expect(answer.status).toBe(200);
    const answers = JSON.parse(answer.text) as JsonObject[];
    expect(answers.map(({ id, error }) => [id, (error as JsonObject | undefined)?.['code']])).toEqual([
      [1, undefined],
      [1, -32_600],
      ['m', -32_600],
      ['c', undefined],
      [null, -32_600],
      [null, -32_600],
      [null, -32_600],
    ]);
    await session.close();
  });
});
