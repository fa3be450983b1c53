// Sessions over a real store, in one process and in two: whose they are, how long they last, and that what one
// process notes is known to the other.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ANONYMOUS } from '../core/principal.ts';
import type { Principal } from '../core/principal.ts';
import { createSealer } from '../vault/sealer.ts';
import type { Store } from '../stores/store.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import type { McpSession } from './session.ts';
import { createSessions } from './sessions.ts';

const ALICE: Principal = { type: 'oauth-user', id: 'alice', issuer: 'https://one.example' };
const HOUR = 60 * 60_000;

let now: number;
let store: Store;
let closing: (() => void)[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  now = 1_000_000;
  store = await openSqliteStore(':memory:');
  closing = [];
});
afterEach(async () => {
  for (const close of closing) close();
  vi.useRealTimers();
  await store.close();
});

/** Sessions as one process has them. */
function openProcess(change: Partial<Store> = {}, kept?: number) {
  const warnings: unknown[] = [];
  const log = {
    error: () => undefined,
    info: () => undefined,
    debug: () => undefined,
    warn: (_fields: unknown, text: string) => void warnings.push(text),
  };
  const sessions = createSessions({
    store: { ...store, ...change },
    sealer: createSealer(new Uint8Array(32).fill(1), '000000000000'),
    clock: { now: () => now, monotonic: () => now },
    log,
    ...(kept === undefined ? {} : { kept }),
  });
  closing.push(() => sessions.close());
  sessions.start();
  return {
    sessions,
    warnings,
    /** Until the feed has been read once more. */
    async tick() {
      await vi.advanceTimersByTimeAsync(1_000);
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    },
  };
}

const facts = (change = {}) => ({
  version: '2025-11-25',
  capabilities: { elicitation: { form: {} } },
  expiresAt: now + HOUR,
  ...change,
});

describe('a session', () => {
  test('opens with what was said at its beginning, for its caller at its gateway', async () => {
    const { sessions } = openProcess();
    const id = sessions.begin('gw', ALICE, facts());
    expect(id).toMatch(/^[\x21-\x7e]+$/);
    const session = await sessions.open(id, 'gw', ALICE);
    expect(session).toMatchObject({ version: '2025-11-25', capabilities: { elicitation: { form: {} } } });
    expect(id).not.toContain(session.key);
    expect(await sessions.open(id, 'gw', { ...ALICE, clientId: 'another app' })).toBe(session);
  });

  test.each([
    ['another subject', { ...ALICE, id: 'bob' }, 'gw'],
    ['the same subject of another issuer', { ...ALICE, issuer: 'https://two.example' }, 'gw'],
    ['a subject of no issuer', { type: 'oauth-user', id: 'alice' }, 'gw'],
    ['another kind of caller', { ...ALICE, type: 'iam' }, 'gw'],
    ['nobody', ANONYMOUS, 'gw'],
    ['another gateway', ALICE, 'other'],
  ] as const)('is unknown to %s, before and after its caller used it', async (_who, principal, gateway) => {
    const { sessions } = openProcess();
    const id = sessions.begin('gw', ALICE, facts());
    const refusal = { code: 'NotFound', message: 'Session not found or expired' };
    await expect(sessions.open(id, gateway, principal)).rejects.toMatchObject(refusal);
    await sessions.open(id, 'gw', ALICE);
    await expect(sessions.open(id, gateway, principal)).rejects.toMatchObject(refusal);
    await expect(sessions.open('forged', gateway, principal)).rejects.toMatchObject(refusal);
  });

  test('is over when its time is, and whoever holds it hears of that', async () => {
    const { sessions } = openProcess();
    const id = sessions.begin('gw', ALICE, facts());
    const session = await sessions.open(id, 'gw', ALICE);
    now += HOUR - 1;
    await sessions.open(id, 'gw', ALICE);
    expect(session.ended.aborted).toBe(false);
    now += 1;
    await expect(sessions.open(id, 'gw', ALICE)).rejects.toMatchObject({ code: 'NotFound' });
    vi.advanceTimersByTime(HOUR);
    expect(session.ended.aborted).toBe(true);
  });

  test('follows so many resources, and no more', async () => {
    const { sessions } = openProcess();
    const session = await sessions.open(sessions.begin('gw', ALICE, facts()), 'gw', ALICE);
    for (let made = 0; made < 200; made += 1) await session.setSubscription(`u:${made}`, true);
    await expect(session.setSubscription('u:more', true)).rejects.toMatchObject({ code: 'QuotaExceeded' });
    await session.setSubscription('u:0', true);
    await session.setSubscription('u:0', false);
    await session.setSubscription('u:more', true);
    expect(session.subscriptions()).toHaveLength(200);
  });
});

describe('in two processes', () => {
  async function openBoth() {
    const [here, there] = [openProcess(), openProcess()] as const;
    const id = here.sessions.begin('gw', ALICE, facts());
    return {
      here,
      there,
      id,
      one: await here.sessions.open(id, 'gw', ALICE),
      two: await there.sessions.open(id, 'gw', ALICE),
    };
  }

  test('its end is heard of in the other, also when that has only just met it', async () => {
    const { here, there, id, one, two } = await openBoth();
    // No look at the feed in between.
    await here.sessions.end(one);
    expect(one.ended.aborted).toBe(true);
    await there.tick();
    expect(two.ended.aborted).toBe(true);
    await expect(there.sessions.open(id, 'gw', ALICE)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(openProcess().sessions.open(id, 'gw', ALICE)).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('log level and subscriptions are heard of, by those who listen too', async () => {
    const { there, one, two } = await openBoth();
    const heard: unknown[] = [];
    const stop = two.onChange(() => heard.push([two.logLevel(), two.subscriptions()]));
    await one.setLogLevel('error');
    await one.setSubscription('file:///a', true);
    await there.tick();
    expect(heard.at(-1)).toEqual(['error', ['file:///a']]);
    stop();
    const before = heard.length;
    await one.setSubscription('file:///a', false);
    await there.tick();
    expect([two.subscriptions(), heard.length]).toEqual([[], before]);
  });

  test('both change something at once, and nothing is lost', async () => {
    const { here, there, one, two } = await openBoth();
    const uris = Array.from({ length: 40 }, (_, index) => `u:${index}`);
    await Promise.all(uris.map((uri, index) => (index % 2 === 0 ? one : two).setSubscription(uri, true)));
    await here.tick();
    await there.tick();
    for (const session of [one, two]) expect([...session.subscriptions()].sort()).toEqual([...uris].sort());
  });

  test('the first to remember something wins; whoever saw it may replace it', async () => {
    const { here, there, one, two } = await openBoth();
    expect(await one.recall('t')).toBeUndefined();
    const both = await Promise.all([one.remember('t', 'A', undefined), two.remember('t', 'B', undefined)]);
    expect(new Set(both).size).toBe(1);
    const [won] = both;
    expect(await two.remember('t', 'C', 'never seen')).toBe(won);
    expect(await two.remember('t', 'C', won)).toBe('C');
    await here.tick();
    await there.tick();
    expect([await one.recall('t'), await two.recall('t')]).toEqual(['C', 'C']);
    expect(await one.recall('another')).toBeUndefined();
    const row = await store.get('mcp-session', one.key);
    expect(JSON.stringify(row?.document.upstream)).not.toContain('"C"');
  });

  test('what was noted of one session opens for no other', async () => {
    const { here, one } = await openBoth();
    await one.remember('t', 'secret', undefined);
    const other = await here.sessions.open(here.sessions.begin('gw', ALICE, facts()), 'gw', ALICE);
    await other.remember('t', 'own', undefined);
    const [mine, theirs] = [
      await store.get('mcp-session', one.key),
      await store.get('mcp-session', other.key),
    ];
    if (!mine || !theirs) throw new Error('nothing was noted');
    await store.transaction((tx) =>
      tx.replace('mcp-session', theirs, {
        ...theirs.document,
        upstream: mine.document.upstream ?? {},
      }),
    );
    await here.tick();
    expect(await other.recall('t')).toBeUndefined();
  });
});

test('one that fell out of memory while somebody holds it still hears of its end', async () => {
  const { sessions } = openProcess({}, 2);
  const id = sessions.begin('gw', ALICE, facts());
  const held = await sessions.open(id, 'gw', ALICE);
  for (let made = 0; made < 5; made += 1)
    await sessions.open(sessions.begin('gw', ALICE, facts()), 'gw', ALICE);
  await sessions.end(await sessions.open(id, 'gw', ALICE));
  expect(held.ended.aborted).toBe(true);
});

test('a store that cannot be read: the sealed id goes on, and its notes are asked for again', async () => {
  const here = openProcess();
  const id = here.sessions.begin('gw', ALICE, facts());
  await here.sessions.end(await here.sessions.open(id, 'gw', ALICE));
  let isBroken = true;
  const there = openProcess({
    get: (kind, key) => (isBroken ? Promise.reject(new Error('disk')) : store.get(kind, key)),
  });
  await there.sessions.open(id, 'gw', ALICE);
  expect(there.warnings).toHaveLength(1);
  isBroken = false;
  await expect(there.sessions.open(id, 'gw', ALICE)).rejects.toMatchObject({ code: 'NotFound' });
});

test('rows of sessions that are over go, and no others', async () => {
  const { sessions } = openProcess();
  const open = (expiresAt: number): Promise<McpSession> =>
    sessions.open(sessions.begin('gw', ALICE, facts({ expiresAt })), 'gw', ALICE);
  const over = await Promise.all(Array.from({ length: 150 }, () => open(now + 1)));
  const lasting = await open(now + HOUR);
  for (const session of [...over, lasting]) await session.setLogLevel('info');
  now += 2;
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  await vi.waitFor(async () => expect(await store.count('mcp-session')).toBe(1));
  expect(await store.get('mcp-session', lasting.key)).toBeDefined();
});
