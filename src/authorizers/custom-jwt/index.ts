// CUSTOM_JWT: bearer tokens of an OpenID Connect provider (RFC 6750, 7519, 8725, 9068).
// Verified tokens are remembered for at most five minutes, never beyond their expiry or their keys' freshness.

import { hash } from 'node:crypto';
import { compactVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { JsonObject } from '../../core/json.ts';
import { GatewayError } from '../../core/errors.ts';
import { createFigures } from '../../core/figures.ts';
import type { Principal } from '../../core/principal.ts';
import { Secret } from '../../lib/secret.ts';
import type { Authorizer, AuthorizerServices, AuthorizerType, RequestHead } from '../authorizer.ts';
import { checkClaims } from './claims.ts';
import { checkConfig, checkDiscovery, parseConfig, withoutRules } from './config.ts';
import type { CustomJwtConfig } from './config.ts';
import { createKeySource } from './keys.ts';
import { bearerToken, invalidToken, tokenClaims, tokenHeader } from './token.ts';

type TokenServices = Pick<AuthorizerServices, 'egress' | 'clock' | 'log' | 'figures'>;

const REMEMBERED_TOKENS = 10_000;
const REMEMBER_MS = 5 * 60_000;

interface Remembered {
  readonly principal: Principal;
  readonly generation: number;
  /** Seconds of the wall clock. */
  readonly expiresAt: number;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
}

function prepareWith(rules: CustomJwtConfig, services: TokenServices): Authorizer {
  const { clock, figures = createFigures() } = services;
  const hits = figures.count('verifiedTokens', { result: 'hit' });
  const misses = figures.count('verifiedTokens', { result: 'miss' });
  const keys = createKeySource({ ...services, discoveryUrl: rules.discoveryUrl, issuerUrl: rules.issuerUrl });
  const remembered = new LRUCache<string, Remembered>({ max: REMEMBERED_TOKENS });
  let latest: { readonly header: string; readonly known: Remembered } | undefined;

  async function verify(token: string): Promise<Remembered> {
    const header = tokenHeader(token);
    const { key, issuer, generation } = await keys.keyFor(header);
    try {
      await compactVerify(token, key, { algorithms: [header.alg] });
    } catch {
      throw invalidToken('the signature does not verify');
    }
    const { principal: named, expiresAt } = checkClaims(
      tokenClaims(token),
      rules,
      issuer,
      clock.now() / 1000,
    );
    const principal = Object.freeze({ ...named, token: new Secret(token) });
    const until = Math.min(clock.monotonic() + REMEMBER_MS, keys.freshUntil());
    return { principal, generation, expiresAt, until };
  }

  const isGood = ({ generation, until, expiresAt }: Remembered): boolean =>
    generation === keys.generation && until > clock.monotonic() && expiresAt > clock.now() / 1000;

  async function recall(token: string): Promise<Remembered> {
    const digest = hash('sha256', token, 'base64');
    const remembers = remembered.get(digest);
    if (remembers && isGood(remembers)) {
      hits.value += 1;
      return remembers;
    }
    misses.value += 1;
    remembered.delete(digest);
    const known = await verify(token);
    remembered.set(digest, known);
    return known;
  }

  return Object.freeze({
    keysAgeSeconds: () => keys.ageSeconds(),
    protectedResource: Object.freeze({
      authorization_servers: Object.freeze([rules.issuerUrl]),
      ...(rules.advertisedScopes.length === 0 ? {} : { scopes_supported: rules.advertisedScopes }),
    }),
    async authorize(head: RequestHead): Promise<Principal> {
      try {
        const given = head.headers['authorization'];
        // Most calls of an agent carry the token of the call before: no need to read, hash and look for it again.
        if (latest && given?.length === 1 && given[0] === latest.header && isGood(latest.known)) {
          hits.value += 1;
          return latest.known.principal;
        }
        const known = await recall(bearerToken(head));
        latest = { header: given?.[0] ?? '', known };
        return known.principal;
      } catch (thrown) {
        throw withScope(thrown, rules.advertisedScopes);
      }
    },
  });
}

/** The scopes a client should ask for, on every 401 (MCP 2025-11-25 authorization, scope selection). */
function withScope(thrown: unknown, scopes: readonly string[]): unknown {
  if (!(thrown instanceof GatewayError) || thrown.code !== 'Unauthenticated' || scopes.length === 0)
    return thrown;
  const { details } = thrown;
  return new GatewayError(thrown.code, thrown.message, {
    ...details,
    challenge: { ...details.challenge, scope: scopes.join(' ') },
    cause: thrown,
  });
}

export const customJwtAuthorizer = Object.freeze({
  type: 'CUSTOM_JWT',
  check: checkConfig,
  prepare: (config: JsonObject | undefined, services: TokenServices) =>
    prepareWith(parseConfig(config), services),
} as const) satisfies AuthorizerType;

/**
 * AUTHENTICATE_ONLY: the token is a genuine one of this issuer and has not expired; whose it is for, and what it allows,
 * is for the target to say (AgentCore, with JWT_PASSTHROUGH).
 */
export const authenticateOnlyAuthorizer = Object.freeze({
  type: 'AUTHENTICATE_ONLY',
  check: checkDiscovery,
  prepare: (config: JsonObject | undefined, services: TokenServices) =>
    prepareWith(withoutRules(parseConfig(config)), services),
} as const) satisfies AuthorizerType;
