// Credentials that the real process uses outside of calls, each told of in the audit log, and none of them in it: the key
// behind the vault, documents in S3, a role, an embedding provider, a collector, a function's environment, a server whose
// tools are asked for; and who is turned away at the operator's doors.

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { describe, expect, it, vi } from 'vitest';
import { openKms } from '../faults/stand-in-kms.ts';
import { auditRecords } from '../support/audit.ts';
import type { AuditRecord } from '../support/audit.ts';
import { secretBox } from '../support/audited-app.ts';
import type { SecretBox } from '../support/audited-app.ts';
import { ROLE, zipOf } from '../support/functions.ts';
import { mcpClient, operatorCredentials, sdkFor, startUpstream } from '../support/process-clients.ts';
import { startObjectStore } from '../support/process-s3.ts';
import { closing, runGatewright, startServer } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';
import { openEmbeddingProvider } from '../support/search.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const EVERY_CREDENTIAL = [
  'assume-role',
  'embedding',
  'function-environment',
  'master-key',
  'source-document',
  'telemetry',
];

const LAMBDA_ARN = 'arn:aws:lambda:us-east-1:123456789012:function:elsewhere';

const ASSUMED = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
<SecretAccessKey>canary-role-secret</SecretAccessKey><SessionToken>canary-role-session</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

/** One of everything that has to do with credentials; stopped before the records are read. */
async function liveAndStop(mode: 'best-effort' | 'required', box: SecretBox) {
  const kms = await openKms();
  const { AWS_ACCESS_KEY_ID: id = '' } = kms.env;
  const secret = box.keep('canary-process-secret-process-secret');
  const s3 = await startObjectStore({ id, secret, region: 'us-east-1' });
  const sts = await startUpstream(
    (_request, response) => void response.writeHead(200, { 'content-type': 'text/xml' }).end(ASSUMED),
  );
  for (const each of ['canary-role-secret', 'canary-role-session']) box.keep(each);
  const collector = await startUpstream((_request, response) => void response.writeHead(200).end('{}'));
  const api = await startUpstream();
  const tools = await openToolServer();
  const lambda = await startUpstream(
    (_request, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('"done"'),
  );
  const embedder = await openEmbeddingProvider();
  closing.push(() => embedder.close());
  const server = await startServer({
    env: {
      ...kms.env,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_ENDPOINT_URL_LAMBDA: lambda.url,
      GATEWRIGHT_AUDIT: mode,
      GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1',
      GATEWRIGHT_METRICS_TOKEN: box.keep('canary-metrics-token'),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${box.keep('canary-collector-key')}`,
    },
  });
  const sdk = sdkFor(server);
  const { credentialProviderArn } = await sdk.send(
    new CreateApiKeyCredentialProviderCommand({ name: 'keys', apiKey: box.keep('canary-api-key-5d1f') }),
  );
  const gateway = await sdk.send(
    new CreateGatewayCommand({
      name: 'all',
      roleArn: 'arn:aws:iam::123456789012:role/tools',
      protocolType: 'MCP',
      authorizerType: 'NONE',
      protocolConfiguration: { mcp: { searchType: 'SEMANTIC' } },
      tags: {
        'gatewright:assume-role': 'true',
        'gatewright:search-embedder': 'openai',
        'gatewright:search-endpoint': `${embedder.url}/v1`,
        'gatewright:search-model': 'm',
        'gatewright:search-key-provider': String(credentialProviderArn),
      },
    }),
  );
  const gatewayIdentifier = gateway.gatewayId ?? '';
  s3.objects.set('/apis/api.json', JSON.stringify(documentOf(api.url)));
  const target = async (
    name: string,
    more: Omit<ConstructorParameters<typeof CreateGatewayTargetCommand>[0], 'gatewayIdentifier' | 'name'>,
  ): Promise<string> => {
    const { targetId = '' } = await sdk.send(
      new CreateGatewayTargetCommand({ gatewayIdentifier, name, ...more }),
    );
    await vi.waitFor(async () => {
      const { status } = await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
      expect(status).toBe('READY');
    }, PATIENCE);
    return targetId;
  };
  await target('api', {
    targetConfiguration: { mcp: { openApiSchema: { s3: { uri: 's3://apis/api.json' } } } },
    credentialProviderConfigurations: [
      {
        credentialProviderType: 'GATEWAY_IAM_ROLE',
        credentialProvider: { iamCredentialProvider: { service: 'execute-api' } },
      },
    ],
  });
  await target('aws', {
    targetConfiguration: {
      mcp: {
        lambda: {
          lambdaArn: LAMBDA_ARN,
          toolSchema: {
            inlinePayload: [{ name: 'work', description: 'Works', inputSchema: { type: 'object' } }],
          },
        },
      },
    },
    credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
  });
  const serverTarget = await target('tools', {
    targetConfiguration: { mcp: { mcpServer: { endpoint: `${tools.url}/mcp` } } },
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
  });
  expect(tools.keys).toContain('canary-api-key-5d1f');
  const client = await mcpClient(`${server.url}${new URL(gateway.gatewayUrl ?? '').pathname}`);
  const { isError } = await client.callTool({ name: 'api___ask', arguments: {} });
  expect(isError).toBe(false);
  expect(await client.callTool({ name: 'aws___work', arguments: {} })).toMatchObject({ isError: false });
  expect(lambda.received[0]?.headers['authorization']).toContain('Credential=ASIAROLE/');
  await vi.waitFor(() => expect(embedder.keys).toContain('Bearer canary-api-key-5d1f'), PATIENCE);
  await functionOf(server, box);
  await users(server, box);
  await turnedAway(server, box, new URL(gateway.gatewayUrl ?? '').pathname);
  const asked = kms.asked();
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(collector.received.some(({ headers }) => headers['x-key'] === 'canary-collector-key')).toBe(true);
  const folder = join(server.dataDir, 'audit');
  return {
    folder,
    records: auditRecords(folder),
    gatewayIdentifier,
    serverTarget,
    asked,
    urls: { s3: s3.url, sts: sts.url, collector: collector.url, embedder: embedder.url },
    credentialProviderArn,
  };
}

const documentOf = (url: string): object => ({
  openapi: '3.0.3',
  info: {},
  servers: [{ url }],
  paths: { '/ask': { get: { operationId: 'ask', summary: 'Asks for something' } } },
});

async function functionOf(server: RunningServer, box: SecretBox): Promise<void> {
  const lambda = new LambdaClient({
    endpoint: server.controlEndpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: operatorCredentials(server.dataDir),
  });
  closing.push(() => lambda.destroy());
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: 'f',
      Role: ROLE,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Environment: { Variables: { KEY: box.keep('canary-variable-0b7e'), OTHER: 'x' } },
      Code: { ZipFile: await zipOf({ 'index.mjs': 'export const handler = () => "done";' }) },
    }),
  );
  const { FunctionError } = await lambda.send(new InvokeCommand({ FunctionName: 'f', Payload: '{}' }));
  expect(FunctionError).toBeUndefined();
  const { Code, Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: 'f' }));
  expect(Configuration?.Environment?.Variables).toMatchObject({ KEY: 'canary-variable-0b7e' });
  const link = Code?.Location ?? '';
  box.keep(link.slice(link.lastIndexOf('/') + 1));
  expect((await fetch(link)).status).toBe(200);
  expect((await fetch(`${link}x`)).status).toBe(403);
}

async function users(server: RunningServer, box: SecretBox): Promise<void> {
  const run = (input: string, ...args: string[]) =>
    runGatewright(
      ['users', ...args, '--endpoint-url', server.controlEndpoint, '--data-dir', server.dataDir],
      {
        input,
      },
    );
  expect((await run(`${box.keep('canary password of alice')}\n`, 'add', 'alice')).code).toBe(0);
  expect((await run(box.keep('canary newer password'), 'passwd', 'alice')).code).toBe(0);
  expect((await run('', 'remove', 'alice')).code).toBe(0);
}

async function turnedAway(server: RunningServer, box: SecretBox, path: string): Promise<void> {
  const guess = box.keep('canary-guessed-metrics-token');
  const metrics = `${server.controlEndpoint}/metrics`;
  expect((await fetch(metrics)).status).toBe(401);
  expect((await fetch(metrics, { headers: { authorization: `Bearer ${guess}` } })).status).toBe(401);
  const statusOf = (target: string, headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(server.controlEndpoint);
      const sent = request({ port, path: target, method: 'POST', headers });
      sent.on('response', (answer) => resolve(answer.resume().statusCode));
      sent.on('error', reject);
      sent.end();
    });
  const host = box.keep('canary.evil.example');
  expect(await statusOf('/gateways/', { host })).toBe(403);
  expect(await statusOf(path, { host })).toBe(403);
  expect(await statusOf(path, { origin: box.keep('https://canary.evil.example') })).toBe(403);
}

/** An MCP server that wants a key, and notes which it was shown. */
async function openToolServer(): Promise<{ url: string; keys: (string | undefined)[] }> {
  const keys: (string | undefined)[] = [];
  const results: Readonly<Record<string, object>> = {
    initialize: {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'tools', version: '1' },
    },
    'tools/list': { tools: [{ name: 'hammer', description: 'Hits', inputSchema: { type: 'object' } }] },
  };
  const server = createServer((incoming, response) => {
    keys.push(incoming.headersDistinct['x-key']?.[0]);
    let body = '';
    incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    incoming.on('end', () => {
      const { id, method } = (body === '' ? {} : JSON.parse(body)) as { id?: number; method?: string };
      const result = results[method ?? ''];
      if (incoming.method !== 'POST') return response.writeHead(405).end();
      if (id === undefined) return response.writeHead(202).end();
      const answer = result ? { result } : { error: { code: -32601, message: 'no such method' } };
      return response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, keys };
}

const purposeOf = ({ requestParameters }: AuditRecord): unknown => requestParameters?.['purpose'];

describe.each(['best-effort', 'required'] as const)('in mode %s', (mode) => {
  it('every use is told of, and no secret is', async () => {
    const box = secretBox();
    const lived = await liveAndStop(mode, box);
    const { records, folder, urls, gatewayIdentifier, credentialProviderArn } = lived;
    const uses = records.filter(({ eventName }) => eventName === 'UseCredential');
    const outcomes = uses.filter(({ additionalEventData }) => additionalEventData['phase'] !== 'intent');
    const of = (purpose: string): readonly AuditRecord[] =>
      outcomes.filter((record) => purposeOf(record) === purpose);
    for (const purpose of EVERY_CREDENTIAL) {
      expect(of(purpose), purpose).not.toEqual([]);
      for (const record of of(purpose))
        expect(record, purpose).toMatchObject({
          eventCategory: 'Data',
          managementEvent: false,
          userIdentity: { type: 'AWSService', invokedBy: 'gatewright' },
          additionalEventData: { decision: 'allow' },
        });
    }
    const keyArn = 'arn:aws:kms:us-west-2:123456789012:key/1234abcd';
    expect(of('master-key')).toHaveLength(lived.asked);
    expect(of('master-key').map(({ requestParameters }) => requestParameters?.['operation'])).toEqual([
      'GenerateDataKey',
      'Decrypt',
    ]);
    expect(of('master-key')[0]?.resources).toEqual([
      { ARN: keyArn, accountId: '000000000000', type: 'AWS::KMS::Key' },
    ]);
    expect(of('source-document')).toMatchObject([
      {
        requestParameters: { credentialProviderType: 'AWS', destination: urls.s3 },
        resources: [{ ARN: 'arn:aws:s3:::apis/api.json', type: 'AWS::S3::Object' }],
      },
    ]);
    expect(of('assume-role')).toMatchObject([
      {
        requestParameters: { destination: urls.sts },
        resources: [{ ARN: 'arn:aws:iam::123456789012:role/tools', type: 'AWS::IAM::Role' }],
        additionalEventData: { gateway: gatewayIdentifier },
      },
    ]);
    expect(of('embedding')[0]).toMatchObject({
      requestParameters: {
        credentialProviderArn,
        credentialProviderType: 'API_KEY',
        destination: urls.embedder,
      },
    });
    expect(of('telemetry')).toMatchObject([{ requestParameters: { destination: urls.collector } }]);
    expect(of('function-environment')).toMatchObject([
      {
        requestParameters: { functionName: 'f', functionVersion: '$LATEST', variables: 2 },
        resources: [{ ARN: 'arn:aws:lambda:us-east-1:000000000000:function:f' }],
      },
    ]);
    // The function at AWS: in the record of its call, or where that has to be durable before it leaves, in one of its own.
    const worked = records.find(
      ({ eventName, additionalEventData }) =>
        eventName === 'InvokeGateway' && additionalEventData['tool'] === 'aws___work',
    );
    const used =
      mode === 'required'
        ? uses.find(({ requestID }) => requestID === worked?.requestID)?.requestParameters
        : worked?.additionalEventData['credential'];
    expect(JSON.stringify(used)).toContain('GATEWAY_IAM_ROLE');
    // What the gateway asked the server for its tools with: nobody had called.
    const synced = uses.filter(
      ({ additionalEventData, userIdentity }) =>
        additionalEventData['target'] === lived.serverTarget && userIdentity['type'] === 'AWSService',
    );
    expect(synced.length).toBeGreaterThan(0);
    expect(new Set(synced.map(({ requestID }) => requestID)).size).toBe(synced.length);
    if (mode === 'required')
      for (const purpose of ['assume-role', 'source-document']) {
        const [intent] = uses.filter((record) => purposeOf(record) === purpose);
        expect(intent?.additionalEventData['phase'], purpose).toBe('intent');
        expect(of(purpose)[0]?.requestID).toBe(intent?.requestID);
      }
    expect(records.filter(({ eventName }) => eventName === 'GetMetrics')).toMatchObject(
      Array.from({ length: 2 }, () => ({
        eventSource: 'gatewright',
        userIdentity: { type: 'Unknown' },
        errorCode: 'Unauthenticated',
        sourceIPAddress: '127.0.0.1',
        additionalEventData: { decision: 'deny' },
      })),
    );
    expect(records.filter(({ errorCode }) => errorCode === 'Forbidden')).toMatchObject([
      { eventName: 'GetFunctionCode', additionalEventData: { decision: 'deny' } },
      { eventName: 'UnknownOperation', additionalEventData: { reason: 'not a host name of this server' } },
      {
        eventName: 'InvokeGateway',
        additionalEventData: { gateway: gatewayIdentifier, reason: 'not a host name of this server' },
      },
      {
        eventName: 'InvokeGateway',
        additionalEventData: { gateway: gatewayIdentifier, reason: 'pages of this origin may not call' },
      },
    ]);
    expect(records.filter(({ eventName }) => eventName === 'GetFunctionCode')).toMatchObject([
      { additionalEventData: { decision: 'allow' }, sourceIPAddress: '127.0.0.1' },
      { additionalEventData: { decision: 'deny' } },
    ]);
    // It shows an administrator what the variables hold, and is announced where the log is required.
    expect(
      records
        .filter(({ eventName }) => eventName === 'GetFunction')
        .map(({ additionalEventData }) => additionalEventData['phase']),
    ).toEqual(mode === 'required' ? ['intent', 'outcome'] : [undefined]);
    for (const eventName of ['CreateLocalUser', 'SetLocalUserPassword', 'DeleteLocalUser'])
      expect(
        records.find((record) => record.eventName === eventName),
        eventName,
      ).toMatchObject({ userIdentity: { type: 'IAMUser' }, requestParameters: { userName: 'alice' } });
    box.expectNoneIn(folder);
    expect((await runGatewright(['audit', 'verify', folder])).code).toBe(0);
  }, 90_000);
});
