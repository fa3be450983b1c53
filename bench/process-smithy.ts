// The gateway with the same small API twice: as an OpenAPI document and as a Smithy model (restJson1), both called with
// an API key; and the model's operation in awsJson1_1. Tells the addresses of its MCP endpoints to the parent process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../src/app.ts';
import type { JsonObject } from '../src/core/json.ts';
import { createLog } from '../src/telemetry/log.ts';
import { parseAllowRule } from '../src/upstream/guard.ts';

const [upstreamPort] = process.argv.slice(2);
const base = `http://127.0.0.1:${upstreamPort}`;
const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-bench-'));
const app = await openApp(
  {
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    masterKeyFile: join(dataDir, 'master.key'),
    region: 'us-east-1',
    accountId: '000000000000',
    egressAllow: ['127.0.0.1', 'localhost'].map(parseAllowRule),
    logLevel: 'info',
  },
  createLog('info'),
);

const petSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 64, pattern: '^[A-Za-z ]+$' },
    kind: { type: 'string', enum: ['dog', 'cat', 'bird'] },
    age: { type: 'integer', minimum: 0, maximum: 40 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 8 },
    owner: {
      type: 'object',
      properties: { id: { type: 'integer' }, name: { type: 'string' } },
      required: ['id'],
    },
  },
  required: ['name', 'kind'],
};
const openApi = {
  openapi: '3.1.0',
  info: { title: 'Pets', version: '1' },
  servers: [{ url: base }],
  paths: {
    '/pets': {
      post: {
        operationId: 'addPet',
        requestBody: { required: true, content: { 'application/json': { schema: petSchema } } },
        responses: { 200: { description: 'ok', content: { 'application/json': { schema: petSchema } } } },
      },
    },
  },
};
const smithy = (protocol: string): string => `$version: "2.0"
namespace bench
@aws.protocols#${protocol}
@httpApiKeyAuth(name: "X-API-Key", in: "header")
service Pets { version: "1", operations: [addPet] }
@http(method: "POST", uri: "/pets")
operation addPet { input := with [Pet] {}, output := with [Pet] { id: Integer } }
@mixin structure Pet {
  @required @length(min: 1, max: 64) @pattern("^[A-Za-z ]+$") name: String
  @required kind: Kind
  @range(min: 0, max: 40) age: Integer
  @length(max: 8) tags: Tags
  owner: Owner
}
enum Kind { dog cat bird }
@length(max: 8) list Tags { member: String }
structure Owner { @required id: Integer, name: String }
`;

const { control } = app;
const provider = await control.invoke('CreateApiKeyCredentialProvider', {
  name: 'bench',
  apiKey: 'k-123456',
});

async function gatewayOf(name: string, mcp: JsonObject, tags: Record<string, string>): Promise<string> {
  const gateway = await control.invoke('CreateGateway', {
    name,
    roleArn: 'arn:aws:iam::000000000000:role/bench',
    protocolType: 'MCP',
    authorizerType: 'NONE',
  });
  const target = await control.invoke('CreateGatewayTarget', {
    gatewayIdentifier: gateway['gatewayId'],
    name: 'pets',
    targetConfiguration: { mcp },
    credentialProviderConfigurations: [
      {
        credentialProviderType: 'API_KEY',
        credentialProvider: {
          apiKeyCredentialProvider: {
            providerArn: provider['credentialProviderArn'],
            credentialParameterName: 'X-API-Key',
            credentialLocation: 'HEADER',
          },
        },
      },
    ],
  });
  await control.settled();
  if (Object.keys(tags).length > 0) {
    const resourceArn = `${String(gateway['gatewayArn'])}/target/${String(target['targetId'])}`;
    await control.invoke('TagResource', { resourceArn, tags });
    await control.settled();
  }
  return String(gateway['gatewayUrl']);
}

const tags = { 'gatewright:server-url': base };
process.send?.({
  openapi: await gatewayOf('openapi', { openApiSchema: { inlinePayload: JSON.stringify(openApi) } }, {}),
  restJson1: await gatewayOf('rest', { smithyModel: { inlinePayload: smithy('restJson1') } }, tags),
  awsJson1_1: await gatewayOf('rpc', { smithyModel: { inlinePayload: smithy('awsJson1_1') } }, tags),
});
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.on('disconnect', () => {
  rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
});
