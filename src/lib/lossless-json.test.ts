import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseLossless, stringifyLossless } from './lossless-json.ts';

describe('lossless JSON', () => {
  it('carries integers that a double cannot hold', () => {
    const text =
      '{"id":9007199254740993,"deep":[12345678901234567890,-9223372036854775808],"s":"9007199254740993"}';
    expect(stringifyLossless(parseLossless(text))).toBe(text);
  });

  it('gives plain numbers wherever they are exact', () => {
    expect(parseLossless('{"a":1,"b":9007199254740991,"c":1e300,"d":0.1234567890123456789}')).toEqual({
      a: 1,
      b: 9007199254740991,
      c: 1e300,
      d: 0.12345678901234568,
    });
  });

  it('agrees with JSON.parse and JSON.stringify on everything else', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(stringifyLossless(parseLossless(text))).toBe(stringifyLossless(JSON.parse(text)));
      }),
    );
  });

  it('refuses what JSON.parse refuses, and reads what it reads, around long numbers', () => {
    const token = fc.constantFrom(
      ...'[]{},:"- \\'.split(''),
      '"a"',
      '1',
      '.5',
      'e9',
      '12345678901234567890',
      '-98765432109876543210',
      '012345678901234567',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 9 }), (tokens) => {
        const text = tokens.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
            typeof value === 'number' &&
            !Number.isSafeInteger(value) &&
            /^-?\d{16,400}$/.test(context?.source ?? '')
              ? BigInt(context?.source ?? '')
              : value,
          );
        } catch {
          expect(() => parseLossless(text), text).toThrow(SyntaxError);
          return;
        }
        expect(parseLossless(text), text).toEqual(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  it('reads millions of values beside one long number without holding up everybody', () => {
    const text = `[12345678901234567890${',0'.repeat(3_000_000)}]`;
    const parse = vi.spyOn(JSON, 'parse');
    expect((parseLossless(text) as unknown[])[0]).toBe(12_345_678_901_234_567_890n);
    // A reviver would be called three million times.
    expect(parse.mock.calls.map((given) => given.length)).toEqual([1]);
    parse.mockRestore();
  });
});
