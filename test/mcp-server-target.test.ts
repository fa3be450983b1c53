// Targets that are MCP servers, against servers made with the official packages of both generations: discovery, calls
// with everything that happens on the way, sessions, and changes followed.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import type { ListenFilter } from '../src/core/relay.ts';
import { parseEndpoint } from '../src/targets/mcp-server/check.ts';
import { mcpServerTargetType } from '../src/targets/mcp-server/index.ts';
import { createMcpServer } from '../src/targets/mcp-server/server.ts';
import type { McpServer } from '../src/targets/mcp-server/server.ts';
import { DEFAULT_LIMITS } from '../src/targets/mcp-server/transport.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { openFixtureV1 } from './support/fixture-v1.ts';
import type { AnyFixture } from './support/fixture-v1.ts';
import { callOf, clientOf, createSession, discoverContext, networkServices } from './support/mcp-target.ts';

const LIMITS = {
  ...DEFAULT_LIMITS,
  listenBackoffMs: [10, 50] as const,
  listenLingerMs: 1,
  defaultRetryMs: 10,
};

interface Bench {
  readonly fixture: AnyFixture;
  readonly server: McpServer;
  readonly services: ReturnType<typeof networkServices>['services'];
  close(): Promise<void>;
}

async function openBench(fixture: AnyFixture): Promise<Bench> {
  const { egress, services } = networkServices();
  const endpoint = parseEndpoint(fixture.url);
  if (!endpoint) throw new Error('no endpoint');
  const server = createMcpServer(endpoint, services, LIMITS);
  return {
    fixture,
    server,
    services,
    async close() {
      await server.close();
      await egress.close();
      await fixture.close();
    },
  };
}

/** A client that confirms whatever it is asked. */
function confirming(session = createSession('confirming').session) {
  const asked: string[] = [];
  const client = clientOf({
    capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
    request(method) {
      asked.push(method);
      return Promise.resolve(
        method === 'sampling/createMessage'
          ? { role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } }
          : { action: 'accept', content: { username: 'ann', email: 'ann@example.com' } },
      );
    },
    session,
  });
  return { client, asked };
}

const FIXTURES: readonly (readonly [string, () => Promise<AnyFixture>])[] = [
  ['a server of 2026-07-28', () => openFixtureServer({ eras: 'modern' })],
  ['a server of sessions', () => openFixtureServer({ eras: 'legacy' })],
  ['a server of the first generation', () => openFixtureV1()],
];

describe.each(FIXTURES)('%s', (title, openFixture) => {
  const isModern = title.includes('2026');
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(await openFixture());
  });
  afterAll(() => bench.close());

  it('is discovered: tools, prompts, resources and templates', async () => {
    const config = { endpoint: bench.fixture.url };
    const catalogue = await mcpServerTargetType.discover(config, discoverContext(bench.services));
    expect(catalogue.entries.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['test_simple_text', 'test_tool_with_progress']),
    );
    expect(catalogue.report).toMatchObject({
      format: isModern ? 'MCP 2026-07-28' : 'MCP 2025-11-25',
      source: bench.fixture.url,
      skipped: 0,
    });
    const { prompts, resources, resourceTemplates, capabilities } = catalogue.server ?? {};
    expect(prompts?.map(({ name }) => name)).toContain('test_simple_prompt');
    expect(resources?.map(({ uri }) => uri)).toContain('test://static-text');
    expect(resourceTemplates?.map(({ uriTemplate }) => uriTemplate)).toContain('test://template/{id}/data');
    expect(capabilities).toHaveProperty('tools');
    for (const { definition } of catalogue.entries) expect(JSON.parse(definition)).not.toHaveProperty('name');
  });

  it('is called', async () => {
    const { server } = bench;
    expect(
      await server.request('tools/call', { name: 'test_simple_text', arguments: {} }, callOf()),
    ).toMatchObject({
      resultType: 'complete',
      content: [{ type: 'text' }],
    });
    expect(await server.request('prompts/get', { name: 'test_simple_prompt' }, callOf())).toHaveProperty(
      'messages',
    );
    expect(await server.request('resources/read', { uri: 'test://static-text' }, callOf())).toHaveProperty(
      'contents',
    );
    expect(server.health()).toBeUndefined();
  });

  it('a missing resource is a wrong parameter', async () => {
    await expect(
      bench.server.request('resources/read', { uri: 'test://nowhere' }, callOf()),
    ).rejects.toMatchObject({ name: 'RelayedError', code: -32_602 });
  });

  it('tells its progress to the client that asked', async () => {
    const call = { name: 'test_tool_with_progress', arguments: {} };
    const [first, second] = [clientOf(), clientOf()];
    await Promise.all([
      bench.server.request(
        'tools/call',
        { ...call, _meta: { progressToken: 'x' } },
        callOf({ client: first }),
      ),
      bench.server.request('tools/call', call, callOf({ client: second })),
    ]);
    expect(first.notifications.map(({ method, params }) => [method, params['progress']])).toEqual([
      ['notifications/progress', 0],
      ['notifications/progress', 50],
      ['notifications/progress', 100],
    ]);
    expect(first.notifications[0]?.params).not.toHaveProperty('progressToken');
    expect(second.notifications).toEqual([]);
  });

  it('waits for a slow client', async () => {
    let open = 0;
    let most = 0;
    const client = clientOf({
      async notify() {
        most = Math.max(most, (open += 1));
        await new Promise((resolve) => void setTimeout(resolve, 10));
        open -= 1;
      },
    });
    const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 1 } };
    await bench.server.request('tools/call', params, callOf({ client }));
    expect([most, open]).toEqual([1, 0]);
  });

  it('keeps calls apart that run at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        bench.server.request(
          'prompts/get',
          { name: 'test_prompt_with_arguments', arguments: { arg1: `v${at}`, arg2: 'w' } },
          callOf(),
        ),
      ),
    );
    results.forEach((result, at) => expect(JSON.stringify(result)).toContain(`v${at}`));
  });

  it('is followed: changes reach those who asked for them', async () => {
    const { server, fixture } = bench;
    const listen = (filter: ListenFilter) => {
      const events: string[] = [];
      let tell: (() => void) | undefined;
      const listening = server.listen(filter, (method, params) => {
        events.push(`${method} ${String(params['uri'] ?? '')}`.trim());
        expect(params).not.toHaveProperty('_meta');
        tell?.();
      });
      const seen = async (event: string): Promise<void> => {
        while (!events.includes(event)) await new Promise<void>((resolve) => void (tell = resolve));
      };
      return { events, seen, listening };
    };
    const lists = listen({ toolsListChanged: true });
    const resource = listen({ resourceSubscriptions: ['test://watched-resource'] });
    /** Until the stream is there, changes pass unseen: the fixture is changed until one is not. */
    const until = async (done: Promise<void>, change: () => void): Promise<void> => {
      let isDone = false;
      const finished = done.then(() => (isDone = true));
      while (!isDone) {
        change();
        await Promise.race([finished, new Promise((resolve) => void setTimeout(resolve, 20))]);
      }
    };
    let added = 0;
    await until(lists.seen('notifications/tools/list_changed'), () =>
      fixture.addTool(`added_${(added += 1)}`),
    );
    await until(resource.seen('notifications/resources/updated test://watched-resource'), () =>
      fixture.touch('test://watched-resource'),
    );
    expect(new Set(lists.events)).toEqual(new Set(['notifications/tools/list_changed']));
    expect(new Set(resource.events)).toEqual(
      new Set(['notifications/resources/updated test://watched-resource']),
    );
    // Another wish joins while the stream is open.
    const prompts = listen({ promptsListChanged: true });
    await until(prompts.seen('notifications/prompts/list_changed'), () =>
      fixture.addPrompt(`added_${(added += 1)}`),
    );
    for (const { listening } of [lists, resource, prompts]) listening.close();
  });
});

describe.each(FIXTURES.slice(1))('sessions with %s', (_, openFixture) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(await openFixture());
  });
  afterAll(() => bench.close());

  it('questions reach the client, and its answers the server', async () => {
    const { client, asked } = confirming();
    for (const name of ['test_elicitation', 'test_sampling']) {
      const args = { message: 'who?', prompt: 'what?' };
      await bench.server.request('tools/call', { name, arguments: args }, callOf({ client }));
    }
    expect(asked).toEqual(['elicitation/create', 'sampling/createMessage']);
  });

  it('log messages come only to clients that want them, and severe enough ones', async () => {
    const call = { name: 'test_tool_with_logging', arguments: {} };
    for (const [logLevel, count] of [
      [undefined, 0],
      ['info', 3],
      ['error', 0],
    ] as const) {
      const client = clientOf(logLevel === undefined ? {} : { logLevel });
      await bench.server.request('tools/call', call, callOf({ client }));
      expect(client.notifications.filter(({ method }) => method === 'notifications/message')).toHaveLength(
        count,
      );
    }
  });
});

describe('sessions of clients', () => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const bench of opened.splice(0).toReversed()) await bench.close();
  });
  async function open(): Promise<Bench & { readonly fixture: FixtureServer }> {
    const fixture = await openFixtureServer({ eras: 'legacy' });
    const bench = await openBench(fixture);
    opened.push(bench);
    return { ...bench, fixture };
  }
  const count = async (
    { server }: Bench,
    session: ReturnType<typeof createSession>['session'],
  ): Promise<unknown> => {
    const params = { name: 'session_counter', arguments: {} };
    const result = await server.request('tools/call', params, callOf({ client: clientOf({ session }) }));
    return (result['structuredContent'] as JsonObject)['calls'];
  };

  it('have one session of the server each, in every process, until they end', async () => {
    const bench = await open();
    const second = createMcpServer(
      parseEndpoint(bench.fixture.url) ?? { program: '' },
      bench.services,
      LIMITS,
    );
    opened.push(second);
    const elsewhere: Bench = { ...bench, server: second };
    const memory = new Map<string, string>();
    const ann = [createSession('ann', memory), createSession('ann', memory)] as const;
    const bob = createSession('bob');
    expect(await count(bench, ann[0].session)).toBe(1);
    expect(await count(elsewhere, ann[1].session)).toBe(2);
    expect(await count(bench, bob.session)).toBe(1);
    expect(await count(bench, ann[0].session)).toBe(3);
    expect(bench.fixture.sessions).toHaveLength(2);
    ann[0].end();
    while (bench.fixture.sessions.length > 1) await new Promise((resolve) => void setTimeout(resolve, 5));
  });

  it('survive the loss of the server’s sessions', async () => {
    const bench = await open();
    const { session } = createSession('ann');
    expect(await count(bench, session)).toBe(1);
    await bench.fixture.loseSessions();
    expect(await count(bench, session)).toBe(1);
    expect(await count(bench, session)).toBe(2);
  });

  it('a call that is given up is cancelled at the server', async () => {
    const bench = await open();
    const leaving = new AbortController();
    const params = { name: 'slow_echo', arguments: { ms: 60_000, value: 'v' } };
    const running = bench.server.request('tools/call', params, callOf({ signal: leaving.signal }));
    await bench.fixture.seen('slow_echo started', 'v');
    leaving.abort();
    await expect(running).rejects.toMatchObject({ code: 'UpstreamTimeout' });
    await bench.fixture.seen('slow_echo cancelled', 'v');
  });

  it('closing a target ends the sessions that nobody else has', async () => {
    const bench = await open();
    await bench.server.request('tools/list', {}, callOf());
    expect(bench.fixture.sessions).toHaveLength(1);
    await bench.server.close();
    expect(bench.fixture.sessions).toHaveLength(0);
  });
});

it('what a modern server wants from the client is part of its answer', async () => {
  const bench = await openBench(await openFixtureServer({ eras: 'modern' }));
  const client = clientOf({ capabilities: { elicitation: { form: {} } } });
  const params = { name: 'confirm_delete', arguments: { filename: 'f' } };
  const asked = await bench.server.request('tools/call', params, callOf({ client }));
  expect(asked).toMatchObject({
    resultType: 'input_required',
    inputRequests: { confirm: { method: 'elicitation/create' } },
  });
  const answers = { inputResponses: { confirm: { action: 'accept', content: { confirm: true } } } };
  const again = {
    ...params,
    ...answers,
    ...(asked['requestState'] === undefined ? {} : { requestState: asked['requestState'] }),
  };
  expect(await bench.server.request('tools/call', again, callOf({ client }))).toMatchObject({
    resultType: 'complete',
    content: [{ type: 'text', text: 'f: accept' }],
  });
  await bench.close();
});

it('a call that is given up is cancelled at a modern server by leaving', async () => {
  const fixture = await openFixtureServer({ eras: 'modern' });
  const bench = await openBench(fixture);
  const leaving = new AbortController();
  const params = { name: 'slow_echo', arguments: { ms: 60_000, value: 'v' } };
  const running = bench.server.request('tools/call', params, callOf({ signal: leaving.signal }));
  await fixture.seen('slow_echo started', 'v');
  leaving.abort();
  await expect(running).rejects.toMatchObject({ code: 'UpstreamTimeout' });
  await fixture.seen('slow_echo cancelled', 'v');
  await bench.close();
});
