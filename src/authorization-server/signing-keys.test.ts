// When keys are made, sign, and go: no token is ever signed by a key that has not been published for a day, but the first.

import { expect, test } from 'vitest';
import { isNextKeyDue, keysInForce } from './signing-keys.ts';
import type { SigningKey } from './signing-keys.ts';

const DAY = 24 * 3_600_000;
const key = (kid: string, day: number): SigningKey => ({ jwk: { kid, kty: 'RSA' }, createdAt: day * DAY });
const names = (keys: readonly SigningKey[], day: number): string =>
  keysInForce(keys, day * DAY)
    .map(({ jwk }) => jwk.kid)
    .join(' ');

test('the first key signs at once; the next is published a day before it does', () => {
  const keys = [key('a', 100), key('b', 200)];
  expect(names([key('a', 100)], 100)).toBe('a');
  expect(names(keys, 200)).toBe('a b');
  expect(names(keys, 200.9)).toBe('a b');
  expect(names(keys, 201.1)).toBe('b a');
});

test('an old key goes when its last token is over, and a new one is due after ninety days', () => {
  const keys = [key('a', 100), key('b', 200)];
  expect(names(keys, 202.1)).toBe('b');
  expect(isNextKeyDue([], 0)).toBe(true);
  expect(isNextKeyDue(keys, 289 * DAY)).toBe(false);
  expect(isNextKeyDue(keys, 291 * DAY)).toBe(true);
});
