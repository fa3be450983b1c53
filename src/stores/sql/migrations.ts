// The one list of migrations, run by every SQL engine. Append only: a released migration is never edited.
// Column types are those that SQLite and PostgreSQL both read the same way; text is compared by code points in both.

import { PostgresAdapter, sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

const RESOURCE_TABLES = [
  'gateway',
  'gateway_target',
  'api_key_credential_provider',
  'secret',
  'catalogue',
  'inline_payload',
  'client_token',
] as const;

/** Text that is looked up and ordered. SQLite compares bytes; PostgreSQL has to be told to. */
function textOf(db: Kysely<unknown>): 'text' | RawBuilder<unknown> {
  return db.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text';
}

async function createResourceTable(db: Kysely<unknown>, table: string): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable(table)
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('parent_id', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex(`${table}_name`).unique().on(table).columns(['parent_id', 'name']).execute();
  await db.schema.createIndex(`${table}_created`).on(table).columns(['created_at', 'id']).execute();
}

const MIGRATIONS: Readonly<Record<string, Migration>> = Object.freeze({
  '0001-resources': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const table of RESOURCE_TABLES) await createResourceTable(db, table);
      await db.schema
        .createTable('change')
        .addColumn('sequence', 'bigint', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('parent_id', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('lease')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('owner', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('counter')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('value', 'bigint', (column) => column.notNull())
        .execute();
      await sql`insert into counter (name, value) values ('change', 0)`.execute(db);
    },
  },
  '0002-sessions': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const table of ['mcp_session', 'mailbox']) await createResourceTable(db, table);
    },
  },
  '0004-identity': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const table of [
        'oauth2_credential_provider',
        'workload_identity',
        'token_vault',
        'oauth_token',
        'consent_session',
      ])
        await createResourceTable(db, table);
    },
  },
  '0005-access': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const table of ['access_key', 'resource_policy']) await createResourceTable(db, table);
    },
  },
  '0006-tool-vectors': {
    up: (db: Kysely<unknown>): Promise<void> => createResourceTable(db, 'tool_vectors'),
  },
  '0007-authorization-server': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const table of ['local_user', 'oauth_client', 'oidc_record']) await createResourceTable(db, table);
    },
  },
  '0008-functions': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const table of [
        'function',
        'function_version',
        'function_alias',
        'layer_version',
        'function_code',
        'function_code_part',
      ])
        await createResourceTable(db, table);
    },
  },
  '0009-oauth-registration': {
    up: (db: Kysely<unknown>): Promise<void> => createResourceTable(db, 'oauth_registration'),
  },
});

/** Those this version knows. */
export const MIGRATION_NAMES: readonly string[] = Object.freeze(Object.keys(MIGRATIONS));

/** Hands the migrations to Kysely's Migrator. */
export const migrationProvider: MigrationProvider = Object.freeze({
  getMigrations: () => Promise.resolve({ ...MIGRATIONS }),
});
