// The gateway as a client of authorization servers that it has found itself: by its metadata document, by registration,
// across the applications of one enterprise; remembered over restarts, shared by processes, and begun anew when the server
// has forgotten it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openTestApp } from './support/app.ts';
import { openIssuer } from './support/issuer.ts';
import { callTool } from './support/mcp-call.ts';
import { openProtectedBench, wordsOf } from './support/protected-bench.ts';
import type { ProtectedBench } from './support/protected-bench.ts';
import { ScriptedOauth } from './support/scripted-oauth.ts';

const DOCUMENT = 'https://gateway.example/client.json';
let bench: ProtectedBench;
let server: ScriptedOauth;
beforeEach(async () => {
  bench = await openProtectedBench();
  server = await new ScriptedOauth().open();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await bench.close();
  await server.close();
});

const takesDocuments = (): void =>
  server.set('/.well-known/oauth-authorization-server', () =>
    server.metadata({ client_id_metadata_document_supported: true }),
  );
const target = async (tags?: Readonly<Record<string, string>>): Promise<string> => {
  const arn = await bench.provider(`${server.url}/mcp`, tags ? { tags } : {});
  return (await bench.target(`${server.url}/mcp`, arn, { tools: ['tool'] })).url;
};

test('is known by the address of its document where that can be', async () => {
  takesDocuments();
  const asked: URL[] = [];
  const url = await target({ 'gatewright:client-metadata-document': DOCUMENT });
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'tool', asked))).toBe('done');
  expect(asked[0]?.searchParams.get('client_id')).toBe(DOCUMENT);
  expect(server.count('/register')).toBe(0);
  const [exchange] = server.seen.filter(({ path }) => path === '/token');
  expect(new URLSearchParams(exchange?.body).get('client_id')).toBe(DOCUMENT);
  expect(exchange?.headers.authorization).toBeUndefined();
});

test('registers where it has no such address, or is told to', async () => {
  takesDocuments();
  const asked: URL[] = [];
  await bench.callWithConsent(await target(), 'alice', 'tool', asked);
  await bench.callWithConsent(
    await target({
      'gatewright:client-metadata-document': DOCUMENT,
      'gatewright:client-registration': 'dynamic',
    }),
    'alice',
    'tool',
    asked,
  );
  expect(asked.map(({ searchParams }) => searchParams.get('client_id'))).toEqual([
    'registered',
    'registered',
  ]);
  expect(server.count('/register')).toBe(2);
});

test('registers nowhere when it is told not to', async () => {
  const answer = await bench.call(
    await target({
      'gatewright:client-metadata-document': DOCUMENT,
      'gatewright:client-registration': 'metadata-document',
    }),
    'alice',
    'tool',
  );
  expect(JSON.stringify(answer.result)).toContain(
    'registers no clients by itself by way of metadata-document',
  );
  expect(server.count('/register')).toBe(0);
});

test('registers once for many users and calls at once', async () => {
  const url = await target();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => bench.call(url, `user-${index}`, 'tool')),
  );
  expect(answers.map(({ error }) => error?.code)).toEqual(answers.map(() => -32_042));
  expect(server.count('/register')).toBe(1);
});

test('registers anew when the server has forgotten it, but not with every call', async () => {
  let known = 'one';
  server.set('/register', () => ({ client_id: known, token_endpoint_auth_method: 'none' }), 201);
  let tokens = 0;
  server.routes.set('/token', ({ body }, response) => {
    const form = new URLSearchParams(body);
    const isKnown = form.get('client_id') === known;
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end(
      JSON.stringify(
        isKnown
          ? {
              access_token: `token-${(tokens += 1)}`,
              refresh_token: 'refresh',
              token_type: 'Bearer',
              expires_in: 40,
            }
          : { error: 'invalid_client' },
      ),
    );
  });
  const url = await target();
  const asked: URL[] = [];
  await bench.callWithConsent(url, 'alice', 'tool', asked);
  expect(asked[0]?.searchParams.get('client_id')).toBe('one');
  known = 'two';
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 120_000 });
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'tool', asked))).toBe('done');
  expect(asked[1]?.searchParams.get('client_id')).toBe('two');
  expect(server.count('/register')).toBe(2);
  // Forgotten at once again: it waits a while.
  known = 'three';
  vi.setSystemTime(Date.now() + 50_000);
  for (let calls = 0; calls < 3; calls += 1)
    expect((await bench.call(url, 'alice', 'tool')).result).toMatchObject({ isError: true });
  expect(server.count('/register')).toBe(2);
});

test('registers anew when its secret there has expired', async () => {
  server.set(
    '/register',
    () => ({
      client_id: `client-${server.count('/register')}`,
      client_secret: 'secret',
      client_secret_expires_at: Math.floor(Date.now() / 1000) + 60,
      token_endpoint_auth_method: 'client_secret_post',
    }),
    201,
  );
  server.set('/.well-known/oauth-authorization-server', () =>
    server.metadata({ token_endpoint_auth_methods_supported: ['client_secret_post'] }),
  );
  const url = await target();
  const asked: URL[] = [];
  await bench.callWithConsent(url, 'alice', 'tool', asked);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
  await bench.callWithConsent(url, 'bob', 'tool', asked);
  expect(asked.map(({ searchParams }) => searchParams.get('client_id'))).toEqual(['client-1', 'client-2']);
  const secrets = server.seen
    .filter(({ path }) => path === '/token')
    .map(({ body }) => new URLSearchParams(body).get('client_secret'));
  expect(secrets).toEqual(['secret', 'secret']);
  expect(bench.app.lines.some((line) => JSON.stringify(line).includes('"secret"'))).toBe(false);
});

test('stays a client of the last few authorization servers that a server has named, and of no more', async () => {
  const at = (tenant: number): string => `${server.url}/t${tenant}`;
  let current = 0;
  server.set('/.well-known/oauth-protected-resource/mcp', () =>
    server.resource({ authorization_servers: [at(current)] }),
  );
  for (let tenant = 0; tenant < 12; tenant += 1)
    server.set(`/.well-known/oauth-authorization-server/t${tenant}`, () =>
      server.metadata({ issuer: at(tenant) }),
    );
  const url = await target();
  const now = performance.now.bind(performance);
  let passed = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now() + passed);
  const move = async (tenant: number): Promise<void> => {
    current = tenant;
    // What is known of the server is old by then.
    passed += 11 * 60_000;
    const end = await bench.callWithConsent(url, `user-${(users += 1)}`, 'tool');
    expect(wordsOf(end)).toBe('done');
  };
  let users = 0;
  server.routes.set('/authorize', ({ query }, response) => {
    const back = new URL(query.get('redirect_uri') ?? '');
    const answer = { code: 'code', state: query.get('state') ?? '', iss: at(current) };
    back.search = new URLSearchParams(answer).toString();
    response.writeHead(302, { location: back.href }).end();
  });
  for (let tenant = 0; tenant < 12; tenant += 1) await move(tenant);
  expect(server.count('/register')).toBe(12);
  for (const tenant of [11, 5, 11]) await move(tenant);
  expect(server.count('/register')).toBe(12);
  await move(0);
  expect(server.count('/register')).toBe(13);
});

test('is still a client after a restart, also while the server of metadata is down', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-registration-'));
  const config = { dataDir, masterKeyFile: join(dataDir, 'key') };
  const first = await openProtectedBench(config);
  try {
    const arn = await first.provider(`${server.url}/mcp`);
    const { url } = await first.target(`${server.url}/mcp`, arn, { tools: ['tool'] });
    await first.callWithConsent(url, 'alice', 'tool');
    await first.app.app.close(1_000);
    const again = await openTestApp({ ...config, listen: { host: '127.0.0.1', port: first.app.port } });
    try {
      for (const path of [
        '/.well-known/oauth-protected-resource/mcp',
        '/.well-known/oauth-authorization-server',
      ])
        server.routes.set(path, (_seen, response) => response.writeHead(503).end());
      expect(wordsOf(await first.call(url, 'alice', 'tool'))).toBe('done');
      expect(server.count('/register')).toBe(1);
    } finally {
      await again.close();
    }
  } finally {
    await first.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('across the applications of one enterprise: the caller’s token, a grant of its provider, a token of the server', async () => {
  const enterprise = await openIssuer();
  const provider = await new ScriptedOauth().open();
  try {
    provider.set('/token', () => ({
      access_token: 'the.identity.grant',
      issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
      token_type: 'N_A',
      expires_in: 300,
    }));
    await bench.app.app.control.invoke('CreateOauth2CredentialProvider', {
      name: 'enterprise',
      credentialProviderVendor: 'CustomOauth2',
      oauth2ProviderConfigInput: {
        customOauth2ProviderConfig: {
          oauthDiscovery: { discoveryUrl: `${provider.url}/.well-known/oauth-authorization-server` },
          clientId: 'gateway-at-enterprise',
          clientSecret: 'enterprise-secret',
        },
      },
    });
    const arn = await bench.provider(`${server.url}/mcp`, {
      config: { clientId: 'gateway-at-server', clientSecret: 'server-secret' },
      tags: { 'gatewright:identity-provider': 'enterprise' },
    });
    server.set('/.well-known/oauth-authorization-server', () =>
      server.metadata({ token_endpoint_auth_methods_supported: ['client_secret_basic'] }),
    );
    const { url } = await bench.target(`${server.url}/mcp`, arn, {
      grantType: 'TOKEN_EXCHANGE',
      tools: ['tool'],
    });
    expect(wordsOf(await bench.call(url, 'alice', 'tool'))).toBe('done');

    const [exchange] = provider.seen.filter(({ path }) => path === '/token');
    const asked = new URLSearchParams(exchange?.body);
    expect(Object.fromEntries(asked)).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      audience: server.url,
      resource: `${server.url}/mcp`,
      scope: 'mcp:read',
    });
    const claims = asked.get('subject_token')?.split('.')[1] ?? '';
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ sub: 'alice' });
    const [bearer] = server.seen.filter(({ path }) => path === '/token');
    expect(Object.fromEntries(new URLSearchParams(bearer?.body))).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: 'the.identity.grant',
    });
    // Each server sees the client that it knows.
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(exchange?.headers.authorization).toBe(basic('gateway-at-enterprise:enterprise-secret'));
    expect(bearer?.headers.authorization).toBe(basic('gateway-at-server:server-secret'));

    // Anything else than such a grant is refused, and opens nothing.
    provider.set('/token', () => ({
      access_token: 'a-real-token',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
    }));
    const before = server.count('/token');
    const refused = await bench.call(url, 'bob', 'tool');
    expect(JSON.stringify(refused.result)).toContain('gave no identity assertion grant');
    expect(server.count('/token')).toBe(before);
  } finally {
    await enterprise.close();
    await provider.close();
  }
});

test('as the workload that the platform says it is: only to the server that the token is for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-workload-'));
  const workloadTokenFile = join(folder, 'token');
  const platform = await openIssuer();
  const own = await openProtectedBench({ workloadTokenFile });
  try {
    const arn = await own.provider(`${server.url}/mcp`, {
      config: { clientId: 'workload' },
      tags: { 'gatewright:workload-token': 'true' },
    });
    // A gateway of its own each time: whoever asks right after a failure gets the same answer.
    const call = async (): Promise<string> => {
      const { url } = await own.target(`${server.url}/mcp`, arn, {
        grantType: 'CLIENT_CREDENTIALS',
        tools: ['tool'],
      });
      return JSON.stringify((await own.call(url, 'alice', 'tool')).result);
    };
    const write = (text: string): void => writeFileSync(workloadTokenFile, text);
    const sent = (): number => server.count('/token');

    expect(await call()).toContain('cannot be read (ENOENT)');
    const wrong: readonly (readonly [text: string, reason: string])[] = [
      ['root:x:0:0:root:/root:/bin/sh', 'does not hold a signed JWT'],
      ['eyJhbGciOiJub25lIn0.e30.', 'does not hold a signed JWT'],
      ['a.b.c', 'cannot be read'],
      [await platform.token({ aud: 'https://elsewhere.example' }), 'is for another audience'],
      [await platform.token({ aud: undefined }), 'is for another audience'],
      [await platform.token({ aud: server.url, exp: 1 }), 'has expired'],
      [await platform.token({ aud: server.url, exp: undefined }), 'has expired'],
    ];
    for (const [text, reason] of wrong) {
      write(text);
      expect(await call()).toContain(reason);
      expect(sent()).toBe(0);
    }
    expect(own.app.lines.map((line) => JSON.stringify(line)).join('\n')).not.toContain('/bin/sh');

    const token = await platform.token({ aud: [server.url, 'other'], sub: 'system:serviceaccount:gateway' });
    write(`${token}\n`);
    expect(await call()).toContain('done');
    const [request] = server.seen.filter(({ path }) => path === '/token');
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: token,
      client_id: 'workload',
      resource: `${server.url}/mcp`,
      scope: 'mcp:read',
    });
    expect(sent()).toBe(1);
  } finally {
    await own.close();
    await platform.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what is no access token is never used as one', async () => {
  server.set('/token', () => ({ access_token: 'grant', token_type: 'N_A' }));
  const url = await target();
  await expect(bench.callWithConsent(url, 'alice', 'tool')).rejects.toThrow(/the consent ended at/);
  expect(bench.reasons('a consent could not be completed').join()).toContain('holds no access token');
  expect(await callTool(url, 'not a token', 'server___tool')).toMatchObject({ status: 401 });
});
