// Part of the composition root: the store that the settings describe. One file by default; PostgreSQL for many nodes, which
// a node waits for as long as it is away, unready and without guessing.

import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { GatewayError, reasonOf } from './core/errors.ts';
import type { Clock } from './lib/clock.ts';
import { openSqliteStore } from './stores/sqlite/open.ts';
import type { Store } from './stores/store.ts';
import type { ProcessLog } from './telemetry/log.ts';
import { hearPrimary, tellPrimary } from './workers.ts';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/** @throws GatewayError Unavailable with cause and cure, also when `stopping` aborts the waiting */
export async function openStore(
  config: Pick<Config, 'dataDir' | 'databaseUrl'>,
  clock: Clock,
  log: ProcessLog,
  stopping?: AbortSignal,
): Promise<Store> {
  const onUnreadable = ({ kind, id }: { readonly kind: string; readonly id: string }): void =>
    log.error({ kind, id }, 'a stored row cannot be read and is left out');
  const { databaseUrl: url } = config;
  if (!url)
    return openSqliteStore(join(config.dataDir, 'gatewright.db'), clock, {
      onUnreadable,
      onFailure: (reason) => log.error({ reason }, 'the store is closed for writing'),
      // Workers tell each other of changes; processes that know nothing of each other look every now and then.
      committed: () => tellPrimary('changed'),
      onForeignChange: (listener) => hearPrimary((message) => message === 'changed' && listener()),
    });
  // Loaded only where it is configured.
  const { isAway, openPostgresStore } = await import('./stores/postgres/open.ts');
  const onTrouble = (reason: string): void => log.warn({ reason }, 'a connection to the database was lost');
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS))
    try {
      return await openPostgresStore({ url, clock, onUnreadable, onTrouble });
    } catch (thrown) {
      if (!isAway(thrown)) throw thrown;
      log.warn(
        { reason: reasonOf(thrown), retryMs: waitMs },
        'the database is not there yet; this node waits for it, and is not ready meanwhile',
      );
      await sleep(waitMs, undefined, stopping ? { signal: stopping } : {}).catch(() => {
        throw new GatewayError('Unavailable', 'Stopped while waiting for the database.', { cause: thrown });
      });
    }
}
