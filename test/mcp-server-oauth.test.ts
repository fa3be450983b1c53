// Protected MCP servers behind a gateway that knows nothing of them but their address: the server is built on the
// published server package, the authorization server is a certified OpenID provider that registers clients by itself, and
// users give their consent in a browser.

import { afterEach, expect, test } from 'vitest';
import { ConsentBrowser } from './support/consent-browser.ts';
import { linkOf } from './support/mcp-call.ts';
import { openProtectedBench, wordsOf } from './support/protected-bench.ts';
import type { ProtectedBench } from './support/protected-bench.ts';
import { openProtectedServer, openServerIssuer } from './support/protected-server.ts';
import type { ProtectedServer, ServerIssuer, ServerIssuerOptions } from './support/protected-server.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) await thing.close();
});

async function opened<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const thing = await opening;
  open.push(thing);
  return thing;
}

async function setUp(options?: ServerIssuerOptions): Promise<{
  readonly issuer: ServerIssuer;
  readonly server: ProtectedServer;
  readonly bench: ProtectedBench;
}> {
  const issuer = await opened(openServerIssuer(options));
  const server = await opened(openProtectedServer(issuer));
  return { issuer, server, bench: await opened(openProtectedBench()) };
}

test('by its address alone: the gateway registers once, the operator and each user give consent, each is themselves', async () => {
  const { issuer, server, bench } = await setUp();
  const made = await bench.target(server.url, await bench.provider(server.url));
  expect(made.target).toMatchObject({ status: 'CREATE_PENDING_AUTH' });
  const { authorizationData } = made.target as {
    authorizationData: { oauth2: { authorizationUrl: string } };
  };
  const end = await new ConsentBrowser().consent(authorizationData.oauth2.authorizationUrl, 'operator');
  expect(end.pathname).toBe('/identities/done');
  await bench.app.app.control.settled();
  expect(
    await bench.app.app.control.invoke('GetGatewayTarget', {
      gatewayIdentifier: made.gatewayId,
      targetId: String(made.target['targetId']),
    }),
  ).toMatchObject({ status: 'READY' });

  const page = await (
    await new ConsentBrowser().fetch(linkOf(await bench.call(made.url, 'alice', 'whoami')))
  ).text();
  for (const shown of [server.url, new URL(issuer.url).host, '<code>mcp:read</code>', '<code>alice</code>'])
    expect(page).toContain(shown);
  const asked: URL[] = [];
  for (const user of ['alice', 'bob', 'alice'])
    expect(wordsOf(await bench.callWithConsent(made.url, user, 'whoami', asked))).toBe(`whoami as ${user}`);
  expect(asked).toHaveLength(2);
  expect(issuer.registrations).toEqual([
    expect.objectContaining({
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'native',
      redirect_uris: [expect.stringContaining('/identities/callback/')],
    }),
  ]);
  for (const query of issuer.authorizations.filter((entry) => entry.has('client_id')))
    expect(Object.fromEntries(query)).toMatchObject({
      resource: server.url,
      scope: 'mcp:read offline_access',
      code_challenge_method: 'S256',
      prompt: 'consent',
    });
  expect(issuer.tokenRequests.map(({ form }) => form.get('resource'))).toEqual([
    server.url,
    server.url,
    server.url,
  ]);
  // Nothing was sent to it without a token, but for the one question what protects it.
  expect(
    server.requests.filter(({ token, what }) => token === undefined && what !== 'metadata'),
  ).toHaveLength(1);
});

test('a tool that wants more: one consent for all that is needed, kept for later calls, and no more than once', async () => {
  const { server, bench } = await setUp();
  const { url } = await bench.target(server.url, await bench.provider(server.url), {
    tools: ['whoami', 'write'],
  });
  const asked: URL[] = [];
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'whoami', asked))).toBe('whoami as alice');
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'write', asked))).toBe('write as alice');
  expect(asked.map(({ searchParams }) => searchParams.get('scope'))).toEqual([
    'mcp:read offline_access',
    'mcp:read offline_access mcp:write',
  ]);
  for (const tool of ['whoami', 'write', 'write'])
    expect(wordsOf(await bench.call(url, 'alice', tool))).toBe(`${tool} as alice`);
  // Another user's consent is their own.
  expect((await bench.call(url, 'bob', 'write')).error?.code).toBe(-32_042);
});

test('scopes that the operator has configured are all that a target asks for', async () => {
  const { server, bench } = await setUp();
  const { url } = await bench.target(server.url, await bench.provider(server.url), {
    tools: ['whoami', 'write'],
    scopes: ['mcp:read'],
  });
  const asked: URL[] = [];
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'whoami', asked))).toBe('whoami as alice');
  expect(asked[0]?.searchParams.get('scope')).toBe('mcp:read');
  const refused = await bench.callWithConsent(url, 'alice', 'write', asked);
  expect(asked).toHaveLength(1);
  expect(refused.result).toMatchObject({ isError: true });
  expect(JSON.stringify(refused.result)).toContain('answered 403 Forbidden');
  expect(wordsOf(refused)).toContain('does not allow this call');
});

test('a token that the server has forgotten is renewed within the call, and an expired one before it', async () => {
  const { issuer, server, bench } = await setUp();
  const { url } = await bench.target(server.url, await bench.provider(server.url), { tools: ['whoami'] });
  const asked: URL[] = [];
  await bench.callWithConsent(url, 'alice', 'whoami', asked);
  issuer.forgetTokens();
  expect(wordsOf(await bench.call(url, 'alice', 'whoami'))).toBe('whoami as alice');
  expect(asked).toHaveLength(1);
  const grants = issuer.tokenRequests.map(({ form }) => [form.get('grant_type'), form.get('resource')]);
  expect(grants).toEqual([
    ['authorization_code', server.url],
    ['refresh_token', server.url],
  ]);
});

test('without offline access a consent ends with its token', async () => {
  const { issuer, server, bench } = await setUp({ offersOffline: false });
  const { url } = await bench.target(server.url, await bench.provider(server.url), { tools: ['whoami'] });
  const asked: URL[] = [];
  await bench.callWithConsent(url, 'alice', 'whoami', asked);
  expect(asked[0]?.searchParams.get('scope')).toBe('mcp:read');
  issuer.forgetTokens();
  expect((await bench.call(url, 'alice', 'whoami')).error?.code).toBe(-32_042);
});

test('as the gateway itself, with a client that was registered by hand: by post, by Basic, for this server only', async () => {
  const client = { id: 'gateway-client', secret: 'a secret/with+signs%' };
  const { issuer, server, bench } = await setUp({ registers: false, client });
  const config = { clientId: client.id, clientSecret: client.secret };
  const { url, target } = await bench.target(server.url, await bench.provider(server.url, { config }), {
    grantType: 'CLIENT_CREDENTIALS',
  });
  expect(target).toMatchObject({ status: 'READY' });
  expect(wordsOf(await bench.call(url, 'alice', 'whoami'))).toBe('whoami as gateway-client');
  // It wants more, and gets it without anybody's consent; what it got is what is renewed later.
  expect(wordsOf(await bench.call(url, 'alice', 'write'))).toBe('write as gateway-client');
  issuer.forgetTokens();
  expect(wordsOf(await bench.call(url, 'alice', 'write'))).toBe('write as gateway-client');
  expect(issuer.tokenRequests.map(({ form }) => [form.get('scope'), form.get('resource')])).toEqual([
    ['mcp:read', server.url],
    ['mcp:read mcp:write', server.url],
    ['mcp:read mcp:write', server.url],
  ]);
});

test('a server that registers nobody: the log says what to do, and then it works', async () => {
  const client = { id: 'by-hand', secret: 'secret' };
  const { server, bench } = await setUp({ registers: false, client });
  const providerArn = await bench.provider(server.url, { name: 'by-hand' });
  const { url } = await bench.target(server.url, providerArn, { tools: ['whoami'] });
  const answer = await bench.call(url, 'alice', 'whoami');
  expect(answer.error ?? answer.result).toBeDefined();
  expect(JSON.stringify(answer)).toContain('no client of the authorization server');
  expect(bench.reasons('the gateway could not become a client of an authorization server').join()).toMatch(
    /register one there with the redirect address http:.*\/identities\/callback\/.* clientId/,
  );
  await bench.app.app.control.invoke('UpdateOauth2CredentialProvider', {
    name: 'by-hand',
    credentialProviderVendor: 'CustomOauth2',
    oauth2ProviderConfigInput: {
      customOauth2ProviderConfig: {
        oauthDiscovery: {
          discoveryUrl: server.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp'),
        },
        clientId: client.id,
        clientSecret: client.secret,
      },
    },
  });
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'whoami'))).toBe('whoami as alice');
});

test('a server that moves to another authorization server: the gateway registers there, users are asked anew', async () => {
  const { issuer, server, bench } = await setUp();
  const next = await opened(openServerIssuer());
  const { url } = await bench.target(server.url, await bench.provider(server.url), { tools: ['whoami'] });
  const asked: URL[] = [];
  await bench.callWithConsent(url, 'alice', 'whoami', asked);
  server.issuer = next;
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'whoami', asked))).toBe('whoami as alice');
  expect(asked.map(({ origin }) => origin)).toEqual([issuer.url, next.url]);
  const [first, second] = asked.map(({ searchParams }) => searchParams.get('client_id'));
  expect(first).not.toBe(second);
  expect(issuer.registrations).toHaveLength(1);
  expect(next.registrations).toHaveLength(1);
});

test('a client that was registered by hand is shown to no other authorization server', async () => {
  const client = { id: 'by-hand', secret: 'by-hand-secret' };
  const { issuer, server, bench } = await setUp({ client });
  const other = await opened(openServerIssuer({ client }));
  const config = { clientId: client.id, clientSecret: client.secret };
  const { url } = await bench.target(server.url, await bench.provider(server.url, { config }), {
    grantType: 'CLIENT_CREDENTIALS',
    tools: ['whoami'],
  });
  expect(wordsOf(await bench.call(url, 'alice', 'whoami'))).toBe('whoami as by-hand');
  server.issuer = other;
  expect(JSON.stringify(await bench.call(url, 'alice', 'whoami'))).toContain('another authorization server');
  expect(other.tokenRequests).toEqual([]);
  expect(issuer.tokenRequests).toHaveLength(1);

  // The same from the first use on, with the issuer said beforehand.
  const pinned = await bench.provider(server.url, { config, tags: { 'gatewright:issuer': issuer.url } });
  const again = await bench.target(server.url, pinned, {
    grantType: 'CLIENT_CREDENTIALS',
    tools: ['whoami'],
  });
  expect(JSON.stringify(await bench.call(again.url, 'alice', 'whoami'))).toContain(
    'another authorization server',
  );
  expect(other.tokenRequests).toEqual([]);
});

test('applications that ask through the API get tokens for the server as well', async () => {
  const client = { id: 'by-hand', secret: 'secret' };
  const { issuer, server, bench } = await setUp({ client });
  const { control } = bench.app.app;
  await bench.provider(server.url, {
    name: 'server',
    config: { clientId: client.id, clientSecret: client.secret },
  });
  await bench.provider(server.url, { name: 'for-users' });
  await control.invoke('CreateWorkloadIdentity', { name: 'agent' });
  const own = await control.invoke('GetWorkloadAccessToken', { workloadName: 'agent' });
  const { accessToken } = await control.invoke('GetResourceOauth2Token', {
    workloadIdentityToken: own['workloadAccessToken'],
    resourceCredentialProviderName: 'server',
    scopes: [],
    oauth2Flow: 'M2M',
  });
  expect(await issuer.inspect(String(accessToken))).toMatchObject({
    audience: server.url,
    scopes: ['mcp:read'],
  });

  const alices = await control.invoke('GetWorkloadAccessTokenForUserId', {
    workloadName: 'agent',
    userId: 'alice',
  });
  const ask = () =>
    control.invoke('GetResourceOauth2Token', {
      workloadIdentityToken: alices['workloadAccessToken'],
      resourceCredentialProviderName: 'for-users',
      scopes: [],
      oauth2Flow: 'USER_FEDERATION',
    });
  await new ConsentBrowser().consent(String((await ask())['authorizationUrl']), 'alice');
  expect(await issuer.inspect(String((await ask())['accessToken']))).toMatchObject({
    subject: 'alice',
    audience: server.url,
  });
});

test('a token for one server goes to no other, whatever a target is configured with', async () => {
  const { issuer, server, bench } = await setUp();
  const other = await opened(openProtectedServer(issuer));
  const providerArn = await bench.provider(server.url);
  const { url } = await bench.target(server.url, providerArn, { tools: ['whoami'] });
  await bench.callWithConsent(url, 'alice', 'whoami');
  const wrong = await bench.target(other.url, providerArn, { tools: ['whoami'] });
  expect(JSON.stringify(await bench.call(wrong.url, 'alice', 'whoami'))).toContain(
    'credential provider of this target is for another server',
  );
  expect(other.requests).toEqual([]);
});

test('a provider without a client is known by a protected server; the client’s document holds nothing secret', async () => {
  const { server, bench } = await setUp();
  await expect(bench.provider(server.url, { config: { clientSecret: 'alone' } })).rejects.toThrow(/clientId/);
  const arn = await bench.provider(server.url, { name: 'shown' });
  const shown = await bench.app.app.control.invoke('GetOauth2CredentialProvider', { name: 'shown' });
  expect(arn).toContain('/shown');
  expect(shown).toMatchObject({
    oauth2ProviderConfigOutput: {
      customOauth2ProviderConfig: {
        oauthDiscovery: {
          discoveryUrl: expect.stringContaining('/.well-known/oauth-protected-resource/mcp'),
        },
      },
    },
  });
  const callback = String(shown['callbackUrl']);
  const document = await fetch(`${callback.replace('/callback/', '/clients/')}.json`);
  expect(document.headers.get('content-type')).toBe('application/json');
  expect(await document.json()).toMatchObject({
    client_id: `${callback.replace('/callback/', '/clients/')}.json`,
    redirect_uris: [callback],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  });
  const none = callback.replace(/callback\/.*/, 'clients/00000000-0000-0000-0000-000000000000.json');
  expect((await fetch(none)).status).toBe(404);
});
