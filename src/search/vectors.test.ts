// Packed vectors: cosines come out as they went in, by either way of computing them.

import { expect, it } from 'vitest';
import { createVectorTable, packVector } from './vectors.ts';

const vector = (seed: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, at) => Math.sin(seed * 12.9 + at * 7.7) * 100);

const cosine = (one: Float32Array, other: Float32Array): number => {
  const dot = one.reduce((sum, value, at) => sum + value * other[at]!, 0);
  return dot / Math.hypot(...one) / Math.hypot(...other);
};

// Both sides of the size from which the kernel is used, and a length that is no multiple of anything.
it.each([
  [5, 16],
  [40, 37],
  [600, 128],
  [700, 130],
])('%i rows of %i numbers', (rows, length) => {
  const table = createVectorTable(rows, length);
  const vectors = Array.from({ length: rows }, (_, row) => vector(row, length));
  for (const [row, each] of vectors.entries()) if (row % 7 !== 3) table.set(row, packVector(each)!);
  const question = vector(1_000, length);
  const scores = new Float64Array(rows);
  table.cosines(question, scores);
  for (const [row, each] of vectors.entries()) {
    expect(table.has(row)).toBe(row % 7 !== 3);
    expect(Math.abs(scores[row]! - (row % 7 === 3 ? 0 : cosine(question, each)))).toBeLessThan(0.01);
  }
  const first = table.get(0);
  const copy = createVectorTable(1, length);
  copy.set(0, first);
  expect(copy.get(0)).toEqual(first);
});

it('refuses what has no direction, and vectors of another length', () => {
  expect(packVector(new Float32Array(8))).toBeUndefined();
  expect(packVector(Float32Array.from([1, Number.NaN]))).toBeUndefined();
  expect(packVector(Float32Array.from([1, Number.POSITIVE_INFINITY]))).toBeUndefined();
  expect(() => createVectorTable(1, 8).set(0, packVector(vector(1, 9))!)).toThrow(RangeError);
});
