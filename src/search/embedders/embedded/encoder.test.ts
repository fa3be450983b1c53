// The encoder gives the vectors that the weights were published with, and survives any text.

import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { SENTENCE_DIMENSIONS, createEncoder } from './encoder.ts';
import { createTokenizer } from './tokenizer.ts';
import { readWeights } from './weights.ts';

let encode: (text: string) => Float32Array;
beforeAll(() => {
  encode = createEncoder(readWeights());
});

/** Beginnings of vectors that the reference implementation gives. */
const KNOWN: readonly (readonly [text: string, beginning: readonly number[]])[] = [
  ['hello world', [-0.051497, -0.054925, -0.007691, -0.049952]],
  ['Get the current weather for a city', [-0.060694, -0.045144, -0.060154, 0.052661]],
  ['add_numbers: adds two numbers (integer or float).', [-0.032154, -0.045889, 0.020568, 0.028241]],
  ['Retrieve stock price, e.g. AAPL; returns JSON', [-0.032591, -0.063274, -0.0066, 0.026276]],
  ['naïve café 日本語 テスト', [-0.021376, -0.010288, -0.046449, -0.021263]],
  ['Book a restaurant reservation for 4 people at 7pm', [0.042565, 0.027608, 0.002208, 0.026759]],
];

it.each(KNOWN)('%j has its known vector', (text, beginning) => {
  const vector = encode(text);
  expect(vector).toHaveLength(SENTENCE_DIMENSIONS);
  for (const [at, value] of beginning.entries()) expect(vector[at]).toBeCloseTo(value, 5);
});

it('finds sentences alike that mean alike', () => {
  const alike = (one: string, other: string): number => {
    const [left, right] = [encode(one), encode(other)];
    return left.reduce((sum, value, at) => sum + value * right[at]!, 0);
  };
  expect(alike('book a table for dinner', 'restaurant reservation')).toBeGreaterThan(
    alike('book a table for dinner', 'delete a git branch'),
  );
});

it('gives a finite vector for any text', () => {
  expect(encode('')).toEqual(new Float32Array(SENTENCE_DIMENSIONS));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      expect(encode(text).every(Number.isFinite)).toBe(true);
    }),
    { numRuns: 25 },
  );
  expect(encode('word '.repeat(10_000)).every(Number.isFinite)).toBe(true);
});

it('cuts words into the pieces with the best scores, letters without a piece into one', () => {
  const pieces = ['', '', '', '', '', ''].map((piece) => [piece, 0] as const);
  const tokenizer = createTokenizer([
    ...pieces,
    ['\u2581to', -2],
    ['ol', -3],
    ['\u2581', -1],
    ['t', -4],
    ['o', -4],
    ['l', -4],
    ['\u2581tool', -9],
  ]);
  expect(tokenizer.encode('tool')).toEqual([6, 7]);
  expect(tokenizer.encode('  tool   to ')).toEqual([6, 7, 6]);
  expect(tokenizer.encode('\u{1f6e0}\u{1f6e0}l')).toEqual([8, 0, 11]);
  expect(tokenizer.encode('')).toEqual([]);
});
