// How often each caller may search: a bucket of tokens for each, filled evenly. Who has not been seen for long is
// forgotten, so that many callers cost no memory.

import { LRUCache } from 'lru-cache';
import { GatewayError } from '../core/errors.ts';
import type { Clock } from '../lib/clock.ts';

const MAX_CALLERS = 10_000;
const MINUTE_MS = 60_000;
/** A question of this many characters counts as one; its cost grows with its length. */
const LENGTH_OF_ONE = 512;
/** A caller that was quiet may send a quarter of a minute’s worth at once, but at least ten. */
const burstOf = (perMinute: number): number => Math.max(10, perMinute / 4);

export interface RateLimit {
  /** Counts one question; long ones count as several. @throws GatewayError Throttled */
  take(caller: string, perMinute: number, length: number): void;
}

/** A limit that knows nobody yet. */
export function createRateLimit(clock: Pick<Clock, 'monotonic'>): RateLimit {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: MAX_CALLERS });
  return {
    take(caller, perMinute, length) {
      const now = clock.monotonic();
      const burst = burstOf(perMinute);
      const bucket = buckets.get(caller) ?? { tokens: burst, at: now };
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perMinute) / MINUTE_MS);
      bucket.at = now;
      buckets.set(caller, bucket);
      if (bucket.tokens < 1) {
        const retryAfterMs = Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / perMinute);
        throw new GatewayError(
          'Throttled',
          `Too many searches: a caller has ${perMinute} a minute on this gateway. Retry in ${Math.ceil(retryAfterMs / 1000)} s.`,
          { retryAfterMs },
        );
      }
      // What is left may be below nothing: the next question waits the longer.
      bucket.tokens -= Math.ceil(Math.max(1, length) / LENGTH_OF_ONE);
    },
  };
}
