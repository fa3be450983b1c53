// Refusals of whoever has proved nothing. Anybody can cause them, as fast as the network goes, so that a record for each would
// let strangers fill the disk: beyond a rate they are counted, and the count is recorded. Knows no file.

import { LRUCache } from 'lru-cache';
import type { AuditFact } from '../core/audit.ts';
import type { JsonObject } from '../core/json.ts';
import type { Clock } from '../lib/clock.ts';

/** Records at once, and a minute after that: of one address, and of all. */
const ADDRESS = Object.freeze({ burst: 120, perMinute: 10 });
const ALL = Object.freeze({ burst: 1_200, perMinute: 120 });
const ADDRESSES_KEPT = 10_000;
/** Addresses that a summary names, those with most refusals. */
const ADDRESSES_SHOWN = 10;
const MINUTE_MS = 60_000;

export interface Refusals {
  /** Whether a fact gets a record of its own; one that does not is counted. */
  admits(fact: AuditFact): boolean;
  /** What was counted since the last summary; undefined when nothing was. */
  summary(): JsonObject | undefined;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Counts nothing yet. */
export function createRefusals(clock: Pick<Clock, 'now' | 'monotonic'>): Refusals {
  const buckets = new LRUCache<string, Bucket>({ max: ADDRESSES_KEPT });
  const all: Bucket = { tokens: ALL.burst, at: clock.monotonic() };
  const counts = new LRUCache<string, number>({ max: ADDRESSES_KEPT });
  let total = 0;
  let since = 0;

  function fill(bucket: Bucket, { burst, perMinute }: typeof ADDRESS | typeof ALL): Bucket {
    const now = clock.monotonic();
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perMinute) / MINUTE_MS);
    bucket.at = now;
    return bucket;
  }

  return {
    admits({ actor, decision, errorCode, phase, sourceIpAddress = '' }) {
      // An intent that is waited for, and its outcome, are recorded in any case.
      if (actor.kind !== 'unknown' || phase !== undefined) return true;
      // What came to nothing is as cheap to cause as what was refused.
      if (decision !== 'deny' && errorCode === undefined) return true;
      let own = buckets.get(sourceIpAddress);
      if (!own) buckets.set(sourceIpAddress, (own = { tokens: ADDRESS.burst, at: clock.monotonic() }));
      if (fill(own, ADDRESS).tokens >= 1 && fill(all, ALL).tokens >= 1) {
        own.tokens -= 1;
        all.tokens -= 1;
        return true;
      }
      if (total === 0) since = clock.now();
      total += 1;
      counts.set(sourceIpAddress, (counts.get(sourceIpAddress) ?? 0) + 1);
      return false;
    },
    summary() {
      if (total === 0) return undefined;
      const addresses = [...counts.entries()]
        .map(([address, count]) => ({ address, count }))
        .sort((one, other) => other.count - one.count)
        .slice(0, ADDRESSES_SHOWN);
      const counted = { addresses, count: total, since: new Date(since).toISOString() };
      counts.clear();
      total = 0;
      return counted;
    },
  };
}
