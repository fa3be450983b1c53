// The database as a whole: from a file to PostgreSQL and back, backups of a running server, restores. What was copied is
// what a server goes on with.

import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CreateApiKeyCredentialProviderCommand,
  GetGatewayCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { expect, test } from 'vitest';
import { hasPostgres, openPostgres } from '../support/postgres.ts';
import { sdkFor } from '../support/process-clients.ts';
import { closing, runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { CreateGatewayCommand } from '@aws-sdk/client-bedrock-agentcore-control';

const SECRET = 'the-key-that-has-to-open-again';

async function fill(server: RunningServer): Promise<string> {
  const sdk = sdkFor(server);
  await sdk.send(new CreateApiKeyCredentialProviderCommand({ name: 'nasa', apiKey: SECRET }));
  const { gatewayId = '' } = await sdk.send(
    new CreateGatewayCommand({
      name: 'kept',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  return gatewayId;
}

const statusOf = async (server: RunningServer, gatewayIdentifier: string): Promise<string | undefined> =>
  (await sdkFor(server).send(new GetGatewayCommand({ gatewayIdentifier }))).status;

test('a backup of a running server is one file for its owner, and a new server goes on with it', async () => {
  const server = await startServer();
  const gatewayId = await fill(server);
  const file = join(temporaryFolder(), 'backup.db');
  const made = await runGatewright(['backup', file, '--data-dir', server.dataDir]);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^\d+ rows are in .*master key/)]);
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  expect(existsSync(`${file}-wal`)).toBe(false);
  expect(readFileSync(file).includes(SECRET)).toBe(false);
  const again = await runGatewright(['backup', file, '--data-dir', server.dataDir]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('exists already')]);
  // The server has gone on meanwhile.
  expect(await statusOf(server, gatewayId)).toBe('READY');
  await server.stop();

  const dataDir = join(temporaryFolder(), 'data');
  const refused = await runGatewright(['restore', join(dataDir, 'nothing.db'), '--data-dir', dataDir]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('no database at')]);
  expect((await runGatewright(['restore', file, '--data-dir', dataDir])).code).toBe(0);
  const full = await runGatewright(['restore', file, '--data-dir', dataDir]);
  expect([full.code, full.stderr]).toEqual([1, expect.stringContaining('not empty')]);
  expect((await runGatewright(['restore', file, '--replace', '--data-dir', dataDir])).code).toBe(0);
  const key = { GATEWRIGHT_MASTER_KEY_FILE: join(server.dataDir, 'master.key') };
  const next = await startServer({ dataDir, env: key });
  expect(await statusOf(next, gatewayId)).toBe('READY');
  expect(await (await fetch(`${next.url}/readyz`)).json()).toEqual({ status: 'ready' });
  await next.stop();
}, 60_000);

test.skipIf(!hasPostgres)(
  'a file is copied to PostgreSQL and back, row for row',
  async () => {
    const postgres = await openPostgres();
    closing.push(() => postgres.stop());
    const server = await startServer();
    const gatewayId = await fill(server);
    await server.stop();
    const env = {
      GATEWRIGHT_DATABASE_URL: await postgres.newDatabase(),
      GATEWRIGHT_MASTER_KEY_FILE: join(server.dataDir, 'master.key'),
    };
    const flags = ['--data-dir', server.dataDir];
    const migrated = await runGatewright(['migrate', ...flags], { env });
    expect([migrated.code, migrated.stdout]).toEqual([0, expect.stringContaining('is up to date')]);
    const copied = await runGatewright(['store', 'copy', '--from', 'sqlite', '--to', 'postgres', ...flags], {
      env,
    });
    expect([copied.code, copied.stdout]).toEqual([0, expect.stringMatching(/^\d+ rows were copied/)]);
    const node = await startServer({ dataDir: server.dataDir, env });
    expect(await statusOf(node, gatewayId)).toBe('READY');
    expect(await (await fetch(`${node.url}/readyz`)).json()).toEqual({ status: 'ready' });
    await node.stop();
    const back = join(temporaryFolder(), 'back.db');
    const returned = await runGatewright(
      ['store', 'copy', '--from', 'postgres', '--to', `sqlite:${back}`, ...flags],
      { env },
    );
    expect([returned.code, returned.stderr]).toEqual([0, expect.stringContaining('gateway: 1')]);
    for (const [args, words] of [
      [['--from', 'sqlite', '--to', 'nowhere'], 'no database “nowhere”'],
      [['--from', 'sqlite:/does/not/exist.db', '--to', 'postgres'], 'no database at'],
      [['--from', 'sqlite', '--to', 'sqlite'], 'the same database'],
      [['--from', 'sqlite', '--to', 'postgres'], 'not empty'],
    ] as const) {
      const run = await runGatewright(['store', 'copy', ...args, ...flags], { env });
      expect([run.code, run.stderr]).toEqual([1, expect.stringContaining(words)]);
    }
  },
  60_000,
);

/** A server's database as an older version left it: without the last migration. */
async function olderDatabase(): Promise<{ dataDir: string; level: () => number }> {
  const server = await startServer();
  await fill(server);
  await server.stop();
  const open = (): DatabaseSync => new DatabaseSync(join(server.dataDir, 'gatewright.db'));
  const database = open();
  database.exec(
    `delete from kysely_migration where name = '0009-oauth-registration'; drop table oauth_registration`,
  );
  database.close();
  return { dataDir: server.dataDir, level: () => levelOf(join(server.dataDir, 'gatewright.db')) };
}

function levelOf(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const row = database.prepare('select count(*) as n from kysely_migration').get();
  database.close();
  return Number(row?.['n']);
}

const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

test('a backup leaves what it is made of as it is, and has its schema; a restore leaves the backup as it is', async () => {
  const { dataDir, level } = await olderDatabase();
  const before = level();
  const file = join(temporaryFolder(), 'before-the-upgrade.db');
  expect(await runGatewright(['backup', file, '--data-dir', dataDir])).toMatchObject({ code: 0 });
  expect([level(), levelOf(file)]).toEqual([before, before]);
  const hash = hashOf(file);
  // From a folder where nothing can be written beside it.
  chmodSync(file, 0o400);
  chmodSync(dirname(file), 0o500);
  const target = join(temporaryFolder(), 'data');
  const restored = await runGatewright(['restore', file, '--data-dir', target]);
  chmodSync(dirname(file), 0o700);
  expect([restored.code, restored.stdout]).toEqual([0, expect.stringMatching(/^\d+ rows were restored/)]);
  expect([hashOf(file), readdirSync(dirname(file))]).toEqual([hash, ['before-the-upgrade.db']]);
  expect(levelOf(join(target, 'gatewright.db'))).toBe(before + 1);
  const next = await startServer({
    dataDir: target,
    env: { GATEWRIGHT_MASTER_KEY_FILE: join(dataDir, 'master.key') },
  });
  expect(await (await fetch(`${next.url}/readyz`)).json()).toEqual({ status: 'ready' });
  await next.stop();
}, 60_000);

test('nothing is backed up where there is nothing, and nothing is deleted for it', async () => {
  const server = await startServer();
  await fill(server);
  await server.stop();
  const folder = temporaryFolder();
  const nowhere = join(folder, 'typo');
  const file = join(folder, 'nightly.db');
  const refused = async (words: string, ...args: string[]): Promise<void> => {
    const run = await runGatewright(args);
    expect([run.code, run.stderr]).toEqual([1, expect.stringContaining(words)]);
  };
  await refused('no database at', 'backup', file, '--data-dir', nowhere);
  await refused('no folder', 'backup', join(folder, 'unmounted', 'x.db'), '--data-dir', server.dataDir);
  expect(readdirSync(folder)).toEqual([]);

  const zero = join(folder, 'zero.db');
  writeFileSync(zero, '');
  const foreign = join(folder, 'foreign.db');
  const database = new DatabaseSync(foreign);
  database.exec('create table gateway (id text)');
  database.close();
  const into = ['--replace', '--data-dir', server.dataDir] as const;
  await refused('no database of Gatewright', 'restore', zero, ...into);
  await refused('no database of Gatewright', 'restore', foreign, ...into);
  expect(statSync(zero).size).toBe(0);
  // What a copy that was broken off has been: the schema, and no row.
  expect((await runGatewright(['migrate', '--data-dir', nowhere])).code).toBe(0);
  await refused('is empty', 'restore', join(nowhere, 'gatewright.db'), ...into);
  await refused('is empty', 'backup', file, '--data-dir', nowhere);
  expect(readdirSync(folder).toSorted()).toEqual(['foreign.db', 'typo', 'zero.db']);

  const kept = await runGatewright(['backup', file, '--data-dir', server.dataDir]);
  expect([kept.code, kept.stderr]).toEqual([0, expect.stringContaining('gateway: 1')]);
}, 60_000);

test('a server that runs while its database is replaced serves what is there afterwards', async () => {
  const server = await startServer();
  const first = await fill(server);
  const file = join(temporaryFolder(), 'one.db');
  expect((await runGatewright(['backup', file, '--data-dir', server.dataDir])).code).toBe(0);
  const list = async (gatewayId: string): Promise<number> =>
    (
      await fetch(`${server.url}/gateways/${gatewayId}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      })
    ).status;
  const { gatewayId: second = '' } = await sdkFor(server).send(
    new CreateGatewayCommand({
      name: 'later',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  await expect.poll(() => list(second), { timeout: 10_000 }).toBe(200);
  expect((await runGatewright(['restore', file, '--replace', '--data-dir', server.dataDir])).code).toBe(0);
  await expect.poll(() => list(second), { timeout: 10_000 }).toBe(404);
  expect(await list(first)).toBe(200);
  await server.stop();
}, 60_000);
