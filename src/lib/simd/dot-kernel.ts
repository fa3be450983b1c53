// The inner products of one vector with many: 16-bit numbers against rows of bytes, eight at a time.

import {
  ADD,
  ADD_I32X4,
  DOT_I16X8,
  STORE_I32,
  ZERO_VECTOR,
  advance,
  assemble,
  code,
  get,
  laneI32,
  loadBytesWidened,
  loadVector,
  set,
  whileBelow,
} from './assembler.ts';
import { bindKernel, compileModule } from './webassembly.ts';
import type { KernelMemory } from './webassembly.ts';

const [QUERY, ROW, END, SIZE, OUT, AT, PLACE, LIMIT, SUM] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;

const EIGHT = (offset: number): readonly number[] => [
  ...get(SUM),
  ...get(PLACE),
  ...loadVector(offset * 2),
  ...get(AT),
  ...loadBytesWidened(offset),
  ...DOT_I16X8,
  ...ADD_I32X4,
  ...set(SUM),
];

const MODULE = compileModule(
  assemble({
    name: 'dots',
    parameters: 5,
    integers: 3,
    vectors: 1,
    body: whileBelow(ROW, END, [
      ...ZERO_VECTOR,
      ...set(SUM),
      ...code(get(QUERY), set(PLACE)),
      ...code(get(ROW), set(AT)),
      ...code(get(ROW), get(SIZE), ADD, set(LIMIT)),
      ...whileBelow(AT, LIMIT, [...EIGHT(0), ...EIGHT(8), ...advance(AT, 16), ...advance(PLACE, 32)]),
      ...get(OUT),
      ...code(get(SUM), laneI32(0), get(SUM), laneI32(1), ADD),
      ...code(get(SUM), laneI32(2), ADD, get(SUM), laneI32(3), ADD),
      ...STORE_I32,
      ...advance(OUT, 4),
      ...code(get(LIMIT), set(ROW)),
    ]),
  }),
);

/** Addresses within the memory; `size` is the length of a row in bytes, a multiple of 16. */
export type DotKernel = (query: number, rows: number, end: number, size: number, out: number) => void;

/** The kernel on a memory. */
export function createDotKernel(memory: KernelMemory): DotKernel {
  return bindKernel(MODULE, 'dots', memory) as DotKernel;
}
