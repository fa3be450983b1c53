import { expect, test } from 'vitest';
import { letOthersAccept } from './fair-accept.ts';

function bench() {
  const state = { isIdle: true, time: 0, blinks: 0 };
  const accept = letOthersAccept(
    () => state.isIdle,
    () => state.time,
    () => (state.blinks += 1),
  );
  return { state, accept };
}

test('an idle worker waits for a blink after each connection, a busy one never', () => {
  const { state, accept } = bench();
  for (let at = 0; at < 64; at += 1) accept();
  expect(state.blinks).toBe(64);
  state.isIdle = false;
  for (let at = 0; at < 64; at += 1) accept();
  expect(state.blinks).toBe(64);
});

test('connections without end do not hold a worker up: so many blinks a second, and no more', () => {
  const { state, accept } = bench();
  for (let at = 0; at < 10_000; at += 1) accept();
  expect(state.blinks).toBe(200);
  state.time = 999;
  accept();
  expect(state.blinks).toBe(200);
  state.time = 1_000;
  for (let at = 0; at < 10_000; at += 1) accept();
  expect(state.blinks).toBe(400);
});
