// A worker that was told to stop: it goes by itself, or it has hung and is killed.

import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { stopped } from './workers.ts';

function worker(onSent: (emitter: EventEmitter) => void) {
  const emitter = new EventEmitter();
  const kills: string[] = [];
  return {
    kills,
    worker: {
      id: 7,
      isConnected: () => true,
      isDead: () => false,
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
    } as unknown as Parameters<typeof stopped>[0],
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
