// A few instructions of WebAssembly as bytes: just what the two kernels beside this file are made of. The modules are
// generated when they are first needed, so that no binary has to be trusted, shipped or built.

/** Instructions, or parts of a module. */
export type Bytes = readonly number[];

export interface KernelFunction {
  readonly name: string;
  /** Parameters, all i32; they are the first locals. */
  readonly parameters: number;
  /** Further locals: so many i32, then so many v128. */
  readonly integers: number;
  readonly vectors: number;
  readonly body: Bytes;
}

/** `\0asm`, version 1. */
const HEAD: Bytes = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const I32 = 0x7f;
const V128 = 0x7b;
const SIMD = 0xfd;

/** One instruction after another. */
export const code = (...parts: readonly Bytes[]): Bytes => parts.flat();
export const get = (local: number): Bytes => [0x20, ...unsigned(local)];
export const set = (local: number): Bytes => [0x21, ...unsigned(local)];
export const constant = (value: number): Bytes => [0x41, ...signed(value)];
export const ADD: Bytes = [0x6a];
export const MULTIPLY: Bytes = [0x6c];
/** Shifts left. */
export const SHIFT: Bytes = [0x74];
export const STORE_I32: Bytes = [0x36, 2, 0];
export const loadVector = (offset: number): Bytes => [SIMD, 0x00, 2, ...unsigned(offset)];
export const storeVector = (offset: number): Bytes => [SIMD, 0x0b, 2, ...unsigned(offset)];
/** Eight signed bytes as eight signed 16-bit numbers. */
export const loadBytesWidened = (offset: number): Bytes => [SIMD, 0x01, 0, ...unsigned(offset)];
/** One float32 in all four places. */
export const loadSpread = (offset: number): Bytes => [SIMD, 0x09, 2, ...unsigned(offset)];
export const ZERO_VECTOR: Bytes = [SIMD, 0x0c, ...Array.from({ length: 16 }, () => 0)];
export const laneI32 = (lane: number): Bytes => [SIMD, 0x1b, lane];
export const ADD_I32X4: Bytes = [SIMD, 0xae, 0x01];
/** Products of eight pairs of 16-bit numbers, neighbours added. */
export const DOT_I16X8: Bytes = [SIMD, 0xba, 0x01];
export const ADD_F32X4: Bytes = [SIMD, 0xe4, 0x01];
export const MULTIPLY_F32X4: Bytes = [SIMD, 0xe6, 0x01];

/** Adds a constant to a local. */
export const advance = (local: number, by: number): Bytes => [
  ...get(local),
  ...constant(by),
  ...ADD,
  ...set(local),
];

/** Runs `body` while `local`, which it has to advance, is below `limit` (unsigned). */
export const whileBelow = (local: number, limit: number, body: Bytes): Bytes => [
  0x02,
  0x40,
  ...code(get(local), get(limit), [0x4f, 0x0d, 0]),
  0x03,
  0x40,
  ...body,
  ...code(get(local), get(limit), [0x49, 0x0d, 0]),
  0x0b,
  0x0b,
];

/** A module of one function that works on the memory `env.memory`. */
export function assemble(kernel: KernelFunction): Uint8Array<ArrayBuffer> {
  const { name, parameters, integers, vectors, body } = kernel;
  const instructions = [2, ...unsigned(integers), I32, ...unsigned(vectors), V128, ...body, 0x0b];
  return Uint8Array.from([
    ...HEAD,
    ...section(1, [1, 0x60, parameters, ...Array.from({ length: parameters }, () => I32), 0]),
    ...section(2, [1, ...text('env'), ...text('memory'), 0x02, 0x00, 0]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text(name), 0x00, 0]),
    ...section(10, [1, ...unsigned(instructions.length), ...instructions]),
  ]);
}

const section = (id: number, content: Bytes): Bytes => [id, ...unsigned(content.length), ...content];
const text = (value: string): Bytes => [value.length, ...Buffer.from(value, 'ascii')];

/** LEB128. */
function unsigned(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

function signed(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const isLast = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}
