// Calls that leave signed: as the gateway, as a role that it assumes, as the caller, and with the caller's own token.
// Upstreams verify what arrives with the product's own verifier, which two independent signers are tested against.

import { createRequire } from 'node:module';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { SigningKeys, verifySigV4 } from '../src/core/sigv4-verify.ts';
import { Secret } from '../src/lib/secret.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openIssuer } from './support/issuer.ts';
import { legacy, post } from './support/mcp-client.ts';
import { describeApi, openUpstream, respondWith } from './support/upstream.ts';
import type { RecordedRequest, Upstream } from './support/upstream.ts';

const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(request: object, credentials: object): { headers: Record<string, string | number> };
};
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIAPROCESS000000000',
  AWS_SECRET_ACCESS_KEY: 'process-secret-process-secret-process',
  AWS_EC2_METADATA_DISABLED: 'true',
};

let upstream: Upstream;
let app: TestApp | undefined;
const before = { ...process.env };
beforeEach(async () => {
  Object.assign(process.env, ENVIRONMENT);
  upstream = await openUpstream();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await upstream.close();
  for (const name of Object.keys(ENVIRONMENT)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

interface GatewayWish {
  readonly credential: JsonObject;
  readonly gateway?: JsonObject;
}

/** A gateway in front of the upstream's one operation. */
async function gatewayWith({ credential, gateway = {} }: GatewayWish): Promise<string> {
  const { control } = (app ?? (app = await openTestApp())).app;
  const made = await control.invoke('CreateGateway', {
    name: `g-${Math.random().toString(36).slice(2, 10)}`,
    roleArn: 'arn:aws:iam::123456789012:role/tools',
    protocolType: 'MCP',
    authorizerType: 'NONE',
    ...gateway,
  });
  const document = describeApi(upstream.url, {
    find: { query: { q: { type: 'string' } } },
    add: { path: '/pets/{id}/x', body: { type: 'object', properties: { name: { type: 'string' } } } },
  }) as { paths: Record<string, { post: JsonObject }> };
  const path = document.paths['/pets/{id}/x'];
  if (path)
    path.post = {
      ...path.post,
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    };
  await control.invoke('CreateGatewayTarget', {
    gatewayIdentifier: made['gatewayId'],
    name: 'api',
    targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
    credentialProviderConfigurations: [credential],
  });
  await control.settled();
  return made['gatewayUrl'] as string;
}

const call = (url: string, name: string, args: JsonObject) =>
  legacy(url, 'tools/call', { name: `api___${name}`, arguments: args });

/** Whether a request that arrived is signed as it should be. */
async function signer(
  { method, path, headers, body }: RecordedRequest,
  service: string,
  secret: string,
  sessionToken?: string,
  region = 'us-east-1',
): Promise<string> {
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
      region,
      services: [service],
      accessKeys: () =>
        Promise.resolve({
          secret: new Secret(secret),
          ...(sessionToken === undefined ? {} : { sessionToken: new Secret(sessionToken) }),
        }),
      now: () => Date.now(),
      signingKeys: new SigningKeys(),
    },
  );
  return accessKeyId;
}

describe('GATEWAY_IAM_ROLE', () => {
  test('signs every request with the process’s credentials, whatever is in it', async () => {
    const url = await gatewayWith({
      credential: {
        credentialProviderType: 'GATEWAY_IAM_ROLE',
        credentialProvider: { iamCredentialProvider: { service: 'execute-api', region: 'eu-central-1' } },
      },
    });
    for (const [name, args] of [
      ['find', { q: 'a+b c/ü&=~' }],
      ['find', {}],
      ['add', { id: 'x y(z)*ü', name: 'Rex 🐕' }],
    ] as const) {
      const arrived = upstream.next();
      expect((await call(url, name, args)).json.result).toMatchObject({ isError: false });
      expect(
        await signer(
          await arrived,
          'execute-api',
          ENVIRONMENT.AWS_SECRET_ACCESS_KEY,
          undefined,
          'eu-central-1',
        ),
      ).toBe(ENVIRONMENT.AWS_ACCESS_KEY_ID);
    }
  });

  test('assumes the gateway’s role once, and signs with that', async () => {
    const role = { id: 'ASIAROLE000000000000', secret: 'role-secret', token: 'role-token/with+signs==' };
    upstream.on('/', (request, response) =>
      respondWith(
        200,
        'text/xml',
        `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${role.id}</AccessKeyId><SecretAccessKey>${role.secret}</SecretAccessKey><SessionToken>${role.token}</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      )(request, response),
    );
    app = await openTestApp({ stsEndpoint: new URL(upstream.url) });
    const url = await gatewayWith({
      credential: { credentialProviderType: 'GATEWAY_IAM_ROLE' },
      gateway: { tags: { 'gatewright:assume-role': 'true' } },
    });
    // The upstream echoes what it was sent: the session token does not get back to the caller.
    upstream.on('/find', (request, response) =>
      respondWith(200, 'application/json', JSON.stringify(request.headers))(request, response),
    );
    const answers = await Promise.all(['1', '2', '3'].map((q) => call(url, 'find', { q })));
    for (const { text } of answers) {
      expect(text).toContain('x-amz-security-token');
      expect(text).not.toContain('role-token');
    }
    const assumed = upstream.requests.filter(({ path }) => path === '/');
    expect(assumed).toHaveLength(1);
    const [sts] = assumed;
    if (!sts) throw new Error('no role was assumed');
    expect(await signer(sts, 'sts', ENVIRONMENT.AWS_SECRET_ACCESS_KEY)).toBe(ENVIRONMENT.AWS_ACCESS_KEY_ID);
    expect(Object.fromEntries(new URLSearchParams(sts.body))).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: 'arn:aws:iam::123456789012:role/tools',
      ExternalId: expect.stringMatching(/^g-/) as string,
    });
    const [found] = upstream.requests.filter(({ path }) => path.startsWith('/find'));
    if (!found) throw new Error('nothing arrived');
    expect(await signer(found, 'bedrock-agentcore', role.secret, role.token)).toBe(role.id);
  });

  test('says so, and sends nothing, when a role cannot be assumed', async () => {
    upstream.on(
      '/',
      respondWith(403, 'text/xml', '<Error><Code>AccessDenied</Code><Message>no</Message></Error>'),
    );
    app = await openTestApp({ stsEndpoint: new URL(upstream.url) });
    const url = await gatewayWith({
      credential: { credentialProviderType: 'GATEWAY_IAM_ROLE' },
      gateway: { tags: { 'gatewright:assume-role': 'true' } },
    });
    const answer = await call(url, 'find', {});
    expect(answer.json.result).toMatchObject({ isError: true });
    expect(answer.text).toMatch(/credential for this target is not available/);
    expect(upstream.requests.filter(({ path }) => path.startsWith('/find'))).toEqual([]);
  });
});

describe('CALLER_IAM_CREDENTIALS', () => {
  test('is not for OpenAPI targets', async () => {
    app = await openTestApp();
    await expect(
      gatewayWith({ credential: { credentialProviderType: 'CALLER_IAM_CREDENTIALS' } }),
    ).rejects.toMatchObject({
      code: 'Validation',
    });
  });

  test('signs as the caller, so that a gateway behind a gateway knows who calls', async () => {
    app = await openTestApp();
    const { control } = app.app;
    const inner = await control.invoke('CreateGateway', {
      name: 'inner',
      roleArn: 'arn:aws:iam::000000000000:role/x',
      protocolType: 'MCP',
      authorizerType: 'AWS_IAM',
    });
    await control.invoke('CreateGatewayTarget', {
      gatewayIdentifier: inner['gatewayId'],
      name: 'api',
      targetConfiguration: {
        mcp: { openApiSchema: { inlinePayload: JSON.stringify(describeApi(upstream.url, { find: {} })) } },
      },
    });
    const outer = await control.invoke('CreateGateway', {
      name: 'outer',
      roleArn: 'arn:aws:iam::000000000000:role/x',
      protocolType: 'MCP',
      authorizerType: 'AWS_IAM',
    });
    await control.settled();
    await control.invoke('CreateGatewayTarget', {
      gatewayIdentifier: outer['gatewayId'],
      name: 'inner',
      targetConfiguration: {
        mcp: {
          mcpServer: {
            endpoint: inner['gatewayUrl'],
            mcpToolSchema: {
              inlinePayload: JSON.stringify({
                tools: [{ name: 'api___find', inputSchema: { type: 'object' } }],
              }),
            },
          },
        },
      },
      credentialProviderConfigurations: [{ credentialProviderType: 'CALLER_IAM_CREDENTIALS' }],
    });
    await control.settled();
    const key = await control.invoke('CreateAccessKey', { userName: 'ada', role: 'caller' });
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'inner___api___find', arguments: {} },
    });
    const { host, pathname } = new URL(outer['gatewayUrl'] as string);
    const { headers } = aws4.sign(
      {
        host,
        path: pathname,
        method: 'POST',
        service: 'bedrock-agentcore',
        region: 'us-east-1',
        headers: { 'content-type': 'application/json' },
        body,
      },
      { accessKeyId: key['accessKeyId'], secretAccessKey: key['secretAccessKey'] },
    );
    const sent = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    const answer = await post(outer['gatewayUrl'] as string, body, sent);
    expect(answer.json.result).toMatchObject({ isError: false });
    const lines = app.lines.filter((line) => line['gatewayId'] === inner['gatewayId'] && line.msg === 'mcp');
    expect(new Set(lines.map((line) => line['principal']))).toEqual(
      new Set(['arn:aws:iam::000000000000:user/ada']),
    );
  });
});

describe('JWT_PASSTHROUGH', () => {
  const behind = async (allowJwtPassthrough: boolean) => {
    const issuer = await openIssuer();
    app = await openTestApp({ allowJwtPassthrough });
    const { control } = app.app;
    const made = await control.invoke('CreateGateway', {
      name: 'passing',
      roleArn: 'arn:aws:iam::000000000000:role/x',
      protocolType: 'MCP',
      authorizerType: 'AUTHENTICATE_ONLY',
      authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl } },
    });
    const target = {
      gatewayIdentifier: made['gatewayId'],
      name: 'inner',
      targetConfiguration: {
        mcp: {
          mcpServer: {
            endpoint: `${upstream.url}/mcp`,
            mcpToolSchema: { inlinePayload: '{"tools":[{"name":"find","inputSchema":{"type":"object"}}]}' },
          },
        },
      },
      credentialProviderConfigurations: [{ credentialProviderType: 'JWT_PASSTHROUGH' }],
    };
    return { issuer, control, target, url: made['gatewayUrl'] as string };
  };

  test('sends nothing unless the operator allows it', async () => {
    const { issuer, control, target, url } = await behind(false);
    await control.invoke('CreateGatewayTarget', target);
    await control.settled();
    const token = await issuer.token();
    const answer = await post(
      url,
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"inner___find","arguments":{}}}',
      { authorization: `Bearer ${token}` },
    );
    expect(answer.json.result).toMatchObject({ isError: true });
    expect(upstream.requests).toEqual([]);
    await issuer.close();
  });

  test('passes the caller’s token on, and logs that it did, without the token', async () => {
    const { issuer, control, target, url } = await behind(true);
    await control.invoke('CreateGatewayTarget', target);
    await control.settled();
    const token = await issuer.token({ aud: 'somebody-else' });
    await post(
      url,
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"inner___find","arguments":{}}}',
      { authorization: `Bearer ${token}` },
    );
    expect(new Set(upstream.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set([`Bearer ${token}`]),
    );
    expect(app?.lines.some(({ msg }) => msg === 'a caller’s token is passed on')).toBe(true);
    expect(JSON.stringify(app?.lines)).not.toContain(token);
    // A token that is none of this issuer's gets nowhere.
    const forged = `${token.slice(0, -6)}AAAAAA`;
    expect((await post(url, '{}', { authorization: `Bearer ${forged}` })).status).toBe(401);
    await issuer.close();
  });
});
