// SQLite through node:sqlite: the default store, one file in the data directory.
// WAL for readers beside a writer, synchronous=FULL so that acknowledged means durable (fsync on each commit).

import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { Migrator } from 'kysely/migration';
import { GatewayError } from '../../core/errors.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../store.ts';
import { MIGRATION_NAMES, migrationProvider } from '../sql/migrations.ts';
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
  more: Pick<SqlEngine, 'onUnreadable' | 'committed' | 'onForeignChange'> = {},
): Promise<Store> {
  return createSqlStore({ ...(await openSqliteEngine(path, clock)), ...more });
}

/** The same as an engine, for those who copy databases. @throws as `openSqliteStore` */
export async function openSqliteEngine(path: string, clock: Clock = systemClock): Promise<SqlEngine> {
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
  const db = new Kysely<Tables>({ dialect: new Dialect({ database: adapt(database) }) });
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw new GatewayError(
      'Unavailable',
      `The database file ${path} cannot be brought up to date: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return { db, clock, beginReading: 'begin deferred' };
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
function adapt(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(text: string): SqliteStatement {
      const known = statements.get(text);
      if (known) return known;
      const statement = adaptStatement(database, database.prepare(BEGIN[text] ?? text), text);
      if (statements.size >= STATEMENTS_KEPT) statements.clear();
      statements.set(text, statement);
      return statement;
    },
  };
}

function adaptStatement(database: DatabaseSync, statement: StatementSync, text: string): SqliteStatement {
  const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => diskFaultsNamed(() => statement.all(...values(parameters))),
    run: (parameters) => {
      // After some faults (a full disk) SQLite has rolled back by itself: a second time would hide the cause.
      if (text === 'rollback' && !database.isTransaction) return { changes: 0, lastInsertRowid: 0 };
      const { changes, lastInsertRowid } = diskFaultsNamed(() => statement.run(...values(parameters)));
      return { changes, lastInsertRowid };
    },
    iterate: (parameters) => statement.iterate(...values(parameters)) as IterableIterator<unknown>,
  };
}

/** What the operator can cure is said by name. */
const DISK_FAULTS: Readonly<Record<number, string>> = Object.freeze({
  8: 'The store cannot be written: its file or folder is read-only for this process. Correct the permissions of the data directory.',
  10: 'The store cannot be read or written: its disk reports an error. Check the disk of the data directory.',
  13: 'The store cannot be written: its disk is full. Free some space; what was saved before is safe, and no restart is needed.',
});

function diskFaultsNamed<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const code = thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) & 0xff : 0;
    const message = DISK_FAULTS[code];
    if (message === undefined) throw thrown;
    throw new GatewayError('Unavailable', message, { cause: thrown, internal: messageOf(thrown) });
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
