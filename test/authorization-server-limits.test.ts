// What strangers can make the authorization server do, and how often: guesses of passwords, registrations, and clients
// without a user.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestGateway } from './support/app.ts';
import { openBrowser } from './support/browser.ts';
import type { BrowserPage } from './support/browser.ts';
import {
  CALLBACK,
  USER,
  authorizationRequest,
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
  app = await openAuthorizedApp();
  gateway = await app.guarded({});
  clientId = await registerPublic(app.issuer);
});
afterAll(() => app.close());

test('without the master key there are no tokens, and everything else goes on', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-test-'));
  const settings = { dataDir, masterKeyFile: join(dataDir, 'master.key') };
  try {
    const before = await openAuthorizedApp(settings);
    await before.close();
    rmSync(settings.masterKeyFile);
    const after = await openTestApp({ ...settings, authorizationServer: { mode: 'local' } });
    try {
      const { publicUrl } = after.app;
      expect((await fetch(`${publicUrl}/oauth/.well-known/openid-configuration`)).status).toBe(503);
      expect((await register(`${publicUrl}/oauth`, { redirect_uris: [CALLBACK] })).status).toBe(503);
      expect((await fetch(`${publicUrl}/readyz`)).status).toBe(200);
      expect(after.lines.some(({ msg }) => msg.includes('has no keys to sign with'))).toBe(true);
    } finally {
      await after.close();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a client that names no gateway gets a token for the only one there is', async () => {
  const { url, verifier } = authorizationRequest(app.issuer, { client_id: clientId });
  const page = await signInAndAllow(url, openBrowser(app.publicUrl));
  const { body } = await postForm(`${app.issuer}/token`, {
    grant_type: 'authorization_code',
    code: new URL(page.url).searchParams.get('code') ?? '',
    redirect_uri: CALLBACK,
    client_id: clientId,
    code_verifier: verifier,
  });
  expect(decodeJwt(String(body['access_token'])).aud).toBe(gateway.url);
});

test('pages elsewhere may register and ask for tokens, where they are those of the client', async () => {
  const preflight = await fetch(`${app.issuer}/reg`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
  });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  const client = await registerPublic(app.issuer, { redirect_uris: ['https://app.example/cb'] });
  const ask = (origin: string) =>
    postForm(
      `${app.issuer}/token`,
      { grant_type: 'refresh_token', refresh_token: 'x', client_id: client },
      { origin },
    );
  const own = await ask('https://app.example');
  expect([own.headers.get('access-control-allow-origin'), own.body['error']]).toEqual([
    'https://app.example',
    'invalid_grant',
  ]);
  const strange = await ask('https://evil.example');
  expect([strange.headers.get('access-control-allow-origin'), strange.body['error']]).toEqual([
    null,
    'invalid_request',
  ]);
});

async function guess(username: string, password: string): Promise<BrowserPage> {
  const browser = openBrowser(app.publicUrl);
  const { url } = authorizationRequest(app.issuer, { client_id: clientId, resource: gateway.url });
  return browser.submit(await browser.open(url), { username, password, decision: 'sign-in' });
}

/** What is left of a page without what differs by itself. */
const shape = ({ status, body }: BrowserPage, username: string): string =>
  `${status} ${body.replaceAll(/interaction\/[\w-]+/g, 'interaction').replaceAll(username, 'NAME')}`;

test('a wrong name and a wrong password look the same, before and after too many guesses', async () => {
  const known = 'Alice';
  const unknown = 'nobody';
  for (let attempt = 1; attempt <= 12; attempt += 1) {
    const [of, ofNobody] = [await guess(known, `wrong ${attempt}`), await guess(unknown, `wrong ${attempt}`)];
    expect(shape(of, known)).toBe(shape(ofNobody, unknown));
    expect(of.status).toBe(attempt <= 10 ? 401 : 429);
  }
  // The right password helps no more, and another spelling of the name is the same name.
  expect((await guess(' aLICE ', USER.password)).status).toBe(429);
});

test('guesses at the same time are counted like those one after the other', async () => {
  await app.app.control.invoke('CreateLocalUser', { userName: 'bob', password: 'a password of bob' });
  const pages = await Promise.all(Array.from({ length: 30 }, (_, index) => guess('bob', `wrong ${index}`)));
  expect(pages.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10);
  expect((await guess('bob', 'a password of bob')).status).toBe(429);
});

test('an address registers so many clients a minute; its clients have nothing but the code', async () => {
  const { status, body } = await register(app.issuer, {
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['authorization_code', 'client_credentials'],
    scope: 'read',
  });
  expect([status, body['grant_types']]).toEqual([201, ['authorization_code']]);
  const basic = `Basic ${Buffer.from(`${String(body['client_id'])}:${String(body['client_secret'])}`).toString('base64')}`;
  expect(
    await postForm(
      `${app.issuer}/token`,
      { grant_type: 'client_credentials', resource: gateway.url },
      { authorization: basic },
    ),
  ).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  expect((await register(app.issuer, { redirect_uris: [], padding: 'x'.repeat(60_000) })).status).toBe(400);
  let last = 0;
  for (let count = 0; count < 70 && last !== 429; count += 1)
    last = (await register(app.issuer, { redirect_uris: ['https://app.example/cb'] })).status;
  expect(last).toBe(429);
});

test('an operator makes clients that need no user, for the gateways they are meant for', async () => {
  const other = await app.guarded({});
  const made = await app.app.control.invoke('CreateOauthClient', {
    name: 'nightly job',
    gatewayIdentifiers: [gateway.id],
  });
  const { clientId: id, clientSecret: secret } = made as { clientId: string; clientSecret: string };
  const ask = (password: string, resource?: string) =>
    postForm(
      `${app.issuer}/token`,
      { grant_type: 'client_credentials', ...(resource === undefined ? {} : { resource }) },
      { authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` },
    );
  const { status, body } = await ask(secret, gateway.url);
  expect(status).toBe(200);
  expect(body).not.toHaveProperty('refresh_token');
  const call = (url: string) =>
    fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${String(body['access_token'])}`,
        'content-type': 'application/json',
      },
      body: '{}',
    });
  expect((await call(gateway.url)).status).not.toBe(401);
  expect((await call(other.url)).status).toBe(401);
  expect(await ask(secret, other.url)).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
  expect(await ask(secret)).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
  expect((await ask('wrong', gateway.url)).status).toBe(401);
  const listed = await app.app.control.invoke('ListOauthClients', {});
  expect(JSON.stringify(listed)).toContain('nightly job');
  expect(JSON.stringify(listed)).not.toContain(secret);
  await app.app.control.invoke('DeleteOauthClient', { clientId: id });
  expect((await ask(secret, gateway.url)).status).toBe(401);
});
