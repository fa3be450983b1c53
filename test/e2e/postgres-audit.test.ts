// The audit log of two nodes on one PostgreSQL: a chain of each, in its own data folder, signed with the one key of the
// installation; gathered in one folder they verify with one public key, and are one history.

import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BedrockAgentCoreControlClient,
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { auditRecords } from '../support/audit.ts';
import type { AuditRecord } from '../support/audit.ts';
import { secretBox } from '../support/audited-app.ts';
import { hasPostgres, openPostgres } from '../support/postgres.ts';
import { mcpClient, startUpstream } from '../support/process-clients.ts';
import { closing, runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const KEY = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret-operator-secret' };

function controlOf({ controlEndpoint }: RunningServer): BedrockAgentCoreControlClient {
  const client = new BedrockAgentCoreControlClient({
    endpoint: controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: KEY,
  });
  closing.push(() => client.destroy());
  return client;
}

/** A gateway made on one node, with a tool that wants a key. */
async function makeGateway(node: RunningServer, upstreamUrl: string, apiKey: string): Promise<string> {
  const control = controlOf(node);
  const { credentialProviderArn } = await control.send(
    new CreateApiKeyCredentialProviderCommand({ name: 'keys', apiKey }),
  );
  const { gatewayId = '', gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({
      name: 'shared',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  const document = {
    openapi: '3.0.3',
    info: {},
    servers: [{ url: upstreamUrl }],
    paths: {
      '/ask': {
        get: {
          operationId: 'ask',
          parameters: [{ name: 'of', in: 'query', schema: { type: 'string' } }],
        },
      },
    },
  };
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gatewayId,
      name: 'api',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'API_KEY',
          credentialProvider: {
            apiKeyCredentialProvider: {
              providerArn: credentialProviderArn,
              credentialLocation: 'HEADER',
              credentialParameterName: 'x-key',
            },
          },
        },
      ],
    }),
  );
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
  await vi.waitFor(async () => expect((await control.send(get)).status).toBe('READY'), PATIENCE);
  return new URL(gatewayUrl).pathname;
}

describe.skipIf(!hasPostgres)('two nodes on PostgreSQL', () => {
  const box = secretBox();
  let folders: readonly string[];
  let gathered: string;
  let databaseUrl: URL;
  let records: readonly (readonly AuditRecord[])[];

  beforeAll(async () => {
    const postgres = await openPostgres();
    closing.push(() => postgres.stop());
    databaseUrl = new URL(await postgres.newDatabase());
    // It asks for none, and takes any.
    databaseUrl.password = box.keep('canary-database-password');
    const upstream = await startUpstream();
    const env = {
      GATEWRIGHT_DATABASE_URL: databaseUrl.href,
      GATEWRIGHT_MASTER_KEY: box.keep(randomBytes(32).toString('base64')),
      GATEWRIGHT_ACCESS_KEY_ID: KEY.accessKeyId,
      GATEWRIGHT_SECRET_ACCESS_KEY: box.keep(KEY.secretAccessKey),
      GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1',
      GATEWRIGHT_AUDIT: 'required',
    };
    const nodes = [await startServer({ env }), await startServer({ env })] as const;
    const path = await makeGateway(nodes[0], upstream.url, box.keep('canary-api-key-of-both'));
    for (const node of [...nodes, ...nodes]) {
      const client = await vi.waitFor(() => mcpClient(`${node.url}${path}`), PATIENCE);
      const { isError } = await client.callTool({ name: 'api___ask', arguments: { of: 'both' } });
      expect(isError).toBe(false);
    }
    for (const node of nodes) expect(await node.stop()).toEqual({ code: 0, signal: null });
    folders = nodes.map(({ dataDir }) => join(dataDir, 'audit'));
    records = folders.map(auditRecords);
    gathered = join(temporaryFolder(), 'gathered');
    mkdirSync(gathered);
    for (const folder of folders)
      for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(gathered, file));
  }, 90_000);

  test('have a chain each, and one key', async () => {
    const [one, other] = records;
    const nodesOf = (of: readonly AuditRecord[] | undefined): Set<string> =>
      new Set(of?.map(({ node }) => node));
    expect(nodesOf(one).size).toBe(1);
    expect(nodesOf(other).size).toBe(1);
    expect(nodesOf(one)).not.toEqual(nodesOf(other));
    const keys = folders.map((folder) => readFileSync(join(folder, 'public-key.pem'), 'utf8'));
    expect(keys[0]).toBe(keys[1]);
    const key = join(temporaryFolder(), 'kept-elsewhere.pem');
    writeFileSync(key, keys[0] ?? '');
    for (const folder of [...folders, gathered]) {
      const verdict = await runGatewright(['audit', 'verify', folder, '--public-key', key, '--json']);
      expect(verdict, verdict.stderr).toMatchObject({ code: 0 });
      const { chains } = JSON.parse(verdict.stdout) as { chains: readonly { unsigned: number }[] };
      expect(chains.map(({ unsigned }) => unsigned)).toEqual(folder === gathered ? [0, 0] : [0]);
    }
  });

  test('hash the same arguments alike, and tell of the credential of each call where it was made', () => {
    const calls = records.map((of) =>
      of.filter(
        ({ eventName, additionalEventData }) =>
          eventName === 'InvokeGateway' && additionalEventData['phase'] === 'outcome',
      ),
    );
    expect(calls.map(({ length }) => length)).toEqual([2, 2]);
    const hashes = calls.flat().map(({ requestParameters }) => requestParameters?.['argumentsHmac']);
    expect(new Set(hashes).size).toBe(1);
    for (const [index, of] of records.entries()) {
      const uses = of
        .filter(({ eventName }) => eventName === 'UseCredential')
        .map(({ requestID }) => requestID);
      for (const { requestID } of calls[index] ?? []) expect(uses).toContain(requestID);
    }
  });

  test('are one history in the export, in order of time', async () => {
    const lines = async (...args: string[]): Promise<AuditRecord[]> =>
      (await runGatewright(['audit', 'export', gathered, ...args])).stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AuditRecord);
    const all = await lines();
    expect(all).toHaveLength(records.flat().length);
    for (const of of records)
      expect(all.filter(({ node }) => node === of[0]?.node).map(({ seq }) => seq)).toEqual(
        of.map(({ seq }) => seq),
      );
    // Of two records of different nodes the later one stands behind, unless one of its own node had to come first.
    const latest = new Map<string, number>();
    const times = all.map(({ node, eventTime }) => {
      latest.set(node, Math.max(latest.get(node) ?? 0, Date.parse(eventTime)));
      return latest.get(node) ?? 0;
    });
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    const starts = await lines('--event', 'StartServer');
    expect(new Set(starts.map(({ node }) => node)).size).toBe(2);
    const cloudtrail = await runGatewright(['audit', 'export', gathered, '--format', 'cloudtrail']);
    expect((JSON.parse(cloudtrail.stdout) as { Records: unknown[] }).Records).toHaveLength(all.length);
  });

  test('tell of their password for the database, and no file holds it or another secret', () => {
    for (const of of records)
      expect(
        of.filter(({ requestParameters }) => requestParameters?.['purpose'] === 'database'),
      ).toMatchObject([
        {
          eventName: 'UseCredential',
          userIdentity: { type: 'AWSService' },
          requestParameters: {
            credentialProviderType: 'DATABASE',
            host: databaseUrl.host,
            database: databaseUrl.pathname.slice(1),
          },
        },
      ]);
    box.expectNoneIn(gathered);
  });
});
