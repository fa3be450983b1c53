// The last durations of something, for percentiles.

const KEPT = 512;

export interface Latencies {
  add(ms: number): void;
  /** The duration that this share of them does not exceed; 0 when there are none. */
  percentile(share: number): number;
}

/** Durations, of which the last few hundred are kept. */
export function createLatencies(): Latencies {
  const kept: number[] = [];
  let next = 0;
  return {
    add(ms) {
      kept[next % KEPT] = ms;
      next += 1;
    },
    percentile(share) {
      const sorted = kept.toSorted((one, other) => one - other);
      return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    },
  };
}
