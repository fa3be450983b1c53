// Targets that are programs: the target type over channels whose other end the test plays. What runs the programs has
// tests of its own.

import { afterEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../src/core/errors.ts';
import type { JsonObject } from '../src/core/json.ts';
import type { StdioChannel, StdioServers } from '../src/core/outbound.ts';
import { createMcpServer } from '../src/targets/mcp-server/server.ts';
import { DEFAULT_LIMITS } from '../src/targets/mcp-server/transport.ts';
import type { Limits } from '../src/targets/mcp-server/transport.ts';
import { callOf, clientOf, createSession } from './support/mcp-target.ts';
import { targetServices } from './support/target-services.ts';

interface Program {
  /** What the gateway wrote, message by message. */
  readonly received: (JsonObject & { readonly method?: string; readonly params?: JsonObject })[];
  write(message: unknown): void;
  exit(reason: string): void;
  readonly closed: boolean;
}
type Behaviour = (message: Program['received'][number], program: Program) => void;

/** Programs that do what `behave` says. */
function createPrograms(behave: Behaviour) {
  const started: Program[] = [];
  let waiting: (() => void)[] = [];
  const stdio: StdioServers = {
    names: ['tool'],
    start(name) {
      if (name !== 'tool') return Promise.reject(new GatewayError('UpstreamRefused', `no ${name}`));
      const lines: ((line: string) => void)[] = [];
      const exits: ((reason: string) => void)[] = [];
      const state = { closed: false };
      const program: Program = {
        received: [],
        write: (message) => {
          for (const tell of lines) tell(typeof message === 'string' ? message : JSON.stringify(message));
        },
        exit: (reason) => {
          for (const tell of exits.splice(0)) tell(reason);
        },
        get closed() {
          return state.closed;
        },
      };
      const channel: StdioChannel = {
        send(line) {
          if (state.closed) return Promise.reject(new GatewayError('UpstreamRefused', 'gone'));
          const message = JSON.parse(line) as Program['received'][number];
          program.received.push(message);
          for (const tell of waiting.splice(0)) tell();
          queueMicrotask(() => behave(message, program));
          return Promise.resolve();
        },
        onLine: (listener) => void lines.push(listener),
        onExit: (listener) => void exits.push(listener),
        close() {
          state.closed = true;
          program.exit('stopped by the gateway');
          for (const tell of waiting.splice(0)) tell();
          return Promise.resolve();
        },
      };
      started.push(program);
      return Promise.resolve(channel);
    },
  };
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise<void>((resolve) => void (waiting = [...waiting, resolve]));
  };
  return { stdio, started, until };
}

const result = (id: unknown, value: JsonObject) => ({ jsonrpc: '2.0', id, result: value });
const notification = (method: string, params: JsonObject) => ({ jsonrpc: '2.0', method, params });

const legacy =
  (behave: Behaviour = () => undefined): Behaviour =>
  (message, program) => {
    const { id, method } = message;
    if (method === 'server/discover')
      program.write({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'no' } });
    else if (method === 'initialize')
      program.write(
        result(id, {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {}, resources: { subscribe: true } },
        }),
      );
    else if (method === 'tools/list') program.write(result(id, { tools: [] }));
    else if (method?.startsWith('resources/') === true) program.write(result(id, {}));
    else behave(message, program);
  };
const modern =
  (behave: Behaviour = () => undefined): Behaviour =>
  (message, program) => {
    const { id, method } = message;
    if (method === 'server/discover')
      program.write(
        result(id, {
          resultType: 'complete',
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {} },
        }),
      );
    else if (method === 'tools/list') program.write(result(id, { resultType: 'complete', tools: [] }));
    else behave(message, program);
  };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function open(behave: Behaviour, limits: Partial<Limits> = {}) {
  const programs = createPrograms(behave);
  const services = targetServices({ stdio: programs.stdio });
  const server = createMcpServer({ program: 'tool' }, services, { ...DEFAULT_LIMITS, ...limits });
  closers.push(() => server.close());
  return { ...programs, server };
}
const methods = ({ received }: Program) => received.map(({ method }) => method);
const echo: Behaviour = ({ id, method, params }, program) => {
  if (method === 'tools/call') program.write(result(id, { content: [], echo: params?.['name'] }));
};
const call = (name: string) => ({ name, arguments: {} });

describe('a program', () => {
  it.each<[string, Behaviour, (string | undefined)[]]>([
    ['of 2026-07-28', modern(echo), ['server/discover', 'tools/call']],
    [
      'of the legacy era',
      legacy(echo),
      ['server/discover', 'initialize', 'notifications/initialized', 'tools/call'],
    ],
  ])('%s is started for the first call, and asked in its own words', async (_, behave, expected) => {
    const { server, started } = open(behave);
    expect(started).toEqual([]);
    expect(await server.request('tools/call', call('a'), callOf())).toMatchObject({
      echo: 'a',
      resultType: 'complete',
    });
    expect(methods(started[0] as Program)).toEqual(expected);
  });

  it('that does not know the first question is legacy after a while, and the next one is not asked again', async () => {
    const shy: Behaviour = (message, program) => {
      if (message.method !== 'server/discover') legacy(echo)(message, program);
    };
    const { server, started } = open(shy, { stdioProbeMs: 20 });
    await server.request('tools/call', call('a'), callOf());
    started[0]?.exit('crashed');
    await server.request('tools/call', call('b'), callOf());
    expect(methods(started[1] as Program)).toEqual(['initialize', 'notifications/initialized', 'tools/call']);
    expect(methods(started[0] as Program)).not.toContain('notifications/cancelled');
  });

  it('serves each client’s session alone, and those without one together', async () => {
    const { server, started, until } = open(legacy(echo));
    const [ann, bob] = [createSession('ann'), createSession('bob')];
    for (const session of [ann.session, ann.session, bob.session])
      await server.request('tools/call', call('x'), callOf({ client: clientOf({ session }) }));
    await Promise.all([
      server.request('tools/call', call('x'), callOf()),
      server.request('tools/call', call('y'), callOf()),
    ]);
    expect(started).toHaveLength(3);
    ann.end();
    await until(() => started[0]?.closed === true);
    expect(started.map(({ closed }) => closed)).toEqual([true, false, false]);
    await server.close();
    expect(started.every(({ closed }) => closed)).toBe(true);
  });

  it('that ends fails what runs, and is replaced', async () => {
    const { server, started, until } = open(modern());
    const running = Promise.allSettled(
      ['a', 'b'].map((name) => server.request('tools/call', call(name), callOf())),
    );
    await until(
      () =>
        started[0] !== undefined &&
        methods(started[0]).filter((method) => method === 'tools/call').length === 2,
    );
    started[0]?.exit('exit code 1');
    for (const outcome of await running)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UpstreamRefused' } });
    await server.request('tools/list', {}, callOf());
    expect(started).toHaveLength(2);
  });

  it('that cannot be started is unreachable', async () => {
    const services = targetServices({ stdio: createPrograms(modern()).stdio });
    const server = createMcpServer({ program: 'other' }, services);
    for (let at = 0; at < 2; at += 1)
      await expect(server.request('tools/list', {}, callOf())).rejects.toMatchObject({
        code: 'UpstreamRefused',
      });
    expect(server.health()).toMatchObject({ state: 'unreachable' });
    await server.close();
  });

  it('is stopped when nobody uses it', async () => {
    const { server, started, until } = open(modern(echo), { stdioIdleMs: 5 });
    await server.request('tools/call', call('a'), callOf());
    await until(() => started[0]?.closed === true);
    await server.request('tools/call', call('a'), callOf());
    expect(started).toHaveLength(2);
  });

  it('is told of calls that are given up', async () => {
    const { server, started, until } = open(modern());
    const leaving = new AbortController();
    const running = server.request('tools/call', call('a'), callOf({ signal: leaving.signal }));
    await until(() => started[0] !== undefined && methods(started[0]).includes('tools/call'));
    leaving.abort();
    await expect(running).rejects.toMatchObject({ code: 'UpstreamTimeout' });
    const [asked, told] = started[0]?.received.slice(-2) ?? [];
    expect(told).toMatchObject({ method: 'notifications/cancelled', params: { requestId: asked?.['id'] } });
  });

  it('that is silent is given up', async () => {
    const { server } = open(modern(), { idleMs: 20 });
    await expect(server.request('tools/call', call('a'), callOf())).rejects.toMatchObject({
      code: 'UpstreamTimeout',
    });
  });

  it('may print what is no message', async () => {
    const { server } = open(
      modern((message, program) => {
        for (const line of [
          '',
          'Server running!',
          '{"a":1}',
          '[]',
          '{"jsonrpc":"2.0","id":"other","result":{}}',
        ])
          program.write(line);
        echo(message, program);
      }),
    );
    expect(await server.request('tools/call', call('a'), callOf())).toMatchObject({ echo: 'a' });
  });
});

describe('what a program says beside its answers', () => {
  /** Everything it can say that names no call, and progress of every call. */
  const talkative: Behaviour = (message, program) => {
    if (message.method !== 'tools/call') return;
    const { _meta: meta } = (message.params ?? {}) as { _meta?: JsonObject };
    program.write(
      notification('notifications/progress', { progressToken: meta?.['progressToken'], progress: 1 }),
    );
    program.write(notification('notifications/message', { level: 'error', data: message.params?.['name'] }));
    program.write({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: { message: '?' } });
  };
  /** Ends the call when the question has been answered. */
  const withAnswer: Behaviour = (message, program) => {
    talkative(message, program);
    if (message.method !== undefined) return;
    const asked = program.received.findLast(({ method }) => method === 'tools/call');
    const { jsonrpc: _jsonrpc, ...answer } = message;
    program.write(result(asked?.['id'], { content: [], answer }));
  };
  const asking = (change: Parameters<typeof clientOf>[0] = {}) =>
    clientOf({
      capabilities: { elicitation: {} },
      logLevel: 'info',
      request: () => Promise.resolve({ action: 'accept' }),
      ...change,
    });
  const params = { ...call('a'), _meta: { progressToken: 1 } };

  it('reaches the client whose session it serves', async () => {
    const { server } = open(legacy(withAnswer));
    const client = asking({ session: createSession('ann').session });
    const answered = await server.request('tools/call', params, callOf({ client }));
    expect(answered['answer']).toEqual({ id: 'q', result: { action: 'accept' } });
    expect(client.notifications.map(({ method }) => method)).toEqual([
      'notifications/progress',
      'notifications/message',
    ]);
  });

  it('reaches nobody where clients share it, but for what names a call', async () => {
    const { server, started } = open(legacy(withAnswer));
    const client = asking();
    const answered = await server.request('tools/call', params, callOf({ client }));
    expect(answered['answer']).toMatchObject({ id: 'q', error: { code: -32_601 } });
    expect(client.notifications.map(({ method }) => method)).toEqual(['notifications/progress']);
    const initialize = started[0]?.received.find(({ method }) => method === 'initialize');
    expect(initialize?.params?.['capabilities']).toEqual({});
  });

  it('about itself reaches those who listen, of either era', async () => {
    const changed = notification('notifications/tools/list_changed', {});
    const old = open(legacy());
    const heard = Promise.withResolvers<string>();
    const listening = old.server.listen(
      { toolsListChanged: true, resourceSubscriptions: ['a:b'] },
      heard.resolve,
    );
    await old.until(
      () => old.started[0] !== undefined && methods(old.started[0]).includes('resources/subscribe'),
    );
    old.started[0]?.write(changed);
    expect(await heard.promise).toBe('notifications/tools/list_changed');
    listening.update({ toolsListChanged: true });
    await old.until(() => methods(old.started[0] as Program).includes('resources/unsubscribe'));

    const now = open(modern());
    const events: JsonObject[] = [];
    const told = Promise.withResolvers<undefined>();
    now.server.listen({ toolsListChanged: true }, (_method, given) => {
      events.push(given);
      told.resolve(undefined);
    });
    await now.until(
      () => now.started[0] !== undefined && methods(now.started[0]).includes('subscriptions/listen'),
    );
    const asked = now.started[0]?.received.at(-1);
    expect(asked?.params?.['notifications']).toEqual({ toolsListChanged: true });
    now.started[0]?.write(
      notification('notifications/tools/list_changed', {
        _meta: { 'io.modelcontextprotocol/subscriptionId': String(asked?.['id']) },
      }),
    );
    await told.promise;
    expect(events).toEqual([{}]);
  });
});
