// Consent of users (authorization code grant): from a call that needs it to a call that has it, with the two ways to end
// it; and every attack on the way that is known (T-70 to T-79), each with its refusal.

import {
  CompleteResourceTokenAuthCommand,
  type CompleteResourceTokenAuthCommandInput,
} from '@aws-sdk/client-bedrock-agentcore';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { consentMeta, openIdentityBench } from './support/identity-bench.ts';
import { linkOf } from './support/mcp-call.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import { ConsentBrowser } from './support/consent-browser.ts';
import { challengeOf } from './support/identity-provider.ts';

const RETURN_URL = 'http://localhost:3021/back';

let bench: IdentityBench;
let arn: string;
let url: string;

beforeAll(async () => {
  bench = await openIdentityBench();
  arn = await bench.credentialProvider('consent');
  ({ url } = await bench.gateway({
    app: { ...threeLegged(arn), defaultReturnUrl: RETURN_URL },
    plain: threeLegged(arn),
  }));
});
afterAll(() => bench.close());
beforeEach(() => {
  bench.provider.mode = 'ok';
  bench.provider.tokenRequests.length = 0;
  bench.upstream.requests.length = 0;
});

let users = 0;
/** A user nobody has seen before, with a token for the gateway. */
async function newUser(): Promise<{ readonly name: string; readonly token: string }> {
  const name = `user-${(users += 1)}`;
  return { name, token: await bench.issuer.token({ sub: name }) };
}

function threeLegged(providerArn: string) {
  return { providerArn, scopes: ['read', 'offline_access'], grantType: 'AUTHORIZATION_CODE' };
}

const complete = (
  sessionUri: string,
  userIdentifier: CompleteResourceTokenAuthCommandInput['userIdentifier'],
) => bench.data.send(new CompleteResourceTokenAuthCommand({ sessionUri, userIdentifier }));

const sessionOf = (back: URL): string => back.searchParams.get('session_id') ?? '';

describe('a call that needs consent', () => {
  it('asks for it, gets it when the user has come back to the application, and then acts as that user', async () => {
    const alice = await newUser();
    const first = await bench.call(url, alice.token, 'app');
    expect(first.error).toMatchObject({ code: -32_042, message: 'This request requires more information.' });
    const link = linkOf(first);
    expect(link).toMatch(/\/identities\/authorize\?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A/);
    const back = await new ConsentBrowser().consent(link, 'alice-at-provider');
    expect(`${back.origin}${back.pathname}`).toBe(RETURN_URL);
    // The code is not worth anything yet.
    expect(bench.provider.count('authorization_code')).toBe(0);
    expect((await bench.call(url, alice.token, 'app')).error?.code).toBe(-32_042);
    await complete(sessionOf(back), { userToken: alice.token });
    expect((await bench.call(url, alice.token, 'app')).result).toMatchObject({ isError: false });
    expect(await bench.callers()).toEqual(['alice-at-provider']);
    // The same provider, scopes and user at another target: one consent is enough.
    expect((await bench.call(url, alice.token, 'plain')).result).toMatchObject({ isError: false });
  });

  it('without an application to return to, ends with a page', async () => {
    const user = await newUser();
    const link = linkOf(await bench.call(url, user.token, 'plain'));
    const browser = new ConsentBrowser();
    const page = await (await browser.fetch(link)).text();
    for (const told of [
      user.name,
      bench.issuer.url,
      'consent',
      new URL(bench.provider.url).host,
      'read',
      'app',
    ])
      expect(page).toContain(told);
    const done = await browser.consent(link, 'someone');
    expect(done.pathname).toBe('/identities/done');
    expect((await browser.fetch(done)).status).toBe(200);
    expect((await bench.call(url, user.token, 'plain')).result).toMatchObject({ isError: false });
  });

  it('gives many calls at once one link', async () => {
    const user = await newUser();
    const answers = await Promise.all(Array.from({ length: 16 }, () => bench.call(url, user.token, 'app')));
    expect(new Set(answers.map(linkOf)).size).toBe(1);
    expect(linkOf(await bench.call(url, user.token, 'app'))).toBe(linkOf(answers[0] ?? { status: 0 }));
  });

  it('forced, asks again, and what was given before counts until the new consent is there (T-78)', async () => {
    const user = await newUser();
    await new ConsentBrowser().consent(linkOf(await bench.call(url, user.token, 'plain')), 'first');
    const forced = consentMeta({ forceAuthentication: true });
    const link = linkOf(await bench.call(url, user.token, 'plain', forced));
    expect((await bench.call(url, user.token, 'plain')).result).toMatchObject({ isError: false });
    await new ConsentBrowser().consent(link, 'second');
    bench.upstream.requests.length = 0;
    await bench.call(url, user.token, 'plain');
    expect(await bench.callers()).toEqual(['second']);
  });

  it('forced again and again, is slowed down (T-78)', async () => {
    const user = await newUser();
    const answers = [];
    for (let calls = 0; calls < 12; calls += 1) {
      const answer = await bench.call(
        url,
        user.token,
        'plain',
        consentMeta({ forceAuthentication: true, ...(calls % 2 === 0 ? {} : { returnUrl: RETURN_URL }) }),
      );
      // Each link is followed, so that the next call needs a new one.
      if (answer.error?.code === -32_042) await new ConsentBrowser().startConsent(linkOf(answer));
      answers.push(answer);
    }
    expect(answers.some(({ error }) => error !== undefined && error.code !== -32_042)).toBe(true);
  });
});

describe('the wrong user', () => {
  it('cannot end what another began: nothing is kept, and the session is void (T-70)', async () => {
    const [alice, bob] = [await newUser(), await newUser()];
    // Alice sends her link to Bob, who follows it in good faith.
    const back = await new ConsentBrowser().consent(
      linkOf(await bench.call(url, alice.token, 'app')),
      'bob-at-provider',
    );
    await expect(complete(sessionOf(back), { userToken: bob.token })).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    await expect(complete(sessionOf(back), { userToken: alice.token })).rejects.toMatchObject({
      name: 'ValidationException',
    });
    expect(bench.provider.count('authorization_code')).toBe(0);
    expect((await bench.call(url, alice.token, 'app')).error?.code).toBe(-32_042);
    expect(bench.app.lines.some(({ msg }) => msg.includes('by another user'))).toBe(true);
  });

  it.each([
    ['the same subject of another kind', (name: string) => ({ userId: name })],
    ['another case', (name: string) => ({ userId: name.toUpperCase() })],
  ])('is told apart byte by byte: %s (T-79)', async (_what, identify) => {
    const alice = await newUser();
    const back = await new ConsentBrowser().consent(linkOf(await bench.call(url, alice.token, 'app')), 'x');
    await expect(complete(sessionOf(back), identify(alice.name))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it.each(['Alice', 'alice ', 'alice\u0301', 'аlice', 'ALICE'])(
    'does not get the tokens of one with nearly the same name: %j (T-79)',
    async (lookAlike) => {
      const alice = await bench.issuer.token({ sub: 'alice' });
      if ((await bench.call(url, alice, 'plain')).error)
        await new ConsentBrowser().consent(linkOf(await bench.call(url, alice, 'plain')), 'alice');
      const other = await bench.issuer.token({ sub: lookAlike });
      expect((await bench.call(url, other, 'plain')).error?.code).toBe(-32_042);
    },
  );
});

describe('steps out of order (T-76)', () => {
  it('are refused: unknown, early, twice', async () => {
    const user = await newUser();
    const unknown = `urn:ietf:params:oauth:request_uri:${'a'.repeat(43)}`;
    const byUser = { userToken: user.token };
    await expect(complete(unknown, byUser)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const link = linkOf(await bench.call(url, user.token, 'app'));
    const sessionUri = new URL(link).searchParams.get('request_uri') ?? '';
    await expect(complete(sessionUri, byUser)).rejects.toMatchObject({ name: 'ValidationException' });
    await new ConsentBrowser().consent(link, 'x');
    await complete(sessionUri, byUser);
    await expect(complete(sessionUri, byUser)).rejects.toMatchObject({ name: 'ValidationException' });
    expect(bench.provider.count('authorization_code')).toBe(1);
    expect((await new ConsentBrowser().fetch(link)).status).toBe(410);
  });

  it('two completions at once: one code is sent once', async () => {
    const user = await newUser();
    const back = await new ConsentBrowser().consent(linkOf(await bench.call(url, user.token, 'app')), 'x');
    const ends = await Promise.allSettled(
      Array.from({ length: 8 }, () => complete(sessionOf(back), { userToken: user.token })),
    );
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(bench.provider.count('authorization_code')).toBe(1);
  });

  it('a token that this service cannot verify names nobody', async () => {
    const user = await newUser();
    const back = await new ConsentBrowser().consent(linkOf(await bench.call(url, user.token, 'app')), 'x');
    const forged = [...user.token.split('.').slice(0, 2), 'c2lnbmF0dXJl'].join('.');
    await expect(complete(sessionOf(back), { userToken: forged })).rejects.toMatchObject({
      name: 'UnauthorizedException',
    });
    await complete(sessionOf(back), { userToken: user.token });
  });
});

describe('the way to the provider and back', () => {
  it('uses a new state and a new verifier each time, by S256 (T-71, T-72)', async () => {
    const starts: URL[] = [];
    for (let count = 0; count < 2; count += 1) {
      const user = await newUser();
      starts.push(
        await new ConsentBrowser().startConsent(linkOf(await bench.call(url, user.token, 'plain'))),
      );
    }
    const all = (name: string) => starts.map((start) => start.searchParams.get(name) ?? '');
    expect(new Set(all('state')).size).toBe(2);
    expect(new Set(all('code_challenge')).size).toBe(2);
    expect(all('code_challenge_method')).toEqual(['S256', 'S256']);
    for (const state of all('state'))
      expect(Buffer.from(state.split('.')[1] ?? '', 'base64url')).toHaveLength(32);
  });

  it('sends the verifier that belongs to the challenge', async () => {
    const user = await newUser();
    const browser = new ConsentBrowser();
    const start = await browser.startConsent(linkOf(await bench.call(url, user.token, 'plain')));
    await browser.fetch(await browser.logIn(start, 'x'));
    const [request] = bench.provider.tokenRequests;
    expect(challengeOf(request?.form.get('code_verifier') ?? '')).toBe(
      start.searchParams.get('code_challenge'),
    );
  });

  type Change = (callback: URL) => void;
  const wrong: readonly (readonly [string, Change])[] = [
    ['no state', (back) => back.searchParams.delete('state')],
    ['another state', (back) => back.searchParams.set('state', `${back.searchParams.get('state')}x`)],
    ['two states', (back) => back.searchParams.append('state', 'x')],
    ['another issuer (T-73)', (back) => back.searchParams.set('iss', 'https://elsewhere.example')],
    ['the issuer with a slash more (T-73)', (back) => back.searchParams.set('iss', `${bench.provider.url}/`)],
    ['no issuer although it was promised (T-73)', (back) => back.searchParams.delete('iss')],
    ['no code', (back) => back.searchParams.delete('code')],
    ['two codes', (back) => back.searchParams.append('code', 'x')],
    [
      'an error of another server (T-73)',
      (back) => {
        back.searchParams.set('error', 'access_denied');
        back.searchParams.set('iss', 'https://elsewhere.example');
      },
    ],
    [
      'the address of another provider (T-73)',
      (back) => {
        back.pathname = `/identities/callback/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
      },
    ],
  ];
  it.each(wrong)('refuses a callback with %s', async (_what, change) => {
    const user = await newUser();
    const browser = new ConsentBrowser();
    const callback = await browser.logIn(
      await browser.startConsent(linkOf(await bench.call(url, user.token, 'plain'))),
      'x',
    );
    change(callback);
    const answer = await browser.fetch(callback);
    expect(answer.headers.get('location')).toBe('/identities/failed');
    expect(bench.provider.count('authorization_code')).toBe(0);
    expect((await bench.call(url, user.token, 'plain')).error?.code).toBe(-32_042);
  });

  it('refuses a callback that comes a second time, or in another browser (T-71)', async () => {
    const user = await newUser();
    const browser = new ConsentBrowser();
    const callback = await browser.logIn(
      await browser.startConsent(linkOf(await bench.call(url, user.token, 'plain'))),
      'x',
    );
    expect((await new ConsentBrowser().fetch(callback)).headers.get('location')).toBe('/identities/failed');
    expect((await browser.fetch(callback)).headers.get('location')).toBe('/identities/done');
    expect((await browser.fetch(callback)).headers.get('location')).toBe('/identities/failed');
    expect(bench.provider.count('authorization_code')).toBe(1);
  });

  it('takes no form from another page or browser', async () => {
    const user = await newUser();
    const link = linkOf(await bench.call(url, user.token, 'plain'));
    const browser = new ConsentBrowser();
    const page = await (await browser.fetch(link)).text();
    const body = new URLSearchParams({
      request_uri: new URL(link).searchParams.get('request_uri') ?? '',
      csrf: /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '',
    });
    const at = new URL('/identities/authorize', link);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await new ConsentBrowser().fetch(at, { method: 'POST', headers, body })).status).toBe(403);
    const foreign = { ...headers, origin: 'https://evil.example' };
    expect((await browser.fetch(at, { method: 'POST', headers: foreign, body })).status).toBe(403);
    body.set('csrf', 'x');
    expect((await browser.fetch(at, { method: 'POST', headers, body })).status).toBe(403);
  });

  it('a user who says no is told so, and nothing is kept', async () => {
    const user = await newUser();
    const browser = new ConsentBrowser();
    const start = await browser.startConsent(linkOf(await bench.call(url, user.token, 'plain')));
    const back = new URL(start.searchParams.get('redirect_uri') ?? '');
    back.searchParams.set('error', 'access_denied');
    back.searchParams.set('state', start.searchParams.get('state') ?? '');
    back.searchParams.set('iss', bench.provider.url);
    const answer = await browser.fetch(back);
    expect(answer.headers.get('location')).toBe('/identities/failed?reason=denied');
    expect((await bench.call(url, user.token, 'plain')).error?.code).toBe(-32_042);
  });

  it('leaves no code behind: no referrer, no store, a clean address, nothing in the log (T-77)', async () => {
    const user = await newUser();
    const browser = new ConsentBrowser();
    const callback = await browser.logIn(
      await browser.startConsent(linkOf(await bench.call(url, user.token, 'plain'))),
      'x',
    );
    const answer = await browser.fetch(callback);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('referrer-policy')).toBe('same-origin');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('location')).toBe('/identities/done');
    const logged = JSON.stringify(bench.app.lines);
    for (const name of ['code', 'state']) expect(logged).not.toContain(callback.searchParams.get(name));
  });

  it('refuses a server that takes code challenges in the clear only (T-72)', async () => {
    bench.provider.mode = 'plain-only';
    const plain = await bench.credentialProvider('plain-only', {
      oauthDiscovery: { discoveryUrl: bench.provider.discoveryUrl.replace('127.0.0.1', 'localhost') },
    });
    const gateway = await bench.gateway({ one: threeLegged(plain) });
    const user = await newUser();
    const link = linkOf(await bench.call(gateway.url, user.token, 'one'));
    expect((await new ConsentBrowser().fetch(link)).status).toBe(503);
  });
});

describe('where the browser goes back to (T-74)', () => {
  const evil = [
    'https://evil.example/',
    '//evil.example',
    'http://localhost:3021/back/',
    'http://localhost:3021/back?x=1',
    'http://localhost:3021/back#x',
    'http://localhost:3021/bac',
    'http://localhost:3021/back%2f',
    'http://localhost:3021/%62ack',
    'http://localhost:3021/x/../back',
    'http://localhost:3021//back',
    'http://localhost:3021\\back',
    'http://LOCALHOST:3021/back',
    'HTTP://localhost:3021/back',
    'http://localhost.:3021/back',
    'http://localhost:03021/back',
    'http://localhost:3022/back',
    'http://localhost/back',
    'https://localhost:3021/back',
    'http://user@localhost:3021/back',
    'http://localhost:3021@evil.example/back',
    'http://evil.example/?http://localhost:3021/back',
    'http://localhost:3021/back\r\nset-cookie:x=1',
    'http://localhost:3021/back ',
    ' http://localhost:3021/back',
    'http://127.0.0.1:3021/back',
    'http://[::1]:3021/back',
    'javascript:alert(1)//localhost:3021/back',
    'data:text/html,x',
    'http://ⓛocalhost:3021/back',
    '',
  ];
  it.each(evil)('not to %j', async (returnUrl) => {
    const user = await newUser();
    const answer = await bench.call(url, user.token, 'app', consentMeta({ returnUrl }));
    expect(answer.result).toMatchObject({ isError: true });
    expect(JSON.stringify(answer)).toMatch(/returnUrl/);
    expect(JSON.stringify(answer)).not.toContain('request_uri');
  });
});
