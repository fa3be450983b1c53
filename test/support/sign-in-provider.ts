// A company's identity provider, as far as signing in needs one: everybody who is sent to it is signed in as the user of the
// moment. It checks what it is sent, and can be told to misbehave.

import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { createSigningKey } from './issuer.ts';

export interface SignInProvider {
  readonly url: string;
  readonly discoveryUrl: string;
  /** Who signs in next. */
  subject: string;
  misbehaviour:
    | 'none'
    | 'denies'
    | 'other nonce'
    | 'other key'
    | 'other issuer'
    | 'other audience'
    | 'no token';
  /** Authorization requests that arrived. */
  readonly asked: URLSearchParams[];
  readonly redeemed: URLSearchParams[];
  close(): Promise<void>;
}

export const SIGN_IN_CLIENT = { clientId: 'gatewright', clientSecret: 'a secret of the facade' };

export async function openSignInProvider(): Promise<SignInProvider> {
  const [key, strange] = [await createSigningKey('k1'), await createSigningKey('k1')];
  const codes = new Map<string, URLSearchParams>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', provider.url);
    const json = (value: unknown, status = 200): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (url.pathname === '/.well-known/openid-configuration')
      return json({
        issuer: provider.url,
        authorization_endpoint: `${provider.url}/authorize`,
        token_endpoint: `${provider.url}/token`,
        jwks_uri: `${provider.url}/jwks`,
        authorization_response_iss_parameter_supported: true,
        id_token_signing_alg_values_supported: ['RS256'],
      });
    if (url.pathname === '/jwks') return json({ keys: [key.publicJwk] });
    if (url.pathname === '/authorize') {
      provider.asked.push(url.searchParams);
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      back.searchParams.set(
        'iss',
        provider.misbehaviour === 'other issuer' ? 'https://elsewhere.example' : provider.url,
      );
      if (provider.misbehaviour === 'denies') back.searchParams.set('error', 'access_denied');
      else {
        const code = randomUUID();
        codes.set(code, url.searchParams);
        back.searchParams.set('code', code);
      }
      return void response.writeHead(302, { location: back.href }).end();
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on(
      'end',
      () => void redeem(new URLSearchParams(body)).then((answer) => json(answer.body, answer.status)),
    );
  });

  async function redeem(form: URLSearchParams): Promise<{ status: number; body: object }> {
    provider.redeemed.push(form);
    const asked = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isGood =
      asked?.get('code_challenge') === challenge &&
      asked.get('redirect_uri') === form.get('redirect_uri') &&
      form.get('client_secret') === SIGN_IN_CLIENT.clientSecret;
    if (!isGood) return { status: 400, body: { error: 'invalid_grant' } };
    const { misbehaviour } = provider;
    const token = await new SignJWT({
      nonce: misbehaviour === 'other nonce' ? 'x' : asked.get('nonce'),
      preferred_username: `${provider.subject}@corp.example`,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuer(provider.url)
      .setSubject(provider.subject)
      .setAudience(misbehaviour === 'other audience' ? 'somebody else' : SIGN_IN_CLIENT.clientId)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(misbehaviour === 'other key' ? strange.privateKey : key.privateKey);
    const idToken = misbehaviour === 'no token' ? {} : { id_token: token };
    return { status: 200, body: { access_token: 'corp', token_type: 'bearer', expires_in: 300, ...idToken } };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: SignInProvider = {
    url,
    discoveryUrl: `${url}/.well-known/openid-configuration`,
    subject: 'ann',
    misbehaviour: 'none',
    asked: [],
    redeemed: [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}
