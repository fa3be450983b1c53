// How often requests may be repeated in all: one in ten, so that repeating never becomes a load of its own when everything
// fails at once.

const EARNED = 0.1;
const MOST = 10;

export interface RetryBudget {
  /** Counts a request. */
  earn(): void;
  /** Whether one may be repeated now; it counts as repeated. */
  spend(): boolean;
}

/** A budget that begins full. */
export function createRetryBudget(): RetryBudget {
  let tokens = MOST;
  return {
    earn() {
      tokens = Math.min(MOST, tokens + EARNED);
    },
    spend() {
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
