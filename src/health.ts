// Part of the composition root: what /readyz says.

import type { Store } from './stores/store.ts';

export interface Health {
  /** Undefined when ready, else the reason why not. */
  notReady(): Promise<string | undefined>;
  /** What is wrong although requests are served. */
  degraded(): Promise<readonly string[]>;
}

export interface HealthFacts {
  readonly store: Pick<Store, 'sequence' | 'failure'>;
  /** The store is shared by many nodes, and may be away for a while. */
  readonly isShared: boolean;
  readonly isStarted: () => boolean;
  /** What is wrong with the master key, if something is. */
  readonly keyTrouble: string | undefined;
}

/** Calls are served from memory: a shared database that is away takes no node out of service. */
export function createHealth({ store, isShared, isStarted, keyTrouble }: HealthFacts): Health {
  const storeTrouble = (): Promise<string | undefined> =>
    store.sequence().then(
      () => undefined,
      () => 'the store cannot be reached',
    );
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
