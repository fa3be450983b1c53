// The product of two matrices of float32: four rows by eight columns at a time, in registers. The right one is packed in
// panels of eight columns, so that it is read from memory in one stream.

import {
  ADD,
  ADD_F32X4,
  MULTIPLY,
  MULTIPLY_F32X4,
  SHIFT,
  ZERO_VECTOR,
  advance,
  assemble,
  code,
  constant,
  get,
  loadSpread,
  loadVector,
  set,
  storeVector,
  whileBelow,
} from './assembler.ts';
import { bindKernel, compileModule } from './webassembly.ts';
import type { KernelMemory } from './webassembly.ts';

const ROWS = 4;
/** Columns of a panel. */
const PANEL = 8;

// Parameters: left, right (packed), out, rows, inner, columns. Then integer locals, then vectors.
const [LEFT, RIGHT, OUT, HEIGHT, INNER, WIDTH] = [0, 1, 2, 3, 4, 5] as const;
const [COLUMN, ROW, AT, END, B, C, LINE_A, LINE_C] = [6, 7, 8, 9, 10, 11, 12, 13] as const;
const A = [14, 15, 16, 17];
const [B0, B1, SPREAD] = [18, 19, 20] as const;
const SUMS = [21, 22, 23, 24, 25, 26, 27, 28];

const eachRow = (make: (row: number) => readonly number[]): readonly number[] =>
  Array.from({ length: ROWS }, (_, row) => make(row)).flat();

const accumulate = (row: number): readonly number[] => [
  ...get(A[row]!),
  ...loadSpread(0),
  ...set(SPREAD),
  ...[B0, B1].flatMap((panel, half) => [
    ...get(SUMS[2 * row + half]!),
    ...get(SPREAD),
    ...get(panel),
    ...MULTIPLY_F32X4,
    ...ADD_F32X4,
    ...set(SUMS[2 * row + half]!),
  ]),
  ...advance(A[row]!, 4),
];

const block: readonly number[] = [
  ...SUMS.flatMap((sum) => [...ZERO_VECTOR, ...set(sum)]),
  // Where the four rows of the left matrix begin, and where this panel does.
  ...code(get(LEFT), get(ROW), get(LINE_A), MULTIPLY, ADD, set(A[0]!)),
  ...[1, 2, 3].flatMap((row) => [...get(A[row - 1]!), ...get(LINE_A), ...ADD, ...set(A[row]!)]),
  ...code(get(RIGHT), get(COLUMN), get(LINE_A), MULTIPLY, ADD, set(B)),
  ...code(get(B), get(LINE_A), constant(3), SHIFT, ADD, set(END)),
  ...code(get(B), set(AT)),
  ...whileBelow(AT, END, [
    ...code(get(AT), loadVector(0), set(B0)),
    ...code(get(AT), loadVector(16), set(B1)),
    ...eachRow(accumulate),
    ...advance(AT, 4 * PANEL),
  ]),
  ...code(get(OUT), get(ROW), get(LINE_C), MULTIPLY, ADD),
  ...code(get(COLUMN), constant(2), SHIFT, ADD, set(C)),
  ...eachRow((row) => [
    ...code(get(C), get(SUMS[2 * row]!), storeVector(0)),
    ...code(get(C), get(SUMS[2 * row + 1]!), storeVector(16)),
    ...code(get(C), get(LINE_C), ADD, set(C)),
  ]),
];

const MODULE = compileModule(
  assemble({
    name: 'multiply',
    parameters: 6,
    integers: 12,
    vectors: 11,
    body: [
      ...code(get(INNER), constant(2), SHIFT, set(LINE_A)),
      ...code(get(WIDTH), constant(2), SHIFT, set(LINE_C)),
      ...whileBelow(COLUMN, WIDTH, [
        ...code(constant(0), set(ROW)),
        ...whileBelow(ROW, HEIGHT, [...block, ...advance(ROW, ROWS)]),
        ...advance(COLUMN, PANEL),
      ]),
    ],
  }),
);

/** Addresses, then sizes: `rows` a multiple of 4, `columns` of 8. */
export type MatrixKernel = (
  left: number,
  right: number,
  out: number,
  rows: number,
  inner: number,
  columns: number,
) => void;

/** The kernel on a memory. */
export function createMatrixKernel(memory: KernelMemory): MatrixKernel {
  return bindKernel(MODULE, 'multiply', memory) as MatrixKernel;
}

/** Copies a matrix (row by row) into panels of eight columns. */
export function packPanels(matrix: Float32Array, inner: number, columns: number, into: Float32Array): void {
  let at = 0;
  for (let first = 0; first < columns; first += PANEL)
    for (let row = 0; row < inner; row += 1)
      for (let column = 0; column < PANEL; column += 1) into[at++] = matrix[row * columns + first + column]!;
}
