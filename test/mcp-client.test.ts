// The official client in both eras, and the answers of each protocol version: handshake, pages, names, argument
// faults, versions limited by the gateway (MCP 2025-03-26 to 2026-07-28).

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import { LEGACY_VERSIONS, MODERN, legacy, modern, modernParts, post } from './support/mcp-client.ts';
import { describeApi, openUpstream, respondWith } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

let app: TestApp;
let upstream: Upstream;
let gateway: TestGateway;
const clients: Client[] = [];

beforeAll(async () => {
  upstream = await openUpstream();
  upstream.on('/fail', respondWith(500, 'text/plain', 'no luck'));
  upstream.on('/count', respondWith(200, 'application/json', '{"count":3}'));
  app = await openTestApp();
  gateway = await app.gateway({
    mcp: { instructions: 'Be kind.' },
    targets: {
      first: describeApi(upstream.url, {
        echo: { query: { n: { type: 'integer' } } },
        fail: {},
        count: {
          answer: { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] },
        },
      }),
      second: describeApi(upstream.url, { other: {} }),
    },
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

async function connect(url: string, mode: 'legacy' | 'auto' | { pin: string }): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
  clients.push(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

describe.each([
  ['with a handshake', 'legacy', '2025-11-25'],
  ['that finds out', 'auto', MODERN],
  ['of 2026-07-28', { pin: MODERN }, MODERN],
] as const)('the official client %s', (_name, mode, version) => {
  test('connects, lists all pages and calls', async () => {
    const client = await connect(gateway.url, mode);
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    expect(client.getServerVersion()).toMatchObject({ name: 'gatewright' });
    expect(client.getInstructions()).toBe('Be kind.');
    // Without sessions, clients with a handshake have no stream to hear of changes on.
    expect(client.getServerCapabilities()).toEqual({ tools: { listChanged: version === MODERN } });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'first___echo',
      'first___fail',
      'first___count',
      'second___other',
    ]);
    expect(await client.callTool({ name: 'second___other' })).toMatchObject({
      content: [{ type: 'text', text: '{"ok":true}' }],
      isError: false,
    });
    expect(await client.callTool({ name: 'first___count', arguments: {} })).toMatchObject({
      structuredContent: { count: 3 },
    });
  });

  test('reads failures and bad arguments as results, and unknown tools as errors', async () => {
    const client = await connect(gateway.url, mode);
    await client.listTools();
    const failed = await client.callTool({ name: 'first___fail' });
    expect(failed).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('no luck') as string }],
    });
    expect(await client.callTool({ name: 'first___echo', arguments: { n: 'x' } })).toMatchObject({
      isError: true,
    });
    await expect(client.callTool({ name: 'nothing' })).rejects.toThrow('Unknown tool: nothing');
  });
});

test('bad arguments: an error up to 2025-06-18, a result the model can read from 2025-11-25 on', async () => {
  const params = { name: 'first___echo', arguments: { n: 'x', m: 1 } };
  for (const version of [undefined, '2025-03-26', '2025-06-18']) {
    const answer = await legacy(gateway.url, 'tools/call', params, version);
    expect([answer.status, answer.json.error?.code], version).toEqual([400, -32602]);
    expect(answer.json.error?.message).toContain('/n');
  }
  for (const answer of [
    await legacy(gateway.url, 'tools/call', params, '2025-11-25'),
    await modern(gateway.url, 'tools/call', params),
  ]) {
    expect(answer.status).toBe(200);
    expect(answer.json.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('/n') as string }],
    });
  }
});

test('a bare tools/list needs no handshake and no Accept', async () => {
  const answer = await legacy(gateway.url, 'tools/list');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.json.result?.tools).toHaveLength(3);
  expect(Object.keys(answer.json.result ?? {})).toEqual(['tools', 'nextCursor']);
});

test('a client that takes only events gets one', async () => {
  const answer = await post(gateway.url, '{"jsonrpc":"2.0","id":1,"method":"ping"}', {
    accept: 'text/event-stream',
  });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  expect(answer.text).toBe('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
});

test.each([...LEGACY_VERSIONS, undefined])(
  'notifications are accepted with 202 and no body (%s)',
  async (version) => {
    for (const method of ['notifications/initialized', 'notifications/cancelled', 'whatever']) {
      const answer = await post(
        gateway.url,
        JSON.stringify({ jsonrpc: '2.0', method }),
        version === undefined ? {} : { 'mcp-protocol-version': version },
      );
      expect([answer.status, answer.text]).toEqual([202, '']);
    }
  },
);

test.each([
  ['GET', 'POST, OPTIONS'],
  ['DELETE', 'POST, OPTIONS'],
  ['PUT', 'POST, GET, DELETE, OPTIONS'],
  ['PATCH', 'POST, GET, DELETE, OPTIONS'],
  ['HEAD', 'POST, GET, DELETE, OPTIONS'],
])('%s: 405 that says what is allowed', async (method, allowed) => {
  const answer = await fetch(gateway.url, { method, headers: { accept: 'text/event-stream' } });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, allowed]);
  await answer.arrayBuffer();
});

describe('batches', () => {
  const ping = (id: unknown): object => ({ jsonrpc: '2.0', id, method: 'ping' });
  const send = (batch: readonly unknown[], version?: string) =>
    post(
      gateway.url,
      JSON.stringify(batch),
      version === undefined ? {} : { 'mcp-protocol-version': version },
    );

  test('belong to 2025-03-26 alone', async () => {
    for (const version of [undefined, '2025-03-26']) {
      const answer = await send([ping(1), { jsonrpc: '2.0', method: 'notifications/x' }, ping('b')], version);
      expect(JSON.parse(answer.text)).toEqual([
        { jsonrpc: '2.0', id: 1, result: {} },
        { jsonrpc: '2.0', id: 'b', result: {} },
      ]);
    }
    for (const version of ['2025-06-18', '2025-11-25', MODERN]) {
      const answer = await send([ping(1)], version);
      expect([answer.status, answer.json.error?.code]).toEqual([400, -32600]);
    }
  });

  test('a fault costs one message, not the batch', async () => {
    const answer = await send([
      ping(1),
      5,
      [ping(2)],
      { jsonrpc: '2.0', id: 3, method: 'initialize' },
      modernParts('tools/list').body,
      { jsonrpc: '2.0', id: 4, method: 'no' },
    ]);
    const answers = JSON.parse(answer.text) as { id: unknown; error?: { code: number } }[];
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      [1, undefined],
      [null, -32600],
      [null, -32600],
      [3, -32600],
      [1, -32600],
      [4, -32601],
    ]);
  });

  test('are neither empty nor endless, and of notifications alone nothing comes back', async () => {
    expect((await send([])).status).toBe(400);
    expect((await send(Array.from({ length: 21 }, (_, id) => ping(id)))).status).toBe(400);
    expect((await send(Array.from({ length: 20 }, (_, id) => ping(id)))).status).toBe(200);
    const quiet = await send([{ jsonrpc: '2.0', method: 'notifications/x' }]);
    expect([quiet.status, quiet.text]).toEqual([202, '']);
  });
});

describe('versions', () => {
  const initialize = (url: string, protocolVersion: unknown, header?: string) =>
    legacy(
      url,
      'initialize',
      { protocolVersion, capabilities: {}, clientInfo: { name: 't', version: '1' } } as never,
      header,
    );

  test('the client’s is echoed, an unknown one answered with the newest that has a handshake', async () => {
    for (const version of LEGACY_VERSIONS)
      expect((await initialize(gateway.url, version)).json.result?.protocolVersion).toBe(version);
    for (const version of ['2024-10-07', MODERN, '9999-01-01', '', 5, undefined])
      expect((await initialize(gateway.url, version)).json.result?.protocolVersion).toBe('2025-11-25');
  });

  test('a header that names none of ours is refused', async () => {
    for (const version of ['2023-01-01', '2024-10-07', 'x', ' ', '2025-11-25,2025-06-18'])
      expect([version, (await legacy(gateway.url, 'tools/list', {}, version)).status]).toEqual([
        version,
        400,
      ]);
  });

  test('a gateway limited to one version with a handshake', async () => {
    const { url } = await app.gateway({ mcp: { supportedVersions: ['2025-06-18'] } });
    for (const version of ['2025-11-25', '2025-06-18', '2025-03-26'])
      expect((await initialize(url, version)).json.result?.protocolVersion).toBe('2025-06-18');
    expect((await legacy(url, 'tools/list', {}, '2025-06-18')).status).toBe(200);
    expect((await legacy(url, 'tools/list')).status).toBe(200);
    expect((await legacy(url, 'tools/list', {}, '2025-11-25')).status).toBe(400);
    expect((await post(url, '[{"jsonrpc":"2.0","id":1,"method":"ping"}]')).status).toBe(400);
    const refused = await modern(url, 'server/discover');
    expect([refused.status, refused.json.error?.code]).toEqual([400, -32022]);
    const client = await connect(url, 'auto');
    expect(client.getNegotiatedProtocolVersion()).toBe('2025-06-18');
  });

  test('a gateway of 2026-07-28 alone says so to everybody else', async () => {
    const { url } = await app.gateway({ mcp: { supportedVersions: [MODERN] } });
    expect((await modern(url, 'server/discover')).json.result?.supportedVersions).toEqual([MODERN]);
    for (const answer of [
      await initialize(url, '2025-11-25'),
      await legacy(url, 'tools/list'),
      await legacy(url, 'tools/list', {}, '2025-06-18'),
    ]) {
      expect([answer.status, answer.json.error?.code]).toEqual([400, -32022]);
      expect(answer.json.error?.data?.supported).toEqual([MODERN]);
    }
    await expect(connect(url, 'legacy')).rejects.toThrow();
    expect((await connect(url, 'auto')).getNegotiatedProtocolVersion()).toBe(MODERN);
  });
});

describe('names and pages', () => {
  const long = `operation_${'x'.repeat(90)}`;
  const names = async (url: string): Promise<string[][]> => {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const { result } = (await legacy(url, 'tools/list', cursor === undefined ? {} : { cursor })).json;
      pages.push((result?.tools ?? []).map(({ name }) => name));
      cursor = result?.nextCursor;
    } while (cursor !== undefined);
    return pages;
  };
  const called = async (url: string, name: string): Promise<boolean | undefined> => {
    const one = (await legacy(url, 'tools/call', { name })).json.result?.isError;
    const other = (await modern(url, 'tools/call', { name })).json.result?.isError;
    return one === other ? one : undefined;
  };
  const targets = (): Record<string, object> => ({
    one: describeApi(upstream.url, { same: {}, alone: {}, [long]: { path: '/long' } }),
    two: describeApi(upstream.url, { same: {}, [`${long}y`]: { path: '/longer' } }),
  });

  test.each([
    ['prefixed', {}, 64],
    ['prefixed and short', { 'gatewright:tool-name-max-length': '16' }, 16],
    ['bare', { 'gatewright:tool-names': 'bare' }, 64],
    ['bare and long', { 'gatewright:tool-names': 'bare', 'gatewright:tool-name-max-length': '128' }, 128],
  ])('%s: unique, within the limit, all callable', async (_name, tags, limit) => {
    const { url } = await app.gateway({ tags, targets: targets() });
    const pages = await names(url);
    expect(pages.map((page) => page.length)).toEqual([3, 2]);
    const all = pages.flat();
    expect(new Set(all).size).toBe(5);
    for (const name of all) {
      expect(name).toMatch(new RegExp(`^[A-Za-z0-9_-]{1,${limit}}$`));
      expect(await called(url, name), name).toBe(false);
    }
    if ('gatewright:tool-names' in tags)
      expect(all).toEqual(expect.arrayContaining(['alone', 'one___same', 'two___same']));
    else if (limit === 64)
      expect(all).toEqual(expect.arrayContaining(['one___alone', 'one___same', 'two___same']));
  });

  test('one page a target unless the gateway wants one page', async () => {
    expect((await names(gateway.url)).map((page) => page.length)).toEqual([3, 1]);
    const { url } = await app.gateway({ mcp: { disableMcpListToolsPagination: true }, targets: targets() });
    expect((await names(url)).map((page) => page.length)).toEqual([5]);
    expect(await names((await app.gateway({})).url)).toEqual([[]]);
  });

  test('a cursor that this gateway did not give out is refused', async () => {
    const { url } = await app.gateway({ targets: targets() });
    const foreign = (await legacy(gateway.url, 'tools/list')).json.result?.nextCursor;
    for (const cursor of [foreign, '', 'x', 5, null, {}]) {
      const answer = await legacy(url, 'tools/list', { cursor });
      expect([cursor, answer.json.error?.code]).toEqual([cursor, -32602]);
      expect((await modern(url, 'tools/list', { cursor })).json.error?.code).toBe(-32602);
    }
  });
});
