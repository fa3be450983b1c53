// Tokens of grants: sealed in the store, the fresh ones in memory. A token is renewed by one caller at a time, in this
// process (single flight) and among all (a lease of the store), and a new refresh token is stored before the access
// token that came with it is used: a server that rotates them would take a repeated one for a thief's (RFC 9700 §4.14).

import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Log } from '../core/call.ts';
import { GatewayError, reasonOf, toGatewayError } from '../core/errors.ts';
import { createFigures } from '../core/figures.ts';
import type { Figures } from '../core/figures.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { Row, Store, StoreTransaction } from '../stores/store.ts';
import { INVALID_GRANT } from './grant-outcome.ts';
import type { GrantedTokens } from './grant-outcome.ts';
import type { Grants } from './grants.ts';
import type { Provider, Sealing } from './providers.ts';
import { createStoredTokens } from './stored-tokens.ts';
import type { StoredAs, StoredTokens } from './stored-tokens.ts';
import { digest } from './token-need.ts';
import type { TokenNeed } from './token-need.ts';
import { TOKEN_REQUEST_MS } from './token-endpoint.ts';

/** A token counts as old this long before it expires, or in the last tenth of its life. */
const MARGIN_MS = 60_000;
/** How long a token is believed that came without `expires_in` and without a user's consent (RFC 6749 §5.1). */
const UNSTATED_LIFE_MS = 10 * 60_000;
const REMEMBERED = 50_000;
/** Longer than one renewal can take, so that a lease ends by itself only when its holder is gone. */
const LEASE_MS = 2 * TOKEN_REQUEST_MS;
const LEASE_POLL_MS = 25;
const WAIT_MS = 30_000;
const RETRY_AFTER_FAILURE_MS = 1_000;
/** An upstream that refuses every token must not cost a new one with each call. */
const SETTLE_MS = 30_000;

export interface TokenVault {
  /** A fresh token that is in memory. @param key undefined: none that there is will do */
  recall(key: string | undefined): Secret | undefined;
  /**
   * A token that can be used now; undefined when the user's consent is needed first.
   * @throws GatewayError CredentialUnavailable, Unavailable
   */
  obtain(key: string, need: TokenNeed, provider: Provider): Promise<Secret | undefined>;
  /** What is stored of a token, fresh or not. @throws GatewayError CredentialUnavailable, Unavailable */
  look(key: string, need: TokenNeed, provider: Provider): Promise<StoredToken | undefined>;
  /** A token of the gateway’s own with other scopes, in place of the one that is there. @throws GatewayError */
  widen(key: string, need: TokenNeed, provider: Provider): Promise<Secret | undefined>;
  /**
   * Stores what a consent has brought, in place of what was there; with `step` in the same transaction, or not at all.
   * Tokens that are not kept are given back to their server. @throws what `step` throws
   */
  store(
    key: string,
    need: TokenNeed,
    provider: Provider,
    granted: GrantedTokens,
    step: (tx: StoreTransaction) => Promise<unknown>,
  ): Promise<void>;
  /** An upstream has refused the token: it is not given out again, unless it is brand-new and that was the reason. */
  reject(key: string, token: Secret): void;
  /** Forgets tokens in memory. */
  forget(which: { readonly providerId?: string; readonly key?: string }): void;
  /** Forgets whatever is remembered: it is in the store. */
  forgetAll(): void;
  /** Forgets the token of a stored row that has changed or gone, unless it is this very process's. */
  forgetUnless(rowId: string, row: Row<'oauth-token'> | undefined): void;
  /** The tokens of a row, to be revoked. @throws GatewayError CredentialUnavailable */
  open(row: Row<'oauth-token'>): readonly Secret[];
  /** Tokens in memory. */
  entries(): number;
}

/** A token by its scopes. */
export interface StoredToken {
  readonly token: Secret;
  /** As given, and as asked for; a server may give fewer. */
  readonly scopes: readonly string[];
  readonly asked: readonly string[];
  /** How often more was asked for than before. */
  readonly stepUps: number;
}

interface Held {
  readonly token: Secret;
  readonly providerId: string;
  readonly providerRevision: number;
  readonly freshUntil: number;
  /** Version of the stored row it comes from. */
  readonly version: number;
  /** Obtained because the one before was refused: milliseconds (monotonic) until which it is not refused as well. */
  readonly settledAt: number;
}

export interface VaultServices extends Sealing {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly grants: Grants;
  readonly figures?: Figures;
}

/** The token vault of one process. */
export function createTokenVault(services: VaultServices): TokenVault {
  const { store, clock, log, grants, figures = createFigures() } = services;
  const hits = figures.count('tokenCache', { result: 'hit' });
  const misses = figures.count('tokenCache', { result: 'miss' });
  const rows = createStoredTokens(services);
  const owner = randomUUID();
  const memory = new LRUCache<string, Held>({ max: REMEMBERED });
  const keyOfRow = new LRUCache<string, string>({ max: REMEMBERED });
  const rejected = new LRUCache<string, true>({ max: REMEMBERED });
  const failures = new LRUCache<string, { readonly at: number; readonly fault: GatewayError }>({
    max: REMEMBERED,
  });
  const flights = new SingleFlight<Secret | undefined>(figures.flights('token'));

  function hold(
    key: string,
    provider: Provider,
    tokens: GrantedTokens,
    need: TokenNeed,
    stored?: StoredAs,
  ): Secret {
    if (stored) keyOfRow.set(stored.id, key);
    memory.set(key, {
      version: stored?.version ?? 0,
      token: tokens.accessToken,
      providerId: provider.id,
      providerRevision: provider.revision,
      freshUntil: freshUntil(tokens, need),
      settledAt: rejected.has(key) ? clock.monotonic() + SETTLE_MS : 0,
    });
    rejected.delete(key);
    return tokens.accessToken;
  }

  function recall(key: string | undefined): Secret | undefined {
    const held = key === undefined ? undefined : memory.get(key);
    const isGood = held !== undefined && held.freshUntil > clock.now();
    (isGood ? hits : misses).value += 1;
    return isGood ? held.token : undefined;
  }

  const isRejected = (tokens: GrantedTokens): boolean => rejected.has(digest(tokens.accessToken.reveal()));

  async function renew(key: string, need: TokenNeed, provider: Provider): Promise<Secret | undefined> {
    const failed = failures.get(placeOf(key, provider));
    if (failed && clock.monotonic() - failed.at < RETRY_AFTER_FAILURE_MS) throw failed.fault;
    // As short-lived as the caller's own token, and of no use without it: never stored.
    if (need.subject)
      return hold(
        key,
        provider,
        await noted(placeOf(key, provider), grants.onBehalfOf(provider, need.subject, need)),
        need,
      );
    const lease = `token/${key}`;
    const until = clock.monotonic() + WAIT_MS;
    for (;;) {
      const stored = await rows.find(key, need, provider);
      if (stored && isFresh(stored.tokens, need)) return hold(key, provider, stored.tokens, need, stored.at);
      if (need.grant === 'AUTHORIZATION_CODE' && !stored?.tokens.refreshToken)
        return stored && isAlive(stored.tokens)
          ? hold(key, provider, stored.tokens, need, stored.at)
          : undefined;
      if (await store.lease(lease, owner, LEASE_MS)) break;
      if (clock.monotonic() > until)
        throw unavailable('another process has been renewing this token for too long');
      await new Promise((resolve) => setTimeout(resolve, LEASE_POLL_MS));
    }
    try {
      // Whoever held the lease before has perhaps done it.
      const stored = await rows.find(key, need, provider);
      if (stored && isFresh(stored.tokens, need)) return hold(key, provider, stored.tokens, need, stored.at);
      return await renewAlone(key, need, provider, stored);
    } finally {
      await store.lease(lease, owner, 0);
    }
  }

  async function renewAlone(
    key: string,
    need: TokenNeed,
    provider: Provider,
    stored: Awaited<ReturnType<StoredTokens['find']>>,
  ): Promise<Secret | undefined> {
    const refreshToken = stored?.tokens.refreshToken;
    try {
      if (need.grant === 'CLIENT_CREDENTIALS')
        return await ownToken(key, { ...need, scopes: ownScopes(need, provider, stored) }, provider);
      if (!stored || !refreshToken) return undefined;
      const granted = await noted(placeOf(key, provider), grants.refresh(provider, refreshToken, need));
      const kept = { refreshToken, ...granted };
      const at = await rows.put(key, need, provider, kept, stored.at);
      return at ? hold(key, provider, kept, need, at) : await instead(key, need, provider, kept);
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      if (stored && refreshToken && fault.details.reason === INVALID_GRANT) {
        failures.delete(placeOf(key, provider));
        const isGone = await store.transaction(async (tx) => {
          const row = await tx.get('oauth-token', stored.at.id);
          return row?.document.version !== stored.at.version || tx.remove('oauth-token', row.id);
        });
        if (isGone) log.info({ provider: provider.name }, 'a consent has ended at its server');
        return instead(key, need, provider);
      }
      // The server is in trouble, and what there is still counts.
      if (stored && isAlive(stored.tokens)) return stored.tokens.accessToken;
      throw fault;
    }
  }

  /**
   * What has come into the place of a token that was renewed: a consent given meanwhile, or none when it was taken back.
   * @param late what its server gave all the same: with the consent gone it must not live on there
   */
  async function instead(
    key: string,
    need: TokenNeed,
    provider: Provider,
    late?: GrantedTokens,
  ): Promise<Secret | undefined> {
    const stored = await rows.find(key, need, provider);
    if (late && !stored) void revokeLate(provider, late);
    return stored && isAlive(stored.tokens) ? hold(key, provider, stored.tokens, need, stored.at) : undefined;
  }

  /** Best effort, beside the answer (RFC 7009). */
  async function revokeLate(provider: Provider, { refreshToken, accessToken }: GrantedTokens): Promise<void> {
    try {
      for (const token of refreshToken ? [refreshToken, accessToken] : [accessToken])
        await grants.revoke(provider, token);
    } catch (thrown) {
      const { details, message } = toGatewayError(thrown);
      log.warn(
        { provider: provider.name, reason: details.internal ?? message },
        'a token that was not kept could not be revoked at its server',
      );
    }
  }

  /** A token of the gateway itself, in place of what there was. */
  async function ownToken(key: string, need: TokenNeed, provider: Provider): Promise<Secret> {
    const granted = await noted(placeOf(key, provider), grants.clientCredentials(provider, need));
    return hold(key, provider, granted, need, await rows.put(key, need, provider, granted));
  }

  /** Whoever asks right after a failure gets the same answer, and the server a moment's rest. */
  async function noted(place: string, work: Promise<GrantedTokens>): Promise<GrantedTokens> {
    try {
      return await work;
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      failures.set(place, { at: clock.monotonic(), fault });
      log.warn({ reason: reasonOf(fault) }, 'no token was given');
      throw fault;
    }
  }

  function isAlive(tokens: GrantedTokens): boolean {
    return (tokens.expiresAt ?? Number.POSITIVE_INFINITY) > clock.now() && !isRejected(tokens);
  }

  function isFresh(tokens: GrantedTokens, need: TokenNeed): boolean {
    return freshUntil(tokens, need) > clock.now() && !isRejected(tokens);
  }

  return Object.freeze({
    recall,
    obtain: (key, need, provider) =>
      flights.run(key, async () => {
        const held = memory.get(key);
        const isCurrent = held?.providerRevision === provider.revision && held.freshUntil > clock.now();
        return held && isCurrent ? held.token : renew(key, need, provider);
      }),
    async store(key, need, provider, granted, step) {
      try {
        const at = await rows.put(key, need, provider, granted, undefined, step);
        hold(key, provider, granted, need, at);
      } catch (thrown) {
        void revokeLate(provider, granted);
        throw thrown;
      }
    },
    async look(key, need, provider) {
      const stored = await rows.find(key, need, provider);
      if (!stored) return undefined;
      const { scopes, asked = scopes, stepUps = 0 } = stored.document;
      return { token: stored.tokens.accessToken, scopes, asked, stepUps };
    },
    widen: (key, need, provider) =>
      flights.run(`${key} ${need.scopes.join(' ')}`, () => ownToken(key, need, provider)),
    reject(key, token) {
      const held = memory.get(key);
      if (held?.token.equals(token) && held.settledAt > clock.monotonic()) return;
      if (held?.token.equals(token)) memory.delete(key);
      rejected.set(digest(token.reveal()), true);
      rejected.set(key, true);
    },
    forget({ providerId, key }) {
      if (key !== undefined) memory.delete(key);
      if (providerId !== undefined)
        for (const [name, held] of memory) if (held.providerId === providerId) memory.delete(name);
    },
    forgetAll: () => memory.clear(),
    forgetUnless(rowId, row) {
      const key = keyOfRow.get(rowId);
      if (key !== undefined && memory.get(key)?.version !== row?.document.version) memory.delete(key);
    },
    open: (row) => rows.open(row),
    entries: () => memory.size,
  } satisfies TokenVault);
}

/** Where a failure counts: not at the server, or as the client, that comes after it. */
function placeOf(key: string, { clientKey }: Provider): string {
  return `${key} ${clientKey}`;
}

/** What the gateway's own token is asked for: as configured, else as it has grown, else as the server wants. */
function ownScopes(
  { scopes }: TokenNeed,
  { wantedScopes }: Provider,
  stored: Awaited<ReturnType<StoredTokens['find']>>,
): readonly string[] {
  if (scopes.length > 0) return scopes;
  return stored?.document.asked ?? wantedScopes;
}

function freshUntil({ obtainedAt, expiresAt }: GrantedTokens, need: TokenNeed): number {
  if (expiresAt !== undefined) return expiresAt - Math.min(MARGIN_MS, (expiresAt - obtainedAt) / 10);
  return need.grant === 'AUTHORIZATION_CODE' ? Number.POSITIVE_INFINITY : obtainedAt + UNSTATED_LIFE_MS;
}

function unavailable(internal: string): GatewayError {
  return new GatewayError('CredentialUnavailable', 'No token could be had for this target.', { internal });
}
