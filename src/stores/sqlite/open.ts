// SQLite through node:sqlite: the default store, one file in the data directory.
// WAL for readers beside a writer, synchronous=FULL so that acknowledged means durable (fsync on each commit). After an fsync
// that failed nothing is written any more until a restart.

import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { Migrator } from 'kysely/migration';
import { GatewayError } from '../../core/errors.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../store.ts';
import { MIGRATION_NAMES, migrationProvider } from '../sql/migrations.ts';
import { watchDisk } from './disk.ts';
import type { Disk } from './disk.ts';
import { createSqlStore } from '../sql/sql-store.ts';
import type { SqlEngine } from '../sql/sql-store.ts';
import type { Tables } from '../sql/tables.ts';

const STATEMENTS_KEPT = 200;

/**
 * Opens (and makes or migrates) the database file; `:memory:` makes one that is gone on close.
 * @throws GatewayError Unavailable when the file cannot be opened or was written by a newer version.
 */
export async function openSqliteStore(
  path: string,
  clock: Clock = systemClock,
  { onFailure, ...more }: SqliteOptions = {},
): Promise<Store> {
  const options = { clock, ...(onFailure ? { onFailure } : {}) };
  return createSqlStore({ ...(await openSqliteEngine(path, options)), ...more });
}

export interface SqliteOptions extends Pick<SqlEngine, 'onUnreadable' | 'committed' | 'onForeignChange'> {
  /** Told once why nothing is written any more. */
  readonly onFailure?: (reason: string) => void;
}

export interface SqliteEngineOptions extends Pick<SqliteOptions, 'onFailure'> {
  readonly clock?: Clock;
  /** The last migration to run; without it all that there are. */
  readonly level?: string;
}

/** The same as an engine, for those who copy databases. @throws as `openSqliteStore` */
export async function openSqliteEngine(
  path: string,
  { clock = systemClock, onFailure = () => undefined, level }: SqliteEngineOptions = {},
): Promise<SqlEngine> {
  let database: DatabaseSync;
  try {
    if (path !== ':memory:') createFile(path);
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;');
  } catch (thrown) {
    throw new GatewayError(
      'Unavailable',
      `The database file ${path} cannot be opened: ${messageOf(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
  const unknown = unknownMigrations(database);
  if (unknown.length > 0) {
    database.close();
    throw new GatewayError(
      'Unavailable',
      `The database file ${path} was written by a newer version of Gatewright (it has ${unknown.join(', ')}). Start that version or a later one, or restore a copy from before.`,
    );
  }
  const disk = watchDisk(database, onFailure);
  const db = new Kysely<Tables>({ dialect: new Dialect({ database: adapt(database, disk) }) });
  const migrator = new Migrator({ db, provider: migrationProvider });
  const { error } = await (level === undefined ? migrator.migrateToLatest() : migrator.migrateTo(level));
  if (error !== undefined) {
    await db.destroy();
    throw new GatewayError(
      'Unavailable',
      `The database file ${path} cannot be brought up to date: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return { db, clock, beginReading: 'begin deferred', failure: disk.failure };
}

/**
 * A database file that is only read, as it is: nothing is made, migrated or locked, also beside a server that uses it.
 * @throws GatewayError Unavailable when it cannot be opened
 */
export function openSqliteSource(path: string): SqlEngine {
  let database: DatabaseSync;
  try {
    database = openReadOnly(path);
  } catch (thrown) {
    throw new GatewayError('Unavailable', `The database file ${path} cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const disk = watchDisk(database, () => undefined);
  const db = new Kysely<Tables>({ dialect: new Dialect({ database: adapt(database, disk) }) });
  return { db, clock: systemClock, beginReading: 'begin deferred', failure: disk.failure };
}

function openReadOnly(path: string): DatabaseSync {
  const look = (database: DatabaseSync): DatabaseSync => {
    try {
      database.prepare('select count(*) from sqlite_master').get();
      return database;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  };
  try {
    return look(new DatabaseSync(path, { readOnly: true, timeout: 5000 }));
  } catch (thrown) {
    // SQLite wants to write beside the file, and may not: of one that nobody has open nothing is missing without that.
    if (existsSync(`${path}-wal`)) throw thrown;
    const address = pathToFileURL(path);
    address.searchParams.set('immutable', '1');
    return look(new DatabaseSync(address, { readOnly: true }));
  }
}

/** Migrations all or none: one that was broken off half-way could not be run again. */
class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class Dialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new Adapter();
  }
}

/** Made beforehand, because SQLite would leave the mode to the umask; its journal files take over the mode. */
function createFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

/** Migrations that were run on the file and are not ours: its tables may be other ones than we know. */
function unknownMigrations(database: DatabaseSync): readonly string[] {
  const hasRun = database.prepare(`select name from sqlite_master where name = 'kysely_migration'`).get();
  if (!hasRun) return [];
  const rows = database.prepare('select name from kysely_migration order by name').all();
  return rows.map(({ name }) => String(name)).filter((name) => !MIGRATION_NAMES.includes(name));
}

/**
 * Transactions here write. One that has read before it comes to write cannot wait for another process's (SQLite would
 * have to show it what changed meanwhile) but fails at once; one that begins as a writer waits its turn.
 */
const BEGIN: Readonly<Record<string, string>> = Object.freeze({ begin: 'begin immediate' });

/** node:sqlite in the form that Kysely's dialect expects; statements are prepared once and kept. */
function adapt(database: DatabaseSync, disk: Disk): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(text: string): SqliteStatement {
      const known = statements.get(text);
      if (known) return known;
      const statement = adaptStatement(database, disk, database.prepare(BEGIN[text] ?? text), text);
      if (statements.size >= STATEMENTS_KEPT) statements.clear();
      statements.set(text, statement);
      return statement;
    },
  };
}

function adaptStatement(
  database: DatabaseSync,
  disk: Disk,
  statement: StatementSync,
  text: string,
): SqliteStatement {
  const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => disk.named(() => statement.all(...values(parameters))),
    run: (parameters) => {
      // After some faults (a full disk) SQLite has rolled back by itself: a second time would hide the cause.
      if (text === 'rollback' && !database.isTransaction) return { changes: 0, lastInsertRowid: 0 };
      const { changes, lastInsertRowid } = disk.named(() => statement.run(...values(parameters)));
      return { changes, lastInsertRowid };
    },
    iterate: (parameters) => statement.iterate(...values(parameters)) as IterableIterator<unknown>,
  };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
