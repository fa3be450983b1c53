// parseStrictJson against JSON.parse, and the things that JSON.parse lets through.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from './errors.ts';
import { parseStrictJson } from './strict-json.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const refusal = (input: string | Uint8Array, maxDepth = 64): string => {
  try {
    parseStrictJson(typeof input === 'string' ? bytes(input) : input, {
      maxDepth,
      maxValues: Number.POSITIVE_INFINITY,
    });
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    expect((error as GatewayError).code).toBe('Malformed');
    return (error as GatewayError).message;
  }
  throw new Error('was accepted');
};

describe('parseStrictJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseStrictJson(bytes(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  it('accepts and refuses exactly as JSON.parse does, duplicates aside', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"b"',
      '\\',
      '\\"',
      '1',
      '-',
      '0',
      '.5',
      'e3',
      'true',
      'nul',
      ' ',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          expect(refusal(text)).toMatch(/^Line \d+, column \d+: /);
          return;
        }
        try {
          expect(parseStrictJson(bytes(text))).toEqual(parsed);
        } catch (error) {
          expect((error as Error).message).toContain('same member twice');
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses a member that comes twice, however it is spelled', () => {
    expect(refusal('{"a":1,\n "a":2}')).toBe('Line 2, column 2: this object has the same member twice.');
    expect(refusal(String.raw`{"x":{"a":1,"\u0061":2}}`)).toContain('same member twice');
    expect(refusal('[{"__proto__":1,"__proto__":2}]')).toContain('same member twice');
    expect(parseStrictJson(bytes('{"a":{"a":1},"b":[{"a":1},{"a":2}]}'))).toEqual({
      a: { a: 1 },
      b: [{ a: 1 }, { a: 2 }],
    });
  });

  it('bounds the depth, and survives a million brackets', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseStrictJson(bytes(nested(64)))).toBeDefined();
    expect(refusal(nested(65))).toBe('Line 1, column 65: nested more than 64 levels deep.');
    expect(refusal(nested(1_000_000))).toContain('nested more than 64');
    expect(refusal('{"a":'.repeat(1_000_000))).toContain('nested more than 64');
    expect(refusal('[[1]]', 1)).toContain('nested more than 1 levels');
    expect(parseStrictJson(bytes(JSON.stringify('[{'.repeat(100))))).toBe('[{'.repeat(100));
  });

  it('reads a faulty text of many megabytes without overflowing', () => {
    expect(refusal(`["${'x\\n'.repeat(3_000_000)}" 1]`)).toContain('expected ","');
    expect(refusal('['.concat('1,'.repeat(1_000_000)))).toContain('ends too early');
  });

  it.each([
    ['empty lists', '[]'],
    ['empty objects', '{}'],
    ['numbers', '1'],
    ['one in the other', '[[[1]]]'],
  ])('bounds the number of values: %s', (_, item) => {
    const many = (count: number): string => `[${Array.from({ length: count }, () => item).join(',')}]`;
    expect(parseStrictJson(bytes(many(1_000)), { maxValues: 10_000 })).toHaveLength(1_000);
    for (const [count, maxValues] of [
      [1_000_000, undefined],
      [1_001, 1_000],
    ] as const)
      expect(() => parseStrictJson(bytes(many(count)), maxValues === undefined ? {} : { maxValues })).toThrow(
        expect.objectContaining({ code: 'TooLarge' }) as Error,
      );
  });

  it('members count as values, whatever stands in strings does not', () => {
    const object = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, 1])));
    expect(parseStrictJson(bytes(object(900)), { maxValues: 1_000 })).toHaveProperty('m899', 1);
    expect(() => parseStrictJson(bytes(object(1_100)), { maxValues: 1_000 })).toThrow(
      'more than 1000 values',
    );
    expect(parseStrictJson(bytes(JSON.stringify('[,{,'.repeat(5_000))), { maxValues: 10 })).toHaveLength(
      20_000,
    );
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(refusal(new Uint8Array([0x22, 0xc3, 0x28, 0x22]))).toBe('The text is not valid UTF-8.');
    expect(refusal(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe('The text is not valid UTF-8.');
  });

  it('says where, and never quotes the text', () => {
    expect(refusal('')).toBe('Line 1, column 1: the text ends too early.');
    expect(refusal('{"apiKey":"hunter2"')).toBe('Line 1, column 20: the text ends too early.');
    expect(refusal('{"apiKey":"hunter2" "b":1}')).toBe('Line 1, column 21: expected "," or "}".');
    expect(refusal('{"a":hunter2}')).toBe('Line 1, column 6: expected a value.');
    expect(refusal('{"a":1}\n x')).toBe('Line 2, column 2: something follows the end of the value.');
    expect(refusal('"tab\tin string"')).toContain('bare control character');
    expect(refusal('[01]')).toContain('expected');
  });

  it('keeps __proto__ harmless', () => {
    const value = parseStrictJson(bytes('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
