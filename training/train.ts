// The training itself: a word’s vector is its GloVe vector, freed of what all words share, through one learned map, plus
// a learned correction, times a learned weight. A text is the sum of its words. Texts of a pair shall be nearer to each
// other than to the other texts of their batch (contrastive loss, both directions), by stochastic gradient descent.

import { GLOVE_DIMENSIONS } from './material.ts';
import type { Pair, Vocabulary } from './material.ts';

export interface TrainOptions {
  readonly dimensions: number;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
}

const TEMPERATURE = 0.06;
const RATE_MAP = 0.01;
const RATE_WORDS = 0.05;
const RATE_WEIGHTS = 0.02;
/** Smooth inverse frequency: how much the commonest words count at first. */
const SIF = 1e-3;
const EPSILON = 1e-8;

interface Model {
  readonly dimensions: number;
  readonly glove: Float32Array;
  readonly map: Float32Array;
  readonly corrections: Float32Array;
  readonly weights: Float32Array;
}

/** The trained vectors, weights multiplied in, row by row. `tell` is told how it goes. */
export function trainWords(
  vocabulary: Vocabulary,
  pairs: Pair[],
  options: TrainOptions,
  tell: (line: string) => void,
): Float32Array {
  const { dimensions, batch } = options;
  const count = vocabulary.words.length;
  const random = mulberry32(options.seed);
  const model: Model = {
    dimensions,
    glove: withoutCommonParts(vocabulary.vectors, GLOVE_DIMENSIONS, random),
    map: new Float32Array(GLOVE_DIMENSIONS * dimensions).map((_, at) => {
      const isDiagonal = Math.floor(at / dimensions) === at % dimensions;
      return (isDiagonal ? 1 : 0) + (random() - 0.5) * 0.02;
    }),
    corrections: new Float32Array(count * dimensions),
    weights: Float32Array.from(vocabulary.ranks, (rank) => {
      const frequency = 1 / ((rank + 2) * 13);
      return SIF / (SIF + frequency);
    }),
  };
  const step = createStep(model, batch);
  const steps = Math.floor(pairs.length / batch);
  for (let epoch = 0; epoch < options.epochs; epoch += 1) {
    shuffle(pairs, random);
    let loss = 0;
    for (let at = 0; at < steps; at += 1) {
      const progress = (epoch * steps + at) / (options.epochs * steps);
      loss += step(pairs.slice(at * batch, (at + 1) * batch), 1 - 0.9 * progress);
      if (at % 100 === 99)
        tell(`epoch ${epoch + 1}, step ${at + 1} of ${steps}: loss ${(loss / (at + 1)).toFixed(4)}`);
    }
  }
  return finished(model);
}

/** One step of descent; gives the mean loss of its batch. */
function createStep(model: Model, batch: number): (pairs: readonly Pair[], rate: number) => number {
  const { dimensions: d, glove, map, corrections, weights } = model;
  const texts = [0, 1].map(() => ({
    pooled: new Float32Array(batch * GLOVE_DIMENSIONS),
    unit: new Float32Array(batch * d),
    length: new Float32Array(batch),
    slope: new Float32Array(batch * d),
  }));
  const scores = new Float32Array(batch * batch);
  const mapSlope = new Float32Array(map.length);
  const [mapSquares, correctionSquares, weightSquares] = [
    new Float32Array(map.length),
    new Float32Array(corrections.length / d),
    new Float32Array(weights.length),
  ];
  const back = new Float32Array(GLOVE_DIMENSIONS);

  function encode(side: (typeof texts)[number], row: number, words: readonly number[]): void {
    const pooled = side.pooled.fill(0, row * GLOVE_DIMENSIONS, (row + 1) * GLOVE_DIMENSIONS);
    const unit = side.unit.fill(0, row * d, (row + 1) * d);
    for (const word of words) {
      const weight = weights[word] ?? 0;
      for (let k = 0; k < GLOVE_DIMENSIONS; k += 1)
        pooled[row * GLOVE_DIMENSIONS + k]! += weight * glove[word * GLOVE_DIMENSIONS + k]!;
      for (let k = 0; k < d; k += 1) unit[row * d + k]! += weight * corrections[word * d + k]!;
    }
    for (let k = 0; k < GLOVE_DIMENSIONS; k += 1) {
      const value = pooled[row * GLOVE_DIMENSIONS + k]!;
      for (let j = 0; j < d; j += 1) unit[row * d + j]! += value * map[k * d + j]!;
    }
    let squares = EPSILON;
    for (let j = 0; j < d; j += 1) squares += unit[row * d + j]! ** 2;
    const length = Math.sqrt(squares);
    side.length[row] = length;
    for (let j = 0; j < d; j += 1) unit[row * d + j]! /= length;
  }

  /** From the slope of a text’s unit vector to its words and the map. */
  function learn(side: (typeof texts)[number], row: number, words: readonly number[], rate: number): void {
    const { slope, unit, pooled } = side;
    const length = side.length[row] ?? 1;
    let along = 0;
    for (let j = 0; j < d; j += 1) along += slope[row * d + j]! * unit[row * d + j]!;
    let size = 0;
    for (let j = 0; j < d; j += 1) {
      const value = (slope[row * d + j]! - along * unit[row * d + j]!) / length;
      slope[row * d + j] = value;
      size += value * value;
    }
    for (let k = 0; k < GLOVE_DIMENSIONS; k += 1) {
      const value = pooled[row * GLOVE_DIMENSIONS + k]!;
      let sum = 0;
      for (let j = 0; j < d; j += 1) {
        mapSlope[k * d + j]! += value * slope[row * d + j]!;
        sum += map[k * d + j]! * slope[row * d + j]!;
      }
      back[k] = sum;
    }
    for (const word of words) {
      const weight = weights[word] ?? 0;
      let turn = 0;
      for (let k = 0; k < GLOVE_DIMENSIONS; k += 1) turn += back[k]! * glove[word * GLOVE_DIMENSIONS + k]!;
      for (let j = 0; j < d; j += 1) turn += corrections[word * d + j]! * slope[row * d + j]!;
      correctionSquares[word]! += (weight * weight * size) / d;
      const pace = (rate * RATE_WORDS * weight) / Math.sqrt(correctionSquares[word]! + EPSILON);
      for (let j = 0; j < d; j += 1) corrections[word * d + j]! -= pace * slope[row * d + j]!;
      weightSquares[word]! += turn * turn;
      const change = (rate * RATE_WEIGHTS * turn) / Math.sqrt(weightSquares[word]! + EPSILON);
      weights[word] = Math.min(3, Math.max(0.01, weight - change));
    }
  }

  return (pairs, rate) => {
    const [left, right] = texts as [(typeof texts)[number], (typeof texts)[number]];
    for (const [row, [one, other]] of pairs.entries()) {
      encode(left, row, one);
      encode(right, row, other);
    }
    left.slope.fill(0);
    right.slope.fill(0);
    mapSlope.fill(0);
    const loss = contrast(left, right, scores, batch, d);
    for (const [row, [one, other]] of pairs.entries()) {
      learn(left, row, one, rate);
      learn(right, row, other, rate);
    }
    for (let at = 0; at < map.length; at += 1) {
      mapSquares[at]! += mapSlope[at]! ** 2;
      map[at]! -= (rate * RATE_MAP * mapSlope[at]!) / Math.sqrt(mapSquares[at]! + EPSILON);
    }
    return loss;
  };
}

interface Side {
  readonly unit: Float32Array;
  readonly slope: Float32Array;
}

/** Cross entropy of who belongs to whom, by rows and by columns; leaves the slopes of both sides. */
function contrast(left: Side, right: Side, scores: Float32Array, batch: number, d: number): number {
  for (let row = 0; row < batch; row += 1)
    for (let column = 0; column < batch; column += 1) {
      let sum = 0;
      for (let j = 0; j < d; j += 1) sum += left.unit[row * d + j]! * right.unit[column * d + j]!;
      scores[row * batch + column] = Math.exp((sum - 1) / TEMPERATURE);
    }
  const [rows, columns] = [new Float32Array(batch), new Float32Array(batch)];
  for (let row = 0; row < batch; row += 1)
    for (let column = 0; column < batch; column += 1) {
      rows[row]! += scores[row * batch + column]!;
      columns[column]! += scores[row * batch + column]!;
    }
  let loss = 0;
  const scale = 1 / (2 * batch * TEMPERATURE);
  for (let row = 0; row < batch; row += 1) {
    const own = scores[row * batch + row]!;
    loss -= Math.log(own / rows[row]!) + Math.log(own / columns[row]!);
    for (let column = 0; column < batch; column += 1) {
      const score = scores[row * batch + column]!;
      const pull = scale * (score / rows[row]! + score / columns[column]! - (row === column ? 2 : 0));
      if (Math.abs(pull) < 1e-7) continue;
      for (let j = 0; j < d; j += 1) {
        left.slope[row * d + j]! += pull * right.unit[column * d + j]!;
        right.slope[column * d + j]! += pull * left.unit[row * d + j]!;
      }
    }
  }
  return loss / (2 * batch);
}

function finished({ dimensions: d, glove, map, corrections, weights }: Model): Float32Array {
  const vectors = Float32Array.from(corrections);
  for (let word = 0; word < weights.length; word += 1) {
    for (let k = 0; k < GLOVE_DIMENSIONS; k += 1) {
      const value = glove[word * GLOVE_DIMENSIONS + k]!;
      for (let j = 0; j < d; j += 1) vectors[word * d + j]! += value * map[k * d + j]!;
    }
    for (let j = 0; j < d; j += 1) vectors[word * d + j]! *= weights[word]!;
  }
  return vectors;
}

/** Takes away the mean and the two directions in which all words lie, and scales to a mean length of one. */
function withoutCommonParts(vectors: Float32Array, d: number, random: () => number): Float32Array {
  const rows = vectors.length / d;
  const result = Float32Array.from(vectors);
  const mean = new Float64Array(d);
  for (let at = 0; at < result.length; at += 1) mean[at % d]! += result[at]! / rows;
  for (let at = 0; at < result.length; at += 1) result[at]! -= mean[at % d]!;
  for (let component = 0; component < 2; component += 1) {
    let direction = Float64Array.from({ length: d }, () => random() - 0.5);
    for (let turn = 0; turn < 12; turn += 1) {
      const next = new Float64Array(d);
      for (let row = 0; row < rows; row += 1) {
        let along = 0;
        for (let k = 0; k < d; k += 1) along += result[row * d + k]! * direction[k]!;
        for (let k = 0; k < d; k += 1) next[k]! += along * result[row * d + k]!;
      }
      const length = Math.hypot(...next);
      direction = next.map((value) => value / length);
    }
    for (let row = 0; row < rows; row += 1) {
      let along = 0;
      for (let k = 0; k < d; k += 1) along += result[row * d + k]! * direction[k]!;
      for (let k = 0; k < d; k += 1) result[row * d + k]! -= along * direction[k]!;
    }
  }
  let total = 0;
  for (let row = 0; row < rows; row += 1) total += Math.hypot(...result.subarray(row * d, (row + 1) * d));
  return result.map((value) => (value * rows) / total);
}

function shuffle(items: unknown[], random: () => number): void {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [items[at], items[other]] = [items[other], items[at]];
  }
}

/** A small generator of random numbers with a seed (Mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
