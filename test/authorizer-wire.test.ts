// What a client sees of authorization over HTTP: challenges, the metadata document they point at, refusals that tell
// nothing apart, an identity provider that is away (RFC 6750 §3, RFC 9728, MCP authorization).

import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import { createSigningKey, openIssuer } from './support/issuer.ts';
import type { Issuer } from './support/issuer.ts';
import { legacy, modern, post } from './support/mcp-client.ts';
import type { RawAnswer } from './support/mcp-client.ts';
import { describeApi, openUpstream } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

let app: TestApp;
let issuer: Issuer;
let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  [app, issuer, upstream] = await Promise.all([openTestApp(), openIssuer(), openUpstream()]);
  gateway = await app.gateway({
    jwt: {
      discoveryUrl: issuer.discoveryUrl,
      allowedAudience: ['gateway'],
      allowedScopes: ['read', 'write'],
      advertisedScopeMapping: { write: 'api://gateway/write' },
    },
    targets: { api: describeApi(upstream.url, { ping: {} }) },
  });
});
afterEach(() => {
  issuer.mode = 'ok';
});
afterAll(async () => {
  await Promise.all([app.close(), issuer.close(), upstream.close()]);
});

const LIST = '{"jsonrpc":"2.0","id":7,"method":"tools/list"}';
const asked = (authorization: string, url = gateway.url): Promise<RawAnswer> =>
  post(url, LIST, { authorization });
const metadataUrl = (): string =>
  gateway.url.replace('/gateways/', '/.well-known/oauth-protected-resource/gateways/');
const SCOPES = 'read api://gateway/write';

test('no credentials: a challenge without an error code that leads to the metadata', async () => {
  const answer = await post(gateway.url, LIST);
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toBe(
    `Bearer resource_metadata="${metadataUrl()}", scope="${SCOPES}"`,
  );
  expect(answer.text).toBe(
    '{"jsonrpc":"2.0","id":0,"error":{"code":-32001,"message":"Missing Bearer token"}}',
  );

  const document = await fetch(metadataUrl());
  expect(document.headers.get('content-type')).toBe('application/json');
  expect(document.headers.get('access-control-allow-origin')).toBe('*');
  expect(await document.json()).toEqual({
    resource: gateway.url,
    authorization_servers: [issuer.url],
    scopes_supported: SCOPES.split(' '),
    bearer_methods_supported: ['header'],
    resource_name: expect.any(String) as string,
  });
});

test('every bad token gets the same bytes, whatever is wrong with it', async () => {
  const stranger = await createSigningKey('key-1');
  const nowS = Math.floor(Date.now() / 1000);
  const tokens = {
    'no token': 'x',
    'bad signature': await issuer.token({}, { key: stranger }),
    'unknown key id': await issuer.token({}, { key: await createSigningKey('other') }),
    'wrong issuer': await issuer.token({ iss: 'https://elsewhere.example' }),
    'wrong audience': await issuer.token({ aud: 'other' }),
    expired: await issuer.token({ exp: nowS - 3_600 }),
    'not yet valid': await issuer.token({ nbf: nowS + 3_600 }),
    'an ID token': await issuer.token({ at_hash: 'x' }),
    'too long': 'x'.repeat(9_000),
  };
  const seen = new Map<string, string[]>();
  for (const [name, token] of Object.entries(tokens)) {
    const { status, headers, text } = await asked(`Bearer ${token}`);
    const told = [...headers].filter(([header]) => header !== 'date' && header !== 'x-amzn-requestid');
    const key = JSON.stringify({ status, told, text });
    seen.set(key, [...(seen.get(key) ?? []), name]);
  }
  expect([...seen.values()]).toEqual([Object.keys(tokens)]);
  const answer = await asked('Bearer x');
  expect(answer.headers.get('www-authenticate')).toBe(
    `Bearer resource_metadata="${metadataUrl()}", error="invalid_token", error_description="The access token is not valid for this gateway", scope="${SCOPES}"`,
  );
  expect(answer.text).toBe(
    '{"jsonrpc":"2.0","id":0,"error":{"code":-32001,"message":"Invalid Bearer token"}}',
  );
});

test('a token without any of the scopes: 403 that names the scopes to ask for', async () => {
  const answer = await asked(`Bearer ${await issuer.token({ scope: 'other' })}`);
  expect(answer.status).toBe(403);
  expect(answer.headers.get('www-authenticate')).toBe(
    `Bearer resource_metadata="${metadataUrl()}", error="insufficient_scope", scope="${SCOPES}"`,
  );
  expect(answer.json.error?.code).toBe(-32002);
  // Scopes are compared as the provider writes them, not as they are shown.
  expect((await asked(`Bearer ${await issuer.token({ scope: 'api://gateway/write' })}`)).status).toBe(403);
  expect((await asked(`Bearer ${await issuer.token({ scope: 'write' })}`)).status).toBe(200);
});

test('a good token serves both eras, in any spelling of the scheme', async () => {
  const authorization = `bearer ${await issuer.token()}`;
  expect((await asked(authorization)).json.result?.tools).toHaveLength(1);
  expect((await modern(gateway.url, 'tools/list', {}, { authorization })).json.result?.tools).toHaveLength(1);
});

test('the client’s token stays here', async () => {
  const token = await issuer.token();
  upstream.requests.length = 0;
  await post(gateway.url, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"api___ping"}}', {
    authorization: `Bearer ${token}`,
  });
  expect(upstream.requests).toHaveLength(1);
  expect(JSON.stringify(upstream.requests)).not.toContain(token.slice(0, 40));
  expect(JSON.stringify(app.lines)).not.toContain(token.slice(0, 40));
});

test('tokens in the query or the body are no credentials', async () => {
  const token = await issuer.token();
  for (const answer of [
    await post(`${gateway.url}?access_token=${token}`, LIST),
    await post(
      gateway.url,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { access_token: token } }),
    ),
    await post(gateway.url, `access_token=${token}`, { 'content-type': 'application/x-www-form-urlencoded' }),
  ])
    expect([answer.status, answer.json.error?.message]).toEqual([401, 'Missing Bearer token']);
  expect(JSON.stringify(app.lines)).not.toContain(token.slice(0, 40));
});

test('two Authorization headers are refused, also when both are good', async () => {
  const token = await issuer.token();
  const { status, challenge, body } = await new Promise<{
    status?: number;
    challenge?: string;
    body: string;
  }>((resolve, reject) => {
    const outgoing = httpRequest(gateway.url, { method: 'POST' }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          challenge: response.headers['www-authenticate'] ?? '',
          body,
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.setHeader('content-type', 'application/json');
    outgoing.setHeader('authorization', [`Bearer ${token}`, `Bearer ${token}`]);
    outgoing.end(LIST);
  });
  expect(status).toBe(400);
  expect(challenge).toBe(`Bearer resource_metadata="${metadataUrl()}", error="invalid_request"`);
  expect(JSON.parse(body)).toMatchObject({ id: 0, error: { code: -32600 } });
});

test('a provider that cannot be reached: 503 in JSON-RPC, and the process lives', async () => {
  const lost = await openIssuer();
  const { url } = await app.gateway({
    jwt: { discoveryUrl: lost.discoveryUrl, allowedAudience: ['gateway'] },
  });
  const token = await lost.token();
  await lost.down();
  const answer = await asked(`Bearer ${token}`, url);
  expect(answer.status).toBe(503);
  expect(answer.headers.get('www-authenticate')).toBeNull();
  expect(answer.json.error).toEqual({
    code: -32603,
    message: expect.stringContaining('identity provider') as string,
  });
  expect(answer.text).not.toContain(lost.url);
  expect((await asked('Bearer x', url)).status).toBe(401);
  expect((await asked(`Bearer ${await issuer.token()}`)).status).toBe(200);
  expect((await fetch(`${app.app.publicUrl}/healthz`)).status).toBe(200);
});

test('a gateway that asks for no token has no metadata document, nor has one that does not exist', async () => {
  const open = await app.gateway({});
  for (const url of [open.url, gateway.url.replace(gateway.id, 'nothing-0000000000')]) {
    const answer = await fetch(url.replace('/gateways/', '/.well-known/oauth-protected-resource/gateways/'));
    expect(answer.status).toBe(404);
  }
  expect((await legacy(open.url, 'ping')).json.result).toEqual({});
});
