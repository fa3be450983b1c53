// The authorization server under attack: codes, PKCE, redirect addresses, consent pages, passwords, registrations. What is
// refused is refused for everybody in the same words, and nothing that strangers do grows without bound.

import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestGateway } from './support/app.ts';
import { openBrowser } from './support/browser.ts';
import {
  CALLBACK,
  USER,
  authorizationRequest,
  obtainTokens,
  openAuthorizedApp,
  postForm,
  register,
  registerPublic,
  signInAndAllow,
} from './support/oauth-client.ts';
import type { AuthorizedApp } from './support/oauth-client.ts';

let app: AuthorizedApp;
let gateway: TestGateway;
let clientId: string;

beforeAll(async () => {
  // Not even this machine is allowed: the gateway knows its own server's keys without going out.
  app = await openAuthorizedApp({ egressAllow: [] });
  gateway = await app.guarded({ name: 'guarded' });
  clientId = await registerPublic(app.issuer);
});
afterAll(() => app.close());

const browserHere = () => openBrowser(app.publicUrl);

async function codeFor(parameters: Readonly<Record<string, string | undefined>> = {}) {
  const { verifier, url } = authorizationRequest(app.issuer, {
    client_id: clientId,
    resource: gateway.url,
    ...parameters,
  });
  const page = await signInAndAllow(url, browserHere());
  return { verifier, page, answer: new URL(page.url).searchParams };
}

const redeem = (code: string, verifier: string, more: Readonly<Record<string, string>> = {}) =>
  postForm(`${app.issuer}/token`, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: CALLBACK,
    client_id: clientId,
    code_verifier: verifier,
    ...more,
  });

const callWith = (url: string, token: string) =>
  fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    }),
  });

describe('metadata', () => {
  test.each([
    '/.well-known/oauth-authorization-server/oauth',
    '/.well-known/openid-configuration/oauth',
    '/oauth/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
  ])('is at %s, for every page', async (path) => {
    const response = await fetch(`${app.publicUrl}${path}`, { headers: { origin: 'https://app.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      issuer: app.issuer,
      authorization_endpoint: `${app.issuer}/auth`,
      token_endpoint: `${app.issuer}/token`,
      registration_endpoint: `${app.issuer}/reg`,
      revocation_endpoint: `${app.issuer}/token/revocation`,
      jwks_uri: `${app.issuer}/jwks`,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    });
    expect(body['grant_types_supported']).toEqual([
      'authorization_code',
      'refresh_token',
      'client_credentials',
    ]);
    for (const off of ['device_authorization_endpoint', 'introspection_endpoint', 'userinfo_endpoint'])
      expect(body).not.toHaveProperty(off);
  });

  test('says what the settings say, whatever host or proxy header the caller sends', async () => {
    const response = await fetch(`${app.issuer}/.well-known/openid-configuration`, {
      headers: {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        forwarded: 'host=evil.example',
      },
    });
    expect(await response.text()).not.toContain('evil.example');
  });

  test('shows public halves of keys only', async () => {
    const { keys } = (await (await fetch(`${app.issuer}/jwks`)).json()) as { keys: object[] };
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });
});

describe('codes and tokens', () => {
  test('a code works once; used again, what came of it ends', async () => {
    const { verifier, answer } = await codeFor();
    const code = answer.get('code') ?? '';
    const first = await redeem(code, verifier);
    expect(first.status).toBe(200);
    expect(first.headers.get('cache-control')).toContain('no-store');
    expect(await redeem(code, verifier)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const refresh = {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: String(first.body['refresh_token']),
    };
    expect(await postForm(`${app.issuer}/token`, refresh)).toMatchObject({ status: 400 });
  });

  test('of many at once with one code, one has it at most', async () => {
    const { verifier, answer } = await codeFor();
    const all = await Promise.all(
      Array.from({ length: 8 }, () => redeem(answer.get('code') ?? '', verifier)),
    );
    expect(all.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  test('a code is bound to verifier, client, address and gateway', async () => {
    const other = await registerPublic(app.issuer);
    const attempts: readonly Readonly<Record<string, string>>[] = [
      { code_verifier: 'x'.repeat(43) },
      { code_verifier: '' },
      { client_id: other },
      { redirect_uri: `${CALLBACK}/` },
      { resource: 'https://elsewhere.example/mcp' },
    ];
    for (const change of attempts) {
      const { verifier, answer } = await codeFor();
      const refused = await redeem(answer.get('code') ?? '', verifier, change);
      expect(refused.status, JSON.stringify(change)).toBe(400);
      expect(refused.body).not.toHaveProperty('access_token');
    }
  });

  test.each([
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }],
    ['plain', { code_challenge_method: 'plain' }],
    ['no method', { code_challenge_method: undefined }],
    ['a token at once', { response_type: 'token' }],
    ['an ID token', { response_type: 'id_token', nonce: 'n' }],
    ['a strange resource', { resource: 'https://elsewhere.example/mcp' }],
    ['the server itself as resource', { resource: 'http://127.0.0.1:1/gateways/guarded/mcp' }],
    ['a request object', { request: 'e30.e30.' }],
    ['a request by reference', { request_uri: 'https://elsewhere.example/request' }],
  ] as const)('an authorization request with %s gets no page', async (_name, change) => {
    const { url } = authorizationRequest(app.issuer, {
      client_id: clientId,
      resource: gateway.url,
      ...change,
    });
    const page = await browserHere().open(url);
    expect(page.body).not.toContain('name="password"');
    // Errors go back as the response type would have: some behind a `#`.
    const answer = new URL(page.url.replace('#', '?')).searchParams;
    if (page.status === 0) expect(answer.get('iss')).toBe(app.issuer);
    expect(page.url).not.toContain('code=');
  });

  test('a token is for one gateway, is revoked by its client only, and refresh tokens rotate', async () => {
    const other = await app.guarded({ name: 'other' });
    const { body } = await obtainTokens(app.issuer, clientId, gateway.url);
    const token = String(body['access_token']);
    expect((await callWith(gateway.url, token)).status).toBe(200);
    expect((await callWith(other.url, token)).status).toBe(401);
    const stranger = await registerPublic(app.issuer);
    const revoke = (client: string) =>
      postForm(`${app.issuer}/token/revocation`, { token: String(body['refresh_token']), client_id: client });
    const refresh = (value: unknown) =>
      postForm(`${app.issuer}/token`, {
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: String(value),
      });
    await revoke(stranger);
    const renewed = await refresh(body['refresh_token']);
    expect(renewed.status).toBe(200);
    expect(renewed.body['refresh_token']).not.toBe(body['refresh_token']);
    // The old one again: somebody has stolen one of the two, and both end.
    expect((await refresh(body['refresh_token'])).status).toBe(400);
    expect((await refresh(renewed.body['refresh_token'])).status).toBe(400);
  });

  test('revoked is revoked', async () => {
    const { body } = await obtainTokens(app.issuer, clientId, gateway.url);
    const fields = { token: String(body['refresh_token']), client_id: clientId };
    expect((await postForm(`${app.issuer}/token/revocation`, fields)).status).toBe(200);
    const again = { grant_type: 'refresh_token', client_id: clientId, refresh_token: fields.token };
    expect((await postForm(`${app.issuer}/token`, again)).status).toBe(400);
  });
});

describe('redirect addresses', () => {
  test.each([
    'http://app.example/cb',
    'https://app.example/cb#fragment',
    'https://*.app.example/cb',
    'javascript:alert(1)',
    'https://app.example/a/../cb',
  ])('%s cannot be registered', async (uri) => {
    const { status, body } = await register(app.issuer, {
      redirect_uris: [uri],
      token_endpoint_auth_method: 'none',
    });
    expect([status, body['error']]).toEqual([400, 'invalid_redirect_uri']);
  });

  test('are compared as a whole; loopback ports may differ (RFC 8252)', async () => {
    const client = await registerPublic(app.issuer, { redirect_uris: ['https://app.example/cb'] });
    for (const uri of [
      'https://app.example/cb/',
      'https://app.example/cb?x=1',
      'https://app.example/cb/../cb',
      'https://app.example/CB',
      'https://app.example:444/cb',
      'https://sub.app.example/cb',
      'https://app.example.evil.example/cb',
      'https://app.example@evil.example/cb',
      'http://app.example/cb',
      'https://evil.example/cb',
      undefined,
    ]) {
      const { url } = authorizationRequest(app.issuer, {
        client_id: client,
        resource: gateway.url,
        redirect_uri: uri,
      });
      const page = await browserHere().open(url);
      expect(page.status, String(uri)).toBe(400);
      expect(page.body).toContain('redirect_uri');
    }
    const { url } = authorizationRequest(app.issuer, {
      client_id: clientId,
      resource: gateway.url,
      redirect_uri: CALLBACK.replace('33418', '1234'),
    });
    expect((await browserHere().open(url)).status).toBe(200);
  });
});

describe('pages', () => {
  test('cannot be framed, cached or scripted, and hold back the address they are at', async () => {
    const browser = browserHere();
    const { url } = authorizationRequest(app.issuer, { client_id: clientId, resource: gateway.url });
    const login = await browser.open(url);
    const consent = await browser.submit(login, { username: USER.userName, password: USER.password });
    const fault = await browserHere().open(`${app.issuer}/interaction/nothing`);
    for (const page of [login, consent, fault]) {
      expect(page.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-.*'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      expect(page.headers.get('x-frame-options')).toBe('DENY');
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('referrer-policy')).toBe('same-origin');
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
      expect(page.body).not.toMatch(/<script|\son\w+=/i);
    }
    expect(consent.body).toContain('guarded');
    expect(consent.body).toContain('127.0.0.1:33418');
    expect(consent.body).toContain('program on your own computer');
    for (const [, { attributes }] of browser.cookies) {
      expect(attributes).toMatch(/httponly/i);
      expect(attributes).toMatch(/samesite=lax/i);
    }
  });

  test('take forms of their own only, in the browser they were opened in', async () => {
    const browser = browserHere();
    const { url } = authorizationRequest(app.issuer, { client_id: clientId, resource: gateway.url });
    const login = await browser.open(url);
    const fields = { username: USER.userName, password: USER.password };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'content-type': 'text/plain' },
    ])
      expect((await browser.submit(login, fields, headers)).status).toBe(403);
    expect((await browserHere().submit(login, fields)).status).toBe(400);
    expect((await browser.submit(login, { ...fields, padding: 'x'.repeat(9_000) })).status).toBe(403);
    const consent = await browser.submit(login, fields);
    expect(consent.body).toContain('value="allow"');
    expect(
      (await browser.submit(consent, { decision: 'allow' }, { origin: 'https://evil.example' })).status,
    ).toBe(403);
    // A yes in one browser is none in another, and what is not a yes is none.
    expect((await browserHere().submit(consent, { decision: 'allow' })).status).toBe(400);
    expect((await browser.submit(consent, { decision: 'maybe' })).body).toContain('value="allow"');
    const denied = new URL((await browser.submit(consent, { decision: 'deny' })).url).searchParams;
    expect(denied.get('error')).toBe('access_denied');
    expect(denied.get('iss')).toBe(app.issuer);
    expect((await browser.submit(consent, { decision: 'allow' })).status).toBe(400);
  });

  test('consent is for one client: another one asks again, and a program on the machine each time', async () => {
    const browser = browserHere();
    const ask = (client: string, redirectUri = CALLBACK) =>
      browser.open(
        authorizationRequest(app.issuer, {
          client_id: client,
          resource: gateway.url,
          redirect_uri: redirectUri,
        }).url,
      );
    await signInAndAllow(
      authorizationRequest(app.issuer, { client_id: clientId, resource: gateway.url }).url,
      browser,
    );
    expect((await ask(clientId)).body).toContain('value="allow"');
    const web = await registerPublic(app.issuer, { redirect_uris: ['https://app.example/cb'] });
    const first = await ask(web, 'https://app.example/cb');
    expect(first.body).toContain('value="allow"');
    expect((await browser.submit(first, { decision: 'allow' })).url).toContain('code=');
    expect((await ask(web, 'https://app.example/cb')).url).toContain('code=');
    const other = await registerPublic(app.issuer, { redirect_uris: ['https://app.example/cb'] });
    expect((await ask(other, 'https://app.example/cb')).body).toContain('value="allow"');
  });

  test('show names of clients as text', async () => {
    const client = await registerPublic(app.issuer, { client_name: '<b>\u202e"bold"</b>' });
    const { url } = authorizationRequest(app.issuer, { client_id: client, resource: gateway.url });
    const page = await browserHere().open(url);
    expect(page.body).toContain('&#60;b&#62;&#34;bold&#34;&#60;/b&#62;');
  });
});

test('behind https all addresses are https, and cookies are bound to this host', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const secure = await openAuthorizedApp({
    publicUrl: 'https://gateway.example',
    listen: { host: '127.0.0.1', port },
  });
  const at = (path: string, init: RequestInit = {}) =>
    new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
      const headers = { host: 'gateway.example', accept: 'text/html', ...(init.headers as object) };
      const sent = request(
        { port, host: '127.0.0.1', path, method: init.method ?? 'GET', headers },
        (answer) => {
          let body = '';
          answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
        },
      );
      sent.on('error', reject);
      sent.end(init.body);
    });
  try {
    const guarded = await secure.guarded({});
    const metadata = await at('/.well-known/oauth-authorization-server/oauth');
    expect(JSON.parse(metadata.body)).toMatchObject({
      issuer: 'https://gateway.example/oauth',
      token_endpoint: 'https://gateway.example/oauth/token',
    });
    const registered = await at('/oauth/reg', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' }),
    });
    const { client_id: client } = JSON.parse(registered.body) as { client_id: string };
    const asked = new URL(
      authorizationRequest(secure.issuer, { client_id: client, resource: guarded.url }).url,
    );
    const begun = await at(`${asked.pathname}${asked.search}`);
    expect(begun.status).toBe(303);
    const cookies = begun.headers['set-cookie'] ?? [];
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) expect(cookie).toMatch(/^__Secure-gatewright-.*; secure/i);
    const path = begun.headers.location ?? '';
    expect(path).toMatch(/^\/oauth\/interaction\//);
    const cookie = cookies.map((line) => line.split(';', 1)[0]).join('; ');
    const signedIn = await at(path, {
      method: 'POST',
      headers: {
        cookie,
        origin: 'https://gateway.example',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ username: USER.userName, password: USER.password }).toString(),
    });
    expect(signedIn.headers.location).toMatch(/^https:\/\/gateway\.example\/oauth\/auth\//);
    const resumed = await at(new URL(signedIn.headers.location ?? '').pathname, { headers: { cookie } });
    const session = (resumed.headers['set-cookie'] ?? []).find((line) => line.includes('gatewright-session'));
    expect(session).toMatch(/^__Host-gatewright-session=/);
    for (const attribute of [/; path=\/(;|$)/i, /; secure/i, /; httponly/i, /; samesite=lax/i])
      expect(session).toMatch(attribute);
    expect(session).not.toMatch(/domain=/i);
  } finally {
    await secure.close();
  }
});
