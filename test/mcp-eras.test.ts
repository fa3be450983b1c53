// Official clients of every era through a gateway to servers of every era: whatever the two sides speak, lists, calls,
// prompts, resources, completions, questions to the client, progress, logs, cancellation and changes arrive. Servers are
// two independent implementations, clients are two.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import { openFixtureV1 } from './support/fixture-v1.ts';
import type { AnyFixture } from './support/fixture-v1.ts';
import { CLIENT_KINDS, connectSdk } from './support/mcp-sdk-clients.ts';
import type { SdkClient } from './support/mcp-sdk-clients.ts';

const SERVERS = {
  'a server of 2026-07-28': () => openFixtureServer({ eras: 'modern' }),
  'a server of sessions': () => openFixtureServer({ eras: 'legacy' }),
  'an independent server of sessions': openFixtureV1,
} as const satisfies Record<string, () => Promise<AnyFixture>>;

/** What a gateway is told so that servers can reach clients while a request runs. */
const STREAMS = {
  sessionConfiguration: { sessionTimeoutInSeconds: 3_600 },
  streamingConfiguration: { enableResponseStreaming: true },
};

let app: TestApp;
let made = 0;
const unique = (): string => `unique_${(made += 1)}`;

beforeAll(async () => {
  app = await openTestApp();
});
afterAll(() => app.close());

const textOf = (result: Record<string, unknown>): string =>
  (result['content'] as { text?: string }[]).map(({ text }) => text).join('\n');

/** Repeats a change until somebody hears of it: a stream that is just being opened misses what came before. */
async function until<T>(heard: Promise<T>, change: () => void): Promise<T> {
  let isHeard = false;
  const done = heard.finally(() => (isHeard = true));
  while (!isHeard) {
    change();
    await Promise.race([done, sleep(100)]);
  }
  return done;
}

describe.each(Object.entries(SERVERS))('%s', (_server, open) => {
  let fixture: AnyFixture;
  let url: string;
  let client: SdkClient;

  beforeAll(async () => {
    fixture = await open();
    ({ url } = await app.gateway({
      tags: { 'gatewright:tool-names': 'bare' },
      mcp: STREAMS,
      servers: { target: fixture.url },
    }));
  });
  afterAll(() => fixture.close());

  describe.each(CLIENT_KINDS)('the official client %s', (kind) => {
    beforeAll(async () => {
      client = await connectSdk(kind, url);
    });
    afterEach(() => client.answer({}));
    afterAll(() => client.close());

    test('finds everything the server has', async () => {
      expect(client.version()).toBe(client.isModern ? '2026-07-28' : '2025-11-25');
      expect(client.capabilities()).toMatchObject({ tools: {}, prompts: {}, resources: {}, completions: {} });
      expect(await client.listTools()).toEqual(
        expect.arrayContaining(['test_simple_text', 'test_elicitation', 'slow_echo', 'session_counter']),
      );
      expect(await client.listPrompts()).toEqual(
        expect.arrayContaining(['test_simple_prompt', 'test_prompt_with_arguments']),
      );
      expect(await client.listResources()).toEqual(
        expect.arrayContaining(['test://static-text', 'test://static-binary', 'test://watched-resource']),
      );
      expect(await client.listTemplates()).toContain('test://template/{id}/data');
    });

    test('calls tools', async () => {
      expect(textOf(await client.call('test_simple_text'))).toBe(
        'This is a simple text response for testing.',
      );
      const value = unique();
      expect(await client.call('slow_echo', { ms: 1, value })).toMatchObject({
        structuredContent: { value },
      });
      await expect(client.call('no_such_tool')).rejects.toThrow('no_such_tool');
    });

    test('gets prompts', async () => {
      expect(
        await client.getPrompt('test_prompt_with_arguments', { arg1: 'one', arg2: 'two' }),
      ).toMatchObject({
        messages: [
          {
            role: 'user',
            content: { type: 'text', text: "Prompt with arguments: arg1='one', arg2='two'" },
          },
        ],
      });
      await expect(client.getPrompt('no_such_prompt')).rejects.toThrow();
    });

    test('reads resources, of templates too', async () => {
      expect(await client.readResource('test://static-text')).toMatchObject({
        contents: [{ uri: 'test://static-text', text: 'This is the content of the static text resource.' }],
      });
      expect(await client.readResource('test://static-binary')).toMatchObject({
        contents: [{ mimeType: 'image/png', blob: expect.stringMatching(/^iVBOR/) as string }],
      });
      const { contents } = (await client.readResource('test://template/4711/data')) as {
        contents: { uri: string; text: string }[];
      };
      expect(contents[0]?.uri).toBe('test://template/4711/data');
      expect(JSON.parse(contents[0]?.text ?? '')).toMatchObject({ id: '4711' });
      await expect(client.readResource('test://nowhere')).rejects.toThrow();
    });

    test('completes arguments', async () => {
      const prompt = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
      expect(await client.complete(prompt, 'arg1', 'par')).toEqual(['paris', 'park', 'party']);
      expect(await client.complete(prompt, 'arg1', 'part')).toEqual(['party']);
      const template = { type: 'ref/resource', uri: 'test://template/{id}/data' };
      expect(await client.complete(template, 'id', '10')).toEqual(['101', '102']);
    });

    test.each([
      ['accept', { username: 'ann', email: 'ann@example.com' }],
      ['decline', undefined],
      ['cancel', undefined],
    ])('lets the user be asked: %s', async (action, content) => {
      const message = unique();
      const asked: unknown[] = [];
      client.answer({
        elicit(params) {
          asked.push(
            params['message'],
            Object.keys((params['requestedSchema'] as { properties: object }).properties),
          );
          return { action, ...(content ? { content } : {}) };
        },
      });
      const result = await client.call('test_elicitation', { message });
      expect(asked).toEqual([message, ['username', 'email']]);
      expect(textOf(result)).toBe(
        `User response: action=${action}, content=${JSON.stringify(content ?? {})}`,
      );
    });

    test.each(['accept', 'decline'])('lets the user be sent to a page: %s', async (action) => {
      const url = `https://example.com/${unique()}`;
      const asked: unknown[] = [];
      client.answer({
        elicit(params) {
          asked.push(params['mode'], params['url'], params['message']);
          return { action };
        },
      });
      expect(textOf(await client.call('visit', { url }))).toBe(`visit: ${action}`);
      expect(asked).toEqual(['url', url, 'Please sign in']);
    });

    test('lets its model and its roots be asked', async () => {
      const prompt = unique();
      client.answer({
        sample: (params) => ({
          role: 'assistant',
          model: 'test-model',
          content: { type: 'text', text: `heard ${JSON.stringify(params['messages'])}` },
        }),
        roots: [{ uri: 'file:///srv/project', name: 'project' }],
      });
      expect(textOf(await client.call('test_sampling', { prompt }))).toContain(prompt);
      expect(textOf(await client.call('test_input_required_result_list_roots'))).toContain(
        'file:///srv/project',
      );
    });

    test('is told of progress, in order', async () => {
      const seen: number[] = [];
      const result = await client.call(
        'test_tool_with_progress',
        {},
        { onprogress: ({ progress, total }) => void seen.push(progress, total ?? -1) },
      );
      expect(textOf(result)).toBe('Progress was reported.');
      expect(seen).toEqual([0, 100, 50, 100, 100, 100]);
    });

    test('is told of log messages once it wants them', async () => {
      await client.wantLogs();
      client.forget();
      await client.call('test_tool_with_logging');
      const logged = client.heard.filter(({ method }) => method === 'notifications/message');
      expect(logged.map(({ params }) => params['data'])).toEqual([
        'Tool execution started',
        'Tool processing data',
        'Tool execution completed',
      ]);
    });

    test('cancels, and the server stops', async () => {
      const value = unique();
      const given = new AbortController();
      const call = client.call('slow_echo', { ms: 60_000, value }, { signal: given.signal });
      const refused = expect(call).rejects.toThrow();
      await fixture.seen('slow_echo started', value);
      given.abort();
      await refused;
      await fixture.seen('slow_echo cancelled', value);
    });

    test('hears of resources and lists that change', async () => {
      const uri = 'test://watched-resource';
      await client.follow(uri);
      expect(
        await until(client.hears('notifications/resources/updated'), () => fixture.touch(uri)),
      ).toMatchObject({ uri });
      for (const [method, change] of [
        ['notifications/tools/list_changed', () => fixture.addTool(unique())],
        ['notifications/prompts/list_changed', () => fixture.addPrompt(unique())],
      ] as const) {
        client.forget();
        await until(client.hears(method), change);
      }
    });
  });

  test('what a server adds is listed and can be used', async () => {
    const listening = await connectSdk('v2 of 2026-07-28', url);
    await listening.follow('test://watched-resource');
    const name = unique();
    fixture.addTool(name);
    fixture.addPrompt(name);
    for (const kind of CLIENT_KINDS) {
      const other = await connectSdk(kind, url);
      // Lists are read anew once in a while, however often they change.
      await expect.poll(() => other.listTools(), { timeout: 20_000 }).toContain(name);
      await expect.poll(() => other.listPrompts(), { timeout: 20_000 }).toContain(name);
      expect(textOf(await other.call(name))).toBe(`Here for now: ${name}`);
      await other.close();
    }
    await listening.close();
  });

  test('prefixed names: tools and prompts by the target’s name, resources as they are', async () => {
    const gateway = await app.gateway({ mcp: STREAMS, servers: { target: fixture.url } });
    for (const kind of CLIENT_KINDS) {
      const other = await connectSdk(kind, gateway.url);
      expect(await other.listTools()).toContain('target___test_simple_text');
      expect(await other.listPrompts()).toContain('target___test_simple_prompt');
      expect(await other.listResources()).toContain('test://static-text');
      expect(textOf(await other.call('target___test_simple_text'))).toContain('simple text');
      expect(await other.getPrompt('target___test_simple_prompt')).toMatchObject({
        messages: [{ content: { text: 'This is a simple prompt for testing.' } }],
      });
      expect(
        await other.complete(
          { type: 'ref/prompt', name: 'target___test_prompt_with_arguments' },
          'arg1',
          'park',
        ),
      ).toEqual(['park']);
      await other.close();
    }
  });
});
