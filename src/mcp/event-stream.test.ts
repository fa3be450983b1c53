// Streams against a model: whatever happens to connections, an attached client gets each message once and in order.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStream, MAX_KEPT, MAX_WAITING } from './event-stream.ts';
import type { EventSink } from './event-stream.ts';

interface Client extends EventSink {
  readonly frames: string[];
  isFull: boolean;
  ends: number;
}

/** A client that takes everything until it is full. */
function openClient(): Client {
  const client: Client = {
    frames: [],
    isFull: false,
    ends: 0,
    write(text) {
      expect(client.ends, 'written after the end').toBe(0);
      client.frames.push(text);
      return !client.isFull;
    },
    end: () => void (client.ends += 1),
  };
  return client;
}

const dataOf = (frames: readonly string[]): string[] =>
  frames.flatMap((frame) => /^data: (.+)$/m.exec(frame)?.[1] ?? []);
const lastIdOf = (frames: readonly string[]): number =>
  Math.max(0, ...frames.map((frame) => Number(/^id: s\.(\d+)$/m.exec(frame)?.[1] ?? 0)));

describe('a stream without ids', () => {
  test('has no ids, and nothing before the first message', () => {
    const [stream, client] = [new EventStream(), openClient()];
    stream.attach(client);
    void stream.push('{"a":1}');
    expect(client.frames).toEqual(['event: message\ndata: {"a":1}\n\n']);
    expect(stream.size).toBe(0);
  });

  test('keeps nothing for a client that is gone, and nobody waits for it', async () => {
    let gone = 0;
    const [stream, client] = [new EventStream({ onGone: () => (gone += 1) }), openClient()];
    client.isFull = true;
    stream.attach(client);
    const waiting = stream.push('1');
    expect(waiting).toBeInstanceOf(Promise);
    stream.gone(client);
    await waiting;
    expect(stream.push('x'.repeat(MAX_WAITING))).toBeUndefined();
    expect(stream.size).toBe(0);
    stream.gone(client);
    expect(gone).toBe(1);
  });

  test('the end comes after everything that waits, once, and nothing after it', () => {
    const [stream, client] = [new EventStream(), openClient()];
    client.isFull = true;
    stream.attach(client);
    for (const message of ['1', '2', '3']) void stream.push(message);
    stream.end();
    stream.end();
    void stream.push('4');
    expect(client.ends).toBe(0);
    client.isFull = false;
    stream.drained(client);
    expect(dataOf(client.frames)).toEqual(['1', '2', '3']);
    expect(client.ends).toBe(1);
  });

  test('messages that may be lost are, when a client takes nothing, and are not when it does', () => {
    const [stream, client] = [new EventStream(), openClient()];
    const message = 'x'.repeat(64 * 1024);
    client.isFull = true;
    stream.attach(client);
    for (let sent = 0; sent < 100; sent += 1) stream.offer(message);
    expect(stream.size).toBeLessThan(2 * MAX_WAITING);
    client.isFull = false;
    stream.drained(client);
    const before = client.frames.length;
    for (let sent = 0; sent < 100; sent += 1) stream.offer(message);
    expect(client.frames.length).toBe(before + 100);
  });
});

test('a stream with ids that keeps nothing goes on for ever', () => {
  const [stream, client] = [new EventStream({ id: 's', isPrimed: true }), openClient()];
  stream.attach(client);
  expect(client.frames[0]).toBe('id: s.0\nretry: 500\ndata: \n\n');
  const message = 'x'.repeat(64 * 1024);
  for (let sent = 0; sent < 100; sent += 1) stream.offer(message);
  expect(client.frames.length).toBe(101);
  expect(lastIdOf(client.frames)).toBe(100);
  expect(stream.size).toBe(0);
});

describe('a stream that can be resumed', () => {
  test('from every event, and from its beginning', () => {
    const stream = new EventStream({ id: 's', isKept: true });
    for (const message of ['1', '2', '3']) void stream.push(message);
    stream.end();
    for (const after of [0, 1, 2, 3]) {
      const client = openClient();
      stream.from(after).attach(client);
      expect(dataOf(client.frames)).toEqual(['1', '2', '3'].slice(after));
      expect(client.ends).toBe(1);
    }
    expect([-1, 4, 100].map((after) => stream.holds(after))).toEqual([false, false, false]);
  });

  test('forgets the oldest for a client that is away, and says so', () => {
    const stream = new EventStream({ id: 's', isKept: true });
    const message = 'x'.repeat(MAX_KEPT / 4);
    for (let sent = 0; sent < 6; sent += 1) expect(stream.push(message)).toBeUndefined();
    expect(stream.size).toBeLessThanOrEqual(MAX_KEPT);
    expect(stream.holds(0)).toBe(false);
    const client = openClient();
    stream.from(0).attach(client);
    expect([client.frames.length, client.ends]).toEqual([0, 1]);
    expect(stream.holds(5)).toBe(true);
  });

  test('forgets nothing that a slow client has still to get', () => {
    const [stream, client] = [new EventStream({ id: 's', isKept: true }), openClient()];
    client.isFull = true;
    stream.attach(client);
    const sent = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(MAX_KEPT / 2));
    for (const message of sent) void stream.push(message);
    stream.end();
    client.isFull = false;
    stream.drained(client);
    expect(dataOf(client.frames).map((text) => text[0])).toEqual(['a', 'b', 'c', 'd']);
    expect(stream.size).toBeLessThanOrEqual(MAX_KEPT);
  });

  test('another connection takes the place of the one before, which ends and is not heard any more', async () => {
    let [gone, back] = [0, 0];
    const stream = new EventStream({
      id: 's',
      isKept: true,
      onGone: () => (gone += 1),
      onBack: () => (back += 1),
    });
    const [one, two] = [openClient(), openClient()];
    stream.attach(one);
    void stream.push('1');
    stream.from(1).attach(two);
    void stream.push('2');
    stream.gone(one);
    stream.drained(one);
    expect([dataOf(one.frames), one.ends]).toEqual([['1'], 1]);
    expect([dataOf(two.frames), two.ends]).toEqual([['2'], 0]);
    expect([gone, back]).toEqual([0, 1]);
    stream.gone(two);
    expect(gone).toBe(1);
    stream.end();
    await stream.whenEnded;
  });
});

type Step =
  | { readonly do: 'push'; readonly length: number }
  | { readonly do: 'fill' | 'drain' | 'leave' | 'resume' | 'replace' | 'end' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), length: fc.nat(40) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom('fill', 'drain', 'leave', 'resume', 'replace') }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'end' as const }) },
  ),
  { maxLength: 60 },
);

test('whatever happens, a client that comes back has every message once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (sequence, isKept) => {
      const stream = new EventStream(isKept ? { id: 's', isKept } : {});
      const received: string[] = [];
      const pushed: string[] = [];
      let client: Client | undefined = openClient();
      let [isEnded, isLost] = [false, false];
      let [last, room] = [0, 0];
      stream.attach(client);
      /** What the client has got goes to its account, and with it the event that it can go on from. */
      const collect = (): void => {
        if (!client) return;
        received.push(...dataOf(client.frames));
        last = Math.max(last, lastIdOf(client.frames));
        client.frames.length = 0;
      };
      const connect = (): void => {
        client = openClient();
        stream.from(last).attach(client);
      };
      for (const step of sequence)
        switch (step.do) {
          case 'push': {
            const message = `${pushed.length}:${'x'.repeat(step.length)}`;
            const waits = stream.push(message);
            if (!isEnded && !isLost) pushed.push(message);
            if (waits) {
              expect(client?.isFull).toBe(true);
              room += 1;
              void waits.then(() => (room -= 1));
            }
            break;
          }
          case 'fill':
            if (client) client.isFull = true;
            break;
          case 'drain':
            if (!client) break;
            client.isFull = false;
            stream.drained(client);
            break;
          case 'leave':
            if (!client) break;
            collect();
            stream.gone(client);
            client = undefined;
            isLost = !isKept;
            break;
          case 'resume':
            if (isKept && !client) connect();
            break;
          case 'replace':
            if (!isKept || !client) break;
            collect();
            connect();
            break;
          case 'end':
            stream.end();
            isEnded = true;
        }
      if (isKept && !client) connect();
      if (client) {
        client.isFull = false;
        stream.drained(client);
      }
      collect();
      expect(received).toEqual(isLost ? pushed.slice(0, received.length) : pushed);
      if (client) expect(client.ends).toBe(isEnded ? 1 : 0);
      // Nobody waits for room that is there.
      await Promise.resolve();
      expect(room).toBe(0);
    }),
    { numRuns: 400 },
  );
});
