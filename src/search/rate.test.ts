import { expect, test } from 'vitest';
import { createRateLimit } from './rate.ts';

const MINUTE_MS = 60_000;

/** How many questions of one length a caller gets through in a minute, after a burst. */
function perMinute(length: number): number {
  let now = 0;
  const limit = createRateLimit({ monotonic: () => now });
  let taken = 0;
  const count = (): boolean => {
    try {
      limit.take('caller', 600, length);
      return true;
    } catch {
      return false;
    }
  };
  while (count());
  for (now = 0; now <= MINUTE_MS; now += 10) if (count()) taken += 1;
  return taken;
}

test('a caller has its questions a minute, and fewer of long ones', () => {
  // Tokens are fractions: one more or less at the edges.
  for (const [length, expected] of [
    [20, 600],
    [512, 600],
    [4_096, 75],
  ] as const)
    expect(Math.abs(perMinute(length) - expected)).toBeLessThanOrEqual(1);
});

test('callers do not use up each other’s', () => {
  const limit = createRateLimit({ monotonic: () => 0 });
  for (let at = 0; at < 10; at += 1) limit.take('one', 25, 4_096 * Number(at === 9));
  expect(() => limit.take('one', 25, 1)).toThrow('Too many searches');
  limit.take('other', 25, 1);
});
