// PostgreSQL as the store of many nodes. Transactions write one after the other, as they do in SQLite, under one advisory
// lock; each commit that changes something notifies the other processes. Loaded only where it is configured.

import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { Pool } from 'pg';
import { GatewayError } from '../../core/errors.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import { MIGRATION_NAMES, migrationProvider } from '../sql/migrations.ts';
import { createSqlStore } from '../sql/sql-store.ts';
import type { SqlEngine } from '../sql/sql-store.ts';
import type { Tables } from '../sql/tables.ts';
import type { Store } from '../store.ts';
import { givingUpLate } from './late-connections.ts';
import { followNotifications } from './notifications.ts';

/** Any number that is ours alone: taken for the length of a transaction that writes. */
const WRITER_LOCK = 4_716_020_265;
const CHANNEL = 'gatewright_change';
const CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
/** One statement, waiting for locks included. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** For connections to be closed in order: a server that hangs would keep the process for ever. */
const FAREWELL_MS = 2_000;
/** A process that hangs in a transaction keeps the others from writing no longer than this. */
const IDLE_TIMEOUT_MS = 15_000;

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`. */
  readonly url: Secret;
  readonly clock?: Clock;
  readonly onUnreadable?: SqlEngine['onUnreadable'];
  /** A connection broke while nobody used it; it is replaced by itself. */
  readonly onTrouble?: (message: string) => void;
  /** Leaves the schema as it is, for those who only read: other nodes may be of an older version. */
  readonly asItIs?: boolean;
}

/**
 * Opens the database and brings its schema up to date, one process at a time.
 * @throws GatewayError Unavailable when it cannot be reached, or was written by a newer version.
 */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  return createSqlStore(await openPostgresEngine(options));
}

/** The same as an engine, for those who copy databases. @throws as `openPostgresStore` */
export async function openPostgresEngine(options: PostgresOptions): Promise<SqlEngine> {
  const trouble = (thrown: unknown): void => options.onTrouble?.(messageOf(thrown));
  const sockets = new Set<Socket>();
  const settings = {
    connectionString: options.url.reveal(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    // The server may hang too, or the network in between: a little later, so that its own word comes first.
    query_timeout: STATEMENT_TIMEOUT_MS + 500,
    idle_in_transaction_session_timeout: IDLE_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'gatewright',
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
  };
  const pool = new Pool({ ...settings, max: CONNECTIONS });
  // Without listeners a connection that breaks would end the process: the pool hears of idle ones only.
  pool.on('error', trouble);
  pool.on('connect', (client) => void client.on('error', trouble));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: givingUpLate(pool) }) });
  try {
    if (options.asItIs !== true) await prepareSchema(db);
  } catch (thrown) {
    await db.destroy();
    if (thrown instanceof GatewayError) throw thrown;
    throw new GatewayError('Unavailable', `The database cannot be opened: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const own = randomUUID();
  const notifications = followNotifications({ settings, channel: CHANNEL, own, onTrouble: trouble });
  // From here on no change is missed.
  await notifications.ready;
  return {
    db,
    beginReading: 'begin isolation level repeatable read read only',
    clock: options.clock ?? systemClock,
    ...(options.onUnreadable ? { onUnreadable: options.onUnreadable } : {}),
    async beginWriting(trx) {
      await sql`select pg_advisory_xact_lock(${WRITER_LOCK})`.execute(trx);
    },
    async announce(trx) {
      await sql`select pg_notify(${CHANNEL}, ${own})`.execute(trx);
    },
    onForeignChange: (listener) => notifications.listen(listener),
    // A standby after a failover, or a database that somebody has closed for writing.
    async isReadOnly() {
      const { rows } = await sql<{
        readonly isOn: boolean;
      }>`select current_setting('transaction_read_only') = 'on' as "isOn"`.execute(db);
      return rows[0]?.isOn === true;
    },
    connections: () =>
      new Map([
        ['busy', pool.totalCount - pool.idleCount],
        ['idle', pool.idleCount],
        ['waiting', pool.waitingCount],
      ]),
    close() {
      setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, FAREWELL_MS).unref();
      return notifications.close();
    },
  };
}

/** SQLSTATEs of a server that is starting or stopping, and error codes of one that cannot be reached. */
const AWAY: ReadonlySet<string> = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Whether a fault of opening may be over by itself: the server is not there yet, as opposed to a wrong password. */
export function isAway(thrown: unknown): boolean {
  if (thrown instanceof AggregateError) return thrown.errors.some(isAway);
  if (!(thrown instanceof Error)) return false;
  if ('code' in thrown && AWAY.has(String(thrown.code))) return true;
  // The driver's own time-outs have no code.
  return /timeout|Connection terminated/i.test(thrown.message) || isAway(thrown.cause);
}

/** Kysely's migrator takes a lock of its own, so that nodes that start together wait for each other. */
async function prepareSchema(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: migrationProvider });
  const known = await ranMigrations(db);
  const foreign = known.filter((name) => !MIGRATION_NAMES.includes(name));
  if (foreign.length > 0)
    throw new GatewayError(
      'Unavailable',
      `The database was written by a newer version of Gatewright (it has ${foreign.join(', ')}). Start that version or a later one, or restore a copy from before.`,
    );
  if (known.length === MIGRATION_NAMES.length) return;
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw new GatewayError('Unavailable', `The database cannot be brought up to date: ${messageOf(error)}`, {
      cause: error,
    });
}

async function ranMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const there = await sql<{
    name: string | null;
  }>`select to_regclass('kysely_migration')::text as name`.execute(db);
  if (there.rows[0]?.name == null) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}

function messageOf(thrown: unknown): string {
  // A refused connection to a name of several addresses is one error made of several.
  if (thrown instanceof AggregateError) return thrown.errors.map(messageOf).join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}
