// The database as a whole: from a file to PostgreSQL and back, backups of a running server, restores. What was copied is
// what a server goes on with.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
