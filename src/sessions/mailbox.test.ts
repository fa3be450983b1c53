// Messages over a real store: within one process, between two, to nobody, and from those who send too many.

import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Store } from '../stores/store.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import { createSealer } from '../vault/sealer.ts';
import { createMailbox } from './mailbox.ts';
import type { Mailbox } from './session.ts';

let now: number;
let store: Store;
let closing: Mailbox[];
const sealer = createSealer(new Uint8Array(32).fill(1), '000000000000');
const idOf = (address: string): string => createHash('sha256').update(address).digest('base64url');

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  now = 1_000_000;
  store = await openSqliteStore(':memory:');
  closing = [];
});
afterEach(async () => {
  for (const mailbox of closing) mailbox.close();
  vi.useRealTimers();
  await store.close();
});

function openProcess(change: Partial<Store> = {}): Mailbox {
  const log = { error() {}, warn() {}, info() {}, debug() {} };
  const clock = { now: () => now, monotonic: () => now };
  const mailbox = createMailbox({ store: { ...store, ...change }, sealer, clock, log });
  closing.push(mailbox);
  return mailbox;
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
};

/** Lets time pass until it is settled. */
async function settle<T>(promise: Promise<T>): Promise<T> {
  let isOver = false;
  promise.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  await turns();
  while (!isOver) {
    now += 50;
    await vi.advanceTimersByTimeAsync(50);
    await turns();
  }
  return promise;
}

test('within one process a message is there at once, and the store hears nothing of it', async () => {
  const mailbox = openProcess();
  const heard: string[] = [];
  const stop = mailbox.wait('a', (text) => heard.push(text));
  const before = await store.sequence();
  expect(await mailbox.post('a', '1')).toBe(true);
  expect(heard).toEqual(['1']);
  expect(await store.sequence()).toBe(before);
  stop();
  expect(await settle(mailbox.post('a', '2'))).toBe(false);
  expect(heard).toEqual(['1']);
});

test.each([10, 100 * 1024, 6 * 1024 * 1024])(
  '%i characters reach the other process whole',
  async (length) => {
    const [here, there] = [openProcess(), openProcess()];
    const heard: string[] = [];
    there.wait('a', (text) => heard.push(text));
    await turns();
    const text = '"€'.repeat(length / 2);
    expect(await settle(here.post('a', text))).toBe(true);
    expect(heard[0] === text).toBe(true);
    expect(await store.count('mailbox')).toBe(0);
  },
);

test('what was laid there before the feed was first looked at is found', async () => {
  const asked = Promise.withResolvers<void>();
  const there = openProcess({
    async sequence() {
      await asked.promise;
      return store.sequence();
    },
  });
  const heard: string[] = [];
  there.wait('a', (text) => heard.push(text));
  const sent = openProcess().post('a', 'early');
  await turns();
  asked.resolve();
  expect(await settle(sent)).toBe(true);
  expect(heard).toEqual(['early']);
});

test('nobody takes it: the sender hears so, and nothing is left behind', async () => {
  expect(await settle(openProcess().post('nobody', 'text'))).toBe(false);
  expect(await store.count('mailbox')).toBe(0);
});

test('of two who wait for one address the later hears, and the earlier does not end its waiting', async () => {
  const mailbox = openProcess();
  const heard: string[] = [];
  const stopFirst = mailbox.wait('a', () => heard.push('first'));
  const stopSecond = mailbox.wait('a', () => heard.push('second'));
  stopFirst();
  expect(await mailbox.post('a', '')).toBe(true);
  expect(heard).toEqual(['second']);
  stopSecond();
  expect(await settle(mailbox.post('a', ''))).toBe(false);
});

test('a row that is too old, or not sealed for its address, is removed unheard', async () => {
  const there = openProcess();
  const heard: string[] = [];
  there.wait('a', (text) => heard.push(text));
  await turns();
  const lay = (sealed: string, expiresAt: number): Promise<unknown> =>
    store.transaction((tx) =>
      tx.create('mailbox', { id: idOf('a'), name: idOf('a'), document: { sealed, expiresAt } }),
    );
  for (const [sealed, expiresAt] of [
    ['garbage', now + 60_000],
    [sealer.seal('mailbox', 'for another', ['b']), now + 60_000],
    [sealer.seal('session-state', 'of another kind', ['a']), now + 60_000],
    [sealer.seal('mailbox', 'late', ['a']), now],
  ] as const) {
    await lay(sealed, expiresAt);
    await vi.advanceTimersByTimeAsync(200);
    await turns();
    expect(await store.count('mailbox')).toBe(0);
  }
  expect(heard).toEqual([]);
});

test('two messages to one address that nobody takes: neither sender believes that its own was taken', async () => {
  const [here, there] = [openProcess(), openProcess()];
  const both = Promise.all([here.post('nobody', '1'), there.post('nobody', '2'), here.post('nobody', '3')]);
  expect(await settle(both)).toEqual([false, false, false]);
  await store.transaction((tx) =>
    tx.create('mailbox', {
      id: idOf('a'),
      name: idOf('a'),
      document: { sealed: 'left behind by a process that is no more', expiresAt: now - 1 },
    }),
  );
  const heard: string[] = [];
  const sent = here.post('a', 'new');
  there.wait('a', (text) => heard.push(text));
  expect([await settle(sent), heard]).toEqual([true, ['new']]);
});

test('a sender with too many messages to nobody is refused, others are not, and later it is not either', async () => {
  const mailbox = openProcess();
  const results = Promise.allSettled(
    Array.from({ length: 500 }, (_, index) => mailbox.post(`nobody/${index}`, 'x', 'mallory')),
  );
  await turns();
  expect(await store.count('mailbox')).toBeLessThanOrEqual(32);
  const other = mailbox.post('nobody', 'x', 'alice');
  const settled = await settle(results);
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(32);
  expect(settled.find((result) => result.status === 'rejected')?.reason).toMatchObject({ code: 'Throttled' });
  expect(await settle(other)).toBe(false);
  expect(await settle(mailbox.post('nobody', 'x', 'mallory'))).toBe(false);
});

test('all senders together fill the store to a limit', async () => {
  const mailbox = openProcess();
  const results = Promise.allSettled(
    Array.from({ length: 400 }, (_, index) => mailbox.post(`nobody/${index}`, 'x', `sender-${index}`)),
  );
  const settled = await settle(results);
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(256);
});
