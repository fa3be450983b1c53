// The sentence encoder: pieces → one vector of length one. A transformer of two layers over word pieces (the lite form of
// the Universal Sentence Encoder, arXiv 1803.11175), whose matrix products run in the kernel of lib/simd; all that is
// small is plain code. Not for the main thread: a sentence takes milliseconds.

import { createMatrixKernel, packPanels } from '../../../lib/simd/matrix-kernel.ts';
import { createMemory } from '../../../lib/simd/webassembly.ts';
import { createTokenizer } from './tokenizer.ts';
import type { Weights } from './weights.ts';

/** Length of the vectors. */
export const SENTENCE_DIMENSIONS = 512;
const MAX_PIECES = 128;
const INPUT = 256;
const WIDTH = 512;
const INNER = 1536;
const HEADS = 4;
const NORM_EPSILON = 1e-6;

/** Where numbers lie in the kernel’s memory, counted in float32. */
interface Place {
  readonly at: number;
  readonly view: Float32Array;
}

interface Matrix {
  readonly at: number;
  readonly inner: number;
  readonly columns: number;
  readonly bias: Float32Array;
}

interface Norm {
  readonly scale: Float32Array;
  readonly bias: Float32Array;
}

interface Layer {
  readonly width: number;
  readonly attentionNorm: Norm;
  readonly qkv: Matrix;
  readonly output: Matrix;
  readonly resize?: Matrix;
  readonly feedNorm: Norm;
  readonly feedIn: Matrix;
  readonly feedOut: Matrix;
}

/** An encoder with these weights: text → vector. */
export function createEncoder(weights: Weights): (text: string) => Float32Array {
  const tokenizer = createTokenizer(weights.pieces);
  const embeddings = weights.tensor('/Embeddings_en').slice();
  const timing = weights.tensor('/AddTimingSignal/TimingSignal/ExpandDims_1').slice();
  const total = 6_000_000 + MAX_PIECES * (3 * WIDTH + INNER + 4 * WIDTH);
  const memory = createMemory(total * 4);
  const multiply = createMatrixKernel(memory);
  let used = 0;
  const reserve = (count: number): Place => {
    const at = used;
    used += Math.ceil(count / 4) * 4;
    return { at, view: new Float32Array(memory.buffer, at * 4, count) };
  };
  const matrix = (end: string, biasEnd: string, inner: number, columns: number): Matrix => {
    const place = reserve(inner * columns);
    packPanels(weights.tensor(end), inner, columns, place.view);
    return { at: place.at, inner, columns, bias: weights.tensor(biasEnd).slice() };
  };
  const norm = (start: string): Norm => ({
    scale: weights.tensor(`${start}/layer_norm/layer_norm_scale/ConcatPartitions/concat`).slice(),
    bias: weights.tensor(`${start}/layer_norm/layer_norm_bias/ConcatPartitions/concat`).slice(),
  });
  const layer = (number: number, width: number): Layer => {
    const own = `Encode/Layer_${number}/TransformerLayer`;
    const stack = `TransformerStack/Layer_${number}/TransformerLayer`;
    const bias = (name: string): string => `${own}/${name}/bias/ConcatPartitions/concat`;
    const attention = `${own}/MultiheadAttention`;
    return {
      width,
      attentionNorm: norm(`${own}/layer_prepostprocess`),
      qkv: matrix(
        `${attention}/qkv_transform_single/kernel/part_0`,
        bias('MultiheadAttention/qkv_transform_single'),
        width,
        3 * width,
      ),
      output: matrix(
        `${attention}/output_transform_single/kernel/part_0`,
        bias('MultiheadAttention/output_transform_single'),
        width,
        WIDTH,
      ),
      ...(width === WIDTH
        ? {}
        : { resize: matrix(`${own}/dense/kernel/ConcatPartitions/concat`, bias('dense'), width, WIDTH) }),
      feedNorm: norm(`${own}/FFN/layer_prepostprocess`),
      feedIn: matrix(`${stack}/FFN/conv1/Tensordot/Reshape_1`, bias('FFN/conv1'), WIDTH, INNER),
      feedOut: matrix(`${stack}/FFN/conv2/Tensordot/Reshape_1`, bias('FFN/conv2'), INNER, WIDTH),
    };
  };
  const layers = [layer(0, INPUT), layer(1, WIDTH)];
  const last = matrix('/tanh_layer_0/weights', '/tanh_layer_0/bias', WIDTH, SENTENCE_DIMENSIONS);
  const [state, normed, wide, mixed, part] = [WIDTH, WIDTH, INNER, WIDTH, WIDTH].map((width) =>
    reserve(MAX_PIECES * width),
  ) as [Place, Place, Place, Place, Place];

  /** `out` = `input` times a matrix, plus its bias. */
  function apply(input: Place, by: Matrix, out: Place, count: number): void {
    const rows = Math.ceil(count / 4) * 4;
    multiply(input.at * 4, by.at * 4, out.at * 4, rows, by.inner, by.columns);
    for (let row = 0; row < count; row += 1)
      for (let column = 0; column < by.columns; column += 1)
        out.view[row * by.columns + column]! += by.bias[column]!;
  }

  function attend(count: number, width: number): void {
    const size = width / HEADS;
    const scale = 1 / Math.sqrt(size);
    const shares = new Float32Array(count);
    const { view } = wide;
    mixed.view.fill(0, 0, count * width);
    for (let head = 0; head < HEADS; head += 1)
      for (let row = 0; row < count; row += 1) {
        const query = row * 3 * width + head * size;
        let highest = Number.NEGATIVE_INFINITY;
        for (let other = 0; other < count; other += 1) {
          const key = other * 3 * width + width + head * size;
          let sum = 0;
          for (let k = 0; k < size; k += 1) sum += view[query + k]! * view[key + k]!;
          shares[other] = sum * scale;
          highest = Math.max(highest, sum * scale);
        }
        let all = 0;
        for (let other = 0; other < count; other += 1)
          all += shares[other] = Math.exp(shares[other]! - highest);
        const out = row * width + head * size;
        for (let other = 0; other < count; other += 1) {
          const value = other * 3 * width + 2 * width + head * size;
          const share = shares[other]! / all;
          for (let k = 0; k < size; k += 1) mixed.view[out + k]! += share * view[value + k]!;
        }
      }
  }

  function run(by: Layer, count: number): void {
    const { width } = by;
    normalise(state.view, normed.view, by.attentionNorm, count, width);
    apply(normed, by.qkv, wide, count);
    attend(count, width);
    if (by.resize) {
      apply(state, by.resize, part, count);
      state.view.set(part.view.subarray(0, count * WIDTH));
    }
    apply(mixed, by.output, part, count);
    add(state.view, part.view, count * WIDTH);
    normalise(state.view, normed.view, by.feedNorm, count, WIDTH);
    apply(normed, by.feedIn, wide, count);
    for (let at = 0; at < count * INNER; at += 1) if (wide.view[at]! < 0) wide.view[at] = 0;
    apply(wide, by.feedOut, part, count);
    add(state.view, part.view, count * WIDTH);
  }

  return (text) => {
    const pieces = tokenizer.encode(text).slice(0, MAX_PIECES);
    const count = pieces.length;
    if (count === 0) return new Float32Array(SENTENCE_DIMENSIONS);
    for (let row = 0; row < count; row += 1)
      for (let k = 0; k < INPUT; k += 1) {
        const angle = row * timing[k % (INPUT / 2)]!;
        const position = k < INPUT / 2 ? Math.sin(angle) : Math.cos(angle);
        // The stack adds its input to the input with positions, so it counts twice.
        state.view[row * INPUT + k] = 2 * embeddings[pieces[row]! * INPUT + k]! + position;
      }
    for (const each of layers) run(each, count);
    normed.view.fill(0, 0, WIDTH);
    for (let at = 0; at < count * WIDTH; at += 1) normed.view[at % WIDTH]! += state.view[at]! / count;
    apply(normed, last, part, 1);
    const vector = part.view.slice(0, SENTENCE_DIMENSIONS).map(Math.tanh);
    const length = Math.max(Math.hypot(...vector), 1e-9);
    return vector.map((value) => value / length);
  };
}

function normalise(
  from: Float32Array,
  to: Float32Array,
  { scale, bias }: Norm,
  count: number,
  width: number,
): void {
  for (let row = 0; row < count; row += 1) {
    const start = row * width;
    let mean = 0;
    for (let k = 0; k < width; k += 1) mean += from[start + k]!;
    mean /= width;
    let spread = 0;
    for (let k = 0; k < width; k += 1) spread += (from[start + k]! - mean) ** 2;
    const factor = 1 / Math.sqrt(spread / width + NORM_EPSILON);
    for (let k = 0; k < width; k += 1)
      to[start + k] = (from[start + k]! - mean) * factor * scale[k]! + bias[k]!;
  }
}

function add(to: Float32Array, from: Float32Array, count: number): void {
  for (let at = 0; at < count; at += 1) to[at]! += from[at]!;
}
