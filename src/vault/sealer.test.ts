// Tokens that anybody may send back changed: only what was sealed here, for this purpose and these bounds, opens.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SealPurpose } from '../core/sealer.ts';
import { createSealer } from './sealer.ts';

const KEK = new Uint8Array(32).fill(7);
const ACCOUNT = '000000000000';
const sealer = createSealer(KEK, ACCOUNT);
const PURPOSES: readonly SealPurpose[] = [
  'session',
  'session-state',
  'request-state',
  'task',
  'cursor',
  'mailbox',
];
const BOUND = ['gateway', 'caller'];
const TEXT = '{"k":"value"}';
const token = sealer.seal('session', TEXT, BOUND);

test('a token opens for its purpose and bounds, in every process with the key', () => {
  expect(token).toMatch(/^[\w-]+$/);
  expect(sealer.open('session', token, BOUND)).toBe(TEXT);
  expect(createSealer(KEK, ACCOUNT).open('session', token, BOUND)).toBe(TEXT);
  expect(sealer.seal('session', TEXT, BOUND)).not.toBe(token);
});

test('not for another purpose, key or account', () => {
  for (const purpose of PURPOSES.filter((other) => other !== 'session'))
    expect(sealer.open(purpose, token, BOUND)).toBeUndefined();
  expect(createSealer(new Uint8Array(32).fill(8), ACCOUNT).open('session', token, BOUND)).toBeUndefined();
  expect(createSealer(KEK, '000000000001').open('session', token, BOUND)).toBeUndefined();
});

test.each([
  [[]],
  [['gateway']],
  [['gateway', 'caller', '']],
  [['caller', 'gateway']],
  [['gatewaycaller']],
  [['gateway","caller']],
  [['gateway', 'Caller']],
])('not for the bounds %j', (bound) => {
  expect(sealer.open('session', token, bound)).toBeUndefined();
});

test('bounds whose parts run together alike are different bounds', () => {
  const part = fc.oneof(fc.string(), fc.constantFrom('"', '","', '\\', ',', '[', ']', '\ud800', '\udc00'));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.array(part, { maxLength: 4 }), (one, other) => {
      const opened = sealer.open('task', sealer.seal('task', 'x', one), other);
      expect(opened).toBe(JSON.stringify(one) === JSON.stringify(other) ? 'x' : undefined);
    }),
  );
  expect(sealer.open('task', sealer.seal('task', 'x', ['a', 'bc']), ['ab', 'c'])).toBeUndefined();
});

describe('changed tokens', () => {
  const bytes = Buffer.from(token, 'base64url');

  test('with any bit flipped', () => {
    for (let index = 0; index < bytes.length; index += 1)
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(bytes);
        changed[index] = (changed[index] ?? 0) ^ (1 << bit);
        expect(sealer.open('session', changed.toString('base64url'), BOUND)).toBeUndefined();
      }
  });

  test('cut short or made longer', () => {
    for (let length = 0; length < bytes.length; length += 1)
      expect(sealer.open('session', bytes.subarray(0, length).toString('base64url'), BOUND)).toBeUndefined();
    for (let length = 0; length < token.length; length += 1)
      expect(sealer.open('session', token.slice(0, length), BOUND)).toBeUndefined();
    expect(sealer.open('session', `${token}AAAA`, BOUND)).toBeUndefined();
  });

  test('spelled in another way', () => {
    // 1 + 12 + 16 + 14 bytes: the last character of this one has bits to spare.
    const loose = sealer.seal('session', 'fourteen bytes', BOUND);
    const last = loose.charCodeAt(loose.length - 1);
    for (const spelled of [
      `${loose}=`,
      `${loose}==`,
      `${loose} `,
      ` ${loose}`,
      `${loose}\n`,
      loose.slice(0, -1) + String.fromCharCode(last + 1),
      `${loose.slice(0, 8)}.${loose.slice(8)}`,
      Buffer.from(loose, 'base64url').toString('base64'),
    ])
      if (spelled !== loose) expect(sealer.open('session', spelled, BOUND), spelled).toBeUndefined();
  });

  test('texts of any kind', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(sealer.open('session', text, BOUND)).toBeUndefined();
      }),
    );
  });
});

test('any text comes back as it was', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...PURPOSES),
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.string()),
      (purpose, text, bound) => {
        expect(sealer.open(purpose, sealer.seal(purpose, text, bound), bound)).toBe(text);
      },
    ),
  );
});

test('messages and notes in the store may be long; what clients bring may not', () => {
  const long = 'x'.repeat(2 * 1024 * 1024);
  for (const purpose of PURPOSES)
    expect(sealer.open(purpose, sealer.seal(purpose, long, BOUND), BOUND) === long, purpose).toBe(
      purpose === 'mailbox' || purpose === 'session-state',
    );
});
