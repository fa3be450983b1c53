// Proof of possession (RFC 9449): tokens that are bound to a key of the gateway's, and the proofs that go along with them.
// A token that is stolen on its way is of no use without the key, which lies sealed with the client's registration.

import { createHash, randomUUID } from 'node:crypto';
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { Prove } from '../core/token-source.ts';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';

/** The one that is used; authorization servers that want proofs practically all take it. */
export const PROOF_ALGORITHM = 'ES256';

/** A key in both parts. */
export interface ProofKey {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** A new key, as it is stored, and its name (RFC 7638). */
export async function createProofKey(): Promise<{ readonly secret: Secret; readonly thumbprint: string }> {
  const { privateKey } = await generateKeyPair(PROOF_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { secret: new Secret(JSON.stringify(jwk)), thumbprint: await calculateJwkThumbprint(jwk) };
}

/** A key as it was stored. */
export async function openProofKey(secret: Secret): Promise<ProofKey> {
  const jwk = JSON.parse(secret.reveal()) as JWK;
  const { d: _private, ...publicJwk } = jwk;
  const [privateKey, publicKey] = await Promise.all([
    importJWK(jwk, PROOF_ALGORITHM),
    importJWK(publicJwk, PROOF_ALGORITHM, { extractable: true }),
  ]);
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array)
    throw new TypeError('a proof key is not symmetric');
  return { privateKey, publicKey, publicJwk };
}

/** Makes proofs for requests with a token: each for one request (RFC 9449 §4.2). */
export function createProver(open: () => Promise<ProofKey>, clock: Clock): Prove {
  let key: Promise<ProofKey> | undefined;
  return async ({ method, url }, token, nonce) => {
    key ??= open();
    const { privateKey, publicJwk } = await key;
    const claims = {
      jti: randomUUID(),
      htm: method,
      htu: `${url.origin}${url.pathname}`,
      iat: Math.floor(clock.now() / 1000),
      ath: createHash('sha256').update(token.reveal()).digest('base64url'),
      ...(nonce === undefined ? {} : { nonce }),
    };
    return new SignJWT(claims)
      .setProtectedHeader({ typ: 'dpop+jwt', alg: PROOF_ALGORITHM, jwk: publicJwk })
      .sign(privateKey);
  };
}
