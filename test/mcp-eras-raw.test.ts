// What passes through a gateway to MCP servers of both eras, seen raw: members and blocks that no revision knows, what
// the client sent beside the arguments, mirrored headers, credentials, sessions, streams that are resumed, apps' views,
// pages, and servers that fail or forget.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { SERIAL, VENDOR_RESULT } from './support/fixture-front.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { modernParts } from './support/mcp-client.ts';
import { connectSdk } from './support/mcp-sdk-clients.ts';
import { eventsOf, messagesOf, openRawSession, postModern } from './support/mcp-stream.ts';
import type { RawSession } from './support/mcp-stream.ts';

const STREAMS = {
  sessionConfiguration: { sessionTimeoutInSeconds: 3_600 },
  streamingConfiguration: { enableResponseStreaming: true },
};
const BARE = { 'gatewright:tool-names': 'bare' };

let app: TestApp;
beforeAll(async () => {
  app = await openTestApp();
});
afterAll(() => app.close());

const resultOf = async (answer: Response): Promise<JsonObject> => {
  const { result, error } = (await messagesOf(answer)).at(-1) ?? {};
  if (result === undefined) throw new Error(`no result: ${JSON.stringify(error)}`);
  return result as JsonObject;
};

/** One request, by its parameters, of a client of either era. */
type Ask = (method: string, params?: JsonObject) => Promise<JsonObject>;

describe.each(['modern', 'legacy'] as const)('a server of the %s era', (eras) => {
  let fixture: FixtureServer;
  let url: string;
  let session: RawSession;
  let clients: Readonly<Record<'modern' | 'legacy', Ask>>;

  beforeAll(async () => {
    fixture = await openFixtureServer({ eras, vendor: true, pageSize: 4 });
    ({ url } = await app.gateway({ tags: BARE, mcp: STREAMS, servers: { target: fixture.url } }));
    session = await openRawSession(url);
    clients = {
      modern: async (method, params = {}) => resultOf(await postModern(url, method, params)),
      legacy: async (method, params = {}) => resultOf(await session.post({ id: 1, method, params })),
    };
  });
  afterAll(() => fixture.close());

  describe.each(['modern', 'legacy'] as const)('a client of the %s era', (era) => {
    test('gets members and blocks that no revision knows', async () => {
      const result = await clients[era]('tools/call', { name: 'vendor_blocks', arguments: {} });
      expect(result).toMatchObject(VENDOR_RESULT);
      expect(result['content']).toEqual(VENDOR_RESULT['content']);
      expect('resultType' in result).toBe(era === 'modern');
    });

    test('gets numbers digit by digit', async () => {
      const params = { name: 'vendor_blocks', arguments: {} };
      const answer = await (era === 'modern'
        ? postModern(url, 'tools/call', params)
        : session.post({ id: 1, method: 'tools/call', params }));
      expect(await answer.text()).toContain(`"com.example/serial":${SERIAL}`);
    });

    test('sees every page of every list, tools with all their members', async () => {
      const tools: JsonObject[] = [];
      let cursor: string | undefined;
      do {
        const page: JsonObject = await clients[era]('tools/list', cursor === undefined ? {} : { cursor });
        tools.push(...(page['tools'] as JsonObject[]));
        cursor = page['nextCursor'] as string | undefined;
      } while (cursor !== undefined);
      const named = (name: string): JsonObject | undefined => tools.find((tool) => tool['name'] === name);
      expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length);
      expect(tools.length).toBeGreaterThan(35);
      expect(named('vendor_blocks')).toMatchObject({ _meta: { 'com.example/tool': 'kept' } });
      expect(named('session_counter')).toMatchObject({
        annotations: { title: 'Counter', readOnlyHint: false },
        outputSchema: { type: 'object', required: ['calls', 'hasSession'] },
      });
      expect(named('region_echo')).toMatchObject({
        inputSchema: { properties: { region: { 'x-mcp-header': 'Region' } } },
      });
      expect(named('json_schema_2020_12_tool')).toMatchObject({
        inputSchema: { $defs: { address: { $anchor: 'addressDef' } }, additionalProperties: false },
      });
      expect(named('show_view')).toMatchObject({
        _meta: { ui: { resourceUri: 'ui://fixture/view.html', visibility: ['model', 'app'] } },
      });
    });

    test('reads the view of an app', async () => {
      expect(await clients[era]('resources/read', { uri: 'ui://fixture/view.html' })).toMatchObject({
        contents: [
          {
            mimeType: 'text/html;profile=mcp-app',
            _meta: { ui: { csp: { connectDomains: ['https://example.com'] } } },
          },
        ],
      });
    });

    test('has its own _meta arrive, and no key of the protocol that is not the gateway’s', async () => {
      const _meta = {
        'com.example/tenant': 'blue',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01',
      };
      const params = { name: 'echo_meta', arguments: {} };
      const { structuredContent } = await (era === 'modern'
        ? resultOf(await postModern(url, 'tools/call', params, { meta: _meta }))
        : clients.legacy('tools/call', { ...params, _meta }));
      const { meta, envelope } = structuredContent as { meta: JsonObject; envelope: JsonObject };
      expect(meta).toMatchObject(_meta);
      const info = envelope['io.modelcontextprotocol/clientInfo'];
      if (eras === 'modern') expect(info).toMatchObject({ name: 'gatewright' });
      else expect(envelope).toEqual({});
    });

    test('needs to mirror an argument into a header; the server gets it mirrored anew', async () => {
      const region = 'Grüezi, Zürich';
      const before = fixture.requests.length;
      const params = { name: 'region_echo', arguments: { region } };
      if (era === 'modern') {
        const { body, headers } = modernParts('tools/call', params);
        const encoded = `=?base64?${Buffer.from(region).toString('base64')}?=`;
        // White space around a header's value is no part of it.
        const send = (more: { 'mcp-param-region'?: string }) =>
          fetch(url, {
            method: 'POST',
            headers: {
              ...(headers as Record<string, string>),
              'content-type': 'application/json',
              ...more,
            },
            body: JSON.stringify(body),
          });
        for (const wrong of [
          {},
          { 'mcp-param-region': 'elsewhere' },
          { 'mcp-param-region': region.slice(0, 2) },
        ]) {
          const answer = await send(wrong);
          expect([answer.status, await messagesOf(answer)]).toMatchObject([
            400,
            [{ error: { code: -32020 } }],
          ]);
        }
        expect(await resultOf(await send({ 'mcp-param-region': `${encoded} ` }))).toMatchObject({
          structuredContent: { region },
        });
      } else
        expect(await clients.legacy('tools/call', params)).toMatchObject({ structuredContent: { region } });
      const sent = fixture.requests
        .slice(before)
        .filter(({ body }) => body?.['method'] === 'tools/call')
        .map(({ headers }) => headers['mcp-param-region']);
      expect(sent.length).toBeGreaterThan(0);
      if (eras === 'modern')
        for (const value of sent) expect(value).toBe(`=?base64?${Buffer.from(region).toString('base64')}?=`);
    });
  });

  test('no credential of the client reaches the server, and no id of the client', async () => {
    const before = fixture.requests.length;
    const { body, headers } = modernParts('tools/call', { name: 'test_simple_text' }, 'id-of-the-client');
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        ...(headers as Record<string, string>),
        'content-type': 'application/json',
        authorization: 'Bearer of-the-client',
        cookie: 'of-the-client',
        'mcp-session-id': 'of-the-client',
        'last-event-id': 'of-the-client',
      },
      body: JSON.stringify(body),
    });
    expect(await resultOf(answer)).toMatchObject({ content: [{ type: 'text' }] });
    const sent = fixture.requests.slice(before);
    expect(sent.length).toBeGreaterThan(0);
    expect(JSON.stringify(sent)).not.toContain('of-the-client');
  });

  test('a client that goes away cancels the call of the server', async () => {
    const given = new AbortController();
    const params = { name: 'slow_echo', arguments: { ms: 60_000, value: 'left' } };
    const call = postModern(url, 'tools/call', params, { signal: given.signal }).catch(() => undefined);
    await fixture.seen('slow_echo started', 'left');
    given.abort();
    await call;
    await fixture.seen('slow_echo cancelled', 'left');
  });

  test('a session outlives a lost connection: the stream is resumed where it broke off', async () => {
    const given = new AbortController();
    const answer = await session.post(
      {
        id: 'resumed',
        method: 'tools/call',
        params: {
          name: 'slow_echo',
          arguments: { ms: 400, value: 'resumed' },
          _meta: { progressToken: 'resumed' },
        },
      },
      given.signal,
    );
    let last: string | undefined;
    const seen: unknown[] = [];
    const note = ({ params, result }: JsonObject): void =>
      void seen.push((params as JsonObject | undefined)?.['progress'] ?? (result ? 'result' : 'other'));
    for await (const { id, message } of eventsOf(answer)) {
      last = id ?? last;
      if (message) note(message);
      if (message?.['method'] === 'notifications/progress') break;
    }
    given.abort();
    expect(last).toBeDefined();
    const rest = await session.get(last);
    expect(rest.status).toBe(200);
    for await (const { message } of eventsOf(rest)) {
      if (message) note(message);
      if (message?.['id'] === 'resumed') break;
    }
    expect(seen).toEqual([0, 1, 2, 3, 'result']);
    await fixture.seen('slow_echo finished', 'resumed');
    expect(
      fixture.events.filter(({ kind, value }) => kind === 'slow_echo started' && value === 'resumed'),
    ).toHaveLength(1);
  });

  test('a connection to the server that breaks: resumed where there are sessions, else the call has failed', async () => {
    for (const era of ['modern', 'legacy'] as const) {
      const value = `cut by ${era}`;
      const args = { ms: eras === 'legacy' ? 400 : 60_000, value };
      const params = { name: 'slow_echo', arguments: args };
      const answer = await (era === 'modern'
        ? postModern(url, 'tools/call', params, { meta: { progressToken: 'cut' } })
        : session.post({
            id: 1,
            method: 'tools/call',
            params: { ...params, _meta: { progressToken: 'cut' } },
          }));
      let isCut = false;
      let last: JsonObject = {};
      for await (const { message } of eventsOf(answer)) {
        if (!message) continue;
        // The first message through proves that the stream from the server stands.
        if (!isCut) fixture.cut();
        isCut = true;
        last = message;
      }
      if (eras === 'legacy') expect(last).toMatchObject({ result: { structuredContent: { value } } });
      else
        expect(last['error'] !== undefined || (last['result'] as JsonObject)['isError'] === true).toBe(true);
      const isThis = ({ kind, value: of }: { kind: string; value?: unknown }): boolean =>
        kind === 'slow_echo started' && of === value;
      expect(fixture.events.filter(isThis)).toHaveLength(1);
    }
  });

  test('an answer that the server gives after it closed its stream arrives', async () => {
    for (const ask of Object.values(clients))
      expect(await ask('tools/call', { name: 'test_reconnection', arguments: {} })).toMatchObject({
        content: [{ text: 'Answered after the stream was closed.' }],
      });
  });

  test('a client that cannot be asked gets an error where the server would ask', async () => {
    for (const ask of Object.values(clients)) {
      const params = { name: 'test_elicitation', arguments: { message: 'Who are you?' } };
      const answer = await ask('tools/call', params).catch((error: unknown) => error);
      expect(answer instanceof Error || (answer as JsonObject)['isError'] === true).toBe(true);
    }
  });

  test('errors of the server keep their code and data', async () => {
    const answer = await postModern(url, 'resources/read', { uri: 'test://nowhere' });
    expect(await messagesOf(answer)).toMatchObject([
      { id: 1, error: { code: -32602, data: { uri: 'test://nowhere' } } },
    ]);
  });

  test('a server that is out of order costs its calls, not the gateway, and is back when it is back', async () => {
    for (const behaviour of ['refuse', 'fail'] as const) {
      fixture.behave(behaviour);
      const [message] = await messagesOf(
        await postModern(url, 'tools/call', { name: 'test_simple_text', arguments: {} }),
      );
      const { error, result } = message ?? {};
      expect(error !== undefined || (result as JsonObject)['isError'] === true).toBe(true);
      fixture.behave('serve');
    }
    await expect
      .poll(async () => {
        const [message] = await messagesOf(
          await postModern(url, 'tools/call', { name: 'test_simple_text', arguments: {} }),
        );
        return (message?.['result'] as JsonObject | undefined)?.['isError'] ?? false;
      })
      .toBe(false);
  });
});

test('dynamic listing: lists are those of the server at this moment', async () => {
  const fixture = await openFixtureServer();
  const { url } = await app.gateway({
    mcp: STREAMS,
    servers: { target: { endpoint: fixture.url, listingMode: 'DYNAMIC' } },
  });
  for (const kind of ['v1', 'v2 of 2026-07-28'] as const) {
    const client = await connectSdk(kind, url);
    const name = kind.replaceAll(/\W/g, '_');
    expect(await client.listTools()).not.toContain(`target___${name}`);
    fixture.addTool(name);
    expect(await client.listTools()).toContain(`target___${name}`);
    expect(await client.call(`target___${name}`)).toMatchObject({
      content: [{ text: `Here for now: ${name}` }],
    });
    await client.close();
  }
  // Arguments that a listed tool wants repeated in headers are held against them here too.
  const params = { name: 'target___region_echo', arguments: { region: 'eu' } };
  const refused = await postModern(url, 'tools/call', params);
  expect([refused.status, await messagesOf(refused)]).toMatchObject([400, [{ error: { code: -32020 } }]]);
  await fixture.close();
});

test('a gateway without sessions and streams answers in one piece', async () => {
  const fixture = await openFixtureServer();
  const { url } = await app.gateway({ tags: BARE, servers: { target: fixture.url } });
  const params = { name: 'streaming_demo', arguments: { steps: 3 } };
  const legacy = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
  for (const answer of [
    legacy,
    await postModern(url, 'tools/call', params, { meta: { progressToken: 1 } }),
  ]) {
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(await messagesOf(answer)).toMatchObject([{ result: { content: [{ text: '3 steps done' }] } }]);
  }
  await fixture.close();
});

test('tasks: followed by an id of the gateway’s own until they end', async () => {
  const fixture = await openFixtureServer({ eras: 'modern' });
  const { url } = await app.gateway({ tags: BARE, mcp: STREAMS, servers: { target: fixture.url } });
  const meta = {
    'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  };
  const ask = async (method: string, params: JsonObject) =>
    resultOf(await postModern(url, method, params, { meta }));
  const created = await ask('tools/call', { name: 'confirm_delete', arguments: { filename: 'a.txt' } });
  expect(created).toMatchObject({ resultType: 'task', status: 'working' });
  const { value: inner } = await fixture.seen('task created');
  const taskId = created['taskId'] as string;
  expect(taskId).not.toBe(inner);

  const listening = new AbortController();
  const stream = await postModern(
    url,
    'subscriptions/listen',
    { notifications: { taskIds: [taskId] } },
    { id: 'news', meta, signal: listening.signal },
  );
  const news = eventsOf(stream);
  expect((await news.next()).value?.message).toMatchObject({
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications: { taskIds: [taskId] } },
  });
  expect(await ask('tasks/get', { taskId })).toMatchObject({ taskId, status: 'input_required' });
  await ask('tasks/update', {
    taskId,
    inputResponses: { confirm: { action: 'accept', content: { confirm: true } } },
  });
  for await (const { message } of news) {
    const params = message?.['params'] as JsonObject;
    expect(params).toMatchObject({
      taskId,
      _meta: { 'io.modelcontextprotocol/subscriptionId': 'news' },
    });
    if (params['status'] === 'completed') break;
  }
  listening.abort();
  expect(await ask('tasks/get', { taskId })).toMatchObject({ taskId, status: 'completed' });
  await expect(ask('tasks/get', { taskId: String(inner) })).rejects.toThrow('-32602');
  await fixture.close();
});

describe('sessions', () => {
  let fixture: FixtureServer;
  let url: string;

  beforeAll(async () => {
    fixture = await openFixtureServer({ eras: 'legacy' });
    ({ url } = await app.gateway({ tags: BARE, mcp: STREAMS, servers: { target: fixture.url } }));
  });
  afterAll(() => fixture.close());

  test('each client has a session of its own at the server', async () => {
    const one = await connectSdk('v1', url);
    const two = await connectSdk('v2 with sessions', url);
    const count = async (client: typeof one) =>
      ((await client.call('session_counter'))['structuredContent'] as JsonObject)['calls'];
    expect([
      await count(one),
      await count(two),
      await count(one),
      await count(one),
      await count(two),
    ]).toEqual([1, 1, 2, 3, 2]);
    await one.close();
    await two.close();
  });

  test('ids are the gateway’s own, and end with DELETE', async () => {
    const session = await openRawSession(url);
    const call = { id: 1, method: 'tools/call', params: { name: 'session_counter', arguments: {} } };
    expect(await resultOf(await session.post(call))).toMatchObject({ structuredContent: { calls: 1 } });
    expect(fixture.sessions).not.toContain(session.id);
    const open = fixture.sessions.length;
    await session.close();
    expect((await session.post(call)).status).toBe(404);
    await expect.poll(() => fixture.sessions.length).toBeLessThan(open);
  });

  test('a server that forgets its sessions is met anew', async () => {
    const session = await openRawSession(url);
    const call = { id: 1, method: 'tools/call', params: { name: 'session_counter', arguments: {} } };
    await (await session.post(call)).text();
    expect(await resultOf(await session.post(call))).toMatchObject({ structuredContent: { calls: 2 } });
    await fixture.loseSessions();
    expect(await resultOf(await session.post(call))).toMatchObject({ structuredContent: { calls: 1 } });
    await session.close();
  });
});
