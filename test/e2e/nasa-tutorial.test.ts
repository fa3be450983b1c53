// AgentCore's tutorial "OpenAPI with an API key (NASA Mars)" as its published call list, with the official SDK and
// only the endpoint changed: OAuth in front, a document in S3, a key in the query.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteApiKeyCredentialProviderCommand,
  DeleteGatewayCommand,
  DeleteGatewayTargetCommand,
  GetGatewayTargetCommand,
  ListGatewayTargetsCommand,
  ListGatewaysCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { expect, it } from 'vitest';
import { allTools, mcpClient, sdkFor, startUpstream, textOf } from '../support/process-clients.ts';
import { startProvider } from '../support/process-provider.ts';
import { startObjectStore } from '../support/process-s3.ts';
import { startServer } from '../support/process.ts';

const PUBLISHED = join(
  import.meta.dirname,
  '../../../shared/corpus/openapi/awslabs-nasa_mars_insights_openapi.json',
);
const CLIENT_ID = '7rfbikfsm51j2fpaggacgng84g';
const API_KEY = 'DEMO+KEY/with&odd=signs';

function nasaDocument(serverUrl: string): string {
  const published = existsSync(PUBLISHED)
    ? (JSON.parse(readFileSync(PUBLISHED, 'utf8')) as object)
    : {
        openapi: '3.0.3',
        info: { title: 'NASA InSight Mars Weather API', version: '1.0.0' },
        paths: {
          '/insight_weather/': {
            get: {
              operationId: 'getInsightWeather',
              parameters: ['feedtype', 'ver'].map((name) => ({
                name,
                in: 'query',
                required: true,
                schema: { type: 'string' },
              })),
              responses: { 200: { description: 'ok' } },
            },
          },
        },
      };
  return JSON.stringify({ ...published, servers: [{ url: serverUrl }] });
}

it('runs as published', async () => {
  const aws = { id: 'AKIDS3EXAMPLE', secret: 's3-secret-of-the-process', region: 'us-east-1' };
  const [provider, objects, nasa] = await Promise.all([
    startProvider(),
    startObjectStore(aws),
    startUpstream((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"sol_keys":["675"],"validity_checks":{}}'),
    ),
  ]);
  const server = await startServer({
    env: {
      AWS_ENDPOINT_URL_S3: objects.url,
      AWS_ACCESS_KEY_ID: aws.id,
      AWS_SECRET_ACCESS_KEY: aws.secret,
      GATEWRIGHT_EGRESS_ALLOW: [new URL(provider.issuer).host, new URL(nasa.url).host].join(','),
    },
  });
  const sdk = sdkFor(server);

  const gateway = await sdk.send(
    new CreateGatewayCommand({
      name: 'DemoGWOpenAPIAPIKeyNasaOAI',
      roleArn: 'arn:aws:iam::123456789012:role/agentcore-gateway',
      protocolType: 'MCP',
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: { allowedClients: [CLIENT_ID], discoveryUrl: provider.discoveryUrl },
      },
      description: 'AgentCore Gateway with OpenAPI target',
    }),
  );
  const gatewayIdentifier = gateway.gatewayId;
  const { credentialProviderArn: providerArn } = await sdk.send(
    new CreateApiKeyCredentialProviderCommand({ name: 'NasaInsightAPIKey', apiKey: API_KEY }),
  );
  const path = '/agentcore-gateway-123456789012-us-east-1/nasa_mars_insights_openapi.json';
  objects.objects.set(path, nasaDocument(nasa.url));
  const target = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name: 'DemoOpenAPITargetS3NasaMars',
      description: 'OpenAPI Target with S3Uri using SDK',
      targetConfiguration: { mcp: { openApiSchema: { s3: { uri: `s3:/${path}` } } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'API_KEY',
          credentialProvider: {
            apiKeyCredentialProvider: {
              credentialParameterName: 'api_key',
              providerArn,
              credentialLocation: 'QUERY_PARAMETER',
            },
          },
        },
      ],
    }),
  );
  await expect
    .poll(
      async () =>
        (await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId: target.targetId })))
          .status,
      { timeout: 20_000 },
    )
    .toBe('READY');
  expect(objects).toMatchObject({ granted: [path], denied: [] });

  // As Cognito makes them for client credentials: client_id and scope, no audience.
  const token = await provider.token({
    sub: CLIENT_ID,
    token_use: 'access',
    scope: 'gateway/read gateway/write',
    client_id: CLIENT_ID,
    version: 2,
  });
  const client = await mcpClient(gateway.gatewayUrl ?? '', token);
  expect((await allTools(client)).map(({ name }) => name)).toEqual([
    'DemoOpenAPITargetS3NasaMars___getInsightWeather',
  ]);
  const weather = await client.callTool({
    name: 'DemoOpenAPITargetS3NasaMars___getInsightWeather',
    arguments: { ver: '1.0', feedtype: 'json' },
  });
  expect(JSON.parse(textOf(weather))).toEqual({ sol_keys: ['675'], validity_checks: {} });
  expect(nasa.received.map(({ method, target: sent }) => ({ method, sent }))).toEqual([
    { method: 'GET', sent: `/insight_weather/?feedtype=json&ver=1.0&api_key=${encodeURIComponent(API_KEY)}` },
  ]);
  expect(nasa.received[0]?.headers['authorization']).toBeUndefined();

  const stranger = await provider.token({ sub: 'x', token_use: 'access', client_id: 'another' });
  await expect(mcpClient(gateway.gatewayUrl ?? '', stranger)).rejects.toThrow();

  // The tutorials' clean-up.
  const { items: targets = [] } = await sdk.send(
    new ListGatewayTargetsCommand({ gatewayIdentifier, maxResults: 100 }),
  );
  for (const { targetId } of targets)
    await sdk.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }));
  await expect
    .poll(() => sdk.send(new DeleteGatewayCommand({ gatewayIdentifier })).then(() => 'deleted', String), {
      timeout: 10_000,
    })
    .toBe('deleted');
  await expect
    .poll(async () => (await sdk.send(new ListGatewaysCommand({ maxResults: 100 }))).items)
    .toEqual([]);
  await sdk.send(new DeleteApiKeyCredentialProviderCommand({ name: 'NasaInsightAPIKey' }));
  expect(server.stdout()).not.toContain(API_KEY);
  expect(server.stdout()).not.toContain(encodeURIComponent(API_KEY));
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

it('says what is wrong when the document cannot be had from S3', async () => {
  const aws = { id: 'AKIDS3EXAMPLE', secret: 'right', region: 'us-east-1' };
  const objects = await startObjectStore(aws);
  const server = await startServer({
    env: { AWS_ENDPOINT_URL_S3: objects.url, AWS_ACCESS_KEY_ID: aws.id, AWS_SECRET_ACCESS_KEY: 'wrong' },
  });
  const sdk = sdkFor(server);
  const { gatewayId: gatewayIdentifier } = await sdk.send(
    new CreateGatewayCommand({
      name: 'g',
      roleArn: 'arn:aws:iam::123456789012:role/r',
      protocolType: 'MCP',
      authorizerType: 'NONE',
    }),
  );
  const { targetId } = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name: 't',
      targetConfiguration: { mcp: { openApiSchema: { s3: { uri: 's3://bucket/a b+c.json' } } } },
    }),
  );
  await expect
    .poll(async () => (await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }))).status, {
      timeout: 20_000,
    })
    .toBe('FAILED');
  const { statusReasons } = await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
  expect(statusReasons?.join()).toMatch(/s3:\/\/bucket\/a b\+c\.json.*403/);
  expect(objects.denied).toEqual(['/bucket/a%20b%2Bc.json']);
  await server.stop();
});
