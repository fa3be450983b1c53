// A row of the fault matrix: what is done to a real server, what has to hold, and the figures that say whether it did.
// Knows nothing of any row.

/** One thing that has to hold, with its figure beside its limit. */
export interface Check {
  readonly what: string;
  readonly figure: string;
  readonly limit: string;
  readonly isKept: boolean;
}

export interface Row {
  /** As in the matrix: `F12`. */
  readonly id: string;
  readonly words: string;
  /** Begins before all others and gives what ends it: it only waits for a deadline of the product. */
  readonly begin?: () => Promise<() => Promise<readonly Check[]>>;
  /** A figure of this row is a time: it is taken once more before the row counts as failed. */
  readonly isTimed?: boolean;
  /** @throws CannotRun where the machine lacks something */
  readonly run?: () => Promise<readonly Check[]>;
}

/** This machine lacks what a row needs. */
export class CannotRun extends Error {}

/** A figure that may not be larger. */
export function atMost(what: string, value: number, limit: number): Check {
  return { what, figure: shown(value), limit: `≤ ${shown(limit)}`, isKept: value <= limit };
}

/** A figure that may not be smaller. */
export function atLeast(what: string, value: number, limit: number): Check {
  return { what, figure: shown(value), limit: `≥ ${shown(limit)}`, isKept: value >= limit };
}

/** Something that is to be exactly so. */
export function exactly(what: string, value: string | number, limit: string | number): Check {
  return { what, figure: String(value), limit: String(limit), isKept: value === limit };
}

const shown = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(2));

/** The value below which the share lies; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The middle value. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again until something is so. @throws Error that says what never was */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  patienceMs = 30_000,
): Promise<void> {
  const end = performance.now() + patienceMs;
  let last: unknown;
  do {
    try {
      if (await isSo()) return;
      last = undefined;
    } catch (thrown) {
      last = thrown;
    }
    await pause(25);
  } while (performance.now() < end);
  throw new Error(`never so: ${what}`, { cause: last });
}
