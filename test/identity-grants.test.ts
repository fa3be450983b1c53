// Tokens without a user's consent: client credentials in every form of client authentication, token exchange, JWT
// bearer; how long they are kept, what servers in trouble cost, and what attackers get.

import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openIdentityBench } from './support/identity-bench.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import { CLIENT_ID, CLIENT_SECRET } from './support/identity-provider.ts';

let bench: IdentityBench;
let privateKeyPem: string;

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  privateKeyPem = await exportPKCS8(privateKey);
  bench = await openIdentityBench({
    clientJwk: { ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' },
  });
});
afterAll(() => bench.close());
beforeEach(() => {
  bench.provider.mode = 'ok';
  bench.provider.accessTokenSeconds = 3600;
  bench.provider.tokenRequests.length = 0;
  bench.upstream.requests.length = 0;
});

const m2m = (providerArn: string, more: object = {}) => ({ providerArn, scopes: ['read'], ...more });

describe('client credentials', () => {
  it('calls the API with a token of the provider, and asks for it once', async () => {
    const arn = await bench.credentialProvider('basic');
    const { url } = await bench.gateway({ one: m2m(arn) });
    const token = await bench.issuer.token();
    const answers = await Promise.all(Array.from({ length: 20 }, () => bench.call(url, token, 'one')));
    for (const answer of answers) expect(answer.result).toMatchObject({ isError: false });
    expect(new Set(await bench.callers())).toEqual(new Set([CLIENT_ID]));
    expect(bench.provider.tokenRequests).toHaveLength(1);
    const [request] = bench.provider.tokenRequests;
    expect(request?.form.get('scope')).toBe('read');
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    const pair = Buffer.from((request?.authorization ?? '').slice(6), 'base64').toString();
    expect(decodeURIComponent(pair.split(':')[1] ?? '')).toBe(CLIENT_SECRET);
  });

  it('proves itself by post or by key, as configured', async () => {
    const token = await bench.issuer.token();
    const post = await bench.credentialProvider('post', {
      clientId: 'post-client',
      clientAuthenticationMethod: 'CLIENT_SECRET_POST',
    });
    const key = await bench.credentialProvider('key', {
      clientId: 'key-client',
      clientSecret: privateKeyPem,
      clientAuthenticationMethod: 'PRIVATE_KEY_JWT',
      privateKeyJwtConfig: {
        signingAlgorithm: 'ES256',
        additionalPayloadClaims: { team: 'gateway', sub: 'no' },
      },
    });
    const { url } = await bench.gateway({ post: m2m(post), key: m2m(key) });
    for (const target of ['post', 'key'])
      expect((await bench.call(url, token, target)).result).toMatchObject({ isError: false });
    const [byPost, byKey] = bench.provider.tokenRequests;
    expect(byPost?.authorization).toBeUndefined();
    expect(byPost?.form.get('client_secret')).toBe(CLIENT_SECRET);
    const claims: unknown = JSON.parse(
      Buffer.from((byKey?.form.get('client_assertion') ?? '').split('.')[1] ?? '', 'base64url').toString(),
    );
    // What the assertion rests on cannot be configured away (RFC 7523 §3).
    expect(claims).toMatchObject({ iss: 'key-client', sub: 'key-client', team: 'gateway' });
    expect(await bench.callers()).toEqual(['post-client', 'key-client']);
  });

  it('never sends the caller’s own token, nor anything else of theirs (T-50), and conceals its own in echoes (T-58)', async () => {
    const arn = await bench.credentialProvider('echo');
    const { url } = await bench.gateway({ one: m2m(arn) });
    const token = await bench.issuer.token();
    bench.upstream.on('/whoami', (request, response) => {
      const sent = request.headers.authorization ?? '';
      response.writeHead(200, { 'content-type': 'application/json', 'x-echo': sent });
      response.end(JSON.stringify({ sent, wide: Buffer.from(sent).toString('base64') }));
    });
    const answer = await bench.call(url, token, 'one');
    const [request] = bench.upstream.requests;
    const access = (request?.headers.authorization ?? '').replace('Bearer ', '');
    expect(access.length).toBeGreaterThan(20);
    expect(JSON.stringify(bench.upstream.requests)).not.toContain(token);
    expect(JSON.stringify(answer)).not.toContain(access);
    expect(JSON.stringify(answer)).toContain('[secret]');
    const logged = JSON.stringify(bench.app.lines);
    for (const secret of [access, token, CLIENT_SECRET]) expect(logged).not.toContain(secret);
    bench.upstream.on('/whoami', (_request, response) => void response.writeHead(200).end());
  });

  it('keeps tokens of different scopes, parameters and targets apart (T-51)', async () => {
    const arn = await bench.credentialProvider('apart');
    const { url } = await bench.gateway({
      one: m2m(arn),
      same: m2m(arn),
      wide: { providerArn: arn, scopes: ['read', 'write'] },
      other: m2m(arn, { customParameters: { resource: 'https://api.example/other' } }),
    });
    const second = await bench.gateway({ one: m2m(arn) });
    const token = await bench.issuer.token();
    for (const target of ['one', 'same', 'wide', 'other']) await bench.call(url, token, target);
    await bench.call(second.url, token, 'one');
    const used = bench.upstream.requests.map(({ headers }) => headers.authorization);
    expect(used[0]).toBe(used[1]);
    expect(new Set(used).size).toBe(4);
    expect(bench.provider.count('client_credentials')).toBe(4);
    expect(bench.provider.tokenRequests.map(({ form }) => form.get('resource'))).toContain(
      'https://api.example/other',
    );
  });

  it('replaces a token that the API refuses, once, and not with every call', async () => {
    const arn = await bench.credentialProvider('refused');
    const { url } = await bench.gateway({ one: m2m(arn) });
    const token = await bench.issuer.token();
    await bench.call(url, token, 'one');
    const first = bench.upstream.requests[0]?.headers.authorization;
    bench.upstream.on('/whoami', (request, response) => {
      const isKnown = request.headers.authorization !== first;
      response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
    });
    expect((await bench.call(url, token, 'one')).result).toMatchObject({ isError: false });
    expect(bench.provider.count('client_credentials')).toBe(2);
    // An API that refuses everything.
    bench.upstream.on('/whoami', (_request, response) => void response.writeHead(401).end('{}'));
    for (let calls = 0; calls < 5; calls += 1)
      expect((await bench.call(url, token, 'one')).result).toMatchObject({ isError: true });
    expect(bench.provider.count('client_credentials')).toBe(2);
    bench.upstream.on('/whoami', (_request, response) => void response.writeHead(200).end('{}'));
  });

  it('sends the secret nowhere else when an API points to another server (T-53)', async () => {
    const arn = await bench.credentialProvider('pointed');
    const { url } = await bench.gateway({ one: m2m(arn) });
    bench.upstream.on('/whoami', (_request, response) => {
      const challenge = `Bearer resource_metadata="${bench.upstream.url}/.well-known/oauth-protected-resource"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end('{}');
    });
    await bench.call(url, await bench.issuer.token(), 'one');
    expect(bench.upstream.requests.map(({ path }) => path)).toEqual(['/whoami', '/whoami']);
    bench.upstream.on('/whoami', (_request, response) => void response.writeHead(200).end('{}'));
  });

  it.each(['error', 'html', 'huge', 'redirect', 'wrong-issuer', 'http-endpoints'] as const)(
    'a server in mode %s: the caller learns that there is no token, the log why, nobody a secret',
    async (mode) => {
      bench.provider.mode = mode;
      const arn = await bench.credentialProvider(`mode-${mode}`, {
        // A document of its own, so that none that was read before is used.
        oauthDiscovery: { discoveryUrl: bench.provider.discoveryUrl.replace('127.0.0.1', 'localhost') },
      });
      const { url } = await bench.gateway({ one: m2m(arn) });
      const { result } = await bench.call(url, await bench.issuer.token(), 'one');
      expect(result).toMatchObject({ isError: true });
      expect(JSON.stringify(result)).toContain('The credential for this target is not available');
      expect(JSON.stringify(result)).not.toContain('localhost');
      expect(bench.upstream.requests).toHaveLength(0);
      expect(JSON.stringify(bench.app.lines)).not.toContain(CLIENT_SECRET);
    },
  );

  it('uses the token it has while the server is away, and gets on without a restart when it is back (F19)', async () => {
    const arn = await bench.credentialProvider('away');
    const { url } = await bench.gateway({ held: m2m(arn), unheld: m2m(arn, { scopes: ['write'] }) });
    const token = await bench.issuer.token();
    await bench.call(url, token, 'held');
    bench.provider.mode = 'error';
    const held = await Promise.all(Array.from({ length: 8 }, () => bench.call(url, token, 'held')));
    for (const { result } of held) expect(result).toMatchObject({ isError: false });
    expect((await bench.call(url, token, 'unheld')).result).toMatchObject({ isError: true });
    bench.provider.mode = 'ok';
    await expect
      .poll(async () => (await bench.call(url, token, 'unheld')).result?.['isError'], { timeout: 20_000 })
      .toBe(false);
  });

  it('does not wait for a server that never answers, with many calls or one', async () => {
    const arn = await bench.credentialProvider('hanging');
    const { url } = await bench.gateway({ one: m2m(arn) });
    const token = await bench.issuer.token();
    bench.provider.mode = 'hang';
    const answers = await Promise.all(Array.from({ length: 16 }, () => bench.call(url, token, 'one')));
    for (const { result } of answers) expect(result).toMatchObject({ isError: true });
    expect(bench.upstream.requests).toHaveLength(0);
  });
});

describe('on behalf of the caller', () => {
  const exchange = (providerArn: string) => ({ providerArn, scopes: ['read'], grantType: 'TOKEN_EXCHANGE' });

  it('exchanges the verified token of each caller, and keeps them apart', async () => {
    const arn = await bench.credentialProvider('exchange');
    const { url } = await bench.gateway({ one: exchange(arn) });
    const tokens = [await bench.issuer.token({ sub: 'alice' }), await bench.issuer.token({ sub: 'bob' })];
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => bench.call(url, tokens[index % 2] ?? '', 'one')),
    );
    expect(bench.provider.tokenRequests).toHaveLength(2);
    const [request] = bench.provider.tokenRequests;
    expect(tokens).toContain(request?.form.get('subject_token'));
    expect(request?.form.get('subject_token_type')).toBe('urn:ietf:params:oauth:token-type:jwt');
    expect(new Set(bench.upstream.requests.map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  it('does not let a new token of the same user have what an older one was exchanged for', async () => {
    const arn = await bench.credentialProvider('exchange-new');
    const { url } = await bench.gateway({ one: exchange(arn) });
    await bench.call(url, await bench.issuer.token({ role: 'admin' }), 'one');
    await bench.call(url, await bench.issuer.token({ role: 'guest' }), 'one');
    expect(new Set(bench.upstream.requests.map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  it('adds an actor where the provider says so, and speaks JWT bearer where it says so', async () => {
    const actor = await bench.credentialProvider('actor', {
      onBehalfOfTokenExchangeConfig: {
        grantType: 'TOKEN_EXCHANGE',
        tokenExchangeGrantTypeConfig: { actorTokenContent: 'M2M', actorTokenScopes: ['actor'] },
      },
    });
    const bearer = await bench.credentialProvider('bearer', {
      onBehalfOfTokenExchangeConfig: { grantType: 'JWT_AUTHORIZATION_GRANT' },
    });
    const { url } = await bench.gateway({
      actor: exchange(actor),
      bearer: { ...exchange(bearer), customParameters: { requested_token_use: 'on_behalf_of' } },
    });
    const token = await bench.issuer.token();
    for (const target of ['actor', 'bearer'])
      expect((await bench.call(url, token, target)).result).toMatchObject({ isError: false });
    const [forActor, withActor, jwtBearer] = bench.provider.tokenRequests;
    expect(forActor?.form.get('scope')).toBe('actor');
    expect(await bench.provider.ownerOf(withActor?.form.get('actor_token') ?? '')).toBe(CLIENT_ID);
    expect(jwtBearer?.form.get('assertion')).toBe(token);
    expect(jwtBearer?.form.get('requested_token_use')).toBe('on_behalf_of');
  });

  it('exchanges no token that the gateway itself refuses, and takes nothing wider or other back (T-55)', async () => {
    const arn = await bench.credentialProvider('exchange-strict');
    const { url } = await bench.gateway({ one: exchange(arn) });
    const foreign = await bench.call(url, await bench.issuer.token({ aud: 'another-gateway' }), 'one');
    expect(foreign.status).toBe(401);
    expect(bench.provider.tokenRequests).toHaveLength(0);
    for (const mode of ['wide-scope', 'id-token-exchange'] as const) {
      bench.provider.mode = mode;
      const { result } = await bench.call(url, await bench.issuer.token({ jti: mode }), 'one');
      expect(result).toMatchObject({ isError: true });
    }
    expect(bench.upstream.requests).toHaveLength(0);
  });
});

describe('what a target cannot be configured to do', () => {
  it.each([
    [
      'a parameter of the protocol (T-57)',
      { customParameters: { scope: 'admin' } },
      /scope is set by the gateway/,
    ],
    ['a scope that holds two (T-57)', { scopes: ['read admin'] }, /one word/],
    ['a script as return address (T-75)', { defaultReturnUrl: 'javascript:alert(1)' }, /https/],
  ])('%s', async (_what, change, message) => {
    const arn = await bench.credentialProvider(`strict-${Math.abs(String(message).length)}-${_what.length}`);
    await expect(bench.gateway({ one: { ...m2m(arn), ...change } })).rejects.toThrow(message);
  });

  it('use a provider of another account, or one that is none (T-52)', async () => {
    const arn = await bench.credentialProvider('mine');
    for (const foreign of [arn.replace('000000000000', '111111111111'), arn.replace('mine', 'yours')])
      await expect(bench.gateway({ one: m2m(foreign) })).rejects.toMatchObject({ code: 'NotFound' });
  });
});
