// A bearer token from the head of a request, and its parts decoded strictly. Nothing here is verified yet:
// what it gives back may be used to find a key, and for nothing else.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import type { RequestHead } from '../authorizer.ts';

/** Asymmetric algorithms a token may name (RFC 8725 §3.1: from configuration, never from the token alone). */
const ALGORITHMS: ReadonlySet<string> = new Set(
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' '),
);

const MAX_TOKEN_BYTES = 8 * 1024;
const MAX_KID = 256;

/** Types of token that are signed by the same keys but never grant access (RFC 8725 §3.11). */
const OTHER_TYPES: ReadonlySet<string> = new Set([
  'logout+jwt',
  'secevent+jwt',
  'dpop+jwt',
  'token-introspection+jwt',
]);

export interface TokenHeader {
  readonly alg: string;
  readonly kid?: string;
}

/**
 * The one bearer token of a request (RFC 6750 §2.1: header only, once, scheme in any case).
 * @throws GatewayError Unauthenticated when there is none; Malformed when there are several.
 */
export function bearerToken(head: RequestHead): string {
  const values = head.headers['authorization'] ?? [];
  if (values.length > 1)
    throw new GatewayError('Malformed', 'More than one Authorization header', {
      challenge: { error: 'invalid_request' },
    });
  const match = /^bearer +(.*)$/i.exec(values[0] ?? '');
  if (match?.[1] === undefined || match[1] === '')
    throw new GatewayError('Unauthenticated', 'Missing Bearer token', { challenge: {} });
  return match[1];
}

/** @throws GatewayError Unauthenticated unless the token is a compact JWS with an allowed algorithm. */
export function tokenHeader(token: string): TokenHeader {
  if (token.length > MAX_TOKEN_BYTES) throw invalidToken('the token is too long');
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every(isCanonicalBase64Url)) throw invalidToken('not a compact JWS');
  const header = decodePart(parts[0] ?? '');
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || !ALGORITHMS.has(alg)) throw invalidToken('the algorithm is not allowed');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID))
    throw invalidToken('the key id is not usable');
  // No extension is understood, so none may be critical (RFC 7515 §4.1.11); `b64` is one that jose would honour.
  if (header['crit'] !== undefined || header['b64'] !== undefined)
    throw invalidToken('the header has an extension');
  if (typeof typ === 'string' && OTHER_TYPES.has(typ.toLowerCase().replace(/^application\//, '')))
    throw invalidToken('the token is of another type than an access token');
  return kid === undefined ? { alg } : { alg, kid };
}

/** Claims of a payload whose signature has been verified; duplicate members are refused. */
export function tokenClaims(token: string): JsonObject {
  return decodePart(token.split('.')[1] ?? '');
}

/** One answer for every fault: which check failed is for the log, not for whoever sent the token. */
export function invalidToken(internal: string): GatewayError {
  return new GatewayError('Unauthenticated', 'Invalid Bearer token', {
    challenge: { error: 'invalid_token', description: 'The access token is not valid for this gateway' },
    internal,
  });
}

function decodePart(part: string): JsonObject {
  let value: unknown;
  try {
    value = parseStrictJson(Buffer.from(part, 'base64url'), { maxDepth: 16 });
  } catch {
    throw invalidToken('a part of the token is not strict JSON');
  }
  if (!isJsonObject(value)) throw invalidToken('a part of the token is not a JSON object');
  return value;
}

/** Exactly one spelling for each value: no padding, no unused bits set (two spellings must not differ in outcome). */
function isCanonicalBase64Url(part: string): boolean {
  if (part === '' || !/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1) return false;
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}
