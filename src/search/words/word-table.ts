// A table of word vectors, and texts as sums of them: the small model of likeness that every search has. The table is
// made by training/train-word-table.ts; it is data, and this file only reads it.

import { readFile } from 'node:fs/promises';
import { termOf } from '../text.ts';

export interface WordTable {
  readonly dimensions: number;
  /** The row of a word, or of the most frequent word with its stem; −1 for words it does not have. */
  rowOf(word: string): number;
  /** Adds a row, times `weight`, to a vector. */
  addRow(row: number, weight: number, vector: Float32Array): void;
}

interface Head {
  readonly format: number;
  readonly words: number;
  readonly dimensions: number;
  readonly textBytes: number;
}

const FILE = new URL('word-table.bin', import.meta.url);

/** How many words are taken up without looking at what else there is to do. */
const SLICE = 2_000;

/** Reads the table that comes with this version. @throws Error when the file is not one that this version reads */
export async function readWordTable(file: URL | string = FILE): Promise<WordTable> {
  const bytes = await readFile(file);
  const end = bytes.indexOf(10);
  const head = JSON.parse(bytes.toString('utf8', 0, end)) as Head;
  if (head.format !== 1)
    throw new Error(`The word table has format ${head.format}; this version reads format 1.`);
  const { dimensions, words: count } = head;
  const words = bytes.toString('utf8', end + 1, end + 1 + head.textBytes).split('\n');
  let at = end + 1 + head.textBytes;
  const scales = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * count),
  );
  at += 4 * count;
  const rows = new Int8Array(bytes.buffer, bytes.byteOffset + at, count * dimensions);
  const indexOf = new Map(words.map((word, row) => [word, row]));
  const byStem = new Map<string, number>();
  for (const [row, word] of words.entries()) {
    const stem = termOf(word);
    if (!byStem.has(stem)) byStem.set(stem, row);
    if (row % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return Object.freeze({
    dimensions,
    rowOf: (word: string) => indexOf.get(word) ?? byStem.get(termOf(word)) ?? -1,
    addRow(row: number, weight: number, vector: Float32Array): void {
      const scale = weight * (scales[row] ?? 0);
      const start = row * dimensions;
      for (let k = 0; k < dimensions; k += 1) vector[k]! += scale * rows[start + k]!;
    },
  });
}
