// `gatewright migrate`, `backup`, `restore` and `store copy`: the database as a whole, while no server uses it (but for
// backups, which can be made of a running one). A backup is an SQLite file, whatever the engine it was made of. What is
// copied from is only read: it may belong to servers of an older version, or be the one copy there is.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { sql } from 'kysely';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { toGatewayError } from '../core/errors.ts';
import { Secret } from '../lib/secret.ts';
import { syncFolder } from '../lib/sync-folder.ts';
import { copyDatabase } from '../stores/sql/copy.ts';
import { MIGRATION_NAMES } from '../stores/sql/migrations.ts';
import type { SqlEngine } from '../stores/sql/sql-store.ts';
import { isUpToDate, schemaLevel } from '../stores/sql/schema.ts';
import { openSqliteEngine, openSqliteSource } from '../stores/sqlite/open.ts';
import { addSettingFlags, configOrFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

/** A database by its place, not yet open. */
interface Place {
  /** For messages, without passwords. */
  readonly name: string;
  /** To be written: made where it is missing, and brought up to date. */
  readonly open: () => Promise<SqlEngine>;
  /** To be copied from, as it is. */
  readonly openSource: () => Promise<SqlEngine>;
}

const PLACES =
  'sqlite (the file in the data directory), sqlite:<file>, postgres (GATEWRIGHT_DATABASE_URL) or postgres://… (other users of this machine see a password in it: better in PGPASSWORD)';

/** Adds the commands. */
export function addStoreCommands(program: Command, env: Environment): void {
  const run = (command: Command, work: (config: Config, flags: Record<string, unknown>) => Promise<string>) =>
    addSettingFlags(command).action(async () => {
      const flags: Record<string, unknown> = command.opts();
      const outcome = configOrFaults(env, flags);
      if (!outcome) return;
      try {
        process.stdout.write(`${await work(outcome.config, flags)}\n`);
      } catch (thrown) {
        const { message } = toGatewayError(thrown);
        process.stderr.write(`${thrown instanceof Error ? thrown.message : message}\n`);
        process.exitCode = 1;
      }
    });

  run(
    program
      .command('migrate')
      .description('bring the database’s schema up to date (a server does so at its start)'),
    async (config) => {
      const place = configured(config);
      await close(await place.open());
      return `${place.name} is up to date: ${MIGRATION_NAMES.at(-1)}.`;
    },
  );

  const backup = program
    .command('backup <file>')
    .description(
      'copy the database, also that of a running server, into one file; the master key is not in it',
    );
  run(backup, async (config) => {
    const file = resolve(backup.args[0] ?? '');
    if (existsSync(file)) throw new Error(`${file} exists already. Nothing was written.`);
    // A disk that is not mounted, for instance.
    if (!existsSync(dirname(file)))
      throw new Error(`There is no folder ${dirname(file)}. Nothing was written.`);
    const rows = await backUp(existing(configured(config)), file);
    return `${rows} rows are in ${file}. Keep the master key elsewhere: without it nobody opens the secrets in it.`;
  });

  const restore = program
    .command('restore <file>')
    .description('copy a backup into the database, while no server uses it')
    .option('--replace', 'delete what the database holds; without it, it has to be empty');
  run(restore, async (config, { replace }) => {
    const rows = await copy(
      existing(sqliteFile(restore.args[0] ?? '')),
      configured(config),
      replace === true,
    );
    return `${rows} rows were restored to ${configured(config).name}.`;
  });

  const store = program.command('store').description('The database as a whole.');
  run(
    store
      .command('copy')
      .description('copy one database into another, while no server uses them')
      .requiredOption('--from <place>', PLACES)
      .requiredOption('--to <place>', 'the same; it has to be empty')
      .option('--replace', 'delete what the second one holds'),
    async (config, { from, to, replace }) => {
      const [source, target] = [existing(placeOf(String(from), config)), placeOf(String(to), config)];
      if (source.name === target.name) throw new Error('--from and --to are the same database.');
      const rows = await copy(source, target, replace === true);
      return `${rows} rows were copied from ${source.name} to ${target.name}.`;
    },
  );
}

type Copied = Parameters<typeof copyDatabase>[2];
const shown: Copied = { onKind: (kind, rows) => process.stderr.write(`${kind}: ${rows}\n`) };

/** The whole file or none: what was broken off does not bear the name. It has the schema that was copied. */
async function backUp(from: Place, file: string): Promise<number> {
  const partial = `${file}.${randomBytes(6).toString('hex')}.partial`;
  try {
    return await using(from.openSource, async (source) => {
      const rows = await copyAsIs(source, await schemaLevel(source.db, from.name), partial);
      renameSync(partial, file);
      syncFolder(dirname(file));
      return rows;
    });
  } finally {
    for (const name of [partial, `${partial}-wal`, `${partial}-shm`]) rmSync(name, { force: true });
  }
}

/** Copies into a new file of the same level, which can afterwards be read without anything beside it. */
async function copyAsIs(source: SqlEngine, level: string, file: string): Promise<number> {
  return using(
    () => openSqliteEngine(file, { level }),
    async (target) => {
      const rows = await copyDatabase(source, target, shown);
      await sql`pragma journal_mode = delete`.execute(target.db);
      return rows;
    },
  );
}

async function copy(from: Place, to: Place, replace: boolean): Promise<number> {
  return using(from.openSource, async (source) => {
    const level = await schemaLevel(source.db, from.name);
    const into = (upToDate: SqlEngine): Promise<number> =>
      using(to.open, (target) => copyDatabase(upToDate, target, { ...shown, replace }));
    if (isUpToDate(level)) return into(source);
    // The migrations run on a copy.
    const folder = mkdtempSync(join(tmpdir(), 'gatewright-'));
    try {
      const file = join(folder, 'older.db');
      await copyAsIs(source, level, file);
      return await using(() => openSqliteEngine(file), into);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

async function using<T>(open: () => Promise<SqlEngine>, work: (engine: SqlEngine) => Promise<T>): Promise<T> {
  const engine = await open();
  try {
    return await work(engine);
  } finally {
    await close(engine);
  }
}

async function close(engine: SqlEngine): Promise<void> {
  await engine.close?.();
  await engine.db.destroy();
}

const configured = (config: Config): Place =>
  config.databaseUrl ? postgres(config.databaseUrl) : sqliteFile(join(config.dataDir, 'gatewright.db'));

interface FilePlace extends Place {
  readonly file: string;
}

function sqliteFile(file: string): FilePlace {
  return {
    name: file,
    file,
    open: () => openSqliteEngine(file),
    openSource: async () => openSqliteSource(file),
  };
}

function postgres(url: Secret): Place {
  const { host, pathname } = new URL(url.reveal());
  return {
    name: `postgres://${host}${pathname}`,
    // Loaded only where it is meant: every start of the program reads this file.
    open: async () => (await import('../stores/postgres/open.ts')).openPostgresEngine({ url }),
    openSource: async () =>
      (await import('../stores/postgres/open.ts')).openPostgresEngine({ url, asItIs: true }),
  };
}

function placeOf(text: string, config: Config): Place {
  if (text === 'sqlite') return sqliteFile(join(config.dataDir, 'gatewright.db'));
  if (text.startsWith('sqlite:')) return sqliteFile(text.slice('sqlite:'.length));
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return postgres(new Secret(text));
  if (text !== 'postgres') throw new Error(`There is no database “${text}”: name ${PLACES}.`);
  if (!config.databaseUrl) throw new Error('Set GATEWRIGHT_DATABASE_URL, or give the whole address.');
  return postgres(config.databaseUrl);
}

/** A file that is not there would be made, empty. */
function existing(place: Place): Place {
  if ('file' in place && typeof place.file === 'string' && !existsSync(place.file))
    throw new Error(`There is no database at ${place.file}.`);
  return place;
}
