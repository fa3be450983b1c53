// Two clients at once with the same JSON-RPC ids, progress tokens and cursors, against one slow server: each message
// reaches the one it is for. Every call carries a value of its own that must come back with its own progress only.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { messagesOf, openRawSession, postModern } from './support/mcp-stream.ts';

/** Calls of each client. */
const CALLS = 600;
/** Calls of one client in flight at once; both clients use the same ids and tokens for them. */
const AT_ONCE = 4;

/** A fixed sequence of numbers below 1 (mulberry32), so that every run interleaves alike as far as it can. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Caller {
  /** Sends a call with this id and progress token, and gives every message of its answer. */
  call(id: number | string, token: number | string, params: JsonObject): Promise<JsonObject[]>;
  page(cursor: string | undefined): Promise<JsonObject>;
  close(): Promise<void>;
}

async function callerOf(era: 'modern' | 'legacy', url: string): Promise<Caller> {
  if (era === 'modern')
    return {
      call: async (id, progressToken, params) =>
        messagesOf(await postModern(url, 'tools/call', params, { id, meta: { progressToken } })),
      page: async (cursor) =>
        (await messagesOf(await postModern(url, 'tools/list', cursor === undefined ? {} : { cursor })))[0] ??
        {},
      close: () => Promise.resolve(),
    };
  const session = await openRawSession(url);
  return {
    call: async (id, progressToken, params) =>
      messagesOf(
        await session.post({ id, method: 'tools/call', params: { ...params, _meta: { progressToken } } }),
      ),
    page: async (cursor) =>
      (
        await messagesOf(
          await session.post({ id: 1, method: 'tools/list', params: cursor === undefined ? {} : { cursor } }),
        )
      )[0] ?? {},
    close: () => session.close(),
  };
}

/** What is wrong with the answer to one call; undefined when it is this call's and no other's. */
function wrongWith(
  messages: readonly JsonObject[],
  id: number | string,
  token: number | string,
  value: string,
): unknown {
  const last = messages.at(-1);
  const result = last?.['result'] as JsonObject | undefined;
  const given = (result?.['structuredContent'] as JsonObject | undefined)?.['value'];
  if (last?.['id'] !== id || given !== value) return { id, value, last };
  const progress = messages.slice(0, -1);
  const isOwn = progress.every((message, step) => {
    const params = message['params'] as JsonObject;
    return (
      message['method'] === 'notifications/progress' &&
      params['progressToken'] === token &&
      params['message'] === value &&
      params['progress'] === step
    );
  });
  return isOwn && progress.length === 4 ? undefined : { id, value, progress };
}

let app: TestApp;
beforeAll(async () => {
  app = await openTestApp();
});
afterAll(() => app.close());

describe.each(['modern', 'legacy'] as const)('a server of the %s era', (eras) => {
  let fixture: FixtureServer;
  let url: string;

  beforeAll(async () => {
    fixture = await openFixtureServer({ eras, record: false });
    ({ url } = await app.gateway({
      tags: { 'gatewright:tool-names': 'bare' },
      mcp: {
        sessionConfiguration: { sessionTimeoutInSeconds: 3_600 },
        streamingConfiguration: { enableResponseStreaming: true },
      },
      servers: { target: fixture.url, other: fixture.url },
    }));
  });
  afterAll(() => fixture.close());

  test.each([
    ['modern', 'modern'],
    ['legacy', 'legacy'],
    ['modern', 'legacy'],
  ] as const)('clients of the %s and the %s era', async (one, two) => {
    const callers = [await callerOf(one, url), await callerOf(two, url)];
    const next = sequence(4_711);
    const faults: unknown[] = [];
    let calls = 0;
    const run = async (caller: Caller, who: number, slot: number): Promise<void> => {
      for (let round = 0; round < CALLS / AT_ONCE; round += 1) {
        // Numbers and texts that look alike are different ids.
        const id = slot % 2 === 0 ? slot : String(slot - 1);
        const token = round % 3 === 0 ? id : slot;
        const value = `${who}-${slot}-${round}`;
        const params = { name: 'target___slow_echo', arguments: { ms: Math.floor(next() * 8), value } };
        const messages = await caller.call(id, token, params);
        calls += 1;
        const wrong = wrongWith(messages, id, token, value);
        if (wrong) faults.push(wrong);
      }
    };
    await Promise.all(
      callers.flatMap((caller, who) => Array.from({ length: AT_ONCE }, (_, slot) => run(caller, who, slot))),
    );
    expect(faults.slice(0, 3)).toEqual([]);
    expect(calls).toBe(2 * AT_ONCE * Math.ceil(CALLS / AT_ONCE));
    for (const caller of callers) await caller.close();
  });

  test('pages: a cursor of one client gives the other the same page', async () => {
    const callers = [await callerOf('modern', url), await callerOf('legacy', url)] as const;
    const first = (await callers[0].page(undefined))['result'] as JsonObject;
    const cursor = first['nextCursor'] as string;
    const pages = await Promise.all(
      Array.from({ length: 40 }, (_, index) => callers[index % 2 === 0 ? 0 : 1].page(cursor)),
    );
    const named = pages.map(({ result }) =>
      ((result as JsonObject)['tools'] as JsonObject[]).map(({ name }) => name),
    );
    expect(new Set(named.map((names) => JSON.stringify(names))).size).toBe(1);
    expect(named[0]).toContain('other___slow_echo');
    for (const caller of callers) await caller.close();
  });
});
