// The audit log as its readers meet it: what official clients did stands in the files, and nothing secret does.

import { readFileSync, statSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  BedrockAgentCoreControlClient,
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteGatewayCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
  ListGatewaysCommand,
  UpdateGatewayCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { CreateOauth2CredentialProviderCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import {
  BedrockAgentCoreClient,
  GetResourceApiKeyCommand,
  GetWorkloadAccessTokenCommand,
} from '@aws-sdk/client-bedrock-agentcore';
import { CreateFunctionCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { auditRecords, auditText } from './support/audit.ts';
import type { AuditRecord } from './support/audit.ts';
import { openIssuer } from './support/issuer.ts';
import { mcpClient, operatorCredentials, sdkFor, startUpstream } from './support/process-clients.ts';
import { closing, runGatewright, startServer } from './support/process.ts';
import type { RunningServer } from './support/process.ts';

const ROLE = 'arn:aws:iam::000000000000:role/r';
/** Values that must stand nowhere. */
const SECRETS = {
  apiKey: 'canary-api-key-5d1f0c',
  clientSecret: 'canary-client-secret-77aa',
  argument: 'canary-argument-e91b',
  result: 'canary-result-40cc',
  variable: 'canary-variable-0b7e',
  address: 'canary-in-address-1f3a',
  badToken: 'canary-token-99f0',
};

/** One server and one of everything that is recorded; stopped before the records are read. */
async function liveAndStop(env: Record<string, string>) {
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(`{"answer":"${SECRETS.result}"}`);
  });
  const issuer = await openIssuer();
  closing.push(() => issuer.close());
  const server = await startServer({
    env: {
      GATEWRIGHT_EGRESS_ALLOW: `${new URL(upstream.url).host},${new URL(issuer.url).host}`,
      ...env,
    },
  });
  const sdk = sdkFor(server);
  await sdk.send(new CreateApiKeyCredentialProviderCommand({ name: 'keys', apiKey: SECRETS.apiKey }));
  await sdk.send(
    new CreateOauth2CredentialProviderCommand({
      name: 'oauth',
      credentialProviderVendor: 'CustomOauth2',
      oauth2ProviderConfigInput: {
        customOauth2ProviderConfig: {
          oauthDiscovery: { discoveryUrl: issuer.discoveryUrl },
          clientId: 'client',
          clientSecret: SECRETS.clientSecret,
        },
      },
    }),
  );
  const gateway = await sdk.send(
    new CreateGatewayCommand({
      name: 'pets',
      roleArn: ROLE,
      protocolType: 'MCP',
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
      },
    }),
  );
  const gatewayIdentifier = gateway.gatewayId ?? '';
  const document = {
    openapi: '3.0.3',
    info: {},
    servers: [{ url: upstream.url }],
    paths: {
      '/ask': {
        get: {
          operationId: 'ask',
          parameters: [{ name: 'q', in: 'query', required: true, schema: { type: 'string' } }],
        },
      },
    },
  };
  const { targetId } = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name: 'api',
      targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'API_KEY',
          credentialProvider: {
            apiKeyCredentialProvider: {
              providerArn:
                'arn:aws:bedrock-agentcore:us-east-1:000000000000:token-vault/default/apikeycredentialprovider/keys',
              credentialLocation: 'HEADER',
              credentialParameterName: 'x-key',
            },
          },
        },
      ],
    }),
  );
  await vi.waitFor(async () => {
    const { status } = await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
    expect(status).toBe('READY');
  });
  const url = `${server.url}${new URL(gateway.gatewayUrl ?? '').pathname}`;
  await mcpClient(url, SECRETS.badToken).catch(() => undefined);
  const client = await mcpClient(url, await issuer.token());
  await client.callTool({ name: 'api___ask', arguments: { q: SECRETS.argument } });
  await client.callTool({ name: 'api___ask', arguments: { q: SECRETS.argument } });
  await client.callTool({ name: 'api___ask', arguments: { q: 7 as unknown as string } });
  await client.callTool({ name: 'api___nothing', arguments: {} }).catch(() => undefined);
  await refusals(server, sdk, gatewayIdentifier);
  await functionsOf(server);
  await identityOf(server);
  await sdk.send(new GetGatewayCommand({ gatewayIdentifier }));
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  const folder = join(server.dataDir, 'audit');
  return { server, folder, records: auditRecords(folder), gatewayIdentifier, targetId: targetId ?? '' };
}

async function refusals(
  server: RunningServer,
  sdk: BedrockAgentCoreControlClient,
  gatewayIdentifier: string,
): Promise<void> {
  const { accessKeyId } = operatorCredentials(server.dataDir);
  const forger = new BedrockAgentCoreControlClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: 'not-the-one-it-should-be-0000000000' },
  });
  closing.push(() => forger.destroy());
  await expect(forger.send(new DeleteGatewayCommand({ gatewayIdentifier }))).rejects.toThrow(/signature/);
  await expect(sdk.send(new GetGatewayCommand({ gatewayIdentifier: 'nobody-0000000000' }))).rejects.toThrow();
  await expect(
    sdk.send(
      new UpdateGatewayCommand({
        gatewayIdentifier,
        name: 'pets',
        roleArn: 'nonsense',
        authorizerType: 'NONE',
      }),
    ),
  ).rejects.toThrow();
  // A key that may only read tries to write.
  const made = await runGatewright(
    [
      'create-access-key',
      '--user-name',
      'auditor',
      '--role',
      'reader',
      '--endpoint-url',
      server.controlEndpoint,
    ],
    { env: { GATEWRIGHT_DATA_DIR: server.dataDir } },
  );
  const key = JSON.parse(made.stdout) as { accessKeyId: string; secretAccessKey: string };
  const reader = new BedrockAgentCoreControlClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: key,
  });
  closing.push(() => reader.destroy());
  await reader.send(new ListGatewaysCommand({}));
  await expect(reader.send(new DeleteGatewayCommand({ gatewayIdentifier }))).rejects.toThrow(
    /not authorized/,
  );
}

async function functionsOf(server: RunningServer): Promise<void> {
  const lambda = new LambdaClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: operatorCredentials(server.dataDir),
  });
  closing.push(() => lambda.destroy());
  await lambda.send(new ListFunctionsCommand({}));
  await lambda
    .send(
      new CreateFunctionCommand({
        FunctionName: 'f',
        Role: 'arn:aws:iam::000000000000:role/lambda',
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Environment: { Variables: { KEY: SECRETS.variable } },
        Code: { ZipFile: Buffer.from('no archive at all') },
      }),
    )
    .catch(() => undefined);
}

async function identityOf(server: RunningServer): Promise<void> {
  const client = new BedrockAgentCoreClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: operatorCredentials(server.dataDir),
  });
  closing.push(() => client.destroy());
  await runGatewright(
    ['create-workload-identity', '--name', 'app', '--endpoint-url', server.controlEndpoint],
    { env: { GATEWRIGHT_DATA_DIR: server.dataDir } },
  );
  const { workloadAccessToken } = await client.send(
    new GetWorkloadAccessTokenCommand({ workloadName: 'app' }),
  );
  const { apiKey } = await client.send(
    new GetResourceApiKeyCommand({
      workloadIdentityToken: workloadAccessToken,
      resourceCredentialProviderName: 'keys',
    }),
  );
  expect(apiKey).toBe(SECRETS.apiKey);
}

const named = (records: readonly AuditRecord[], eventName: string): readonly AuditRecord[] =>
  records.filter((record) => record.eventName === eventName);

describe('what is recorded', () => {
  let life: Awaited<ReturnType<typeof liveAndStop>>;
  beforeAll(async () => {
    life = await liveAndStop({});
  }, 60_000);

  it('operations of the control plane: who, what, when, from where, and what came of it', () => {
    const [created] = named(life.records, 'CreateGateway');
    expect(created).toMatchObject({
      eventSource: 'bedrock-agentcore.amazonaws.com',
      eventType: 'AwsApiCall',
      eventCategory: 'Management',
      managementEvent: true,
      readOnly: false,
      awsRegion: 'us-east-1',
      recipientAccountId: '000000000000',
      sourceIPAddress: '127.0.0.1',
      userAgent: expect.stringContaining('aws-sdk-js'),
      userIdentity: {
        type: 'IAMUser',
        arn: 'arn:aws:iam::000000000000:user/operator',
        accessKeyId: operatorCredentials(life.server.dataDir).accessKeyId,
      },
      requestParameters: { name: 'pets', authorizerType: 'CUSTOM_JWT', roleArn: ROLE },
      responseElements: { gatewayId: life.gatewayIdentifier },
      additionalEventData: { decision: 'allow', gateway: life.gatewayIdentifier },
      resources: [
        { ARN: expect.stringContaining(life.gatewayIdentifier), type: 'AWS::BedrockAgentCore::Gateway' },
      ],
    });
    expect(named(life.records, 'CreateGatewayTarget')[0]?.additionalEventData).toMatchObject({
      gateway: life.gatewayIdentifier,
      target: life.targetId,
    });
    expect(named(life.records, 'GetGateway').at(-1)).toMatchObject({
      readOnly: true,
      responseElements: null,
    });
    expect(named(life.records, 'ListFunctions')[0]).toMatchObject({ eventSource: 'lambda.amazonaws.com' });
    expect(named(life.records, 'CreateFunction')[0]?.requestParameters).toMatchObject({ FunctionName: 'f' });
    expect(named(life.records, 'GetResourceApiKey')[0]).toMatchObject({
      userIdentity: { type: 'IAMUser' },
      requestParameters: { resourceCredentialProviderName: 'keys' },
    });
  });

  it('operations that were refused, and why', () => {
    const [forged, denied] = named(life.records, 'DeleteGateway');
    expect(forged).toMatchObject({
      errorCode: 'Unauthenticated',
      userIdentity: { type: 'Unknown', accountId: 'anonymous', accessKeyId: expect.any(String) },
      requestParameters: null,
      additionalEventData: { decision: 'deny', reason: expect.stringContaining('signature') },
    });
    expect(denied).toMatchObject({
      errorCode: 'Forbidden',
      userIdentity: { type: 'IAMUser', userName: 'auditor', role: 'reader' },
      additionalEventData: { decision: 'deny', reason: expect.stringContaining('not authorized') },
    });
    expect(named(life.records, 'UpdateGateway')[0]).toMatchObject({ errorCode: 'Validation' });
    expect(named(life.records, 'GetGateway').some(({ errorCode }) => errorCode === 'NotFound')).toBe(true);
  });

  it('calls of tools by whom, with keyed hashes of arguments and results', () => {
    const calls = named(life.records, 'InvokeGateway').filter(
      ({ requestParameters }) => requestParameters?.['method'] === 'tools/call',
    );
    expect(calls).toHaveLength(4);
    const [first, second, faulty, unknown] = calls;
    expect(first).toMatchObject({
      eventCategory: 'Data',
      userIdentity: { type: 'WebIdentityUser', userName: 'alice', clientId: 'app' },
      sourceIPAddress: '127.0.0.1',
      requestParameters: { name: 'api___ask', argumentsHmac: expect.stringMatching(/^[0-9a-f]{64}$/) },
      responseElements: { isError: false },
      additionalEventData: {
        decision: 'allow',
        tool: 'api___ask',
        target: life.targetId,
        gateway: life.gatewayIdentifier,
        durationMs: expect.any(Number),
      },
    });
    expect(second?.requestParameters?.['argumentsHmac']).toBe(first?.requestParameters?.['argumentsHmac']);
    expect(faulty?.requestParameters?.['argumentsHmac']).not.toBe(
      first?.requestParameters?.['argumentsHmac'],
    );
    expect(faulty).toMatchObject({ errorCode: 'ToolError', responseElements: { isError: true } });
    expect(unknown).toMatchObject({ errorCode: '-32602' });
  });

  it('callers who are not let in, and which credential was used for whom', () => {
    const refused = named(life.records, 'InvokeGateway').filter(
      ({ additionalEventData }) => additionalEventData['decision'] === 'deny',
    );
    expect(refused.length).toBeGreaterThan(0);
    for (const record of refused)
      expect(record).toMatchObject({
        errorCode: 'Unauthenticated',
        userIdentity: { type: 'Unknown', accountId: 'anonymous' },
        additionalEventData: { gateway: life.gatewayIdentifier },
      });
    const calls = named(life.records, 'InvokeGateway').filter(({ additionalEventData }) =>
      Object.hasOwn(additionalEventData, 'credential'),
    );
    expect(calls).toHaveLength(2);
    expect(calls[0]).toMatchObject({
      userIdentity: { userName: 'alice' },
      resources: [
        { ARN: expect.stringContaining(life.gatewayIdentifier) },
        { ARN: expect.stringContaining(life.targetId) },
        {
          ARN: expect.stringContaining('apikeycredentialprovider/keys'),
          type: 'AWS::BedrockAgentCore::CredentialProvider',
        },
      ],
      additionalEventData: {
        credential: {
          destination: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
          providerType: 'API_KEY',
          renewals: 0,
          requests: 1,
        },
        gateway: life.gatewayIdentifier,
        target: life.targetId,
      },
    });
  });

  it('start and stop of the server, with the settings of the log', () => {
    expect(life.records[0]).toMatchObject({
      eventName: 'StartAuditLog',
      eventType: 'AwsServiceEvent',
      requestParameters: { settings: { mode: 'best-effort', arguments: false, retentionDays: 365 } },
    });
    expect(named(life.records, 'StartServer')).toHaveLength(1);
    expect(life.records.at(-1)?.eventName).toBe('StopServer');
  });

  it('nothing secret: no key, no token, no argument, no result', () => {
    const text = auditText(life.folder);
    const { secretAccessKey } = operatorCredentials(life.server.dataDir);
    for (const secret of [...Object.values(SECRETS), secretAccessKey]) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/eyJ[\w-]+\.eyJ/);
    const masterKey = readFileSync(join(life.server.dataDir, 'master.key'), 'utf8').trim();
    for (const file of readdirSync(life.folder)) {
      const path = join(life.folder, file);
      expect(statSync(path).mode & 0o777, file).toBe(0o600);
      expect(readFileSync(path, 'latin1')).not.toContain(masterKey);
    }
    expect(statSync(life.folder).mode & 0o777).toBe(0o700);
  });

  it('every line is CloudTrail’s in form, and its parser’s in the export', async () => {
    const exported = await runGatewright(['audit', 'export', life.folder, '--format', 'cloudtrail']);
    const { Records } = JSON.parse(exported.stdout) as { Records: AuditRecord[] };
    expect(Records).toEqual(life.records);
    for (const record of Records) {
      expect(record).toMatchObject({
        eventVersion: expect.stringMatching(/^1\.\d+$/),
        eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        eventID: expect.stringMatching(/^[0-9a-f-]{36}$/),
        userIdentity: { type: expect.stringMatching(/^(IAMUser|WebIdentityUser|AWSService|Unknown)$/) },
      });
      expect(record.sourceIPAddress).not.toBe('');
    }
    const some = await runGatewright([
      'audit',
      'export',
      life.folder,
      '--gateway',
      life.gatewayIdentifier,
      '--event',
      'CreateGateway',
      '--from',
      '2020-01-01',
    ]);
    expect(some.stdout.trim().split('\n')).toHaveLength(1);
    const none = await runGatewright(['audit', 'export', life.folder, '--to', '2020-01-01T00:00:00Z']);
    expect(none).toMatchObject({ code: 0, stdout: '' });
    const wrong = await runGatewright(['audit', 'export', life.folder, '--from', 'yesterday']);
    expect(wrong).toMatchObject({ code: 2 });
  });

  it('and it verifies, by the key in the folder and by a copy of it', async () => {
    const verified = await runGatewright(['audit', 'verify'], {
      env: { GATEWRIGHT_DATA_DIR: life.server.dataDir },
    });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('OK: ') });
    const key = join(life.folder, 'public-key.pem');
    expect(await runGatewright(['audit', 'verify', life.folder, '--public-key', key])).toMatchObject({
      code: 0,
    });
  });
});
