// Workers that have hung: told to stop, or on their own, they are killed; those that live are not.

import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { stopped, watchLife } from './workers.ts';

function worker(onSent: (emitter: EventEmitter) => void) {
  const emitter = new EventEmitter();
  const kills: string[] = [];
  return {
    kills,
    emitter,
    worker: {
      id: 7,
      isConnected: () => true,
      isDead: () => false,
      on: emitter.on.bind(emitter),
      once: emitter.once.bind(emitter),
      send: () => {
        onSent(emitter);
        return true;
      },
      process: {
        kill(signal: string) {
          kills.push(signal);
          emitter.emit('exit');
          return true;
        },
      },
    } as unknown as Parameters<typeof stopped>[0] & Parameters<typeof watchLife>[0],
  };
}

test('one that stops is let go', async () => {
  const { worker: quick, kills } = worker((emitter) => queueMicrotask(() => emitter.emit('exit')));
  const errors: unknown[] = [];
  await stopped(quick, { error: (...line) => errors.push(line) });
  expect([kills, errors]).toEqual([[], []]);
});

test('one that has hung is killed, and that is said', async () => {
  const { worker: hung, kills } = worker(() => undefined);
  const errors: unknown[] = [];
  await stopped(hung, { error: (...line) => errors.push(line) }, 5);
  expect([kills, errors]).toEqual([['SIGKILL'], [[{ worker: 7 }, 'a worker does not stop and is killed']]]);
});

test('one that says nothing for a minute is killed, once', () => {
  vi.useFakeTimers();
  try {
    const { worker: silent, kills, emitter } = worker(() => undefined);
    const { worker: lively, kills: none, emitter: words } = worker(() => undefined);
    const errors: unknown[] = [];
    const log = { error: (...line: unknown[]) => errors.push(line) };
    watchLife(silent, log);
    watchLife(lively, log);
    for (let second = 0; second < 120; second += 1) {
      vi.advanceTimersByTime(1_000);
      words.emit('message', 'alive');
      if (second < 59) expect(kills).toEqual([]);
    }
    expect([kills, none, errors]).toEqual([
      ['SIGKILL'],
      [],
      [[{ worker: 7 }, 'a worker has hung and is killed']],
    ]);
    expect(emitter.listenerCount('exit')).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
