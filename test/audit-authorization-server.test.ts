// What the audit log says of the authorization server: sign-ins, what users allow, what the token endpoint gives out,
// refreshes and refuses. By the requests of real clients; nothing that opens a door stands in any record.

import { existsSync } from 'node:fs';
import { decodeJwt } from 'jose';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../src/lib/secret.ts';
import { auditedFolder, fillDisk, secretBox } from './support/audited-app.ts';
import type { AuditedFolder } from './support/audited-app.ts';
import { openBrowser } from './support/browser.ts';
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
import { SIGN_IN_CLIENT, openSignInProvider } from './support/sign-in-provider.ts';

async function open(folder: AuditedFolder, change: Parameters<typeof openAuthorizedApp>[0] = {}) {
  const app = await openAuthorizedApp({ ...folder.settings, ...change });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (!isClosed) await app.close();
    isClosed = true;
  };
  onTestFinished(close);
  return { app, close };
}

/** From a browser to a code, kept with its verifier. */
async function codeFor(
  { app, clientId, resource }: { app: AuthorizedApp; clientId: string; resource: string },
  box = secretBox(),
) {
  const { verifier, url } = authorizationRequest(app.issuer, { client_id: clientId, resource });
  const browser = openBrowser(app.publicUrl);
  const end = new URL((await signInAndAllow(url, browser)).url).searchParams;
  const code = box.keep(end.get('code') ?? '');
  box.keep(verifier);
  for (const { value } of browser.cookies.values()) if (value !== '') box.keep(value);
  const redeem = (proof = verifier) =>
    postForm(`${app.issuer}/token`, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: CALLBACK,
      client_id: clientId,
      code_verifier: proof,
      resource,
    });
  return { code, verifier, redeem };
}

describe('with users of its own', () => {
  test('who signed in, what was allowed, given out, refreshed, refused and taken back', async () => {
    const folder = auditedFolder();
    const box = secretBox();
    const { app, close } = await open(folder);
    box.keep(USER.password);
    const gateway = await app.guarded({ name: 'guarded' });
    const resource = gateway.url;
    const clientId = await registerPublic(app.issuer);
    await register(app.issuer, { redirect_uris: [box.keep('https://app.example/#canary-fragment')] });

    // Somebody guesses, and types a password where the name belongs.
    const browser = openBrowser(app.publicUrl);
    const login = await browser.open(authorizationRequest(app.issuer, { client_id: clientId, resource }).url);
    const wrong = { username: USER.userName, password: box.keep('canary-wrong-password') };
    await browser.submit(login, { ...wrong, decision: 'sign-in' });
    const strange = { username: box.keep('canary-password-as-name'), password: box.keep('canary-other') };
    await browser.submit(login, { ...strange, decision: 'sign-in' });
    // And somebody who signs in, and does not allow it.
    const right = { username: USER.userName, password: USER.password, decision: 'sign-in' };
    await browser.submit(await browser.submit(login, right), { decision: 'deny' });

    const { redeem } = await codeFor({ app, clientId, resource }, box);
    const { body } = await redeem();
    const [access, refresh] = [
      box.keep(String(body['access_token'])),
      box.keep(String(body['refresh_token'])),
    ];
    const again = (token: string) =>
      postForm(`${app.issuer}/token`, {
        grant_type: 'refresh_token',
        refresh_token: token,
        client_id: clientId,
      });
    const second = (await again(refresh)).body;
    box.keep(String(second['access_token']));
    box.keep(String(second['refresh_token']));
    expect((await again(refresh)).body).toMatchObject({ error: 'invalid_grant' });
    const proof = box.keep('canary-verifier-that-is-long-enough-for-a-challenge');
    const stolen = await codeFor({ app, clientId, resource }, box);
    expect((await stolen.redeem(proof)).status).toBe(400);

    const third = await (await codeFor({ app, clientId, resource }, box)).redeem();
    const token = box.keep(String(third.body['refresh_token']));
    expect(await postForm(`${app.issuer}/token/revocation`, { token, client_id: clientId })).toMatchObject({
      status: 200,
    });

    // A machine, with its own secret and without it.
    const machine = await app.app.control.invoke('CreateOauthClient', { name: 'batch' });
    const machineId = String(machine['clientId']);
    const asMachine = (secret: string) =>
      postForm(
        `${app.issuer}/token`,
        { grant_type: 'client_credentials', resource },
        { authorization: `Basic ${Buffer.from(`${machineId}:${secret}`).toString('base64')}` },
      );
    const own = await asMachine(box.keep(String(machine['clientSecret'])));
    box.keep(String(own.body['access_token']));
    expect((await asMachine(box.keep('canary-guessed-secret'))).status).toBe(401);
    await fetch(
      authorizationRequest(app.issuer, { client_id: clientId, redirect_uri: 'https://evil.example/' }).url,
    );
    await close();

    const userId = String(decodeJwt(access).sub);
    const signIns = folder.of('SignIn');
    const [guessed, stranger, ...good] = signIns;
    expect(guessed).toMatchObject({
      userIdentity: { type: 'Unknown' },
      eventSource: 'gatewright',
      eventCategory: 'Management',
      errorCode: 'Unauthenticated',
      sourceIPAddress: '127.0.0.1',
      requestParameters: { clientId, userName: 'alice' },
      additionalEventData: { decision: 'deny', reason: 'wrong user name or password' },
    });
    expect(stranger).toMatchObject({ errorCode: 'Unauthenticated' });
    expect(stranger?.requestParameters).not.toHaveProperty('userName');
    expect(stranger?.requestParameters?.['userNameHmac']).not.toBe(
      guessed?.requestParameters?.['userNameHmac'],
    );
    expect(good).toHaveLength(4);
    for (const record of good)
      expect(record).toMatchObject({
        userIdentity: { type: 'WebIdentityUser', principalId: userId, identityProvider: app.issuer },
        requestParameters: { userName: 'alice', userNameHmac: guessed?.requestParameters?.['userNameHmac'] },
        additionalEventData: { decision: 'allow' },
      });

    expect(folder.of('AllowClient')).toMatchObject([
      { additionalEventData: { decision: 'deny' }, requestParameters: { clientId } },
      ...Array.from({ length: 3 }, () => ({
        userIdentity: { principalId: userId, clientId },
        additionalEventData: { decision: 'allow', gateway: gateway.id },
        resources: [{ type: 'AWS::BedrockAgentCore::Gateway' }],
      })),
    ]);
    expect(folder.of('RegisterClient')).toMatchObject([
      {
        responseElements: { clientId, redirectUris: [CALLBACK], tokenEndpointAuthMethod: 'none' },
        additionalEventData: { decision: 'allow' },
      },
      { errorCode: 'invalid_redirect_uri', additionalEventData: { decision: 'deny' } },
    ]);
    expect(folder.of('RegisterClient')[1]?.responseElements).toBeNull();
    expect(folder.of('IssueAuthorizationCode')).toMatchObject([
      { errorCode: 'access_denied', additionalEventData: { decision: 'deny' } },
      ...Array.from({ length: 3 }, () => ({
        userIdentity: { principalId: userId, clientId },
        additionalEventData: { decision: 'allow', gateway: gateway.id },
      })),
      { errorCode: 'invalid_redirect_uri', userIdentity: { type: 'Unknown' } },
    ]);

    const tokens = folder.of('IssueToken');
    const given = { decision: 'allow', gateway: gateway.id };
    expect(tokens).toMatchObject([
      {
        userIdentity: { type: 'WebIdentityUser', principalId: userId, clientId },
        requestParameters: { clientId, grantType: 'authorization_code' },
        responseElements: { hasRefreshToken: true, scope: 'mcp' },
        additionalEventData: given,
        resources: [{ ARN: expect.stringContaining(gateway.id) as string }],
      },
      {
        userIdentity: { principalId: userId },
        requestParameters: { grantType: 'refresh_token' },
        responseElements: { hasRefreshToken: true, isRotated: true },
        additionalEventData: given,
      },
      {
        userIdentity: { type: 'Unknown' },
        requestParameters: { clientId, grantType: 'refresh_token', user: userId },
        errorCode: 'invalid_grant',
        additionalEventData: { decision: 'deny', reason: 'refresh token already used', isReuse: true },
      },
      {
        userIdentity: { type: 'Unknown' },
        requestParameters: { clientId, grantType: 'authorization_code' },
        errorCode: 'invalid_grant',
        additionalEventData: { decision: 'deny', reason: 'code_verifier does not match code_challenge' },
      },
      { additionalEventData: given },
      {
        userIdentity: { principalId: machineId, clientId: machineId },
        requestParameters: { clientId: machineId, grantType: 'client_credentials' },
        additionalEventData: given,
      },
      {
        userIdentity: { type: 'Unknown' },
        requestParameters: { clientId: machineId, grantType: 'client_credentials' },
        errorCode: 'invalid_client',
        additionalEventData: { decision: 'deny', reason: 'invalid secret provided' },
      },
    ]);
    expect(tokens).toHaveLength(7);
    expect(folder.of('RevokeToken')).toMatchObject([
      { requestParameters: { clientId }, userIdentity: { principalId: userId } },
    ]);
    box.expectNoneIn(folder.audit);
  });

  test('a code that is used twice is told of', async () => {
    const folder = auditedFolder();
    const { app, close } = await open(folder);
    const { url: resource } = await app.guarded({});
    const clientId = await registerPublic(app.issuer);
    const { redeem } = await codeFor({ app, clientId, resource });
    expect((await redeem()).status).toBe(200);
    expect((await redeem()).status).toBe(400);
    await close();
    expect(folder.of('IssueToken').at(-1)).toMatchObject({
      errorCode: 'invalid_grant',
      additionalEventData: { isReuse: true, reason: 'authorization code already consumed' },
    });
  });

  test('too many attempts are told of as what they are', async () => {
    const folder = auditedFolder();
    const { app, close } = await open(folder);
    const { url: resource } = await app.guarded({});
    const clientId = await registerPublic(app.issuer);
    const browser = openBrowser(app.publicUrl);
    const login = await browser.open(authorizationRequest(app.issuer, { client_id: clientId, resource }).url);
    const guess = { username: USER.userName, password: 'not the right one', decision: 'sign-in' };
    for (let left = 11; left > 0; left -= 1) await browser.submit(login, guess);
    const figures = await (await fetch(`${app.app.controlUrl}/metrics`)).text();
    expect(figures).toContain('gatewright_sign_ins_total{outcome="refused"} 10');
    expect(figures).toContain('gatewright_sign_ins_total{outcome="throttled"} 1');
    await close();
    expect(folder.of('SignIn').map(({ errorCode }) => errorCode)).toEqual([
      ...Array.from({ length: 10 }, () => 'Unauthenticated'),
      'Throttled',
    ]);
  });
});

describe('before a provider of a company', () => {
  test('who signed in there, who did not, and each use of the secret for it', async () => {
    const corp = await openSignInProvider();
    onTestFinished(() => corp.close());
    const folder = auditedFolder();
    const box = secretBox();
    const { app, close } = await open(folder, {
      egressAllow: [],
      authorizationServer: {
        mode: 'upstream',
        discoveryUrl: corp.discoveryUrl,
        clientId: SIGN_IN_CLIENT.clientId,
        clientSecret: new Secret(box.keep(SIGN_IN_CLIENT.clientSecret)),
        scopes: 'openid profile',
      },
    });
    const { url: resource, id } = await app.guarded({});
    const clientId = await registerPublic(app.issuer);
    const visit = async () => {
      const browser = openBrowser(app.publicUrl, corp.url);
      const { url } = authorizationRequest(app.issuer, { client_id: clientId, resource });
      return browser.submit(await browser.open(url), { decision: 'allow' });
    };
    expect(new URL((await visit()).url).searchParams.get('code')).toBeTruthy();
    corp.misbehaviour = 'denies';
    await visit();
    corp.misbehaviour = 'other key';
    await visit();
    for (const form of corp.redeemed)
      for (const name of ['code', 'code_verifier']) box.keep(form.get(name) ?? '');
    for (const asked of corp.asked) for (const name of ['state', 'nonce']) box.keep(asked.get(name) ?? '');
    await close();
    expect(folder.of('SignIn')).toMatchObject([
      {
        userIdentity: { type: 'WebIdentityUser', identityProvider: app.issuer },
        requestParameters: { identityProvider: corp.discoveryUrl },
        additionalEventData: { decision: 'allow' },
      },
      {
        userIdentity: { type: 'Unknown' },
        errorCode: 'access_denied',
        additionalEventData: { decision: 'deny' },
      },
      {
        userIdentity: { type: 'Unknown' },
        errorCode: 'Internal',
        additionalEventData: { decision: 'deny', reason: 'what the provider sent does not hold' },
      },
    ]);
    const use = {
      userIdentity: { type: 'AWSService' },
      eventCategory: 'Data',
      requestParameters: { purpose: 'sign-in', credentialProviderType: 'OAUTH', destination: corp.url },
    };
    expect(folder.of('UseCredential')).toMatchObject([use, use]);
    expect(folder.of('AllowClient')).toMatchObject([{ additionalEventData: { gateway: id } }]);
    box.expectNoneIn(folder.audit);
  });
});

test('where the log is off people sign in as well, and nothing is written', async () => {
  const folder = auditedFolder();
  const { app, close } = await open(folder, { audit: 'off' });
  const { url: resource } = await app.guarded({});
  const clientId = await registerPublic(app.issuer);
  expect((await (await codeFor({ app, clientId, resource })).redeem()).status).toBe(200);
  await close();
  expect(existsSync(folder.audit)).toBe(false);
});

describe('where the log is required', () => {
  test('every sign-in, code and token has an intent before its outcome', async () => {
    const folder = auditedFolder();
    const { app, close } = await open(folder, { audit: 'required' });
    const { url: resource } = await app.guarded({});
    const clientId = await registerPublic(app.issuer);
    expect((await (await codeFor({ app, clientId, resource })).redeem()).status).toBe(200);
    await close();
    for (const eventName of ['RegisterClient', 'SignIn', 'AllowClient', 'IssueToken']) {
      const [intent, outcome, ...more] = folder.of(eventName);
      expect(more, eventName).toHaveLength(0);
      expect(intent?.additionalEventData['phase'], eventName).toBe('intent');
      expect(outcome?.additionalEventData['phase'], eventName).toBe('outcome');
      expect(outcome?.requestID).toBe(intent?.requestID);
    }
    expect(folder.of('IssueAuthorizationCode')).toHaveLength(1);
  });

  test('nothing is given out that cannot be recorded, and no refresh token is used up for nothing', async () => {
    const folder = auditedFolder();
    const { app, close } = await open(folder, { audit: 'required' });
    const { url: resource } = await app.guarded({});
    const clientId = await registerPublic(app.issuer);
    const { body } = await (await codeFor({ app, clientId, resource })).redeem();
    const refresh = () =>
      postForm(`${app.issuer}/token`, {
        grant_type: 'refresh_token',
        refresh_token: String(body['refresh_token']),
        client_id: clientId,
      });
    const disk = await fillDisk();
    expect(await refresh()).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(await register(app.issuer, { redirect_uris: [CALLBACK] })).toMatchObject({ status: 503 });
    const { url } = authorizationRequest(app.issuer, { client_id: clientId, resource });
    const browser = openBrowser(app.publicUrl);
    const login = await browser.open(url);
    const right = { username: USER.userName, password: USER.password, decision: 'sign-in' };
    expect((await browser.submit(login, right)).status).toBe(503);
    disk.free();
    await expect.poll(async () => (await refresh()).status, { timeout: 10_000 }).toBe(200);
    await close();
  });
});
