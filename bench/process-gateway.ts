// The gateway as it is: SQLite, vault, CUSTOM_JWT with a key set fetched over HTTP, an API key added, arguments
// validated, one log line a call. Tells the address of its MCP endpoint to the parent process.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ZipFile } from 'yazl';
import { openApp } from '../src/app.ts';
import { createLog } from '../src/telemetry/log.ts';
import { parseAllowRule } from '../src/upstream/guard.ts';

const [upstreamPort, discoveryUrl, withFunction] = process.argv.slice(2);
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
    // Measured beside the call, not as part of it (bench/workers.ts).
    audit: 'off',
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

/** The function of a benchmark: the least a handler can do. */
const HANDLER = 'export const handler = async (event) => event;';

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
if (withFunction === 'function') {
  const functionArn = await deployFunction();
  await control.invoke('CreateGatewayTarget', {
    gatewayIdentifier: gateway['gatewayId'],
    name: 'function',
    targetConfiguration: {
      mcp: {
        lambda: {
          lambdaArn: functionArn,
          toolSchema: {
            inlinePayload: [
              { name: 'addPet', description: 'Adds a pet', inputSchema: petSchema, outputSchema: petSchema },
            ],
          },
        },
      },
    },
  });
}
await control.settled();
process.send?.({ url: gateway['gatewayUrl'] });
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.on('disconnect', () => {
  rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
});

async function deployFunction(): Promise<string> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(HANDLER), 'index.mjs', { mtime: new Date(0), mode: 0o100_644 });
  zip.end();
  const text = readFileSync(join(dataDir, 'credentials'), 'utf8');
  const member = (name: string): string => new RegExp(`^${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  const client = new LambdaClient({
    endpoint: app.controlUrl,
    region: 'us-east-1',
    credentials: {
      accessKeyId: member('aws_access_key_id'),
      secretAccessKey: member('aws_secret_access_key'),
    },
  });
  const { FunctionArn: arn = '' } = await client.send(
    new CreateFunctionCommand({
      FunctionName: 'bench',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/bench',
      Code: { ZipFile: await buffer(zip.outputStream as AsyncIterable<Uint8Array>) },
    }),
  );
  client.destroy();
  return arn;
}
