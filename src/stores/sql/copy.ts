// All rows of one database into another, of whatever engine, as they are: ids, revisions and times stay, so that whoever
// used the one can go on with the other. Leases are not copied: they belong to processes.

import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';
import { GatewayError } from '../../core/errors.ts';
import type { ResourceKind } from '../../core/resources.ts';
import type { SqlEngine } from './sql-store.ts';
import { RESOURCE_KINDS, tableOf } from './tables.ts';
import type { NewRow, Tables } from './tables.ts';

const PAGE = 200;

export interface CopyOptions {
  /** Whether what the second database holds is deleted first; without it, it has to be empty. */
  readonly replace?: boolean;
  /** Told after each kind that has rows. */
  readonly onKind?: (kind: string, rows: number) => void;
}

/**
 * Copies in one transaction: all rows or none. Both schemas have to be of one level.
 * @returns the number of rows
 * @throws GatewayError Conflict when the second database is not empty, or the first one is; Unavailable when one cannot be
 *   used
 */
export async function copyDatabase(
  from: SqlEngine,
  to: SqlEngine,
  options: CopyOptions = {},
): Promise<number> {
  return readingOnce(from, (source) =>
    to.db.transaction().execute(async (target) => {
      await to.beginWriting?.(target);
      const kinds = await kindsOf(source);
      await makeRoom(target, kinds, options.replace === true);
      let total = 0;
      for (const kind of kinds) {
        const rows = await copyTable(source, target, tableOf(kind));
        total += rows;
        if (rows > 0) options.onKind?.(kind, rows);
      }
      // Every server has stored something at its first start: this is a mistake, and would be a loss.
      if (total === 0)
        throw new GatewayError('Conflict', 'The database that is copied from is empty. Nothing was changed.');
      await moveOn(source, target);
      await to.announce?.(target);
      return total;
    }),
  );
}

/** Runs with one state of the database, whatever others write meanwhile. */
async function readingOnce<T>(
  { db, beginReading }: SqlEngine,
  work: (source: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (connection) => {
    await sql.raw(beginReading).execute(connection);
    try {
      return await work(connection);
    } finally {
      await sql`rollback`.execute(connection);
    }
  });
}

/** Those that there were when its schema was made. */
async function kindsOf(source: Kysely<Tables>): Promise<readonly ResourceKind[]> {
  const tables = new Set((await source.introspection.getTables()).map(({ name }) => name));
  return RESOURCE_KINDS.filter((kind) => tables.has(tableOf(kind)));
}

async function makeRoom(
  target: Transaction<Tables>,
  kinds: readonly ResourceKind[],
  replace: boolean,
): Promise<void> {
  for (const kind of kinds) {
    if (replace) {
      await target.deleteFrom(tableOf(kind)).execute();
      continue;
    }
    const row = await target.selectFrom(tableOf(kind)).select('id').limit(1).executeTakeFirst();
    if (row)
      throw new GatewayError('Conflict', `The database that is copied to is not empty: it holds a ${kind}.`);
  }
}

async function copyTable(
  source: Kysely<Tables>,
  target: Transaction<Tables>,
  table: 'gateway',
): Promise<number> {
  let copied = 0;
  for (let after = ''; ;) {
    const page = await source
      .selectFrom(table)
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    const last = page.at(-1);
    if (!last) return copied;
    const rows: NewRow[] = page.map((row) => ({
      ...row,
      created_at: Number(row.created_at),
      updated_at: Number(row.updated_at),
    }));
    // One by one where documents are large: a statement has a limit of its own.
    for (const row of rows) await target.insertInto(table).values(row).execute();
    copied += page.length;
    after = last.id;
  }
}

/**
 * Numbers of changes go on from the greater of both, so that no follower takes a new one for an old one. One change is left,
 * which nobody can have seen the one before of: whoever follows the second database reads everything anew.
 */
async function moveOn(source: Kysely<Tables>, target: Transaction<Tables>): Promise<void> {
  const read = async (db: Kysely<Tables>): Promise<number> =>
    Number(
      (await db.selectFrom('counter').select('value').where('name', '=', 'change').executeTakeFirst())
        ?.value ?? 0,
    );
  const value = Math.max(await read(source), await read(target)) + 2;
  await target.updateTable('counter').set({ value }).where('name', '=', 'change').execute();
  await target.deleteFrom('change').execute();
  await target
    .insertInto('change')
    .values({ sequence: value, kind: 'gateway', id: '', parent_id: '' })
    .execute();
}
