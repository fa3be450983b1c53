// Targets that are MCP servers, against a server that answers as the test says: the era detection table row by row,
// lost sessions, broken streams, cancellation, and everything a hostile or dying server can do to its client.

import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { GatewayError } from '../src/core/errors.ts';
import { RelayedError } from '../src/core/relay.ts';
import { parseEndpoint } from '../src/targets/mcp-server/check.ts';
import { mcpServerTargetType } from '../src/targets/mcp-server/index.ts';
import { createMcpServer } from '../src/targets/mcp-server/server.ts';
import type { McpServer } from '../src/targets/mcp-server/server.ts';
import { DEFAULT_LIMITS } from '../src/targets/mcp-server/transport.ts';
import type { Limits } from '../src/targets/mcp-server/transport.ts';
import type { TargetServices } from '../src/targets/target-type.ts';
import {
  callOf,
  clientOf,
  createSession,
  discoverContext,
  legacyScript,
  modernScript,
  networkServices,
  openScriptedServer,
} from './support/mcp-target.ts';
import type { Script, ScriptedRequest } from './support/mcp-target.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A scripted server and the target in front of it. */
async function open(script: Script, limits: Partial<Limits> = {}, change: Partial<TargetServices> = {}) {
  const upstream = await openScriptedServer(script);
  const { egress, services } = networkServices(change);
  const endpoint = parseEndpoint(upstream.url);
  if (!endpoint) throw new Error('no endpoint');
  const server = createMcpServer(endpoint, services, { ...DEFAULT_LIMITS, ...limits });
  closers.push(
    () => upstream.close(),
    () => egress.close(),
    () => server.close(),
  );
  return { upstream, services, server };
}

const TOOL = { name: 't', inputSchema: { type: 'object' } };
const text = (words: string): JsonObject => ({ content: [{ type: 'text', text: words }] });
const call = { name: 't', arguments: {} };
const ok = (request: ScriptedRequest): void =>
  request.result(request.message.method === 'tools/list' ? { tools: [TOOL] } : text('ok'));
const hasHeader = (name: string) => (request: ScriptedRequest) => request.headers[name] !== undefined;

describe('the era of a server', () => {
  /** The verdict, told by how the request after the probe was sent. */
  async function eraAfter(answerProbe: Script): Promise<string> {
    const { upstream, server } = await open((request) =>
      request.message.method === 'server/discover' ? answerProbe(request) : legacyScript(ok)(request),
    );
    await server.request('tools/list', {}, callOf());
    return upstream.methods().includes('initialize') ? 'legacy' : 'modern';
  }
  const discovered =
    (supportedVersions: readonly string[]): Script =>
    (request) =>
      request.result({
        resultType: 'complete',
        supportedVersions,
        capabilities: {},
        ttlMs: 0,
        cacheScope: 'private',
      });
  const unsupported =
    (supported: unknown): Script =>
    (request) =>
      request.error(-32_022, 'unsupported', 400, { supported, requested: '2026-07-28' });

  it.each<[string, Script, string]>([
    ['a discovery that shares our version', discovered(['2027-01-01', '2026-07-28']), 'modern'],
    ['a discovery of legacy versions', discovered(['2025-11-25']), 'legacy'],
    ['a result that is no discovery', (request) => request.result({}), 'legacy'],
    ['−32022 with our version, twice', unsupported(['2026-07-28']), 'modern'],
    ['−32022 with legacy versions', unsupported(['2025-06-18', '2025-11-25']), 'legacy'],
    ['400 without body', (request) => request.response.writeHead(400).end(), 'legacy'],
    [
      '400 with a page',
      (request) => request.response.writeHead(400, { 'content-type': 'text/html' }).end('<p>'),
      'legacy',
    ],
    ['404 without body', (request) => request.response.writeHead(404).end(), 'legacy'],
    ['405 without body', (request) => request.response.writeHead(405).end(), 'legacy'],
    ['404 with −32601', (request) => request.error(-32_601, 'no', 404), 'legacy'],
    ['400 with −32000', (request) => request.error(-32_000, 'Server not initialized', 400), 'legacy'],
    ['404 with −32001', (request) => request.error(-32_001, 'Session not found', 404), 'legacy'],
    ['400 with −32600', (request) => request.error(-32_600, 'Invalid request', 400), 'legacy'],
    ['200 with −32601', (request) => request.error(-32_601, 'Method not found'), 'legacy'],
    ['200 with −32602', (request) => request.error(-32_602, 'Invalid params'), 'legacy'],
  ])('%s', async (_, answer, era) => {
    expect(await eraAfter(answer)).toBe(era);
  });

  it.each<[string, Script, string]>([
    ['401', (request) => request.error(-32_000, 'no', 401), 'UpstreamRefused'],
    ['403', (request) => request.response.writeHead(403).end(), 'UpstreamRefused'],
    ['429', (request) => request.response.writeHead(429).end(), 'UpstreamRefused'],
    ['500', (request) => request.error(-32_603, 'no', 500), 'UpstreamInvalid'],
    ['503', (request) => request.response.writeHead(503).end(), 'UpstreamInvalid'],
    ['a broken connection', (request) => request.response.destroy(), 'UpstreamInvalid'],
    ['unknown modern versions only', discovered(['2031-01-01']), 'UpstreamInvalid'],
    ['a redirect', (request) => request.response.writeHead(307, { location: '/x' }).end(), 'UpstreamInvalid'],
  ])('%s says nothing about it, and it is asked again', async (_, answer, code) => {
    const { upstream, server } = await open(answer);
    await expect(server.request('tools/list', {}, callOf())).rejects.toMatchObject({ code });
    expect(upstream.methods()).not.toContain('initialize');
    upstream.answer(modernScript(ok));
    expect(await server.request('tools/list', {}, callOf())).toMatchObject({ resultType: 'complete' });
  });

  it('is asked for once, however many want to know', async () => {
    const { upstream, server } = await open(modernScript(ok));
    await Promise.all(Array.from({ length: 8 }, () => server.request('tools/list', {}, callOf())));
    expect(upstream.methods().filter((method) => method === 'server/discover')).toHaveLength(1);
  });

  it('is asked for in each caller’s own name where another’s was not good enough', async () => {
    const asked: string[] = [];
    const held = Promise.withResolvers<undefined>();
    const { server } = await open(
      modernScript(ok),
      {},
      {
        async applyCredential(request, { principal }) {
          asked.push(principal.id);
          if (principal.id !== 'ann') return request;
          await held.promise;
          throw new GatewayError('ConsentRequired', 'Ann has to consent first.');
        },
      },
    );
    const as = (id: string) => callOf({ principal: { type: 'oauth-user', id } });
    const ann = server.request('tools/list', {}, as('ann'));
    const bob = server.request('tools/list', {}, as('bob'));
    held.resolve(undefined);
    await expect(ann).rejects.toMatchObject({ code: 'ConsentRequired' });
    expect(await bob).toMatchObject({ tools: [TOOL] });
    expect(asked.slice(0, 2)).toEqual(['ann', 'bob']);
    expect(server.health()).toBeUndefined();
  });

  it('is asked for again as soon as a modern server answers like a legacy one', async () => {
    const { upstream, server } = await open(modernScript(ok));
    await server.request('tools/list', {}, callOf());
    upstream.answer(
      legacyScript((request) =>
        hasHeader('mcp-method')(request)
          ? request.error(-32_000, 'Server not initialized', 400)
          : ok(request),
      ),
    );
    expect(await server.request('tools/list', {}, callOf())).toMatchObject({ tools: [TOOL] });
    expect(upstream.methods()).toContain('initialize');
  });

  it('is looked at again when a legacy verdict is old', async () => {
    const { upstream, server } = await open(legacyScript(ok), { legacyVerdictMs: -1 });
    await server.request('tools/list', {}, callOf());
    upstream.answer((request) =>
      hasHeader('mcp-method')(request) ? modernScript(ok)(request) : legacyScript(ok)(request),
    );
    await server.request('tools/list', {}, callOf());
    const modern = upstream.seen(
      ({ message, headers }) => message.method === 'tools/list' && headers['mcp-method'] === 'tools/list',
    );
    let isFound = false;
    void modern.then(() => (isFound = true));
    while (!isFound) await server.request('tools/list', {}, callOf());
  });

  it('a version refused in the handshake is tried at one the server names', async () => {
    const { server, upstream } = await open((request) => {
      const { message } = request;
      if (message.method !== 'initialize') return legacyScript(ok)(request);
      return message.params?.['protocolVersion'] === '2025-03-26'
        ? request.result({
            protocolVersion: '2025-03-26',
            capabilities: {},
            serverInfo: { name: 's', version: '1' },
          })
        : request.error(-32_602, 'Unsupported protocol version', 200, { supported: ['2025-03-26'] });
    });
    await server.request('tools/list', {}, callOf());
    // That revision has no header for it.
    expect(upstream.requests.at(-1)?.headers['mcp-protocol-version']).toBeUndefined();
  });

  it.each<[string, Script]>([
    ['an unknown version', (request) => request.result({ protocolVersion: '2099-01-01', capabilities: {} })],
    ['no version', (request) => request.result({})],
    ['a page', (request) => request.response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    ['an error', (request) => request.error(-32_603, 'no')],
  ])('a handshake that ends with %s fails', async (_, answer) => {
    const { server } = await open((request) =>
      request.message.method === 'initialize' ? answer(request) : legacyScript(ok)(request),
    );
    await expect(server.request('tools/list', {}, callOf())).rejects.toMatchObject({
      code: 'UpstreamInvalid',
    });
  });
});

describe('lost sessions', () => {
  /** Knows the newest session only, unless it has forgotten even that. */
  function forgetful(status: number, body?: JsonObject) {
    const state = { known: '', opened: 0 };
    const script: Script = (request) => {
      const { message, headers } = request;
      if (message.method === 'initialize') {
        state.known = randomUUID();
        state.opened += 1;
        return legacyScript(ok, state.known)(request);
      }
      if (message.method === 'server/discover' || headers['mcp-session-id'] === state.known)
        return legacyScript(ok)(request);
      return request.json(body ?? '', status);
    };
    return { state, script };
  }

  it.each<[string, number, JsonObject | undefined]>([
    ['404', 404, undefined],
    [
      '404 with an error',
      404,
      { jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'Session not found' } },
    ],
    [
      '400 about the session',
      400,
      {
        jsonrpc: '2.0',
        id: null,
        error: { code: -32_000, message: 'Bad Request: No valid session ID provided' },
      },
    ],
  ])('are made anew after %s', async (_, status, body) => {
    const { state, script } = forgetful(status, body);
    const { server } = await open(script);
    const client = clientOf({ session: createSession('a').session });
    await server.request('tools/call', call, callOf({ client }));
    state.known = '';
    expect(await server.request('tools/call', call, callOf({ client }))).toMatchObject(text('ok'));
    expect(state.opened).toBe(2);
  });

  it('are made anew once for all who miss them', async () => {
    const { state, script } = forgetful(404);
    const { server } = await open(script);
    await server.request('tools/call', call, callOf());
    state.known = '';
    await Promise.all(Array.from({ length: 6 }, () => server.request('tools/call', call, callOf())));
    expect(state.opened).toBe(2);
  });

  it('are given up when the new one is lost at once', async () => {
    const { upstream, server } = await open(
      legacyScript((request) => request.response.writeHead(404).end(), 's'),
    );
    await expect(server.request('tools/call', call, callOf())).rejects.toMatchObject({
      code: 'UpstreamInvalid',
    });
    expect(upstream.methods().filter((method) => method === 'tools/call')).toHaveLength(2);
  });

  it('are those of another process where that was quicker', async () => {
    const { state, script } = forgetful(404);
    const { server, upstream } = await open(script);
    const memory = new Map<string, string>();
    const { session } = createSession('a', memory);
    await server.request('tools/call', call, callOf({ client: clientOf({ session }) }));
    // The other process has lost it and opened another one.
    state.known = 'elsewhere';
    memory.set('T', String(memory.get('T')).replace(/"id":"[^"]+"/, '"id":"elsewhere"'));
    await server.request('tools/call', call, callOf({ client: clientOf({ session }) }));
    expect(state.opened).toBe(1);
    expect(upstream.requests.at(-1)?.headers['mcp-session-id']).toBe('elsewhere');
  });

  it('are not taken to another server when the target is pointed elsewhere', async () => {
    const { session } = createSession('a');
    for (const id of ['first', 'second']) {
      const { server, upstream } = await open(legacyScript(ok, id));
      await server.request('tools/call', call, callOf({ client: clientOf({ session }) }));
      const { headers } = await upstream.seen(({ message }) => message.method === 'tools/call');
      expect(headers['mcp-session-id']).toBe(id);
    }
  });

  it('of clients end with the client, and the server is told', async () => {
    const { server, upstream } = await open(legacyScript(ok, 'upstream-id'));
    const { session, end } = createSession('a');
    await server.request('tools/call', call, callOf({ client: clientOf({ session }) }));
    end();
    const { headers } = await upstream.seen(({ httpMethod }) => httpMethod === 'DELETE');
    expect(headers['mcp-session-id']).toBe('upstream-id');
  });

  it('without a client are shared, but not by callers whom the server may tell apart', async () => {
    const { server, upstream } = await open(legacyScript(ok, 's'));
    const as = (id: string) => callOf({ principal: { type: 'oauth-user', id } });
    for (const id of ['ann', 'ann', 'bob']) await server.request('tools/call', call, as(id));
    expect(upstream.methods().filter((method) => method === 'initialize')).toHaveLength(2);
  });
});

describe('streams', () => {
  it('that break are resumed where they stopped, after the pause asked for', async () => {
    const { server, upstream } = await open(
      legacyScript((request) => {
        if (request.message.method === 'tools/call') {
          request.events()('', 'one');
          request.response.write('retry: 1\n\n');
          request.response.end();
          return;
        }
        const { message } =
          upstream.requests.find((earlier) => earlier.message.method === 'tools/call') ?? request;
        request.events()({ jsonrpc: '2.0', id: message['id'], result: text('resumed') }, 'two');
        request.response.end();
      }, 's'),
    );
    expect(await server.request('tools/call', call, callOf())).toMatchObject(text('resumed'));
    const { headers } = await upstream.seen(({ httpMethod }) => httpMethod === 'GET');
    expect(headers).toMatchObject({ 'last-event-id': 'one', 'mcp-session-id': 's' });
    expect(upstream.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
  });

  it('that cannot be resumed fail, and the call is not sent again', async () => {
    for (const withId of [undefined, 'one']) {
      const { server, upstream } = await open(
        legacyScript((request) => {
          if (request.httpMethod === 'GET') return request.response.writeHead(405).end();
          request.events()('', withId);
          return request.response.write(': more\n\n', () => request.response.destroy());
        }),
        { defaultRetryMs: 1 },
      );
      await expect(server.request('tools/call', call, callOf())).rejects.toMatchObject({
        code: 'UpstreamInvalid',
      });
      expect(upstream.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
    }
  });

  it('that bring nothing for ever are left', async () => {
    const { server, upstream } = await open(
      legacyScript((request) => {
        if (request.message.method === 'tools/call') request.events()('', 'one');
        else request.response.writeHead(200, { 'content-type': 'text/event-stream' });
        request.response.end();
      }),
      { defaultRetryMs: 0 },
    );
    await expect(server.request('tools/call', call, callOf())).rejects.toMatchObject({
      code: 'UpstreamInvalid',
    });
    expect(upstream.methods().filter((method) => method === 'GET').length).toBeLessThan(10);
  });

  it('of modern servers are never resumed', async () => {
    const { server, upstream } = await open(
      modernScript((request) => {
        request.events()('', 'one');
        request.response.end();
      }),
    );
    await expect(server.request('prompts/get', { name: 'p' }, callOf())).rejects.toMatchObject({
      code: 'UpstreamInvalid',
    });
    expect(upstream.methods()).not.toContain('GET');
  });
});

describe('patience', () => {
  it.each<[string, (script: Script) => Script]>([
    ['legacy', (script) => legacyScript(script, 's')],
    ['modern', modernScript],
  ])('a cancelled call reaches a %s server', async (era, scripted) => {
    const { server, upstream } = await open(scripted((request) => request.events()('')));
    const leaving = new AbortController();
    const running = server.request('tools/call', call, callOf({ signal: leaving.signal }), '{}');
    const asked = await upstream.seen(({ message }) => message.method === 'tools/call');
    leaving.abort();
    await expect(running).rejects.toMatchObject({ code: 'UpstreamTimeout' });
    await asked.abandoned;
    if (era === 'modern') return;
    const told = await upstream.seen(({ message }) => message.method === 'notifications/cancelled');
    expect(told.message.params?.['requestId']).toBe(asked.message['id']);
    expect(told.headers['mcp-session-id']).toBe('s');
  });

  it.each<[string, Script]>([
    ['sends no head', () => undefined],
    ['stops in the middle of a stream', (request) => request.events()('')],
    [
      'stops in the middle of a document',
      (request) => void request.response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    ],
  ])('a server that %s is given up, and marked after a while', async (_, silence) => {
    const { server } = await open(modernScript(silence), { idleMs: 30 });
    for (const state of [undefined, 'unresponsive']) {
      await expect(server.request('prompts/get', { name: 'p' }, callOf())).rejects.toMatchObject({
        code: 'UpstreamTimeout',
      });
      expect(server.health()?.state).toBe(state);
    }
  });

  it('ends with the deadline, however lively the server is', async () => {
    const { server } = await open(
      modernScript((request) => {
        const write = request.events();
        const timer = setInterval(() => write(''), 5);
        request.response.once('close', () => clearInterval(timer));
      }),
    );
    const running = server.request(
      'prompts/get',
      { name: 'p' },
      callOf({ deadline: performance.now() + 60 }),
    );
    await expect(running).rejects.toMatchObject({ code: 'UpstreamTimeout' });
  });

  it('a server that is gone is unreachable until it answers', async () => {
    const { server, upstream } = await open(modernScript(ok));
    await upstream.close();
    for (const state of [undefined, 'unreachable']) {
      await expect(server.request('tools/list', {}, callOf())).rejects.toMatchObject({
        code: 'UpstreamRefused',
      });
      expect(server.health()?.state).toBe(state);
    }
  });

  it('one success makes a target well', async () => {
    const { server, upstream } = await open((request) => request.response.writeHead(503).end());
    for (let at = 0; at < 2; at += 1)
      await expect(server.request('tools/list', {}, callOf())).rejects.toThrow('503');
    expect(server.health()).toMatchObject({ state: 'failing' });
    upstream.answer(modernScript(ok));
    await server.request('tools/list', {}, callOf());
    expect(server.health()).toBeUndefined();
  });

  it('a closed target takes no calls, and ends those that run', async () => {
    const { server, upstream } = await open(modernScript(() => undefined));
    const running = server.request('prompts/get', { name: 'p' }, callOf());
    running.catch(() => undefined);
    const { abandoned } = await upstream.seen(({ message }) => message.method === 'prompts/get');
    await server.close();
    await abandoned;
    await expect(running).rejects.toMatchObject({ code: 'UpstreamTimeout' });
    await expect(server.request('tools/list', {}, callOf())).rejects.toMatchObject({
      code: 'UpstreamRefused',
    });
  });
});

describe('answers', () => {
  const big = 'x'.repeat(7 * 1024 * 1024);
  it.each<[string, Script]>([
    ['no JSON', (request) => request.json('{"jsonrpc"')],
    ['no JSON-RPC', (request) => request.json({ result: {} })],
    [
      'a member twice',
      (request) =>
        request.json(`{"jsonrpc":"2.0","id":"x","id":${JSON.stringify(request.message['id'])},"result":{}}`),
    ],
    [
      'nested too deeply',
      (request) => request.json(`{"jsonrpc":"2.0","id":1,"result":${'['.repeat(1_000)}${']'.repeat(1_000)}}`),
    ],
    [
      'not UTF-8',
      (request) =>
        request.response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(Buffer.from([0x22, 0xff, 0x22])),
    ],
    ['another id', (request) => request.json({ jsonrpc: '2.0', id: 'other', result: {} })],
    ['empty', (request) => request.json('')],
    ['202', (request) => request.response.writeHead(202).end()],
    ['a page', (request) => request.response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    [
      'too large',
      (request) => request.json({ jsonrpc: '2.0', id: request.message['id'], result: text(big) }),
    ],
    [
      'an event too large',
      (request) => request.events()({ jsonrpc: '2.0', id: request.message['id'], result: text(big) }),
    ],
    ['an unknown kind of result', (request) => request.result({ resultType: 'surprise' })],
    ['a task that nobody asked for', (request) => request.result({ resultType: 'task', taskId: '1' })],
    [
      'a result that is a list',
      (request) => request.json({ jsonrpc: '2.0', id: request.message['id'], result: [] }),
    ],
    [
      'compressed',
      (request) =>
        request.response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end('x'),
    ],
  ])('%s: is invalid', async (_, answer) => {
    const { server } = await open(modernScript(answer));
    await expect(server.request('prompts/get', { name: 'p' }, callOf())).rejects.toMatchObject({
      code: 'UpstreamInvalid',
    });
  });

  it.each<[string, string, JsonObject]>([
    ['content that is text', 'tools/call', { content: 'text' }],
    ['content that is null', 'tools/call', { content: null }],
    ['content that is one block', 'tools/call', { content: { type: 'text', text: 'a' } }],
    ['a block that is none', 'tools/call', { content: [{ type: 'text', text: 'a' }, 'b'] }],
    ['a block that is null', 'tools/call', { content: [null] }],
    ['a block within a list', 'tools/call', { content: [[{ type: 'text', text: 'a' }]] }],
    ['a block of no type', 'tools/call', { content: [{ text: 'a' }] }],
    ['text that is missing', 'tools/call', { content: [{ type: 'text' }] }],
    ['text that is a number', 'tools/call', { content: [{ type: 'text', text: 7 }] }],
    ['an image without a type', 'tools/call', { content: [{ type: 'image', data: 'AA==' }] }],
    ['a resource without one', 'tools/call', { content: [{ type: 'resource' }] }],
    ['a link that leads nowhere', 'tools/call', { content: [{ type: 'resource_link', name: 'a' }] }],
    ['an error that says how much', 'tools/call', { content: [], isError: 'very' }],
    ['a note that is none', 'tools/call', { content: [], _meta: 'none' }],
    ['messages that are one', 'prompts/get', { messages: { role: 'user' } }],
    ['a message of nobody', 'prompts/get', { messages: [{ content: { type: 'text', text: 'a' } }] }],
    ['a message that is text', 'prompts/get', { messages: [{ role: 'user', content: 'a' }] }],
    ['contents that are text', 'resources/read', { contents: 'text' }],
    ['contents of no address', 'resources/read', { contents: [{ text: 'a' }] }],
    ['contents that are a number', 'resources/read', { contents: [{ uri: 'a:b', text: 7 }] }],
  ])('%s: no client could read it', async (_, method, result) => {
    for (const era of [modernScript, legacyScript]) {
      const { server } = await open(
        era((request) =>
          request.result(request.message.method === 'tools/list' ? { tools: [TOOL] } : result),
        ),
      );
      const params = { ...call, uri: 'a:b' };
      await expect(server.request(method, params, callOf())).rejects.toMatchObject({
        code: 'UpstreamInvalid',
      });
    }
  });

  it.each<[string, JsonObject]>([
    ['tools/call', { content: [{ type: 'unheard-of', x: 1 }], isError: true, vendor: 7 }],
    ['tools/call', { structuredContent: { a: 1 } }],
    ['tools/call', { content: [], isError: null, _meta: null, structuredContent: null }],
    ['resources/read', { contents: [{ uri: 'a:b', text: 'a', blob: null }] }],
    [
      'tools/call',
      {
        content: [
          { type: 'text', text: 'a', annotations: { priority: 1 } },
          { type: 'audio', data: 'AA==', mimeType: 'audio/wav' },
          { type: 'resource', resource: { uri: 'a:b', blob: 'AA==' } },
          { type: 'resource_link', uri: 'a:b', name: 'b', icons: [] },
        ],
      },
    ],
    ['prompts/get', { messages: [{ role: 'user', content: { type: 'text', text: 'a' } }] }],
    [
      'resources/read',
      {
        contents: [
          { uri: 'a:b', text: '' },
          { uri: 'a:c', extra: 1 },
        ],
      },
    ],
  ])('%s: what clients can read, or need not know, passes', async (method, result) => {
    const { server } = await open(
      modernScript((request) =>
        request.result(request.message.method === 'tools/list' ? { tools: [TOOL] } : result),
      ),
    );
    expect(await server.request(method, { ...call, uri: 'a:b' }, callOf())).toMatchObject(result);
  });

  it('keep the digits of long numbers, and what nobody knows', async () => {
    const { server, upstream } = await open(
      modernScript((request) =>
        request.json(
          `{"jsonrpc":"2.0","id":${JSON.stringify(request.message['id'])},"result":{"n":9007199254740993,"vendor":{"x":1}}}`,
        ),
      ),
    );
    const params = { name: 'p', arguments: { n: 12_345_678_901_234_567_890n } } as unknown as JsonObject;
    expect(await server.request('prompts/get', params, callOf())).toEqual({
      n: 9_007_199_254_740_993n,
      vendor: { x: 1 },
      resultType: 'complete',
    });
    expect(upstream.requests).toHaveLength(2);
  });

  it('errors are handed on, those about missing resources in the words of today', async () => {
    const { server } = await open(legacyScript((request) => request.error(-32_002, 'not found')));
    const failure = await server
      .request('resources/read', { uri: 'a:b' }, callOf())
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(RelayedError);
    expect(failure).toMatchObject({ code: -32_602, data: { uri: 'a:b' } });
    const url = await open(
      legacyScript((request) => request.error(-32_042, 'go there', 200, { elicitations: [] })),
    );
    await expect(url.server.request('tools/call', call, callOf())).rejects.toMatchObject({
      code: -32_042,
      data: { elicitations: [] },
    });
    await expect(url.server.request('tasks/get', { taskId: 'x' }, callOf())).rejects.toMatchObject({
      code: -32_601,
    });
  });

  it('a task is handed on to a client that knows tasks', async () => {
    const { server } = await open(
      modernScript((request) => request.result({ resultType: 'task', taskId: '1' })),
    );
    const client = clientOf({ capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } });
    expect(await server.request('tools/call', call, callOf({ client }), '{}')).toMatchObject({ taskId: '1' });
  });

  it('never show a credential that the server echoes', async () => {
    const secret = 'very-secret-key';
    const conceal: TargetServices['conceal'] = (response) => ({
      ...response,
      body: Buffer.from(response.body.toString('utf8').replaceAll(secret, '[hidden]')),
    });
    const applyCredential: TargetServices['applyCredential'] = (request) =>
      Promise.resolve({ ...request, headers: { ...request.headers, authorization: `Bearer ${secret}` } });
    for (const answer of [
      (request: ScriptedRequest) => request.result(text(String(request.headers.authorization))),
      (request: ScriptedRequest) =>
        request.events()({ jsonrpc: '2.0', id: request.message['id'], result: text(secret) }),
      (request: ScriptedRequest) => request.error(-1, String(request.headers.authorization)),
    ]) {
      const { server, upstream } = await open(modernScript(answer), {}, { conceal, applyCredential });
      const said = await server
        .request('prompts/get', { name: 'p' }, callOf())
        .catch((thrown: unknown) => thrown);
      expect(`${JSON.stringify(said)}${String(said)}`).not.toContain(secret);
      expect(upstream.requests.every(({ headers }) => headers.authorization === `Bearer ${secret}`)).toBe(
        true,
      );
    }
  });
});

describe('requests', () => {
  it('have ids of their own, whatever runs at once', async () => {
    const { server, upstream } = await open(modernScript(ok));
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        server.request(
          'tools/call',
          { ...call, _meta: { progressToken: at % 2 } },
          callOf({ client: clientOf() }),
          '{}',
        ),
      ),
    );
    const ids = upstream.requests.map(({ message }) => message['id']);
    expect(new Set(ids).size).toBe(ids.length);
    const tokens = upstream.requests.flatMap(({ message }) => {
      const { _meta: meta } = (message.params ?? {}) as { _meta?: { progressToken?: unknown } };
      return meta?.progressToken === undefined ? [] : [meta.progressToken];
    });
    expect(new Set(tokens).size).toBe(20);
  });

  it('bring back only their own progress', async () => {
    const { server } = await open(
      modernScript((request) => {
        const write = request.events();
        const meta = request.message.params?.['_meta'] as JsonObject;
        const tell = (progressToken: unknown, progress: number) =>
          write({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress } });
        tell('somebody else', 1);
        tell(1, 2);
        tell(meta['progressToken'], 3);
        write({ jsonrpc: '2.0', id: request.message['id'], result: text('ok') });
        request.response.end();
      }),
    );
    const client = clientOf();
    await server.request('tools/call', { ...call, _meta: { progressToken: 1 } }, callOf({ client }), '{}');
    expect(client.notifications).toEqual([{ method: 'notifications/progress', params: { progress: 3 } }]);
  });

  it('say who asks and what for, and nothing that only the gateway may say', async () => {
    const { server, upstream } = await open(modernScript(ok));
    const client = clientOf({ capabilities: { elicitation: { form: {} } }, logLevel: 'warning' });
    const meta = {
      traceparent: '00-1-2-01',
      'com.example/x': 1,
      'io.modelcontextprotocol/clientInfo': { name: 'someone', version: '9' },
    };
    await server.request('resources/read', { uri: 'a:ö', _meta: meta }, callOf({ client }));
    const { message, headers } = await upstream.seen(({ message }) => message.method === 'resources/read');
    expect(message.params?.['_meta']).toMatchObject({
      traceparent: '00-1-2-01',
      'com.example/x': 1,
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'gatewright' },
      'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
      'io.modelcontextprotocol/logLevel': 'warning',
    });
    expect(headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'resources/read',
      'mcp-name': '=?base64?YTrDtg==?=',
      accept: 'application/json, text/event-stream',
    });
  });

  it('carry what the operator allows to be propagated, and no protocol headers of the client', async () => {
    const { server, upstream } = await open(
      legacyScript(ok, 'own'),
      {},
      {
        propagation: {
          requestHeaders: ['x-tenant', 'mcp-session-id', 'mcp-method', 'host'],
          responseHeaders: [],
          queryParameters: ['q'],
        },
      },
    );
    const inboundHeaders = {
      'x-tenant': 'a',
      'mcp-session-id': 'theirs',
      'mcp-method': 'evil',
      host: 'evil',
      cookie: 'c',
    };
    await server.request(
      'tools/call',
      call,
      callOf({ inboundHeaders, inboundQuery: new URLSearchParams('q=1&r=2') }),
    );
    const { headers, url } = await upstream.seen(({ message }) => message.method === 'tools/call');
    expect(headers).toMatchObject({ 'x-tenant': 'a', 'mcp-session-id': 'own' });
    expect([headers['mcp-method'], headers.cookie, headers.host === 'evil', url]).toEqual([
      undefined,
      undefined,
      false,
      '/mcp?q=1',
    ]);
  });

  it('repeat arguments in headers, and look again when the server wants others', async () => {
    const listed = (name: string) => ({
      tools: [
        {
          name: 't',
          inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': name } } },
        },
      ],
    });
    let wanted = 'Old';
    const { server, upstream } = await open(
      modernScript((request) => {
        if (request.message.method === 'tools/list') return request.result(listed(wanted));
        return request.headers[`mcp-param-${wanted.toLowerCase()}`] === 'eu'
          ? request.result(text('ok'))
          : request.error(-32_020, 'Header mismatch', 400);
      }),
    );
    const params = { name: 't', arguments: { region: 'eu' } };
    expect(await server.request('tools/call', params, callOf())).toMatchObject(text('ok'));
    wanted = 'New';
    expect(await server.request('tools/call', params, callOf())).toMatchObject(text('ok'));
    wanted = '';
    await expect(server.request('tools/call', params, callOf())).rejects.toMatchObject({ code: -32_020 });
    expect(upstream.methods().filter((method) => method === 'tools/call')).toHaveLength(5);
  });

  it('with a plan need no list', async () => {
    const { server, upstream } = await open(modernScript(ok));
    const plan = '{"headers":[{"name":"Region","path":["region"]}]}';
    await server.request('tools/call', { name: 't', arguments: { region: 'eu' } }, callOf(), plan);
    expect(upstream.methods()).toEqual(['server/discover', 'tools/call']);
    expect(upstream.requests[1]?.headers['mcp-param-region']).toBe('eu');
  });
});

describe('questions of a server', () => {
  const asking = (method: string, id: unknown): Script => {
    const state: { finish?: (answer: JsonObject) => void } = {};
    return legacyScript((request) => {
      const { message } = request;
      if (message.method === undefined && request.httpMethod === 'POST') {
        request.response.writeHead(202).end();
        state.finish?.(message);
        return;
      }
      if (request.httpMethod !== 'POST') {
        request.response.writeHead(405).end();
        return;
      }
      const write = request.events();
      state.finish = (answer) => {
        const { jsonrpc: _jsonrpc, ...rest } = answer;
        write({ jsonrpc: '2.0', id: message['id'], result: { content: [], answer: rest } });
        request.response.end();
      };
      write({ jsonrpc: '2.0', id, method, params: { message: 'hm?' } });
    }, 's');
  };

  it.each(['elicitation/create', 'sampling/createMessage', 'roots/list'])(
    '%s goes to the client and back',
    async (method) => {
      const { server, upstream } = await open(asking(method, 'their-id'));
      const asked: unknown[] = [];
      const client = clientOf({
        capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
        request: (...args) => {
          asked.push(args.slice(0, 2));
          return Promise.resolve({ done: true });
        },
        session: createSession('a').session,
      });
      const result = await server.request('tools/call', call, callOf({ client }));
      expect(asked).toEqual([[method, { message: 'hm?' }]]);
      expect(result['answer']).toEqual({ id: 'their-id', result: { done: true } });
      const { message } = await upstream.seen(({ message }) => message.method === 'initialize');
      expect(message.params?.['capabilities']).toEqual({
        elicitation: { form: {} },
        sampling: {},
        roots: {},
      });
    },
  );

  it('the client’s refusal goes back as it is', async () => {
    const { server } = await open(asking('elicitation/create', 7));
    const client = clientOf({
      capabilities: { elicitation: {} },
      request: () => Promise.reject(new RelayedError(-32_000, 'not now', { why: 1 })),
    });
    const result = await server.request('tools/call', call, callOf({ client }));
    expect(result['answer']).toEqual({
      id: 7,
      error: { code: -32_000, message: 'not now', data: { why: 1 } },
    });
  });

  it.each<[string, string, Partial<Parameters<typeof clientOf>[0]>]>([
    ['the client cannot be asked', 'elicitation/create', { capabilities: { elicitation: {} } }],
    [
      'the client has not said that it can',
      'sampling/createMessage',
      { capabilities: { elicitation: {} }, request: () => Promise.resolve({}) },
    ],
    [
      'nobody knows the method',
      'vendor/ask',
      { capabilities: { elicitation: {} }, request: () => Promise.resolve({}) },
    ],
  ])('are refused where %s', async (_, method, change) => {
    const { server } = await open(asking(method, 1));
    const result = await server.request('tools/call', call, callOf({ client: clientOf(change) }));
    expect(result['answer']).toMatchObject({ id: 1, error: { code: -32_601 } });
  });

  it('pings are answered', async () => {
    const { server } = await open(asking('ping', 'p'));
    const result = await server.request('tools/call', call, callOf());
    expect(result['answer']).toEqual({ id: 'p', result: {} });
  });

  it('a silent server that waits for the client is not given up', async () => {
    const { server } = await open(asking('elicitation/create', 1), { idleMs: 100 });
    const client = clientOf({
      capabilities: { elicitation: {} },
      request: () => new Promise((resolve) => void setTimeout(() => resolve({ late: true }), 300)),
    });
    const result = await server.request('tools/call', call, callOf({ client }));
    expect(result['answer']).toEqual({ id: 1, result: { late: true } });
  });

  it('of a modern server stay unanswered', async () => {
    const { server, upstream } = await open(
      modernScript((request) => {
        const write = request.events();
        write({ jsonrpc: '2.0', id: 1, method: 'elicitation/create', params: {} });
        write({ jsonrpc: '2.0', id: request.message['id'], result: text('ok') });
        request.response.end();
      }),
    );
    const client = clientOf({ capabilities: { elicitation: {} }, request: () => Promise.resolve({}) });
    await server.request('tools/call', call, callOf({ client }), '{}');
    expect(upstream.methods()).toEqual(['server/discover', 'tools/call']);
  });
});

describe('lists', () => {
  const discover = async (script: Script, change: JsonObject = {}) => {
    const { upstream, services } = await open(script);
    return mcpServerTargetType.discover(
      { endpoint: `${upstream.url}?key=hidden`, ...change },
      discoverContext(services),
    );
  };
  const pages = (next: (cursor: unknown) => unknown): Script =>
    modernScript((request) => {
      const { cursor } = request.message.params ?? {};
      const nextCursor = next(cursor);
      const name = `t${String(cursor ?? '')}`;
      request.result({ resultType: 'complete', tools: [{ ...TOOL, name }], nextCursor } as JsonObject);
    });

  it('are read to the end; an empty cursor is one', async () => {
    const catalogue = await discover(
      pages((cursor) => (cursor === undefined ? '' : cursor === '' ? '2' : undefined)),
    );
    expect(catalogue.entries.map(({ name }) => name)).toEqual(['t', 't2']);
    expect(catalogue.report).toMatchObject({ operations: 3, skipped: 1, format: 'MCP 2026-07-28' });
    expect(catalogue.report.source).not.toContain('hidden');
  });

  it('read live leave out tools whose annotations are invalid', async () => {
    const invalid = { name: 'x', inputSchema: { properties: { a: { 'x-mcp-header': '' } } } };
    const { server } = await open(modernScript((request) => request.result({ tools: [invalid, TOOL] })));
    expect(await server.request('tools/list', {}, callOf())).toEqual({
      tools: [TOOL],
      resultType: 'complete',
    });
  });

  it('that never end are refused', async () => {
    await expect(discover(pages(() => 'same'))).rejects.toThrow('same cursor twice');
  });

  it('leave out what cannot be offered, and say why', async () => {
    const odd = [
      {
        ...TOOL,
        name: 'good',
        icons: [{ src: 'https://x.example/i.png' }],
        vendor: { a: 1 },
        execution: { taskSupport: 'optional' },
      },
      { ...TOOL, name: 'good' },
      { ...TOOL, name: 'bad name' },
      { inputSchema: { type: 'object' } },
      { name: 'no-schema' },
      { name: 'array', inputSchema: [] },
      { name: 'text', inputSchema: { type: 'string' } },
      {
        name: 'header',
        inputSchema: { type: 'object', properties: { a: { type: 'number', 'x-mcp-header': 'A' } } },
      },
    ];
    const { entries, report } = await discover(legacyScript((request) => request.result({ tools: odd })));
    expect(entries.map(({ name }) => name)).toEqual(['good']);
    expect(JSON.parse(entries[0]?.definition ?? '')).toEqual({
      inputSchema: { type: 'object' },
      icons: [{ src: 'https://x.example/i.png' }],
      vendor: { a: 1 },
      execution: { taskSupport: 'optional' },
    });
    expect(report).toMatchObject({ operations: 8, tools: 1, skipped: 7 });
    expect(report.notes.map(({ operation }) => operation)).toEqual([
      'tool good',
      'tool bad name',
      'tool (unnamed)',
      'tool no-schema',
      'tool array',
      'tool text',
      'tool header',
    ]);
  });

  it.each<[string, Script, string]>([
    [
      'declares no tools',
      (request) => request.result({ supportedVersions: ['2026-07-28'], capabilities: { prompts: {} } }),
      'does not declare the tools capability',
    ],
    ['wants a credential', (request) => request.response.writeHead(401).end(), '401 Unauthorized'],
    ['forbids it', (request) => request.response.writeHead(403).end(), '403 Forbidden'],
    [
      'is no MCP server',
      (request) => request.response.writeHead(404).end(),
      'status 404: is it an MCP endpoint?',
    ],
    ['fails to list', modernScript((request) => request.error(-32_603, 'out of order')), 'out of order'],
    ['lists no list', modernScript((request) => request.result({ tools: {} })), 'gave no list of tools'],
  ])('a server that %s is told apart', async (_, script, message) => {
    await expect(discover(script)).rejects.toThrow(message);
  });

  it('of targets that list live may fail to be read', async () => {
    const catalogue = await discover((request) => request.response.writeHead(503).end(), {
      listingMode: 'DYNAMIC',
    });
    expect(catalogue.entries).toEqual([]);
    expect(catalogue.report.warnings[0]).toContain('503');
  });

  it('are not asked for where a schema is given', async () => {
    const { upstream, services } = await open(ok);
    const schema = JSON.stringify({ tools: [{ ...TOOL, description: 'd' }] });
    const readSource = (uri: string) =>
      uri === 's3://b/k' ? Promise.resolve(schema) : Promise.reject(new Error(uri));
    for (const mcpToolSchema of [{ inlinePayload: schema }, { s3: { uri: 's3://b/k' } }]) {
      const config = { endpoint: upstream.url, mcpToolSchema };
      const { entries } = await mcpServerTargetType.discover(
        config,
        discoverContext(services, { readSource }),
      );
      expect(entries).toEqual([
        { name: 't', definition: '{"inputSchema":{"type":"object"},"description":"d"}', plan: '{}' },
      ]);
    }
    expect(upstream.requests).toEqual([]);
    for (const inlinePayload of ['{', '[]', '{"tools":{}}', '{"tools":[1]}'])
      await expect(
        mcpServerTargetType.discover(
          { endpoint: upstream.url, mcpToolSchema: { inlinePayload } },
          discoverContext(services),
        ),
      ).rejects.toMatchObject({ code: 'Validation' });
  });
});

describe('listening', () => {
  const quick: Partial<Limits> = { listenBackoffMs: [1, 5], listenLingerMs: 1, defaultRetryMs: 1 };
  const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
  /** The first event that a listener hears. */
  const listen = (server: McpServer) => {
    const heard = Promise.withResolvers<string>();
    const listening = server.listen({ toolsListChanged: true }, heard.resolve);
    return { heard: heard.promise, listening };
  };

  it('to a modern server is one request, tagged and ended by leaving', async () => {
    const { server, upstream } = await open(
      modernScript((request) => {
        const write = request.events();
        const _meta = { 'io.modelcontextprotocol/subscriptionId': request.message['id'] };
        write({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta } });
        write({ ...changed, params: { _meta } });
      }),
      quick,
    );
    const { heard, listening } = listen(server);
    expect(await heard).toBe(changed.method);
    const asked = await upstream.seen(({ message }) => message.method === 'subscriptions/listen');
    expect(asked.message.params?.['notifications']).toEqual({ toolsListChanged: true });
    expect(asked.headers['mcp-method']).toBe('subscriptions/listen');
    listening.close();
    await asked.abandoned;
  });

  it('to a legacy server is a session with its own stream, resumed and ended politely', async () => {
    const { server, upstream } = await open(
      legacyScript((request) => {
        const write = request.events();
        if (request.headers['last-event-id'] === 'one') return write(changed);
        write('', 'one');
        return request.response.end();
      }, 'listening'),
      quick,
    );
    const { heard, listening } = listen(server);
    expect(await heard).toBe(changed.method);
    listening.close();
    const { headers } = await upstream.seen(({ httpMethod }) => httpMethod === 'DELETE');
    expect(headers['mcp-session-id']).toBe('listening');
  });

  it('begins again after the server was gone, and says that something may have changed', async () => {
    const { server, upstream } = await open((request) => request.response.writeHead(503).end(), quick);
    const { heard, listening } = listen(server);
    await upstream.seen(({ message }) => message.method === 'server/discover');
    upstream.answer(
      modernScript((request) =>
        request.events()({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: {} }),
      ),
    );
    expect(await heard).toBe(changed.method);
    listening.close();
  });

  it.each<[string, Script]>([
    ['a modern server that cannot', modernScript((request) => request.error(-32_601, 'no', 404))],
    ['a legacy server that cannot', legacyScript((request) => request.response.writeHead(405).end(), 's')],
  ])('to %s does no harm to calls', async (_, script) => {
    const { server, upstream } = await open(script, { ...quick, listenBackoffMs: [5, 60_000] });
    const { listening } = listen(server);
    await upstream.seen(
      ({ message, httpMethod }) => message.method === 'subscriptions/listen' || httpMethod === 'GET',
    );
    upstream.answer((request) => (request.message.method === 'tools/list' ? ok(request) : script(request)));
    expect(await server.request('tools/list', {}, callOf())).toMatchObject({ tools: [TOOL] });
    listening.close();
  });

  it('hears what a server says on the stream of a call', async () => {
    const { server, upstream } = await open(
      modernScript((request) => {
        const write = request.events();
        if (request.message.method === 'subscriptions/listen') return;
        write(changed);
        write({ jsonrpc: '2.0', id: request.message['id'], result: text('ok') });
        request.response.end();
      }),
      quick,
    );
    const { heard, listening } = listen(server);
    await upstream.seen(({ message }) => message.method === 'subscriptions/listen');
    const client = clientOf();
    await server.request('tools/call', call, callOf({ client }), '{}');
    expect(await heard).toBe(changed.method);
    expect(client.notifications).toEqual([]);
    listening.close();
  });
});
