// The identity provider's signing keys: discovery document and JWKS, fetched through the egress door, cached.
// Fresh for ten minutes; refreshed in the background before that; when the provider is down, known keys go on
// for a day (stale-if-error). One fetch at a time, however many tokens wait; unknown key ids cannot cause more
// than one fetch in half a minute. Removed keys die at the next successful fetch.

import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { Log } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Figures } from '../../core/figures.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Egress } from '../../core/outbound.ts';
import type { Clock } from '../../lib/clock.ts';
import { SingleFlight } from '../../lib/single-flight.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { invalidToken } from './token.ts';

const FRESH_MS = 10 * 60_000;
const REFRESH_AHEAD_MS = 5 * 60_000;
const STALE_MS = 24 * 3_600_000;
const UNKNOWN_KEY_COOLDOWN_MS = 30_000;
const RETRY_AFTER_FAILURE_MS = 5_000;
const FETCH = Object.freeze({ timeoutMs: 5_000, maxResponseBytes: 256 * 1024 });
const MAX_KEYS = 100;

interface VerificationKey {
  readonly kid: string | undefined;
  readonly jwk: JWK;
  readonly imported: Map<string, Promise<CryptoKey | Uint8Array>>;
}

interface KeySet {
  readonly issuer: string;
  readonly keys: readonly VerificationKey[];
  /** Changes whenever issuer or keys do. */
  readonly generation: number;
  readonly fetchedAt: number;
}

export interface IssuerKeys {
  /** `issuer` of the discovery document. */
  readonly issuer: string;
  /** Changes whenever the set of keys does: whatever was verified before is to be forgotten. */
  readonly generation: number;
  readonly key: CryptoKey | Uint8Array;
}

export interface KeySource {
  /**
   * The key for a token's header.
   * @throws GatewayError Unavailable when the provider cannot be reached and nothing usable is cached;
   * Unauthenticated when the provider has no such key.
   */
  keyFor(header: { readonly alg: string; readonly kid?: string }): Promise<IssuerKeys>;
  readonly generation: number;
  /** Seconds since they were fetched; undefined before that. */
  ageSeconds(): number | undefined;
  /** Milliseconds (monotonic) until which what was verified with these keys may be believed unseen. */
  freshUntil(): number;
}

export interface KeySourceOptions {
  readonly discoveryUrl: string;
  readonly issuerUrl: string;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly figures?: Figures;
}

/** A key source for one discovery URL. Fetches nothing before the first token. */
export function createKeySource({
  discoveryUrl,
  issuerUrl,
  egress,
  clock,
  log,
  figures,
}: KeySourceOptions): KeySource {
  const flights = new SingleFlight<KeySet>(figures?.flights('signing_keys'));
  const count = (outcome: 'success' | 'failure'): void => {
    if (figures) figures.count('jwksFetches', { outcome }).value += 1;
  };
  let current: KeySet | undefined;
  let lastAttempt = Number.NEGATIVE_INFINITY;
  let isFetching = false;
  let lastFailure: { at: number; error: GatewayError } | undefined;

  async function fetchKeySet(): Promise<KeySet> {
    lastAttempt = clock.monotonic();
    isFetching = true;
    try {
      const metadata = await fetchJson(discoveryUrl, 'discovery document');
      const issuer = metadata['issuer'];
      const jwksUri = metadata['jwks_uri'];
      if (typeof issuer !== 'string' || !issuerFits(issuer, issuerUrl))
        throw providerFault(
          `the discovery document at ${discoveryUrl} names another issuer than its own address`,
        );
      if (typeof jwksUri !== 'string' || !URL.canParse(jwksUri))
        throw providerFault(`the discovery document at ${discoveryUrl} has no jwks_uri`);
      const jwks = await fetchJson(jwksUri, 'key set');
      const keys = usableKeys(jwks['keys']);
      const isChanged = !current || thumbprint(current) !== thumbprint({ issuer, keys });
      const generation = (current?.generation ?? 0) + (isChanged ? 1 : 0);
      const fresh = { issuer, keys, generation, fetchedAt: clock.monotonic() };
      current = fresh;
      lastFailure = undefined;
      count('success');
      return fresh;
    } catch (thrown) {
      const error =
        thrown instanceof GatewayError && thrown.code === 'Unavailable'
          ? thrown
          : providerFault(thrown instanceof Error ? thrown.message : String(thrown), thrown);
      count('failure');
      lastFailure = { at: clock.monotonic(), error };
      log.warn(
        { discoveryUrl, reason: error.details.internal, stale: current !== undefined },
        'signing keys could not be fetched',
      );
      throw error;
    } finally {
      isFetching = false;
    }
  }

  async function fetchJson(url: string, what: string): Promise<JsonObject> {
    const response = await egress.request(
      {
        method: 'GET',
        url: new URL(url),
        headers: { accept: 'application/json', 'user-agent': 'gatewright' },
      },
      FETCH,
    );
    if (response.status !== 200)
      throw providerFault(`the ${what} at ${url} answered with status ${response.status}`);
    let value: unknown;
    try {
      value = parseStrictJson(response.body);
    } catch {
      // The body is not repeated: it may be an internal service's answer.
      throw providerFault(`the ${what} at ${url} is not JSON`);
    }
    if (!isJsonObject(value)) throw providerFault(`the ${what} at ${url} is not a JSON object`);
    return value;
  }

  function refresh(): Promise<KeySet> {
    const now = clock.monotonic();
    if (lastFailure && now - lastFailure.at < RETRY_AFTER_FAILURE_MS)
      return Promise.reject(lastFailure.error);
    return flights.run('keys', fetchKeySet);
  }

  async function usableSet(): Promise<KeySet> {
    const known = current;
    if (!known) return refresh();
    const age = clock.monotonic() - known.fetchedAt;
    if (age < REFRESH_AHEAD_MS) return known;
    // A provider that has just failed is asked again beside the call, never in its way.
    if (age < FRESH_MS || (age < STALE_MS && lastFailure)) {
      refresh().catch(() => undefined);
      return known;
    }
    return refresh().catch((error: unknown) => {
      if (age < STALE_MS) return known;
      throw error;
    });
  }

  return {
    get generation() {
      return current?.generation ?? 0;
    },
    ageSeconds: () => current && (clock.monotonic() - current.fetchedAt) / 1000,
    freshUntil: () => (current ? current.fetchedAt + FRESH_MS : 0),
    async keyFor(header) {
      let set = await usableSet();
      let key = select(set, header);
      // Whoever comes while keys are being fetched waits for them: the fetch may be for the very same new key.
      if (!key && (isFetching || clock.monotonic() - lastAttempt > UNKNOWN_KEY_COOLDOWN_MS)) {
        set = await refresh().catch(() => set);
        key = select(set, header);
      }
      if (!key) throw invalidToken('no such key id');
      return { issuer: set.issuer, generation: set.generation, key: await importOnce(key, header.alg) };
    },
  };
}

/** RFC 8414 §3.3; Microsoft's v1 documents are the one known exception, and only for its own pair of hosts. */
function issuerFits(issuer: string, issuerUrl: string): boolean {
  if (issuer === issuerUrl || issuer === `${issuerUrl}/`) return true;
  const microsoft =
    /^https:\/\/login\.(?:microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn)\/([^/]+)$/.exec(
      issuerUrl,
    );
  return (
    microsoft !== null && /^https:\/\/sts\.(?:windows\.net|chinacloudapi\.cn)\/[0-9a-f-]{36}\/$/.test(issuer)
  );
}

function usableKeys(value: unknown): readonly VerificationKey[] {
  if (!Array.isArray(value)) throw providerFault('the key set has no keys member');
  if (value.length > MAX_KEYS) throw providerFault(`the key set holds more than ${MAX_KEYS} keys`);
  return value
    .filter((jwk): jwk is JWK => {
      if (!isJsonObject(jwk)) return false;
      const isPublicAsymmetric =
        ['RSA', 'EC', 'OKP'].some((type) => jwk['kty'] === type) && jwk['d'] === undefined;
      return isPublicAsymmetric && (jwk['use'] === undefined || jwk['use'] === 'sig');
    })
    .map((jwk) => ({ kid: typeof jwk.kid === 'string' ? jwk.kid : undefined, jwk, imported: new Map() }));
}

/** By key id where the token has one; without, only when exactly one key fits. Two keys of one id fit nobody. */
function select(set: KeySet, { alg, kid }: { alg: string; kid?: string }): VerificationKey | undefined {
  const fitting = set.keys.filter((key) => (kid === undefined || key.kid === kid) && fits(key.jwk, alg));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function fits(jwk: JWK, alg: string): boolean {
  if (jwk.alg !== undefined && jwk.alg !== alg) return false;
  if (/^[RP]S/.test(alg)) return jwk.kty === 'RSA';
  if (alg.startsWith('ES'))
    return jwk.kty === 'EC' && jwk.crv === { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg];
  return jwk.kty === 'OKP' && jwk.crv === 'Ed25519';
}

function importOnce(key: VerificationKey, alg: string): Promise<CryptoKey | Uint8Array> {
  const known = key.imported.get(alg);
  if (known) return known;
  const imported = importJWK({ ...key.jwk, alg }, alg).catch(() => {
    throw invalidToken('the key cannot be used');
  });
  key.imported.set(alg, imported);
  return imported;
}

function thumbprint(set: Pick<KeySet, 'issuer' | 'keys'>): string {
  return JSON.stringify([set.issuer, set.keys.map((key) => key.jwk)]);
}

function providerFault(internal: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'Unavailable',
    'The identity provider of this gateway cannot be reached or gives no usable keys. Please retry later.',
    {
      internal,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
