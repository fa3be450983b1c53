// Smithy targets as clients meet them: models put in through the control plane, tools called over MCP, and services that
// verify what reaches them. The official DynamoDB client stands beside as the judge of what a service understands.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../src/core/json.ts';
import { SigningKeys, verifySigV4 } from '../src/core/sigv4-verify.ts';
import { Secret } from '../src/lib/secret.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { legacy } from './support/mcp-client.ts';
import { openUpstream, respondWith } from './support/upstream.ts';
import type { RecordedRequest, Upstream } from './support/upstream.ts';

const models = join(import.meta.dirname, 'fixtures/smithy/models');
const TABLES = readFileSync(join(models, 'table-store.json'), 'utf8');
const OBJECTS = readFileSync(join(models, 'object-store.json'), 'utf8');
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIAPROCESS000000000',
  AWS_SECRET_ACCESS_KEY: 'process-secret-process-secret-process',
  AWS_EC2_METADATA_DISABLED: 'true',
};
const IAM = [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }];

let upstream: Upstream;
let app: TestApp;
const before = { ...process.env };
beforeEach(async () => {
  Object.assign(process.env, ENVIRONMENT);
  upstream = await openUpstream();
  app = await openTestApp({ awsEndpoints: { DYNAMODB: new URL(upstream.url) } });
});
afterEach(async () => {
  await app.close();
  await upstream.close();
  for (const name of Object.keys(ENVIRONMENT)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

interface Result {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly isError: boolean;
  readonly structuredContent?: JsonValue;
}

interface Made {
  readonly status: JsonValue | undefined;
  readonly reasons: JsonValue | undefined;
  readonly report: JsonObject;
  tools(): Promise<string[]>;
  call(name: string, args?: JsonObject): Promise<Result>;
}

async function targetOf(
  model: string,
  more: { tags?: Record<string, string>; credentials?: readonly object[] } = {},
): Promise<Made> {
  const { control } = app.app;
  const gateway = await control.invoke('CreateGateway', {
    name: `g-${Math.random().toString(36).slice(2, 10)}`,
    roleArn: 'arn:aws:iam::123456789012:role/tools',
    protocolType: 'MCP',
    authorizerType: 'NONE',
  });
  const made = await control.invoke('CreateGatewayTarget', {
    gatewayIdentifier: gateway['gatewayId'],
    name: 't',
    targetConfiguration: { mcp: { smithyModel: { inlinePayload: model } } },
    ...(more.credentials ? { credentialProviderConfigurations: more.credentials as JsonValue } : {}),
  });
  await control.settled();
  if (more.tags) {
    await control.invoke('TagResource', {
      resourceArn: `${String(gateway['gatewayArn'])}/target/${String(made['targetId'])}`,
      tags: more.tags,
    });
    await control.settled();
  }
  const which = { gatewayIdentifier: gateway['gatewayId'], targetId: made['targetId'] };
  const state = await control.invoke('GetGatewayTarget', which);
  const { report } = await control
    .invoke('GetGatewayTargetImportReport', which)
    .catch(() => ({ report: {} }));
  const url = gateway['gatewayUrl'] as string;
  return {
    status: state['status'],
    reasons: state['statusReasons'],
    report: report as JsonObject,
    async tools() {
      const { json } = await legacy(url, 'tools/list', {});
      return (json.result?.tools ?? []).map(({ name }) => name);
    },
    async call(name, args = {}) {
      const { json } = await legacy(url, 'tools/call', { name: `t___${name}`, arguments: args });
      return (json.result ?? json) as unknown as Result;
    },
  };
}

async function signerOf({ method, path, headers, body }: RecordedRequest, service: string): Promise<string> {
  const { accessKeyId } = await verifySigV4(
    {
      method,
      target: path,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat()]),
      ),
      body: Buffer.from(body),
    },
    {
      region: 'us-east-1',
      services: [service],
      accessKeys: () => Promise.resolve({ secret: new Secret(ENVIRONMENT.AWS_SECRET_ACCESS_KEY) }),
      now: () => Date.now(),
      signingKeys: new SigningKeys(),
    },
  );
  return accessKeyId;
}

describe('a model of an AWS service', () => {
  test('is called at the operator’s endpoint for it, signed for the service', async () => {
    const target = await targetOf(TABLES, { credentials: IAM });
    expect([target.status, target.reasons]).toEqual(['READY', undefined]);
    expect(await target.tools()).toEqual([
      't___GetItem',
      't___PutItem',
      't___DescribeTable',
      't___ListTables',
    ]);
    upstream.on(
      '/',
      respondWith(
        200,
        'application/x-amz-json-1.0',
        '{"Item":{"Artist":{"S":"Acme Band"},"Sold":{"N":"9007199254740993"}}}',
      ),
    );
    const arrived = upstream.next();
    const found = await target.call('GetItem', { TableName: 'Music', Key: { Artist: { S: 'Acme Band' } } });
    expect(found).toMatchObject({
      isError: false,
      structuredContent: { Item: { Artist: { S: 'Acme Band' } } },
    });
    const request = await arrived;
    expect(await signerOf(request, 'dynamodb')).toBe(ENVIRONMENT.AWS_ACCESS_KEY_ID);
    expect(request.headers['x-amz-target']).toBe('TableStore_20120810.GetItem');
    expect(JSON.parse(request.body)).toEqual({ TableName: 'Music', Key: { Artist: { S: 'Acme Band' } } });
  });

  test('gives modelled errors by name and members, and other failures as they are', async () => {
    const target = await targetOf(TABLES, { credentials: IAM });
    const item = { TableName: 'Music', Item: { Artist: { S: 'x' } } };
    upstream.on(
      '/',
      respondWith(
        400,
        'application/x-amz-json-1.0',
        '{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"Artist":{"S":"y"}}}',
      ),
    );
    const refused = await target.call('PutItem', item);
    expect(refused.isError).toBe(true);
    expect(refused.content[0]?.text).toBe('ConditionalCheckFailedException (HTTP 400 Bad Request): no');
    expect(JSON.parse(refused.content[1]?.text ?? '')).toMatchObject({
      error: 'ConditionalCheckFailedException',
      members: { message: 'no', Item: { Artist: { S: 'y' } } },
    });
    upstream.on('/', respondWith(503, 'text/html', '<html>Be right back</html>'));
    const away = await target.call('PutItem', item);
    expect(away.isError).toBe(true);
    expect(away.content.map(({ text }) => text).join('\n')).toMatch(/HTTP 503[\s\S]*Be right back/);
  });

  test('refuses arguments by the model before anything is sent', async () => {
    const target = await targetOf(TABLES, { credentials: IAM });
    for (const args of [
      { TableName: 'no', Key: {} },
      { TableName: 'has space', Key: {} },
      { TableName: 'Music' },
      { TableName: 'Music', Key: { a: { S: 'x', N: '1' } } },
      { TableName: 'Music', Key: {}, Tablename: 'Music' },
      { TableName: 'Music', Key: { a: { B: 'no base64!' } } },
    ]) {
      const refused = await target.call('GetItem', args);
      expect(JSON.stringify(refused), JSON.stringify(args)).toMatch(/isError":true|"error"/);
    }
    expect(upstream.requests).toEqual([]);
  });

  test('answers that are not the model’s never pass as success', async () => {
    const target = await targetOf(TABLES, { credentials: IAM });
    const bodies = [
      '<html>login</html>',
      '{"Item":"text"}',
      '{"Item":{"a":{"S":{}}}}',
      '{"Item":[{"S":"x"}]}',
      '{"Item":{"a":["S"]}}',
      '{"Item":{"a":{"S":"x","N":"1"}}}',
      '[1]',
      '"text"',
      '{"Item":{"a":{"BOOL":"maybe"}}}',
      `{"Item":{"a":${'{"L":['.repeat(5000)}${']}'.repeat(5000)}}}`,
      '{"Item":',
    ];
    for (const body of bodies) {
      upstream.on('/', respondWith(200, 'application/x-amz-json-1.0', body));
      const result = await target.call('GetItem', { TableName: 'Music', Key: {} });
      expect(result.isError, body.slice(0, 60)).toBe(true);
      expect(result.content[0]?.text).toMatch(/does not fit its model/);
    }
  });
});

test('objects come as they are stored, whatever coding they are said to have', async () => {
  const target = await targetOf(OBJECTS, { tags: { 'gatewright:server-url': upstream.url } });
  const packed = gzipSync('Packed.');
  for (const [coding, stored, text] of [
    ['gzip', packed, 'Packed.'],
    ['UTF-8', Buffer.from('Plain.'), 'Plain.'],
    ['aws-chunked', Buffer.from('Plain.'), 'Plain.'],
    ['gzip', Buffer.from('Not packed.'), 'Not packed.'],
  ] as const) {
    upstream.on('/bucket/x', (_request, response) => {
      response
        .writeHead(200, { 'content-encoding': coding, 'x-amz-checksum-crc32': crc32Of(stored) })
        .end(stored);
    });
    const found = await target.call('GetObject', { Bucket: 'bucket', Key: 'x' });
    expect(found.structuredContent).toMatchObject({ Body: stored.toString('base64') });
    expect(found.content[1]?.text).toBe(text);
  }
});

const crc32Of = (bytes: Uint8Array): string => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(crc32(bytes));
  return out.toString('base64');
};

const WEATHER = {
  'service.smithy': `$version: "2.0"
namespace example.weather
use aws.protocols#restJson1
use example.shapes#City

/// <p>Tells the <b>weather</b>.</p>
@restJson1
@title("Weather")
@httpApiKeyAuth(name: "X-Key", in: "header")
@paginated(inputToken: "next", outputToken: "next", items: "cities")
service Weather { version: "1", resources: [CityResource], operations: [Ping] }

resource CityResource { identifiers: { cityId: String }, read: GetCity, list: ListCities, put: PutCity }

@readonly
@http(method: "GET", uri: "/cities/{cityId}")
operation GetCity { input := for CityResource { @required @httpLabel $cityId }, output := with [City] { @required id: Long }, errors: [NoSuchCity] }

@readonly @paginated
@http(method: "GET", uri: "/cities")
operation ListCities { input := { @httpQuery("next") next: String }, output := { next: String, cities: Names } }
list Names { member: String }

@idempotent
@http(method: "PUT", uri: "/cities/{cityId}")
operation PutCity { input := for CityResource with [City] { @required @httpLabel $cityId } }

@auth([]) @readonly @http(method: "GET", uri: "/ping")
operation Ping {}
@error("client") @httpError(404) structure NoSuchCity { message: String }
`,
  'shapes.smithy': `$version: "2.0"
namespace example.shapes
@mixin structure City { name: String, @range(min: -90, max: 90) latitude: Double }
`,
};

describe('a model of one’s own', () => {
  test('may be several files of IDL, called at the address that the operator names', async () => {
    const target = await targetOf(JSON.stringify(WEATHER), {
      tags: { 'gatewright:server-url': `${upstream.url}/api/` },
    });
    expect([target.status, target.reasons]).toEqual(['READY', undefined]);
    expect(target.report).toMatchObject({
      format: 'Smithy 2.0 (restJson1)',
      title: 'Weather',
      operations: 4,
      tools: 4,
      skipped: 0,
      warnings: [],
    });
    expect((await target.tools()).toSorted()).toEqual([
      't___GetCity',
      't___ListCities',
      't___Ping',
      't___PutCity',
    ]);
    upstream.on(
      '/api/cities/a%20b',
      respondWith(200, 'application/json', '{"id":9007199254740993,"name":"Ä","latitude":51.5}'),
    );
    const found = await target.call('GetCity', { cityId: 'a b' });
    expect(found.content[0]?.text).toBe('{"name":"Ä","latitude":51.5,"id":9007199254740993}');
    expect(found.isError).toBe(false);
    upstream.on('/api/cities/x', respondWith(200, 'application/json', ''));
    expect(await target.call('PutCity', { cityId: 'x', latitude: 1.5 })).toMatchObject({ isError: false });
    expect(upstream.requests.at(-1)).toMatchObject({ method: 'PUT', body: '{"latitude":1.5}' });
    // A label that would lead elsewhere is refused.
    const sent = upstream.requests.length;
    expect(JSON.stringify(await target.call('GetCity', { cityId: '..' }))).toMatch(/do not fit into the URL/);
    expect(upstream.requests.length).toBe(sent);
  });

  test('gets an API key where the model puts it, and none where an operation is public', async () => {
    const { credentialProviderArn } = await app.app.control.invoke('CreateApiKeyCredentialProvider', {
      name: 'weather',
      apiKey: 'the-key-of-the-weather',
    });
    const target = await targetOf(JSON.stringify(WEATHER), {
      tags: { 'gatewright:server-url': upstream.url },
      credentials: [
        {
          credentialProviderType: 'API_KEY',
          credentialProvider: { apiKeyCredentialProvider: { providerArn: credentialProviderArn } },
        },
      ],
    });
    await target.call('ListCities');
    await target.call('Ping');
    expect(upstream.requests.map(({ path, headers }) => [path, headers['x-key']])).toEqual([
      ['/cities', 'the-key-of-the-weather'],
      ['/ping', undefined],
    ]);
  });

  test('gets a token of its client’s, by the client credentials grant', async () => {
    upstream.on(
      '/token',
      respondWith(
        200,
        'application/json',
        '{"access_token":"weather-token","token_type":"Bearer","expires_in":3600}',
      ),
    );
    const { credentialProviderArn } = await app.app.control.invoke('CreateOauth2CredentialProvider', {
      name: 'weather',
      credentialProviderVendor: 'CustomOauth2',
      oauth2ProviderConfigInput: {
        customOauth2ProviderConfig: {
          oauthDiscovery: {
            authorizationServerMetadata: {
              issuer: upstream.url,
              authorizationEndpoint: `${upstream.url}/authorize`,
              tokenEndpoint: `${upstream.url}/token`,
            },
          },
          clientId: 'gateway',
          clientSecret: 'secret-of-the-gateway',
        },
      },
    });
    const target = await targetOf(JSON.stringify(WEATHER), {
      tags: { 'gatewright:server-url': upstream.url },
      credentials: [
        {
          credentialProviderType: 'OAUTH',
          credentialProvider: {
            oauthCredentialProvider: {
              providerArn: credentialProviderArn,
              scopes: ['read'],
              grantType: 'CLIENT_CREDENTIALS',
            },
          },
        },
      ],
    });
    expect(await target.call('ListCities')).toMatchObject({ isError: false });
    expect(
      upstream.requests.map(({ method, path, headers }) => [
        method,
        path,
        headers.authorization?.split(' ')[0],
      ]),
    ).toEqual([
      ['POST', '/token', expect.anything()],
      ['GET', '/cities', 'Bearer'],
    ]);
    expect(upstream.requests[1]?.headers.authorization).toBe('Bearer weather-token');
  });

  test('collects pages up to the cap, and leaves out what the filters name', async () => {
    const target = await targetOf(JSON.stringify(WEATHER), {
      tags: {
        'gatewright:server-url': upstream.url,
        'gatewright:max-pages': '3',
        'gatewright:include-operations': 'List... get...',
      },
    });
    expect((await target.tools()).toSorted()).toEqual(['t___GetCity', 't___ListCities']);
    let page = 0;
    upstream.on('/cities', (_request, response) => {
      page += 1;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ next: `t${page}`, cities: [`c${page}`] }));
    });
    const listed = await target.call('ListCities');
    expect(listed.structuredContent).toEqual({ next: 't3', cities: ['c1', 'c2', 'c3'] });
    expect(upstream.requests.map(({ path }) => path)).toEqual([
      '/cities',
      '/cities?next=t1',
      '/cities?next=t2',
    ]);
  });
});

test('what is wrong with a model is said with its place', async () => {
  for (const [model, message] of [
    [TABLES.slice(0, 2_000), /ends in the middle, at line \d+, column \d+; it was cut off/],
    ['{"smithy":"2.0","shapes":{}}', /defines no service/],
    ['{"openapi":"3.1.0"}', /is no Smithy model: it has no member/],
    ['{"smithy":"3.0","shapes":{}}', /Smithy 3.0; versions 1.0 and 2.0/],
    ['$version: "2.0"\nnamespace a\nservice X {', /no service|a fault|line|:3:/],
  ] as const) {
    const target = await targetOf(model);
    expect(target.status).toBe('FAILED');
    expect(JSON.stringify(target.reasons), model.slice(0, 40)).toMatch(message);
  }
});
