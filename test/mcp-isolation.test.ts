// Two clients at once with the same JSON-RPC ids, progress tokens and cursors, against one slow server: each message
// reaches the one it is for. Every call carries a value of its own that must come back with its own progress only.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { eventsOf, messagesOf, openRawSession, postModern } from './support/mcp-stream.ts';

/** Calls of each client. */
const CALLS = 400;
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

  /** A call under way that tells its progress, so that its answer is a stream. */
  const slow = (value: string): JsonObject => ({
    name: 'target___slow_echo',
    arguments: { ms: 60_000, value },
    _meta: { progressToken: 'same' },
  });

  test('whoever cancels an id cancels a call of its own', async () => {
    const [one, two] = [await openRawSession(url), await openRawSession(url)] as const;
    const names = ['one', 'two'].map((name) => `${eras}-cancel-${name}`);
    const given = new AbortController();
    for (const [index, session] of [one, two].entries())
      void session
        .post({ id: 'same', method: 'tools/call', params: slow(names[index] ?? '') }, given.signal)
        .then((answer) => answer.text())
        .catch(() => undefined);
    for (const name of names) await fixture.seen('slow_echo started', name);
    await (await one.post({ method: 'notifications/cancelled', params: { requestId: 'same' } })).text();
    await fixture.seen('slow_echo cancelled', names[0]);
    expect(fixture.events).not.toContainEqual({ kind: 'slow_echo cancelled', value: names[1] });
    await two.close();
    await fixture.seen('slow_echo cancelled', names[1]);
    await one.close();
    given.abort();
  });

  test('whoever goes away takes its own call along, not one with the same id', async () => {
    const names = ['left', 'stayed'].map((name) => `${eras}-away-${name}`);
    const leaving = names.map(() => new AbortController());
    for (const [index, { signal }] of leaving.entries())
      void postModern(url, 'tools/call', slow(names[index] ?? ''), { id: 'same', signal })
        .then((answer) => answer.text())
        .catch(() => undefined);
    for (const name of names) await fixture.seen('slow_echo started', name);
    leaving[0]?.abort();
    await fixture.seen('slow_echo cancelled', names[0]);
    expect(fixture.events).not.toContainEqual({ kind: 'slow_echo cancelled', value: names[1] });
    leaving[1]?.abort();
    await fixture.seen('slow_echo cancelled', names[1]);
  });

  test('questions reach the client whose call raised them, and only its answer counts', async () => {
    const sessions = [
      await openRawSession(url, { elicitation: {} }),
      await openRawSession(url, { elicitation: {} }),
    ] as const;
    const calls = await Promise.all(
      sessions.map(async (session, who) => {
        const answer = await session.post({
          id: 'same',
          method: 'tools/call',
          params: { name: 'target___test_elicitation', arguments: { message: `question for ${who}` } },
        });
        const events = eventsOf(answer);
        let asked: JsonObject | undefined;
        while (!asked) {
          const { value, done } = await events.next();
          if (done) throw new Error('the call ended without a question');
          if (value.message?.['method'] === 'elicitation/create') asked = value.message;
        }
        return { session, events, asked };
      }),
    );
    const answerOf = (who: number): JsonObject => ({
      action: 'accept',
      content: { username: `user ${who}`, email: 'user@example.com' },
    });
    // Each is answered by the other client first, whom nobody has asked.
    const stolen = await Promise.all(
      calls.map(async ({ asked }, who) => {
        expect(asked['params']).toMatchObject({ message: `question for ${who}` });
        const other = sessions[1 - who] ?? sessions[0];
        const answer = await other.post({ id: asked['id'] ?? null, result: answerOf(1 - who) });
        await answer.text();
        return answer.status;
      }),
    );
    expect(stolen.every((status) => status < 500)).toBe(true);
    for (const [who, { session, asked, events }] of calls.entries()) {
      await (await session.post({ id: asked['id'] ?? null, result: answerOf(who) })).text();
      const rest: JsonObject[] = [];
      for await (const { message } of events) if (message) rest.push(message);
      expect(JSON.stringify(rest.at(-1))).toContain(`user ${who}`);
      expect(JSON.stringify(rest)).not.toContain(`user ${1 - who}`);
    }
    for (const session of sessions) await session.close();
  });

  test('a state belongs to the request that it was given for', async () => {
    const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const ask = async (params: JsonObject) =>
      (await messagesOf(await postModern(url, 'tools/call', params, { meta }))).at(-1) ?? {};
    const question = { name: 'target___test_input_required_result_request_state', arguments: {} };
    const confirmed = { action: 'accept', content: { ok: true } };
    const states: unknown[] = [];
    for (const other of [
      { ...question, arguments: { more: 1 } },
      { ...question, name: 'other___test_input_required_result_request_state' },
      { ...question, name: 'target___test_input_required_result_tampered_state' },
    ]) {
      const { requestState, inputRequests } = (await ask(question))['result'] as JsonObject;
      const [key = ''] = Object.keys(inputRequests as JsonObject);
      const answers = { inputResponses: { [key]: confirmed }, requestState: requestState ?? null };
      states.push(requestState);
      expect(await ask({ ...other, ...answers })).toMatchObject({ error: { code: -32602 } });
      expect(await ask({ ...question, ...answers })).toMatchObject({
        result: { content: [{ text: 'state-ok' }] },
      });
    }
    expect(new Set(states).size).toBe(3);
  });

  test('a session of one gateway is none of another', async () => {
    const { url: otherUrl } = await app.gateway({
      mcp: { sessionConfiguration: { sessionTimeoutInSeconds: 3_600 } },
      servers: { target: fixture.url },
    });
    const session = await openRawSession(url);
    const answer = await fetch(otherUrl, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': '2025-11-25',
        'mcp-session-id': session.id,
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(answer.status).toBe(404);
    await answer.text();
    await session.close();
  });
});
