// What /readyz says of a store that answers, answers late, or does not answer, and that probes do not pile up before it.

import { expect, test } from 'vitest';
import { createHealth } from './health.ts';
import type { StoreTrouble } from './stores/store.ts';

const facts = { isStarted: () => true, keyTrouble: undefined };

function storeWith(answer: () => Promise<StoreTrouble | undefined>, failure?: string) {
  let looks = 0;
  const store = {
    failure: () => failure,
    trouble() {
      looks += 1;
      return answer();
    },
  };
  return { store, looks: () => looks };
}

test.each([
  [undefined, []],
  ['unreachable', ['the store cannot be reached']],
  ['read-only', ['the store can only be read']],
] as const)('a shared store that is %s keeps the node in service', async (trouble, words) => {
  const { store } = storeWith(() => Promise.resolve(trouble));
  const health = createHealth({ ...facts, store, isShared: true });
  expect([await health.notReady(), await health.degraded()]).toEqual([undefined, words]);
});

test('a store of one’s own that cannot be reached takes it out', async () => {
  const { store } = storeWith(() => Promise.resolve('unreachable'), 'closed for writing');
  const health = createHealth({ ...facts, store, isShared: false });
  expect([await health.notReady(), await health.degraded()]).toEqual([
    'the store cannot be reached',
    ['closed for writing'],
  ]);
  const closed = createHealth({ ...facts, isStarted: () => false, store, isShared: true });
  expect(await closed.notReady()).toBe('starting or stopping');
});

test('a store that hangs is called unreachable, and is asked once however many probes come', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const { store, looks } = storeWith(() => promise);
  const health = createHealth({ ...facts, store, isShared: true });
  const answers = await Promise.all(Array.from({ length: 20 }, () => health.degraded()));
  expect(new Set(answers.flat())).toEqual(new Set(['the store cannot be reached']));
  expect(looks()).toBe(1);
  resolve(undefined);
  await promise;
  expect([await health.degraded(), looks()]).toEqual([[], 2]);
});
