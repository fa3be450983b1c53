// The checks on verified claims: time, issuer, audience, client, scope, custom claims. All that are configured
// must hold (AgentCore's rule). Pure: claims, configuration and time in; a principal out, or a named fault.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { ClaimRule, CustomJwtConfig } from './config.ts';
import { invalidToken } from './token.ts';

const CLOCK_TOLERANCE_S = 30;
const MAX_AUDIENCES = 64;
const OTHER_TYPES: ReadonlySet<string> = new Set(['ID', 'Refresh', 'Offline', 'Logout']);

export interface CheckedClaims {
  readonly principal: Principal;
  /** Seconds since the epoch, tolerance included. */
  readonly expiresAt: number;
}

/**
 * @param claims payload of a token whose signature is valid
 * @param issuer the issuer the keys belong to
 * @param nowS wall clock, seconds
 * @throws GatewayError Unauthenticated, or Forbidden with `insufficient_scope` (RFC 6750 §3.1)
 */
export function checkClaims(
  claims: JsonObject,
  config: CustomJwtConfig,
  issuer: string,
  nowS: number,
): CheckedClaims {
  const expiresAt = checkTimes(claims, nowS);
  if (claims['iss'] !== issuer) throw invalidToken('the issuer is another one');
  refuseOtherTokens(claims);
  const audiences = listOf(claims['aud']);
  if (config.allowedAudience && !audiences.some((audience) => config.allowedAudience?.includes(audience)))
    throw invalidToken('the audience is not allowed');
  const clientId = firstString(claims['client_id'], claims['azp']);
  if (config.allowedClients && (clientId === undefined || !config.allowedClients.includes(clientId)))
    throw invalidToken('the client is not allowed');
  for (const rule of config.claims)
    if (!holds(rule, claims)) throw invalidToken(`the claim ${rule.claim} does not match`);
  const scopes = scopesOf(claims);
  if (config.allowedScopes && !config.allowedScopes.some((scope) => scopes.includes(scope)))
    throw new GatewayError('Forbidden', 'The access token lacks the scope this gateway needs', {
      challenge: { error: 'insufficient_scope', scope: config.advertisedScopes.join(' ') },
      internal: 'none of the allowed scopes is granted',
    });
  const subject = firstString(claims['sub'], clientId);
  if (subject === undefined) throw invalidToken('the token names no subject');
  return {
    expiresAt,
    principal: Object.freeze({
      type: 'oauth-user',
      id: subject,
      issuer,
      ...(clientId === undefined ? {} : { clientId }),
      scopes,
      claims,
    }),
  };
}

function checkTimes(claims: JsonObject, nowS: number): number {
  const { exp, nbf, iat } = claims;
  if (!isTime(exp)) throw invalidToken('exp is missing or not a time');
  if (exp + CLOCK_TOLERANCE_S <= nowS) throw invalidToken('the token has expired');
  if (nbf !== undefined && !isTime(nbf)) throw invalidToken('nbf is not a time');
  if (isTime(nbf) && nbf - CLOCK_TOLERANCE_S > nowS) throw invalidToken('the token is not valid yet');
  if (iat !== undefined && !isTime(iat)) throw invalidToken('iat is not a time');
  if (isTime(iat) && iat - CLOCK_TOLERANCE_S > nowS) throw invalidToken('the token was issued in the future');
  return exp + CLOCK_TOLERANCE_S;
}

function isTime(value: unknown): value is number {
  return (
    typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER
  );
}

/** ID tokens, refresh tokens and proof-of-possession tokens are signed by the same keys, and are no bearer tokens. */
function refuseOtherTokens(claims: JsonObject): void {
  const use = claims['token_use'];
  if (use !== undefined && use !== 'access') throw invalidToken('token_use is not access');
  // Only ID tokens hold a hash of another token or code (OpenID Connect Core §3.1.3.6, §3.3.2.11).
  if (claims['at_hash'] !== undefined || claims['c_hash'] !== undefined)
    throw invalidToken('this is an ID token');
  // Keycloak names the type in a claim.
  if (typeof claims['typ'] === 'string' && OTHER_TYPES.has(claims['typ']))
    throw invalidToken('typ is not Bearer');
  // Logout tokens and other security events are told by this claim, with or without a type (RFC 8417 §2.2).
  if (isJsonObject(claims['events'])) throw invalidToken('this is a security event');
  // Whatever the method of confirmation is (RFC 7800 §3.1), a bearer has not confirmed anything.
  if (claims['cnf'] !== undefined)
    throw invalidToken('a sender-constrained token was presented as a bearer token');
}

function holds(rule: ClaimRule, claims: JsonObject): boolean {
  const value = Object.hasOwn(claims, rule.claim) ? claims[rule.claim] : undefined;
  if (rule.valueType === 'STRING') return typeof value === 'string' && rule.values[0] === value;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) return false;
  return rule.values.some((wanted) => value.includes(wanted));
}

function scopesOf(claims: JsonObject): readonly string[] {
  const value = claims['scope'] ?? claims['scp'];
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  return listOf(value);
}

function listOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return [];
  if (value.length > MAX_AUDIENCES) throw invalidToken('a list in the token is too long');
  return value.filter((item): item is string => typeof item === 'string');
}

function firstString(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}
