// Several scores of the same tools → one order. Each leg’s scores are brought to one measure, as standard scores over the
// tools that may be seen, and added with weights. (Ranks instead of scores were measured worse: they forget by how much
// the first is better.) Where the first leg singles a tool out, the others count less: they would only blur it. With few
// tools the spread says little; there the highest score is the measure.

import type { Visible } from './lexical-index.ts';

export interface Leg {
  readonly scores: Float64Array;
  readonly weight: number;
  /** Tells tools that this leg knows nothing of: they get its mean. Absent: it knows all. */
  readonly has?: (row: number) => boolean;
}

export interface Ranked {
  readonly row: number;
  readonly score: number;
  /** What each leg gave, weighted, in the order of the legs. */
  readonly parts: readonly number[];
}

/** Below this many tools standard scores are noise. */
const FEW = 20;
const MIN_SPREAD = 1e-9;
/** From this standard score of the first leg’s best on, the other legs count less, and soon hardly at all. */
const DECISIVE = 7;

/** The best rows by the sum of all legs, of which the first leads; best first, equal ones in order of rows. */
export function fuse(legs: readonly Leg[], size: number, limit: number, visible?: Visible): Ranked[] {
  const count = visible?.count ?? size;
  const measures = legs.map((leg) => measureOf(leg, size, count, visible));
  const lead = measures[0]?.best ?? 0;
  const share = lead > DECISIVE ? (DECISIVE / lead) ** 3 : 1;
  const factors = legs.map(({ weight }, leg) => (leg === 0 ? weight : weight * share));
  const best: { row: number; score: number }[] = [];
  for (let row = 0; row < size; row += 1) {
    if (visible && visible.flags[row] !== 1) continue;
    let score = 0;
    for (let leg = 0; leg < legs.length; leg += 1)
      score += factors[leg]! * standing(legs[leg]!, measures[leg]!, row);
    const last = best.at(-1);
    if (best.length >= limit && last && score <= last.score) continue;
    let at = best.length;
    while (at > 0 && best[at - 1]!.score < score) at -= 1;
    best.splice(at, 0, { row, score });
    if (best.length > limit) best.pop();
  }
  return best.map(({ row, score }) => ({
    row,
    score,
    parts: legs.map((leg, number) => factors[number]! * standing(leg, measures[number]!, row)),
  }));
}

interface Measure {
  readonly zero: number;
  readonly unit: number;
  /** Standing of the best. */
  readonly best: number;
}

function standing({ scores, has }: Leg, { zero, unit }: Measure, row: number): number {
  return has && !has(row) ? 0 : (scores[row]! - zero) / unit;
}

function measureOf({ scores, has }: Leg, size: number, count: number, visible?: Visible): Measure {
  let [known, sum, squares, highest] = [0, 0, 0, 0];
  for (let row = 0; row < size; row += 1) {
    if ((visible && visible.flags[row] !== 1) || (has && !has(row))) continue;
    const score = scores[row]!;
    known += 1;
    sum += score;
    squares += score * score;
    if (score > highest) highest = score;
  }
  if (count < FEW) return { zero: 0, unit: highest > MIN_SPREAD ? highest : 1, best: 1 };
  const mean = known > 0 ? sum / known : 0;
  const spread = known > 0 ? Math.sqrt(Math.max(squares / known - mean * mean, 0)) : 0;
  const unit = spread > MIN_SPREAD ? spread : 1;
  return { zero: mean, unit, best: (highest - mean) / unit };
}
