// Part of the composition root: what /readyz says, and how soon. Probes wait for a second or so and then count a node as
// gone; what the store does not say by then is said for it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Store, StoreTrouble } from './stores/store.ts';

/** How long a probe waits for the store (milliseconds): less than the second after which Kubernetes gives up. */
const PATIENCE_MS = 500;

export interface Health {
  /** Undefined when ready, else the reason why not. */
  notReady(): Promise<string | undefined>;
  /** What is wrong although requests are served. */
  degraded(): Promise<readonly string[]>;
}

export interface HealthFacts {
  readonly store: Pick<Store, 'trouble' | 'failure'>;
  /** The store is shared by many nodes, and may be away for a while. */
  readonly isShared: boolean;
  readonly isStarted: () => boolean;
  /** What is wrong with the master key, if something is. */
  readonly keyTrouble: string | undefined;
}

const WORDS: Readonly<Record<StoreTrouble, string>> = Object.freeze({
  unreachable: 'the store cannot be reached',
  'read-only': 'the store can only be read',
});

/** Calls are served from memory: a shared database that is away takes no node out of service. */
export function createHealth({ store, isShared, isStarted, keyTrouble }: HealthFacts): Health {
  let look: Promise<StoreTrouble | undefined> | undefined;
  async function storeTrouble(): Promise<string | undefined> {
    // One at a time: probes of a database that hangs would take all of its connections.
    look ??= store.trouble().finally(() => (look = undefined));
    const answered = new AbortController();
    const late = sleep(PATIENCE_MS, 'unreachable' as const, { signal: answered.signal });
    late.catch(() => undefined);
    const trouble = await Promise.race([look, late]);
    answered.abort();
    return trouble && WORDS[trouble];
  }
  return {
    async notReady() {
      if (!isStarted()) return 'starting or stopping';
      return isShared ? undefined : storeTrouble();
    },
    async degraded() {
      return [keyTrouble, store.failure(), isShared ? await storeTrouble() : undefined].filter(
        (trouble) => trouble !== undefined,
      );
    },
  };
}
