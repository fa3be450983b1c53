// How long things took, as a histogram of plain numbers: whoever is on the way of a call adds to it, and makes no text.

/** OpenTelemetry's buckets for MCP operations, seconds (semantic conventions, `mcp.server.operation.duration`). */
export const SECONDS: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** How long things took: a count for each bucket, not yet added up. */
export interface Times {
  readonly buckets: number[];
  count: number;
  sum: number;
}

/** Nothing has taken any time yet. */
export function newTimes(): Times {
  return { buckets: Array.from({ length: SECONDS.length + 1 }, () => 0), count: 0, sum: 0 };
}

/** Adds one duration. */
export function observe(times: Times, seconds: number): void {
  let bucket = 0;
  while (bucket < SECONDS.length && seconds > (SECONDS[bucket] ?? 0)) bucket += 1;
  times.buckets[bucket] = (times.buckets[bucket] ?? 0) + 1;
  times.count += 1;
  times.sum += seconds;
}
