// How far the schema of a database is: the migrations that were run on it, by whichever version. Changes nothing.

import type { Kysely } from 'kysely';
import { GatewayError } from '../../core/errors.ts';
import { MIGRATION_NAMES } from './migrations.ts';
import type { Tables } from './tables.ts';

const NAMES = 'kysely_migration';

/** What Kysely's migrator keeps. */
type MigrationTable = Record<typeof NAMES, { name: string }>;

/**
 * The newest migration that was run.
 * @param name of the database, for messages
 * @throws GatewayError Unavailable for a database that is not Gatewright's, or was written by a newer version
 */
export async function schemaLevel(db: Kysely<Tables>, name: string): Promise<string> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const rows = tables.some((table) => table.name === NAMES)
    ? await db.withTables<MigrationTable>().selectFrom(NAMES).select('name').orderBy('name').execute()
    : [];
  const foreign = rows.filter((row) => !MIGRATION_NAMES.includes(row.name));
  if (foreign.length > 0)
    throw new GatewayError(
      'Unavailable',
      `${name} was written by a newer version of Gatewright (it has ${foreign.map((row) => row.name).join(', ')}). Use that version or a later one.`,
    );
  const newest = rows.at(-1)?.name;
  if (newest === undefined)
    throw new GatewayError('Unavailable', `${name} is no database of Gatewright. Nothing was done.`);
  return newest;
}

/** Whether nothing is left to migrate. */
export const isUpToDate = (level: string): boolean => level === MIGRATION_NAMES.at(-1);
