// Texts as vectors of the word table: the sum of their words, each counted by the field it stands in and less with each
// repetition, scaled to length one.

import { FIELDS } from '../document.ts';
import type { Field } from '../document.ts';
import type { WordTable } from './word-table.ts';

const FIELD_WEIGHTS: Readonly<Record<Field, number>> = Object.freeze({
  name: 2,
  target: 0.5,
  description: 1,
  parameterNames: 0.4,
  parameterDescriptions: 0.2,
  targetDescription: 0.1,
  output: 0.05,
});

/** The vector of a tool, from the words of its fields (in the order of FIELDS); undefined when it has no known word. */
export function vectorOfTool(
  fields: readonly (readonly string[])[],
  table: WordTable,
  weights: Readonly<Record<Field, number>> = FIELD_WEIGHTS,
): Float32Array | undefined {
  const rows = new Map<number, number>();
  for (const [number, words] of fields.entries()) {
    const weight = weights[FIELDS[number] ?? 'output'];
    if (weight > 0) count(words, weight, table, rows);
  }
  return sum(rows, table);
}

/** The vector of a question. */
export function vectorOfWords(words: readonly string[], table: WordTable): Float32Array | undefined {
  const rows = new Map<number, number>();
  count(words, 1, table, rows);
  return sum(rows, table);
}

function count(words: readonly string[], weight: number, table: WordTable, rows: Map<number, number>): void {
  for (const word of words) {
    const row = table.rowOf(word);
    if (row >= 0) rows.set(row, (rows.get(row) ?? 0) + weight);
  }
}

function sum(rows: ReadonlyMap<number, number>, table: WordTable): Float32Array | undefined {
  const vector = new Float32Array(table.dimensions);
  for (const [row, weight] of rows) table.addRow(row, Math.sqrt(weight), vector);
  return toUnit(vector);
}

function toUnit(vector: Float32Array): Float32Array | undefined {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!(squares > 1e-12)) return undefined;
  const length = Math.sqrt(squares);
  return vector.map((value) => value / length);
}
