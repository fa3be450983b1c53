// Clients of the authorization server that prove themselves by key (RFC 7523 §3): an assertion counts once, for a few
// minutes, for this server and this client.

import { randomUUID } from 'node:crypto';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CALLBACK, openAuthorizedApp, postForm, register } from './support/oauth-client.ts';
import type { AuthorizedApp } from './support/oauth-client.ts';

let app: AuthorizedApp;
let clientId: string;
let key: CryptoKey;
beforeAll(async () => {
  app = await openAuthorizedApp();
  const pair = await generateKeyPair('ES256', { extractable: true });
  key = pair.privateKey;
  const { body, status } = await register(app.issuer, {
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', kid: 'one', use: 'sig' }] },
  });
  expect(status).toBe(201);
  clientId = String(body['client_id']);
});
afterAll(() => app.close());

/** An assertion that lives this long (seconds), changed as told; `undefined` leaves a claim out. */
async function assertion(lifeS: number, change: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: app.issuer,
    jti: randomUUID(),
    iat: now,
    exp: now + lifeS,
    ...change,
  };
  const kept = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  return new SignJWT(kept).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(key);
}

/** What the token endpoint says to a made-up code: of the code alone, once it knows the client. */
async function verdict(clientAssertion: string): Promise<unknown> {
  const { body } = await postForm(`${app.issuer}/token`, {
    grant_type: 'authorization_code',
    code: 'made-up',
    redirect_uri: CALLBACK,
    code_verifier: 'x'.repeat(43),
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: clientAssertion,
  });
  return body['error'];
}

test('one that expires within five minutes is believed, once', async () => {
  const once = await assertion(299);
  expect(await verdict(once)).toBe('invalid_grant');
  expect(await verdict(once)).toBe('invalid_client');
  expect(await verdict(await assertion(60))).toBe('invalid_grant');
});

test('an id that was used counts for no other assertion of the client', async () => {
  const jti = randomUUID();
  expect(await verdict(await assertion(60, { jti }))).toBe('invalid_grant');
  expect(await verdict(await assertion(90, { jti }))).toBe('invalid_client');
});

test('the same assertion at once from many: one of them', async () => {
  const once = await assertion(60);
  const verdicts = await Promise.all(Array.from({ length: 8 }, () => verdict(once)));
  expect(verdicts.filter((error) => error === 'invalid_grant')).toHaveLength(1);
});

test.each([
  ['lives longer than five minutes', 400, {}],
  ['lives for ever', 60, { exp: undefined }],
  ['has expired', -120, {}],
  ['has no id', 60, { jti: undefined }],
  ['is for another server', 60, { aud: 'https://elsewhere.example' }],
  ['is of another client', 60, { iss: 'dcr-somebody' }],
  ['is about another client', 60, { sub: 'dcr-somebody' }],
])('one that %s is not believed', async (_what, lifeS, change) => {
  expect(['invalid_client', 'invalid_request']).toContain(await verdict(await assertion(lifeS, change)));
});
