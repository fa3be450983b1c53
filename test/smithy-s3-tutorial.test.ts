// AgentCore's tutorial "Smithy model (S3)" as its published call list, with the official SDK and only the endpoint
// changed: the model in S3, and S3 called through it, both at a store that checks the signatures.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteGatewayCommand,
  DeleteGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { expect, it } from 'vitest';
import { allTools, mcpClient, sdkFor, textOf } from './support/process-clients.ts';
import { startProvider } from './support/process-provider.ts';
import { startObjectStore } from './support/process-s3.ts';
import { startServer } from './support/process.ts';

const PUBLISHED = join(import.meta.dirname, '../../shared/corpus/smithy-models/s3.json.gz');
const OWN = join(import.meta.dirname, 'fixtures/smithy/models/object-store.json');
const CLIENT_ID = '7rfbikfsm51j2fpaggacgng84g';
const BUCKETS = `<?xml version="1.0" encoding="UTF-8"?>
<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Owner><ID>bcaf1ffd86f461ca5fb16fd081034f</ID><DisplayName>owner</DisplayName></Owner>
  <Buckets><Bucket><Name>quotes &amp; notes</Name><CreationDate>2025-02-03T16:45:09.000Z</CreationDate></Bucket></Buckets>
</ListAllMyBucketsResult>`;

it('runs as published', async () => {
  const aws = { id: 'AKIDS3EXAMPLE', secret: 's3-secret-of-the-process', region: 'us-east-1' };
  const [provider, objects] = await Promise.all([startProvider(), startObjectStore(aws)]);
  const server = await startServer({
    env: {
      AWS_ENDPOINT_URL_S3: objects.url,
      AWS_ACCESS_KEY_ID: aws.id,
      AWS_SECRET_ACCESS_KEY: aws.secret,
      GATEWRIGHT_EGRESS_ALLOW: new URL(provider.issuer).host,
    },
  });
  const sdk = sdkFor(server);
  const gateway = await sdk.send(
    new CreateGatewayCommand({
      name: 'DemoS3Smithyv3',
      roleArn: 'arn:aws:iam::123456789012:role/agentcore-gateway',
      protocolType: 'MCP',
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: { allowedClients: [CLIENT_ID], discoveryUrl: provider.discoveryUrl },
      },
      description: 'AgentCore Gateway with Smithy target',
    }),
  );
  const gatewayIdentifier = gateway.gatewayId;
  const path = '/agentcore-gateway-123456789012-us-east-1/s3-apis.json';
  objects.objects.set(
    path,
    existsSync(PUBLISHED) ? gunzipSync(readFileSync(PUBLISHED)).toString('utf8') : readFileSync(OWN, 'utf8'),
  );
  objects.objects.set('/?x-id=ListBuckets', BUCKETS);
  const { targetId } = await sdk.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier,
      name: 'DemoSmithytargetForS3',
      description: 'Smithy Target with S3Uri using SDK',
      targetConfiguration: { mcp: { smithyModel: { s3: { uri: `s3:/${path}` } } } },
      credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
    }),
  );
  await expect
    .poll(async () => (await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }))).status, {
      timeout: 30_000,
    })
    .toBe('READY');

  const token = await provider.token({
    sub: CLIENT_ID,
    token_use: 'access',
    client_id: CLIENT_ID,
    version: 2,
  });
  const client = await mcpClient(gateway.gatewayUrl ?? '', token);
  const names = (await allTools(client)).map(({ name }) => name);
  expect(names).toContain('DemoSmithytargetForS3___ListBuckets');
  const listed = await client.callTool({ name: 'DemoSmithytargetForS3___ListBuckets' });
  expect(listed.isError).not.toBe(true);
  expect(listed.structuredContent).toEqual({
    Owner: { ID: 'bcaf1ffd86f461ca5fb16fd081034f', DisplayName: 'owner' },
    Buckets: [{ Name: 'quotes & notes', CreationDate: '2025-02-03T16:45:09Z' }],
  });
  expect(JSON.parse(textOf(listed))).toEqual(listed.structuredContent);

  // An object's name with all that a path can be misled by: signed as it is sent, the bucket in the path.
  objects.objects.set('/quotes/a%20b/%2B%26.txt?x-id=GetObject', 'Stay hungry.');
  const read = await client.callTool({
    name: 'DemoSmithytargetForS3___GetObject',
    arguments: { Bucket: 'quotes', Key: 'a b/+&.txt' },
  });
  expect(read.structuredContent).toMatchObject({ Body: Buffer.from('Stay hungry.').toString('base64') });
  expect(JSON.stringify(read.content)).toContain('Stay hungry.');
  // Dots in a name are part of it: nobody on the way resolves them.
  objects.objects.set('/quotes/drafts/../final?x-id=GetObject', 'Dots.');
  const dotted = await client.callTool({
    name: 'DemoSmithytargetForS3___GetObject',
    arguments: { Bucket: 'quotes', Key: 'drafts/../final' },
  });
  expect(JSON.stringify(dotted.content)).toContain('Dots.');
  const missing = await client.callTool({
    name: 'DemoSmithytargetForS3___GetObject',
    arguments: { Bucket: 'quotes', Key: 'nothing' },
  });
  expect(missing.isError).toBe(true);
  expect(textOf(missing)).toMatch(/^NoSuchKey/);
  expect(objects.denied).toEqual([]);

  await sdk.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }));
  await expect
    .poll(() => sdk.send(new DeleteGatewayCommand({ gatewayIdentifier })).then(() => 'deleted', String), {
      timeout: 10_000,
    })
    .toBe('deleted');
  expect(server.stdout()).not.toContain(aws.secret);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});
