// The queue: bounded, one piece a key at a time, nothing lost, and a clean end.

import { expect, it } from 'vitest';
import { createWorkQueue } from './work-queue.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('runs at most so many pieces, and never two of one key', async () => {
  const queue = createWorkQueue(2);
  let [now, most] = [0, 0];
  const perKey = new Map<string, number>();
  const runs: string[] = [];
  const piece = (key: string) => async () => {
    perKey.set(key, (perKey.get(key) ?? 0) + 1);
    expect(perKey.get(key)).toBe(1);
    most = Math.max(most, ++now);
    runs.push(key);
    await turn();
    now--;
    perKey.set(key, 0);
    return undefined;
  };
  for (const key of ['a', 'b', 'a', 'c', 'd', 'a']) queue.add(key, piece(key));
  await queue.idle();
  expect(most).toBe(2);
  // `a` ran, and once more for all that came up while it ran.
  expect(runs.toSorted()).toEqual(['a', 'a', 'b', 'c', 'd']);
});

it('runs a piece again when it asks for it, and at once when it is added meanwhile', async () => {
  const queue = createWorkQueue(1);
  let runs = 0;
  const piece = () => Promise.resolve(++runs < 3 ? 5 : undefined);
  queue.add('a', piece);
  await queue.idle();
  expect(runs).toBe(3);
  runs = 0;
  queue.add('b', () => Promise.resolve(++runs === 1 ? 60_000 : undefined));
  await turn();
  queue.add('b', () => Promise.resolve(++runs === 1 ? 60_000 : undefined));
  await queue.idle();
  expect(runs).toBe(2);
});

it('drops what waits when it is closed, and waits for what runs', async () => {
  const queue = createWorkQueue(1);
  const runs: string[] = [];
  queue.add('a', async () => {
    await turn();
    runs.push('a');
    return 1;
  });
  queue.add('b', () => Promise.resolve(void runs.push('b')));
  await queue.close();
  queue.add('c', () => Promise.resolve(void runs.push('c')));
  await queue.idle();
  expect(runs).toEqual(['a']);
});
