// The Store contract over Kysely, for any SQL engine. What differs between engines (opening, error numbers)
// comes in as arguments. Every commit that changes something takes numbers from one counter row, so changes
// have one order on every engine.

import type { Kysely, Transaction } from 'kysely';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { ResourceDocuments, ResourceKind } from '../../core/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import type {
  Change,
  Page,
  Row,
  Store,
  StoreConnections,
  StoreReader,
  StoreTransaction,
  StoreTrouble,
} from '../store.ts';
import { tableOf } from './tables.ts';
import type { NewRow, StoredRow, Tables } from './tables.ts';

export interface SqlEngine {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  /** The statement that begins a transaction which only reads, and sees one state throughout. */
  readonly beginReading: string;
  /** Makes the transaction the only one that writes, where the engine does not do so by itself. */
  readonly beginWriting?: (trx: Transaction<Tables>) => Promise<void>;
  /** Tells other processes of a change, with the commit. */
  readonly announce?: (trx: Transaction<Tables>) => Promise<void>;
  /** Called after each commit that changed something. */
  readonly committed?: () => void;
  /** Calls back when another process has changed something, or may have. */
  readonly onForeignChange?: (listener: () => void) => void;
  /** As in the store's contract. */
  readonly failure?: () => string | undefined;
  /** Whether the database takes no writes at the moment, where it can say so. */
  readonly isReadOnly?: () => Promise<boolean>;
  /** As in the store's contract. */
  readonly connections?: () => StoreConnections;
  /** Lets go of whatever there is besides `db`. */
  readonly close?: () => Promise<void>;
  /** Told of each row that a list leaves out because it cannot be read. */
  readonly onUnreadable?: (row: { readonly kind: ResourceKind; readonly id: string }) => void;
}

/** Kinds whose changes nobody follows: they only ever change together with another row that is followed. */
const UNFOLLOWED: ReadonlySet<ResourceKind> = new Set([
  'catalogue',
  'inline-payload',
  'client-token',
  'secret',
  'tool-vectors',
  'oidc-record',
  'function-code',
  'function-code-part',
]);

/** How many changes are kept: followers that are further behind read everything anew. */
const CHANGES_KEPT = 10_000;
const CHANGES_A_STATEMENT = 1_000;

const NO_CONNECTIONS: StoreConnections = new Map();

/** A store on one SQL database whose schema is up to date. */
export function createSqlStore(engine: SqlEngine): Store {
  const { db } = engine;
  const listeners = new Set<() => void>();
  const reader = createReader(db, engine);
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  engine.onForeignChange?.(tell);
  return Object.freeze({
    ...reader,
    failure: () => engine.failure?.(),
    connections: () => engine.connections?.() ?? NO_CONNECTIONS,
    async trouble(): Promise<StoreTrouble | undefined> {
      try {
        if (engine.isReadOnly) return (await engine.isReadOnly()) ? 'read-only' : undefined;
        await db.selectFrom('counter').select('value').where('name', '=', 'change').executeTakeFirst();
        return undefined;
      } catch {
        return 'unreachable';
      }
    },
    async transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
      let changed = 0;
      const result = await faultsNamed(() =>
        db.transaction().execute(async (trx) => {
          const changes: Omit<Change, 'sequence'>[] = [];
          await engine.beginWriting?.(trx);
          const value = await work(createTransaction(engine, trx, changes));
          changed = changes.length;
          if (changed > 0) {
            await recordChanges(trx, changes);
            await engine.announce?.(trx);
          }
          return value;
        }),
      );
      if (changed > 0) {
        tell();
        engine.committed?.();
      }
      return result;
    },
    async changes(after: number): Promise<readonly Change[]> {
      const rows = await faultsNamed(() =>
        db
          .selectFrom('change')
          .selectAll()
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(1000)
          .execute(),
      );
      return rows.map((row) => ({
        sequence: Number(row.sequence),
        kind: row.kind as ResourceKind,
        id: row.id,
        parentId: row.parent_id,
      }));
    },
    async sequence(): Promise<number> {
      const row = await faultsNamed(() =>
        db.selectFrom('counter').select('value').where('name', '=', 'change').executeTakeFirst(),
      );
      return Number(row?.value ?? 0);
    },
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async lease(name: string, owner: string, ttlMs: number): Promise<boolean> {
      const now = engine.clock.now();
      const taken = await faultsNamed(() =>
        db
          .insertInto('lease')
          .values({ name, owner, expires_at: now + ttlMs })
          .onConflict((conflict) =>
            conflict
              .column('name')
              .doUpdateSet({ owner, expires_at: now + ttlMs })
              .where((eb) => eb.or([eb('lease.owner', '=', owner), eb('lease.expires_at', '<=', now)])),
          )
          .returning('owner')
          .executeTakeFirst(),
      );
      return taken?.owner === owner;
    },
    async close(): Promise<void> {
      await engine.close?.();
      await db.destroy();
    },
  });
}

function createReader(db: Kysely<Tables>, { onUnreadable }: SqlEngine): StoreReader {
  /** One damaged row must not cost the others: it is left out, and `get` says what is wrong with it. */
  const readable = <K extends ResourceKind>(kind: K, row: StoredRow): Row<K>[] => {
    try {
      return [toRow(kind, row)];
    } catch {
      onUnreadable?.({ kind, id: row.id });
      return [];
    }
  };
  return {
    async get<K extends ResourceKind>(kind: K, id: string): Promise<Row<K> | undefined> {
      const row = await faultsNamed(() =>
        db.selectFrom(tableOf(kind)).selectAll().where('id', '=', id).executeTakeFirst(),
      );
      return row && toRow(kind, row);
    },
    async find<K extends ResourceKind>(kind: K, parentId: string, name: string): Promise<Row<K> | undefined> {
      const row = await faultsNamed(() =>
        db
          .selectFrom(tableOf(kind))
          .selectAll()
          .where('parent_id', '=', parentId)
          .where('name', '=', name)
          .executeTakeFirst(),
      );
      return row && toRow(kind, row);
    },
    async list<K extends ResourceKind>(kind: K, parentId: string | undefined, page: Page) {
      let query = db
        .selectFrom(tableOf(kind))
        .selectAll()
        .orderBy('created_at')
        .orderBy('id')
        .limit(page.limit + 1);
      if (parentId !== undefined) query = query.where('parent_id', '=', parentId);
      if (page.after !== undefined) {
        const [createdAt, id] = parsePosition(page.after);
        query = query.where((eb) =>
          eb.or([
            eb('created_at', '>', createdAt),
            eb.and([eb('created_at', '=', createdAt), eb('id', '>', id)]),
          ]),
        );
      }
      const found = await faultsNamed(() => query.execute());
      const taken = found.slice(0, page.limit);
      const rows = taken.flatMap((row) => readable(kind, row));
      const last = taken.at(-1);
      return found.length > page.limit && last ? { rows, next: `${last.created_at}.${last.id}` } : { rows };
    },
    async count(kind: ResourceKind, parentId?: string): Promise<number> {
      let query = db.selectFrom(tableOf(kind)).select((eb) => eb.fn.countAll().as('n'));
      if (parentId !== undefined) query = query.where('parent_id', '=', parentId);
      const row = await faultsNamed(() => query.executeTakeFirst());
      return Number(row?.n ?? 0);
    },
  };
}

function createTransaction(
  engine: SqlEngine,
  trx: Transaction<Tables>,
  changes: Omit<Change, 'sequence'>[],
): StoreTransaction {
  const note = (kind: ResourceKind, id: string, parentId: string): void => {
    if (!UNFOLLOWED.has(kind)) changes.push({ kind, id, parentId });
  };
  return {
    ...createReader(trx, engine),
    async create(kind, { id, parentId = '', name, document }) {
      const now = engine.clock.now();
      const row: NewRow = {
        id,
        parent_id: parentId,
        name,
        revision: 1,
        created_at: now,
        updated_at: now,
        document: JSON.stringify(document),
      };
      // Not by the error of a plain insert: after one PostgreSQL would take nothing more in this transaction.
      const made = await trx
        .insertInto(tableOf(kind))
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw new GatewayError('Conflict', `A ${kind} with the name ${name} already exists.`);
      note(kind, id, parentId);
      return toRow(kind, row);
    },
    async replace(kind, row, document, { quiet = false } = {}) {
      const updated = {
        revision: row.revision + 1,
        updated_at: quiet ? row.updatedAt : engine.clock.now(),
        document: JSON.stringify(document),
      };
      const result = await trx
        .updateTable(tableOf(kind))
        .set(updated)
        .where('id', '=', row.id)
        .where('revision', '=', row.revision)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n)
        throw new GatewayError(
          'StaleRevision',
          `The ${kind} ${row.name} was changed by somebody else meanwhile.`,
        );
      note(kind, row.id, row.parentId);
      return { ...row, document, revision: updated.revision, updatedAt: updated.updated_at };
    },
    async remove(kind, id) {
      const removed = await trx
        .deleteFrom(tableOf(kind))
        .where('id', '=', id)
        .returning('parent_id')
        .executeTakeFirst();
      if (!removed) return false;
      note(kind, id, removed.parent_id);
      return true;
    },
  };
}

async function recordChanges(
  trx: Transaction<Tables>,
  changes: readonly Omit<Change, 'sequence'>[],
): Promise<void> {
  const { value } = await trx
    .updateTable('counter')
    .set((eb) => ({ value: eb('value', '+', changes.length) }))
    .where('name', '=', 'change')
    .returning('value')
    .executeTakeFirstOrThrow();
  const last = Number(value);
  const rows = changes.map((change, index) => ({
    sequence: last - changes.length + index + 1,
    kind: change.kind,
    id: change.id,
    parent_id: change.parentId,
  }));
  // A statement has a limit of its own for what is put into it.
  for (let done = 0; done < rows.length; done += CHANGES_A_STATEMENT)
    await trx
      .insertInto('change')
      .values(rows.slice(done, done + CHANGES_A_STATEMENT))
      .execute();
  if (last % 100 < changes.length)
    await trx
      .deleteFrom('change')
      .where('sequence', '<=', last - CHANGES_KEPT)
      .execute();
}

function toRow<K extends ResourceKind>(kind: K, row: StoredRow): Row<K> {
  return {
    id: row.id,
    parentId: row.parent_id,
    name: row.name,
    revision: row.revision,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
    document: parseDocument(kind, row),
  };
}

function parseDocument<K extends ResourceKind>(kind: K, row: StoredRow): ResourceDocuments[K] {
  let cause: unknown;
  try {
    const value: unknown = JSON.parse(row.document);
    if (isJsonObject(value)) return value as unknown as ResourceDocuments[K];
  } catch (thrown) {
    cause = thrown;
  }
  throw new GatewayError('Internal', `The stored ${kind} ${row.id} cannot be read.`, { cause });
}

function parsePosition(after: string): [createdAt: number, id: string] {
  const dot = after.indexOf('.');
  const createdAt = Number(after.slice(0, dot));
  if (dot < 1 || !Number.isSafeInteger(createdAt))
    throw new GatewayError('Validation', 'The page token is not one that this service gave out.');
  return [createdAt, after.slice(dot + 1)];
}

/** Whatever the engine throws becomes `Unavailable` with the cause kept: a full disk, a lost connection. */
async function faultsNamed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw new GatewayError(
      'Unavailable',
      'The store cannot be reached or written at the moment. Please retry later.',
      {
        cause: thrown,
        internal: thrown instanceof Error ? thrown.message : String(thrown),
      },
    );
  }
}
