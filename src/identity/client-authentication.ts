// How the gateway, as a client, proves itself to an authorization server: by secret (RFC 6749 §2.3.1) or by a signed
// assertion (RFC 7523 §2.2, private_key_jwt). The secret comes out here, at the last moment.

import { createPrivateKey } from 'node:crypto';
import { importJWK, importPKCS8 } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { ClientSecretPost, None, PrivateKeyJwt, modifyAssertion } from 'oauth4webapi';
import type { ClientAuth } from 'oauth4webapi';
import { GatewayError } from '../core/errors.ts';
import type { OauthProviderSettings, PrivateKeyJwt as KeySettings } from '../core/oauth-provider.ts';
import type { Secret } from '../lib/secret.ts';

/** What the assertion is made of, which no configuration may change. */
const OWN_CLAIMS: ReadonlySet<string> = new Set(['iss', 'sub', 'jti', 'iat', 'nbf', 'exp']);
const OWN_HEADERS: ReadonlySet<string> = new Set(['alg', 'crit', 'b64']);

/** @throws GatewayError CredentialUnavailable when the secret is missing or no usable key */
export async function clientAuthentication(
  { authentication, privateKeyJwt }: Pick<OauthProviderSettings, 'authentication' | 'privateKeyJwt'>,
  secret: Secret | undefined,
): Promise<ClientAuth> {
  if (authentication === 'none') return None();
  if (!secret) throw unusable('the client secret is missing');
  if (authentication === 'client_secret_post') return ClientSecretPost(secret.reveal());
  if (authentication === 'client_secret_basic') return basic(secret);
  const { key, kid } = await importPrivateKey(secret, privateKeyJwt);
  return PrivateKeyJwt(kid === undefined ? key : { key, kid }, {
    [modifyAssertion](header, payload) {
      for (const [name, value] of Object.entries(privateKeyJwt.headers))
        if (!OWN_HEADERS.has(name)) header[name] = value;
      for (const [name, value] of Object.entries(privateKeyJwt.claims))
        if (!OWN_CLAIMS.has(name)) payload[name] = value;
    },
  });
}

/**
 * HTTP Basic with id and secret form-encoded (RFC 6749 §2.3.1). No letter is encoded that need not be, since servers are
 * about that compare what they get without decoding it.
 */
function basic(secret: Secret): ClientAuth {
  return (_server, client, _body, headers) => {
    const pair = `${formEncode(client.client_id)}:${formEncode(secret.reveal())}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  };
}

function formEncode(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice('x='.length);
}

/** A PKCS #8 PEM or a JWK; other PEM forms are brought into the first. @throws GatewayError CredentialUnavailable */
export async function importPrivateKey(
  secret: Secret,
  { algorithm }: Pick<KeySettings, 'algorithm'>,
): Promise<{ readonly key: CryptoKey; readonly kid?: string }> {
  const text = secret.reveal().trim();
  try {
    if (!text.startsWith('{')) {
      const pem = createPrivateKey(text).export({ type: 'pkcs8', format: 'pem' }).toString();
      return { key: await importPKCS8(pem, algorithm) };
    }
    const jwk = JSON.parse(text) as JWK;
    const key = await importJWK({ ...jwk, alg: algorithm }, algorithm);
    if (key instanceof Uint8Array || key.type !== 'private') throw new TypeError('no private key');
    return { key, ...(typeof jwk.kid === 'string' ? { kid: jwk.kid } : {}) };
  } catch {
    // The message of a parser could repeat parts of the key.
    throw unusable(`the private key is not one for ${algorithm} (PKCS #8 PEM, or JWK)`);
  }
}

function unusable(internal: string): GatewayError {
  return new GatewayError('CredentialUnavailable', 'The secret of this credential provider cannot be used.', {
    internal,
  });
}
