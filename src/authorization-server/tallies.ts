// Counts of what must not happen too often: in the store where all processes must agree (guesses of passwords), in memory
// where it is only a matter of load (requests of an address).

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { toGatewayError } from '../core/errors.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../stores/store.ts';

const ADDRESSES_KEPT = 10_000;
const MAX_TALLIES = 20_000;
const PARENT = 'Attempts';

export interface Tallies {
  /** Counts one more, and gives the number within the window, this one included. */
  add(key: string, windowMs: number): Promise<number>;
  clear(key: string): Promise<void>;
}

/** Counts shared by every process of the installation. */
export function createTallies(store: Store, sealer: Sealer, clock: Clock): Tallies {
  const idOf = (key: string): string => `${PARENT}.${createHash('sha256').update(key).digest('base64url')}`;
  return Object.freeze({
    async add(key: string, windowMs: number): Promise<number> {
      const id = idOf(key);
      try {
        return await store.transaction(async (tx) => {
          const row = await tx.get('oidc-record', id);
          const isRunning = row?.document.expiresAt !== undefined && row.document.expiresAt > clock.now();
          const before = isRunning ? Number(sealer.open('oidc-record', row.document.sealed, [id]) ?? 0) : 0;
          const document = {
            model: PARENT,
            sealed: sealer.seal('oidc-record', String(before + 1), [id]),
            expiresAt: isRunning ? (row.document.expiresAt ?? 0) : clock.now() + windowMs,
          };
          if (row) await tx.replace('oidc-record', row, document);
          else {
            if ((await tx.count('oidc-record', PARENT)) >= MAX_TALLIES)
              for (const oldest of (await tx.list('oidc-record', PARENT, { limit: 1 })).rows)
                await tx.remove('oidc-record', oldest.id);
            await tx.create('oidc-record', { id, parentId: PARENT, name: id, document });
          }
          return before + 1;
        });
      } catch (thrown) {
        // Somebody else counts the same at this very moment: one too many.
        if (['Conflict', 'StaleRevision'].includes(toGatewayError(thrown).code)) return Infinity;
        throw thrown;
      }
    },
    async clear(key: string): Promise<void> {
      await store.transaction((tx) => tx.remove('oidc-record', idOf(key)));
    },
  });
}

/** Says whether an address may do this once more; at most `count` times in `windowMs`, in this process. */
export function createAddressLimit(
  clock: Clock,
  count: number,
  windowMs: number,
): (address: string) => boolean {
  const seen = new LRUCache<string, { count: number; until: number }>({ max: ADDRESSES_KEPT });
  return (address) => {
    const now = clock.monotonic();
    const known = seen.get(address);
    if (!known || known.until <= now) {
      seen.set(address, { count: 1, until: now + windowMs });
      return true;
    }
    known.count += 1;
    return known.count <= count;
  };
}

/** An IPv6 network is one address: its owner has 2^64 of them (RFC 4291 §2.5.1). */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail = ''] = (address.split('%', 1)[0] ?? '').split('::', 2);
  const [left, right] = [head, tail].map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - (left?.length ?? 0) - (right?.length ?? 0) }, () => '0');
  const groups = [...(left ?? []), ...zeros, ...(right ?? [])].slice(0, 4);
  return `${groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
