// What goes wrong with a database file, by name, and what follows: after a sync that failed the file is only read, until
// a restart reads what is really there. Knows SQLite's error numbers, and no table.

import type { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../core/errors.ts';

const READ_ONLY = 8;
/** What the operator can cure is said by name. */
const DISK_FAULTS: Readonly<Record<number, string>> = Object.freeze({
  [READ_ONLY]:
    'The store cannot be written: its file or folder is read-only for this process. Correct the permissions of the data directory.',
  10: 'The store cannot be read or written: its disk reports an error. Check the disk of the data directory.',
  13: 'The store cannot be written: its disk is full. Free some space; what was saved before is safe, and no restart is needed.',
});

/** IOERR_FSYNC and IOERR_DIR_FSYNC: the system may have dropped what it could not write, and says so only once. */
const SYNC_FAULTS: ReadonlySet<number> = new Set([1034, 1290]);
const FAILED =
  'The store is closed for writing: its disk failed to keep what was written. What was acknowledged before is safe. Check the disk of the data directory, then restart.';

/** A database file and what its disk does to it. */
export interface Disk {
  /** Runs a statement. @throws GatewayError Unavailable that names the disk's fault */
  named<T>(work: () => T): T;
  /** Why nothing is written any more, if so. */
  readonly failure: () => string | undefined;
}

/** @param onFailure told once, of a fault after which the file is only read */
export function watchDisk(database: DatabaseSync, onFailure: (reason: string) => void): Disk {
  let failure: string | undefined;
  return {
    failure: () => failure,
    named(work) {
      try {
        return work();
      } catch (thrown) {
        const code = thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) : 0;
        if (SYNC_FAULTS.has(code) && failure === undefined) {
          failure = FAILED;
          // A later sync would succeed although pages of this one are lost.
          database.exec('PRAGMA query_only = ON');
          onFailure(`${FAILED} (${messageOf(thrown)})`);
        }
        const isRefused = failure !== undefined && (SYNC_FAULTS.has(code) || (code & 0xff) === READ_ONLY);
        const message = isRefused ? failure : DISK_FAULTS[code & 0xff];
        if (message === undefined) throw thrown;
        throw new GatewayError('Unavailable', message, { cause: thrown, internal: messageOf(thrown) });
      }
    },
  };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
