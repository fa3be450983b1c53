// Calls that wait for answers of clients: round by round, in one process and in two that share a mailbox.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClientLink } from '../core/client-link.ts';
import type { JsonObject } from '../core/json.ts';
import type { Mailbox } from '../sessions/session.ts';
import { createParkedCalls } from './parked.ts';
import type { ParkedCalls, Round } from './parked.ts';

const LINK: ClientLink = { capabilities: {}, notify: () => undefined };
const CAN = { elicitation: { form: {} } };
const QUESTION = { mode: 'form', message: 'Sure?' };
const LONG = 9007199254740993n;
const never = (): AbortSignal => new AbortController().signal;

/** A mailbox that all "processes" of a test share; it delivers in a turn of its own, as the store does. */
function openMailbox(): Mailbox {
  const waiting = new Map<string, (text: string) => void>();
  return {
    wait(address, listener) {
      waiting.set(address, listener);
      return () => {
        if (waiting.get(address) === listener) waiting.delete(address);
      };
    },
    async post(address, text) {
      await Promise.resolve();
      const listener = waiting.get(address);
      listener?.(text);
      return listener !== undefined;
    },
    close: () => undefined,
  };
}

let mailbox: Mailbox;
let here: ParkedCalls;
let there: ParkedCalls;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  mailbox = openMailbox();
  [here, there] = [createParkedCalls(mailbox), createParkedCalls(mailbox)];
});
afterEach(() => {
  here.close();
  there.close();
  vi.useRealTimers();
});

type Ask = (params?: JsonObject) => Promise<JsonObject>;

/** Begins a call whose server does as the test says. */
function begin(
  run: (ask: Ask, signal: AbortSignal) => Promise<JsonObject>,
  caller = 'alice',
  signal = never(),
): Promise<Round> {
  return here.start(caller, LINK, CAN, signal, (link, given) =>
    run((params = QUESTION) => {
      if (!link.request) throw new Error('there is nobody to ask');
      return link.request('elicitation/create', params, given);
    }, given),
  );
}

function parkedIn(round: Round): { readonly parked: string; readonly inputRequests: JsonObject } {
  if ('result' in round) throw new Error('the call is over');
  return round;
}

test('a call that asks nothing is over in its first round', async () => {
  expect(await begin(() => Promise.resolve({ ok: true }))).toEqual({ result: { ok: true } });
});

test.each(['here', 'there'] as const)('two questions, one after the other, answered %s', async (place) => {
  const process = place === 'here' ? here : there;
  const first = parkedIn(
    await begin(async (ask) => ({
      one: (await ask())['content'] ?? null,
      two: (await ask())['content'] ?? null,
    })),
  );
  expect(first.inputRequests).toEqual({ 'input-1': { method: 'elicitation/create', params: QUESTION } });
  const answer = (n: number): JsonObject => ({
    [`input-${n}`]: { action: 'accept', content: { id: LONG as never } },
  });
  const second = parkedIn(await process.resume('alice', first.parked, answer(1), LINK, never()));
  expect(Object.keys(second.inputRequests)).toEqual(['input-2']);
  const third = await process.resume('alice', second.parked, answer(2), LINK, never());
  // Long integers keep their digits on the way through another process.
  expect(third).toEqual({ result: { one: { id: LONG }, two: { id: LONG } } });
});

test('questions without a usable answer are asked again; answers to nothing change nothing', async () => {
  const { parked, inputRequests } = parkedIn(await begin((ask) => ask()));
  for (const answers of [{}, { 'input-1': null }, { 'input-1': 'yes' }, { 'input-9': {} }, { __proto__: {} }])
    expect(await here.resume('alice', parked, answers, LINK, never())).toEqual({ parked, inputRequests });
  expect(await here.resume('alice', parked, { 'input-1': { action: 'decline' } }, LINK, never())).toEqual({
    result: { action: 'decline' },
  });
});

test('a question that the client has not declared itself for never reaches it', async () => {
  const round = begin((ask) => ask({ mode: 'url', url: 'https://example.com' }));
  await expect(round).rejects.toMatchObject({ code: -32_601 });
});

test.each(['here', 'there'] as const)('a call that is over, or never was, cannot go on %s', async (place) => {
  const process = place === 'here' ? here : there;
  const { parked } = parkedIn(await begin((ask) => ask()));
  await process.resume('alice', parked, { 'input-1': {} }, LINK, never());
  for (const id of [parked, 'never-was'])
    await expect(process.resume('alice', id, {}, LINK, never())).rejects.toMatchObject({ code: -32_602 });
});

test('what goes wrong in another process is told as it is', async () => {
  const { parked } = parkedIn(
    await begin(async (ask) => {
      await ask();
      throw Object.assign(new Error('broken'), { code: 'whatever' });
    }),
  );
  const round = there.resume('alice', parked, { 'input-1': {} }, LINK, never());
  await expect(round).rejects.toMatchObject({ code: -32_603 });
});

test.each(['here', 'there'] as const)('a client that leaves %s ends the call', async (place) => {
  const process = place === 'here' ? here : there;
  let upstream: AbortSignal | undefined;
  const { parked } = parkedIn(
    await begin(async (ask, signal) => {
      upstream = signal;
      await ask();
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      return {};
    }),
  );
  const leaving = new AbortController();
  const round = process.resume('alice', parked, { 'input-1': {} }, LINK, leaving.signal);
  const refused = expect(round).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(1);
  expect(upstream?.aborted).toBe(false);
  leaving.abort();
  await refused;
  await vi.waitFor(() => expect(upstream?.aborted).toBe(true));
});

test('a call that nobody comes back to is given up, and so are those of a process that stops', async () => {
  const signals: AbortSignal[] = [];
  const park = async (): Promise<string> =>
    parkedIn(
      await begin((ask, signal) => {
        signals.push(signal);
        return ask();
      }),
    ).parked;
  const first = await park();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  await expect(here.resume('alice', first, {}, LINK, never())).rejects.toMatchObject({ code: -32_602 });
  await park();
  here.close();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
});

test('one caller cannot take the room of all others', async () => {
  let [parked, ended] = [0, 0];
  for (let made = 0; made < 150; made += 1)
    await begin((ask, signal) => {
      signal.addEventListener('abort', () => (ended += 1));
      return ask();
    }, 'mallory').then(
      () => (parked += 1),
      (thrown: unknown) => expect(thrown).toMatchObject({ code: 'Throttled' }),
    );
  expect([parked, ended]).toEqual([100, 50]);
  parkedIn(await begin((ask) => ask()));
});

test('a server that asks without end is told to stop', async () => {
  const refused: unknown[] = [];
  const { inputRequests } = parkedIn(
    await begin(async (ask) => {
      const all = Array.from({ length: 1_000 }, () =>
        ask().catch((thrown: unknown) => void refused.push(thrown)),
      );
      await Promise.all(all);
      return {};
    }),
  );
  expect(Object.keys(inputRequests)).toHaveLength(32);
  await vi.waitFor(() => expect(refused).toHaveLength(968));
});

test('notifications reach the client of the round that is under way, and nobody in between', async () => {
  const told: string[] = [];
  const link = (name: string): ClientLink => ({
    ...LINK,
    notify: (method) => {
      told.push(`${name} ${method}`);
      return undefined;
    },
  });
  const round = await here.start('alice', link('one'), CAN, never(), async (given, signal) => {
    void given.notify('first', {});
    await given.request?.('elicitation/create', QUESTION, signal);
    void given.notify('second', {});
    return {};
  });
  await here.resume('alice', parkedIn(round).parked, { 'input-1': {} }, link('two'), never());
  expect(told).toEqual(['one first', 'two second']);
});
