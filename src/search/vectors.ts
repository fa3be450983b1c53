// Vectors of unit length as bytes: a quarter of the memory, and inner products by the kernel of lib/simd. Exact search:
// every row is looked at, since ten thousand rows take less than a millisecond.

import { createDotKernel } from '../lib/simd/dot-kernel.ts';
import { createMemory } from '../lib/simd/webassembly.ts';

/** A vector as it is kept: each number is a byte times `scale`. */
export interface PackedVector {
  readonly bytes: Int8Array;
  readonly scale: number;
}

/** Rows of vectors; rows that were never set have none. */
export interface VectorTable {
  readonly dimensions: number;
  /** Rows that have a vector. */
  readonly filled: number;
  set(row: number, vector: PackedVector): void;
  has(row: number): boolean;
  /** What was set; only for a row that has a vector. */
  get(row: number): PackedVector;
  /** Writes the cosine of each row with `query` into `scores`; 0 where there is no vector. */
  cosines(query: Float32Array, scores: Float64Array): void;
  bytes(): number;
}

const LANES = 16;
/** Keeps the sums of the kernel within 32 bits up to 4,096 dimensions. */
const QUERY_RANGE = 4_095;
/** Smaller tables are as fast without the kernel, whose memories reserve much of the address space each. */
const KERNEL_FROM_BYTES = 64 * 1024;

/** A vector packed, scaled to unit length; undefined when it has no direction. */
export function packVector(vector: Float32Array): PackedVector | undefined {
  let squares = 0;
  let largest = 0;
  for (const value of vector) {
    squares += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  if (!Number.isFinite(squares) || largest < 1e-12) return undefined;
  const bytes = new Int8Array(vector.length);
  for (let k = 0; k < vector.length; k += 1) bytes[k] = Math.round((vector[k]! / largest) * 127);
  return { bytes, scale: largest / 127 / Math.sqrt(squares) };
}

/** A table of `rows` rows without vectors. */
export function createVectorTable(rows: number, dimensions: number): VectorTable {
  const width = Math.ceil(dimensions / LANES) * LANES;
  const { question, cells, sums, run } =
    rows * width < KERNEL_FROM_BYTES ? createPlain(rows, width) : createSimd(rows, width);
  const scales = new Float32Array(rows);
  let filled = 0;
  return Object.freeze({
    dimensions,
    get filled() {
      return filled;
    },
    set(row: number, { bytes, scale }: PackedVector): void {
      if (bytes.length !== dimensions) throw new RangeError(`A vector of ${dimensions} numbers is needed.`);
      if (scales[row] === 0) filled += 1;
      cells.set(bytes, row * width);
      scales[row] = scale;
    },
    has: (row: number) => (scales[row] ?? 0) > 0,
    get: (row: number) => ({
      bytes: cells.slice(row * width, row * width + dimensions),
      scale: scales[row] ?? 0,
    }),
    cosines(query: Float32Array, scores: Float64Array): void {
      let squares = 0;
      let largest = 1e-12;
      for (const value of query) {
        squares += value * value;
        largest = Math.max(largest, Math.abs(value));
      }
      for (let k = 0; k < dimensions; k += 1)
        question[k] = Math.round(((query[k] ?? 0) / largest) * QUERY_RANGE);
      run();
      const unit = largest / QUERY_RANGE / Math.sqrt(Math.max(squares, 1e-24));
      for (let row = 0; row < rows; row += 1) scores[row] = sums[row]! * scales[row]! * unit;
    },
    bytes: () => rows * (width + 8),
  });
}

/** Room for a question and for rows of bytes, and the inner products of the one with the others. */
interface Products {
  readonly question: Int16Array;
  readonly cells: Int8Array;
  readonly sums: Int32Array;
  readonly run: () => void;
}

function createPlain(rows: number, width: number): Products {
  const question = new Int16Array(width);
  const cells = new Int8Array(rows * width);
  const sums = new Int32Array(rows);
  return {
    question,
    cells,
    sums,
    run(): void {
      for (let row = 0, at = 0; row < rows; row += 1) {
        let sum = 0;
        for (let k = 0; k < width; k += 1, at += 1) sum += question[k]! * cells[at]!;
        sums[row] = sum;
      }
    },
  };
}

function createSimd(rows: number, width: number): Products {
  const first = width * 2;
  const end = first + rows * width;
  const memory = createMemory(end + rows * 4);
  const dots = createDotKernel(memory);
  return {
    question: new Int16Array(memory.buffer, 0, width),
    cells: new Int8Array(memory.buffer, first, rows * width),
    sums: new Int32Array(memory.buffer, end, rows),
    run: () => dots(0, first, end, width, end),
  };
}
