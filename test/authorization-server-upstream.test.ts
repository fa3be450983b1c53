// The façade before a company's provider, for clients that cannot register there. The provider knows one client, us, and
// may well have been allowed before: whoever is sent there comes back signed in. So nobody is sent there for a client that
// they have not allowed here (confused deputy).

import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../src/lib/secret.ts';
import type { TestGateway } from './support/app.ts';
import { openBrowser } from './support/browser.ts';
import type { Browser, BrowserPage } from './support/browser.ts';
import {
  CALLBACK,
  authorizationRequest,
  openAuthorizedApp,
  postForm,
  registerPublic,
} from './support/oauth-client.ts';
import type { AuthorizedApp } from './support/oauth-client.ts';
import { SIGN_IN_CLIENT, openSignInProvider } from './support/sign-in-provider.ts';
import type { SignInProvider } from './support/sign-in-provider.ts';

let corp: SignInProvider;
let app: AuthorizedApp;
let gateway: TestGateway;
let clientId: string;

beforeAll(async () => {
  corp = await openSignInProvider();
  app = await openAuthorizedApp({
    // The provider's own address is the only one that egress knows: the operator has named it.
    egressAllow: [],
    authorizationServer: {
      mode: 'upstream',
      discoveryUrl: corp.discoveryUrl,
      clientId: SIGN_IN_CLIENT.clientId,
      clientSecret: new Secret(SIGN_IN_CLIENT.clientSecret),
      scopes: 'openid profile',
    },
  });
  gateway = await app.guarded({});
  clientId = await registerPublic(app.issuer);
});
afterEach(() => {
  corp.misbehaviour = 'none';
  corp.subject = 'ann';
});
afterAll(async () => {
  await app.close();
  await corp.close();
});

const request = () => authorizationRequest(app.issuer, { client_id: clientId, resource: gateway.url });
/** Goes everywhere, or stops at the door of the provider. */
const traveller = () => openBrowser(app.publicUrl, corp.url);
const homebody = () => openBrowser(app.publicUrl);

async function allow(browser: Browser, url: string): Promise<BrowserPage> {
  return browser.submit(await browser.open(url), { decision: 'allow' });
}

test('asks first, then sends on; the token names the provider’s user, and stays good for refreshes', async () => {
  const { url, verifier } = request();
  const browser = traveller();
  const page = await browser.open(url);
  expect(corp.asked).toHaveLength(0);
  expect(page.body).not.toContain('password');
  expect(page.body).toContain(`Continue to ${new URL(corp.url).host}`);
  expect(page.body).toContain('By hand');
  const end = new URL((await browser.submit(page, { decision: 'allow' })).url).searchParams;
  expect(end.get('iss')).toBe(app.issuer);
  const asked = corp.asked.at(-1);
  expect(asked?.get('redirect_uri')).toBe(`${app.issuer}/callback`);
  expect(asked?.get('code_challenge_method')).toBe('S256');
  expect(asked?.get('state')).not.toBe('state-1');
  const { body } = await postForm(`${app.issuer}/token`, {
    grant_type: 'authorization_code',
    code: end.get('code') ?? '',
    redirect_uri: CALLBACK,
    client_id: clientId,
    code_verifier: verifier,
  });
  const claims = decodeJwt(String(body['access_token']));
  expect(claims).toMatchObject({
    aud: gateway.url,
    upstream_iss: corp.url,
    upstream_sub: 'ann',
    username: 'ann@corp.example',
  });
  expect(claims.sub).toMatch(/^[\w-]{43}$/);
  const refresh = {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: String(body['refresh_token']),
  };
  expect((await postForm(`${app.issuer}/token`, refresh)).status).toBe(200);
});

test('who does not allow is not sent, and the next client is asked about again although the user is signed in', async () => {
  const browser = traveller();
  const before = corp.asked.length;
  const page = await browser.open(request().url);
  const denied = new URL((await browser.submit(page, { decision: 'deny' })).url).searchParams;
  expect(denied.get('error')).toBe('access_denied');
  expect(corp.asked).toHaveLength(before);
  expect((await allow(browser, request().url)).url).toContain('code=');
  const other = await registerPublic(app.issuer, { redirect_uris: ['https://evil.example/cb'] });
  const again = await browser.open(
    authorizationRequest(app.issuer, {
      client_id: other,
      resource: gateway.url,
      redirect_uri: 'https://evil.example/cb',
    }).url,
  );
  expect(again.body).toContain('evil.example');
  expect(again.body).toContain('value="allow"');
});

describe('what comes back', () => {
  /** The callback address that the provider would send this browser to. */
  async function callbackFor(browser: Browser): Promise<string> {
    const sent = await allow(browser, request().url);
    const answer = await fetch(sent.url, { redirect: 'manual' });
    return answer.headers.get('location') ?? '';
  }

  test('is taken once, from the browser that was sent, with the state that was given', async () => {
    const browser = homebody();
    const callback = await callbackFor(browser);
    // Another browser: somebody has sent their link to a victim.
    expect((await homebody().open(callback)).status).toBe(400);
    const forged = new URL(callback);
    forged.searchParams.set('state', 'A'.repeat(43));
    expect((await browser.open(forged.href)).status).toBe(400);
    const end = await browser.open(callback);
    expect(end.url).toContain(`${CALLBACK}?code=`);
    expect((await browser.open(callback)).status).toBe(400);
  });

  test('ends at an address without code and state of the provider', async () => {
    const browser = homebody();
    const callback = await callbackFor(browser);
    const cookie = [...browser.cookies]
      .map(([key, { value }]) => `${key.split('|', 1)[0]}=${value}`)
      .join('; ');
    const answer = await fetch(callback, { redirect: 'manual', headers: { cookie } });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toMatch(/^\/oauth\/interaction\/[\w-]+$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test.each(['other nonce', 'other key', 'other issuer', 'other audience', 'no token'] as const)(
    'is refused with %s',
    async (misbehaviour) => {
      corp.misbehaviour = misbehaviour;
      const page = await allow(traveller(), request().url);
      expect([page.status, page.url.includes('code=') && !page.url.startsWith(app.issuer)]).toEqual([
        400,
        false,
      ]);
    },
  );

  test('a no of the provider is told to the client', async () => {
    corp.misbehaviour = 'denies';
    const end = new URL((await allow(traveller(), request().url)).url).searchParams;
    expect(end.get('error')).toBe('access_denied');
  });

  test('two users of the provider are two here, also in one browser one after the other', async () => {
    const subjects = new Set<unknown>();
    for (const subject of ['ann', 'bob']) {
      corp.subject = subject;
      const { url, verifier } = request();
      const end = new URL((await allow(traveller(), url)).url).searchParams;
      const { body } = await postForm(`${app.issuer}/token`, {
        grant_type: 'authorization_code',
        code: end.get('code') ?? '',
        redirect_uri: CALLBACK,
        client_id: clientId,
        code_verifier: verifier,
      });
      subjects.add(decodeJwt(String(body['access_token'])).sub);
    }
    expect(subjects.size).toBe(2);
  });
});
