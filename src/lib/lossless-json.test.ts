import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
});
