// The gateway as it is: SQLite, vault, CUSTOM_JWT with a key set fetched over HTTP, an API key added, arguments
// validated, one log line a call. Tells the address of its MCP endpoint to the parent process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../src/app.ts';
import { createLog } from '../src/telemetry/log.ts';
import { parseAllowRule } from '../src/upstream/guard.ts';

const [upstreamPort, discoveryUrl] = process.argv.slice(2);
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
const document = {
  openapi: '3.1.0',
  info: { title: 'Pets', version: '1' },
  servers: [{ url: `http://127.0.0.1:${upstreamPort}` }],
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

const { control } = app;
const gateway = await control.invoke('CreateGateway', {
  name: 'bench',
  roleArn: 'arn:aws:iam::000000000000:role/bench',
  protocolType: 'MCP',
  authorizerType: 'CUSTOM_JWT',
  authorizerConfiguration: {
    customJWTAuthorizer: { discoveryUrl: discoveryUrl ?? '', allowedAudience: ['bench'] },
  },
});
const provider = await control.invoke('CreateApiKeyCredentialProvider', {
  name: 'bench',
  apiKey: 'k-123456',
});
await control.invoke('CreateGatewayTarget', {
  gatewayIdentifier: gateway['gatewayId'],
  name: 'pets',
  targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
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
process.send?.({ url: gateway['gatewayUrl'] });
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.on('disconnect', () => {
  rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
});
