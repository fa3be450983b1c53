// Protected MCP servers that lie: whatever their metadata, challenges and answers say, no token is asked for in another's
// name, nothing is sent where the operator does not allow it, and nobody is asked without end.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openProtectedBench, wordsOf } from './support/protected-bench.ts';
import type { ProtectedBench } from './support/protected-bench.ts';
import { ScriptedOauth, answerMcp } from './support/scripted-oauth.ts';

let bench: ProtectedBench;
let liar: ScriptedOauth;
let bystander: ScriptedOauth;
beforeEach(async () => {
  bench = await openProtectedBench();
  liar = await new ScriptedOauth().open();
  bystander = await new ScriptedOauth().open();
});
afterEach(async () => {
  await bench.close();
  await liar.close();
  await bystander.close();
});

async function target(): Promise<string> {
  const arn = await bench.provider(`${liar.url}/mcp`);
  return (await bench.target(`${liar.url}/mcp`, arn, { tools: ['tool'] })).url;
}

test('one that tells the truth works', async () => {
  const url = await target();
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'tool'))).toBe('done');
});

describe('what a server says of itself', () => {
  const wrong: readonly (readonly [what: string, change: () => void, reason: RegExp])[] = [
    [
      'another server’s name',
      () =>
        liar.set('/.well-known/oauth-protected-resource/mcp', () =>
          liar.resource({ resource: `${bystander.url}/mcp` }),
        ),
      /those of another resource/,
    ],
    [
      'the name of all of its host',
      () =>
        liar.set('/.well-known/oauth-protected-resource/mcp', () => liar.resource({ resource: liar.url })),
      /those of another resource/,
    ],
    [
      'no authorization server',
      () =>
        liar.set('/.well-known/oauth-protected-resource/mcp', () =>
          liar.resource({ authorization_servers: [] }),
        ),
      /name no authorization server/,
    ],
    [
      'authorization servers that nobody may be sent to',
      () =>
        liar.set('/.well-known/oauth-protected-resource/mcp', () =>
          liar.resource({
            authorization_servers: ['http://as.example', 'javascript:alert(1)', 7, 'https://a:b@as.example'],
          }),
        ),
      /name no authorization server/,
    ],
    [
      'too much',
      () =>
        liar.set('/.well-known/oauth-protected-resource/mcp', () =>
          liar.resource({ padding: 'x'.repeat(300 * 1024) }),
        ),
      /larger|too large|bytes/,
    ],
    ['no JSON', () => liar.set('/.well-known/oauth-protected-resource/mcp', () => '<html>'), /is not JSON/],
    [
      'that it is elsewhere',
      () =>
        liar.routes.set('/.well-known/oauth-protected-resource/mcp', (_seen, response) =>
          response
            .writeHead(302, { location: `${bystander.url}/.well-known/oauth-protected-resource/mcp` })
            .end(),
        ),
      /status 302/,
    ],
    [
      'that it is at an address that is not allowed',
      () =>
        liar.routes.set('/mcp', (_seen, response) =>
          liar.challenge(response, 401, 'resource_metadata="https://169.254.169.254/latest"'),
        ),
      /not allowed/,
    ],
    [
      'that it is at an address without TLS',
      () =>
        liar.routes.set('/mcp', (_seen, response) =>
          liar.challenge(response, 401, 'resource_metadata="http://metadata.example/x"'),
        ),
      /must be https/,
    ],
    [
      'that it is at no address at all',
      () =>
        liar.routes.set('/mcp', (_seen, response) =>
          liar.challenge(response, 401, 'resource_metadata="file:///etc/passwd"'),
        ),
      /must be https/,
    ],
  ];
  test.each(wrong)('%s: refused, nobody is asked for anything', async (_what, change, reason) => {
    change();
    const answer = await bench.call(await target(), 'alice', 'tool');
    expect(answer.result).toMatchObject({ isError: true });
    expect(JSON.stringify(answer.result)).toMatch(reason);
    for (const server of [liar, bystander])
      for (const path of ['/register', '/authorize', '/token']) expect(server.count(path)).toBe(0);
    expect(bystander.seen).toEqual([]);
  });
});

describe('what an authorization server says of itself', () => {
  const well = '/.well-known/oauth-authorization-server';
  const wrong: readonly (readonly [what: string, change: () => void, reason: RegExp])[] = [
    [
      'another issuer',
      () => liar.set(well, () => liar.metadata({ issuer: bystander.url })),
      /another issuer/,
    ],
    [
      'its issuer in other letters',
      () => liar.set(well, () => liar.metadata({ issuer: liar.url.replace('http', 'HTTP') })),
      /another issuer/,
    ],
    [
      'a script to sign in at',
      () => liar.set(well, () => liar.metadata({ authorization_endpoint: 'javascript:alert(1)' })),
      /must be https/,
    ],
    [
      'a token endpoint without TLS',
      () => liar.set(well, () => liar.metadata({ token_endpoint: 'http://as.example/t' })),
      /must be https/,
    ],
    [
      'a way to register without TLS',
      () => liar.set(well, () => liar.metadata({ registration_endpoint: 'http://as.example/r' })),
      /must be https/,
    ],
    [
      'a way to register where nobody may go',
      () => liar.set(well, () => liar.metadata({ registration_endpoint: 'https://10.0.0.1/r' })),
      /not allowed/,
    ],
    ['nothing, though the server names it', () => void liar.routes.delete(well), /publishes no metadata/],
    [
      'too much',
      () => liar.set(well, () => liar.metadata({ padding: 'x'.repeat(300 * 1024) })),
      /larger|too large|bytes/,
    ],
    [
      'nonsense to a registration',
      () => liar.set('/register', () => ({ client_id: 'a\nb' }), 201),
      /without a client_id/,
    ],
    [
      'another address to come back to',
      () => liar.set('/register', () => ({ client_id: 'x', redirect_uris: [`${bystander.url}/cb`] }), 201),
      /other redirect addresses/,
    ],
    [
      'no to a registration',
      () => liar.set('/register', () => ({ error: 'invalid_client_metadata' }), 400),
      /status 400 \(invalid_client_metadata\)/,
    ],
    [
      'a secret that it keeps',
      () =>
        liar.set(
          '/register',
          () => ({ client_id: 'x', token_endpoint_auth_method: 'client_secret_basic' }),
          201,
        ),
      /did not give it/,
    ],
    [
      'endless words to a registration',
      () => liar.set('/register', () => ({ client_id: 'x', padding: 'x'.repeat(100 * 1024) }), 201),
      /larger|too large|bytes/,
    ],
  ];
  test.each(wrong)('%s: refused, and asked again only after a pause', async (_what, change, reason) => {
    change();
    const url = await target();
    const before = (): number => liar.seen.length;
    const first = await bench.call(url, 'alice', 'tool');
    expect(JSON.stringify(first.result)).toMatch(reason);
    const asked = before();
    expect(JSON.stringify((await bench.call(url, 'alice', 'tool')).result)).toMatch(reason);
    expect(before()).toBe(asked);
    for (const server of [liar, bystander])
      for (const path of ['/authorize', '/token']) expect(server.count(path)).toBe(0);
  });

  test.each([
    ['no code challenges', { code_challenge_methods_supported: undefined }],
    ['plain code challenges only', { code_challenge_methods_supported: ['plain'] }],
  ])('%s: nobody is sent there', async (_what, change) => {
    liar.set(well, () => liar.metadata(change));
    await expect(bench.callWithConsent(await target(), 'alice', 'tool')).rejects.toThrow(
      /no way to the provider: 503/,
    );
    expect(liar.count('/authorize')).toBe(0);
  });
});

describe('a server that is never satisfied', () => {
  test('with one scope more each time: given up on', async () => {
    let wanted = 0;
    liar.routes.set('/mcp', (seen, response) => {
      if (seen.headers.authorization === undefined) return liar.challenge(response, 401, 'scope="s0"');
      if (!seen.body.includes('tools/call')) return answerMcp(seen, response);
      wanted += 1;
      return liar.challenge(response, 403, `error="insufficient_scope", scope="s${wanted}"`);
    });
    const asked: URL[] = [];
    const answer = await bench.callWithConsent(await target(), 'alice', 'tool', asked);
    expect(answer.result).toMatchObject({ isError: true });
    expect(asked.length).toBe(6);
    expect(asked.at(-1)?.searchParams.get('scope')).toBe('s0 s1 s2 s3 s4 s5');
  });

  test('with the scope that it has been given: asked for once', async () => {
    liar.routes.set('/mcp', (seen, response) => {
      if (seen.headers.authorization === undefined) return liar.challenge(response, 401, 'scope="s0"');
      if (!seen.body.includes('tools/call')) return answerMcp(seen, response);
      return liar.challenge(response, 403, 'error="insufficient_scope", scope="s1"');
    });
    const asked: URL[] = [];
    const answer = await bench.callWithConsent(await target(), 'alice', 'tool', asked);
    expect(answer.result).toMatchObject({ isError: true });
    expect(asked.map(({ searchParams }) => searchParams.get('scope'))).toEqual(['s0', 's0 s1']);
  });

  test('with a challenge that holds more than any request should', async () => {
    const many = Array.from({ length: 900 }, (_, index) => `scope-${index}`).join(' ');
    liar.scope = `${many} ${'x'.repeat(300)} b\\"ad`;
    const asked: URL[] = [];
    expect(wordsOf(await bench.callWithConsent(await target(), 'alice', 'tool', asked))).toBe('done');
    const scopes = asked[0]?.searchParams.get('scope')?.split(' ') ?? [];
    expect(scopes.length).toBeLessThanOrEqual(100);
    expect(scopes.every((scope) => /^scope-\d+$/.test(scope))).toBe(true);
  });

  test('with any token: nobody is asked twice within a call, and it is left alone for a while', async () => {
    liar.routes.set('/mcp', (_seen, response) => liar.challenge(response, 401, 'error="invalid_token"'));
    const url = await target();
    const asked: URL[] = [];
    await bench.callWithConsent(url, 'alice', 'tool', asked).catch(() => undefined);
    const metadata = liar.count('/.well-known/oauth-protected-resource/mcp');
    expect(liar.count('/register')).toBe(1);
    expect(metadata).toBeLessThanOrEqual(2);
    expect(asked.length).toBeLessThanOrEqual(10);
  });

  test('with another authorization server each time: the gateway does not follow it around', async () => {
    const others = [bystander, await new ScriptedOauth().open()];
    let turn = 0;
    liar.set('/.well-known/oauth-protected-resource/mcp', () =>
      liar.resource({ authorization_servers: [others[(turn += 1) % 2]?.url] }),
    );
    liar.routes.set('/mcp', (_seen, response) => liar.challenge(response, 401, 'error="invalid_token"'));
    const url = await target();
    for (let calls = 0; calls < 8; calls += 1)
      await bench.callWithConsent(url, 'alice', 'tool').catch(() => undefined);
    // One that was found, and one that it moved to; then it has to wait.
    expect(others.reduce((sum, other) => sum + other.count('/register'), 0)).toBeLessThanOrEqual(2);
    await others[1]?.close();
  });
});

test('a challenge of a server that is known by other means moves nothing', async () => {
  // A provider with a fixed server: what the protected server says of authorization servers is nobody's business.
  const { control } = bench.app.app;
  const provider = await control.invoke('CreateOauth2CredentialProvider', {
    name: 'fixed',
    credentialProviderVendor: 'CustomOauth2',
    oauth2ProviderConfigInput: {
      customOauth2ProviderConfig: {
        oauthDiscovery: { discoveryUrl: `${bystander.url}/.well-known/oauth-authorization-server` },
        clientId: 'fixed',
        clientSecret: 'secret',
      },
    },
  });
  liar.routes.set('/mcp', (seen, response) =>
    seen.headers.authorization === undefined || seen.body.includes('tools/call')
      ? liar.challenge(
          response,
          403,
          `error="insufficient_scope", scope="all", resource_metadata="${liar.url}/.well-known/oauth-protected-resource/mcp"`,
        )
      : answerMcp(seen, response),
  );
  const { url } = await bench.target(`${liar.url}/mcp`, String(provider['credentialProviderArn']), {
    grantType: 'CLIENT_CREDENTIALS',
    tools: ['tool'],
  });
  expect((await bench.call(url, 'alice', 'tool')).result).toMatchObject({ isError: true });
  expect(liar.count('/token')).toBe(0);
  expect(bystander.count('/token')).toBe(1);
  expect(liar.count('/.well-known/oauth-protected-resource/mcp')).toBe(0);
});
