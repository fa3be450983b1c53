// Tokens of grants: sealed in the store, the fresh ones in memory. A token is renewed by one caller at a time, in this
// process (single flight) and among all (a lease of the store), and a new refresh token is stored before the access
// token that came with it is used: a server that rotates them would take a repeated one for a thief's (RFC 9700 §4.14).

import { createHash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Log } from '../core/call.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { OauthTokenDocument, TokenUser } from '../core/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { Row, Store, StoreTransaction } from '../stores/store.ts';
import { INVALID_GRANT } from './grants.ts';
import type { GrantedTokens, Grants, Wanted } from './grants.ts';
import type { Provider, Sealing } from './providers.ts';
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
const STORE_ATTEMPTS = 3;
/** An upstream that refuses every token must not cost a new one with each call. */
const SETTLE_MS = 30_000;

/** What a token is needed for: everything that tells it from others. */
export interface TokenNeed extends Wanted {
  readonly grant: 'CLIENT_CREDENTIALS' | 'AUTHORIZATION_CODE' | 'TOKEN_EXCHANGE';
  readonly workloadId: string;
  readonly user?: TokenUser;
  /** The token of the caller (TOKEN_EXCHANGE). */
  readonly subject?: Secret;
}

export interface TokenVault {
  /** A fresh token that is in memory. */
  recall(key: string): Secret | undefined;
  /**
   * A token that can be used now; undefined when the user's consent is needed first.
   * @throws GatewayError CredentialUnavailable, Unavailable
   */
  obtain(key: string, need: TokenNeed, provider: Provider): Promise<Secret | undefined>;
  /** Stores what a consent has brought, in place of what was there. */
  store(key: string, need: TokenNeed, provider: Provider, granted: GrantedTokens): Promise<Secret>;
  /** An upstream has refused the token: it is not given out again, unless it is brand-new and that was the reason. */
  reject(key: string, token: Secret): void;
  /** Forgets tokens in memory. */
  forget(which: { readonly providerId?: string; readonly key?: string }): void;
  /** Forgets the token of a stored row that has changed or gone, unless it is this very process's. */
  forgetUnless(rowId: string, row: Row<'oauth-token'> | undefined): void;
  /** The tokens of a row, to be revoked. @throws GatewayError CredentialUnavailable */
  open(row: Row<'oauth-token'>): readonly Secret[];
}

interface StoredAs {
  readonly id: string;
  readonly version: number;
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

/** Name of a token's row, and its key in memory. Every part is compared byte by byte. */
export function tokenKey(providerId: string, need: TokenNeed): string {
  const { grant, workloadId, user, scopes, customParameters, resources, audiences, subject } = need;
  const parts = [
    providerId,
    grant,
    workloadId,
    user && ('userId' in user ? ['id', user.userId] : ['jwt', user.issuer, user.subject]),
    [...new Set(scopes)].sort(),
    Object.entries(customParameters).sort(([a], [b]) => (a < b ? -1 : 1)),
    [...resources].sort(),
    [...audiences].sort(),
    subject && digest(subject.reveal()),
  ];
  return digest(JSON.stringify(parts));
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

export interface VaultServices extends Sealing {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly grants: Grants;
}

/** The token vault of one process. */
export function createTokenVault(services: VaultServices): TokenVault {
  const { store, clock, log, grants } = services;
  const owner = randomUUID();
  const memory = new LRUCache<string, Held>({ max: REMEMBERED });
  const keyOfRow = new LRUCache<string, string>({ max: REMEMBERED });
  const rejected = new LRUCache<string, true>({ max: REMEMBERED });
  const failures = new LRUCache<string, { readonly at: number; readonly fault: GatewayError }>({
    max: REMEMBERED,
  });
  const flights = new SingleFlight<Secret | undefined>();

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

  function recall(key: string): Secret | undefined {
    const held = memory.get(key);
    return held && held.freshUntil > clock.now() ? held.token : undefined;
  }

  const isRejected = (tokens: GrantedTokens): boolean => rejected.has(digest(tokens.accessToken.reveal()));

  function unseal(row: Row<'oauth-token'>): GrantedTokens {
    const { document } = row;
    const secret = services.open(document.sealed, binding(row.id, document.version));
    const { access, refresh } = JSON.parse(secret.reveal()) as { access: string; refresh?: string };
    return {
      accessToken: new Secret(access),
      ...(refresh === undefined ? {} : { refreshToken: new Secret(refresh) }),
      obtainedAt: document.obtainedAt,
      ...(document.expiresAt === undefined ? {} : { expiresAt: document.expiresAt }),
      scopes: document.scopes,
    };
  }

  /** What is stored and was obtained from this provider as it is now. */
  async function readStored(key: string, need: TokenNeed, provider: Provider) {
    const row = await store.find('oauth-token', provider.id, key);
    if (row?.document.clientKey !== clientKeyOf(provider, need)) return undefined;
    try {
      return { row, at: { id: row.id, version: row.document.version }, tokens: unseal(row) };
    } catch (thrown) {
      log.error(
        { provider: provider.name, reason: toGatewayError(thrown).details.internal },
        'a stored token does not open',
      );
      return undefined;
    }
  }

  async function renew(key: string, need: TokenNeed, provider: Provider): Promise<Secret | undefined> {
    const failed = failures.get(key);
    if (failed && clock.monotonic() - failed.at < RETRY_AFTER_FAILURE_MS) throw failed.fault;
    // As short-lived as the caller's own token, and of no use without it: never stored.
    if (need.subject)
      return hold(key, provider, await noted(key, grants.onBehalfOf(provider, need.subject, need)), need);
    const lease = `token/${key}`;
    const until = clock.monotonic() + WAIT_MS;
    for (;;) {
      const stored = await readStored(key, need, provider);
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
      const stored = await readStored(key, need, provider);
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
    stored: Awaited<ReturnType<typeof readStored>>,
  ): Promise<Secret | undefined> {
    const refreshToken = stored?.tokens.refreshToken;
    try {
      const granted =
        need.grant === 'CLIENT_CREDENTIALS'
          ? await noted(key, grants.clientCredentials(provider, need))
          : refreshToken && (await noted(key, grants.refresh(provider, refreshToken, need)));
      if (!granted) return undefined;
      const kept = { ...(refreshToken ? { refreshToken } : {}), ...granted };
      const at = await persist(key, need, provider, kept, refreshToken && stored?.at);
      return at ? hold(key, provider, kept, need, at) : await instead(key, need, provider);
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      if (stored && refreshToken && fault.details.reason === INVALID_GRANT) {
        failures.delete(key);
        const isGone = await store.transaction(async (tx) => {
          const row = await tx.get('oauth-token', stored.row.id);
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

  /** What has come into the place of a token that was renewed: a consent given meanwhile, or none when it was taken back. */
  async function instead(key: string, need: TokenNeed, provider: Provider): Promise<Secret | undefined> {
    const stored = await readStored(key, need, provider);
    return stored && isAlive(stored.tokens) ? hold(key, provider, stored.tokens, need, stored.at) : undefined;
  }

  /** Whoever asks right after a failure gets the same answer, and the server a moment's rest. */
  async function noted(key: string, work: Promise<GrantedTokens>): Promise<GrantedTokens> {
    try {
      return await work;
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      failures.set(key, { at: clock.monotonic(), fault });
      log.warn({ reason: fault.details.internal ?? fault.message }, 'no token was given');
      throw fault;
    }
  }

  async function persist(
    key: string,
    need: TokenNeed,
    provider: Provider,
    granted: GrantedTokens,
    replaces?: StoredAs,
  ): Promise<StoredAs | undefined> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await store.transaction((tx) => write(tx, key, need, provider, granted, replaces));
      } catch (thrown) {
        if (attempt === STORE_ATTEMPTS) throw thrown;
      }
  }

  async function write(
    tx: StoreTransaction,
    key: string,
    need: TokenNeed,
    provider: Provider,
    granted: GrantedTokens,
    replaces?: StoredAs,
  ): Promise<StoredAs | undefined> {
    const before = await tx.find('oauth-token', provider.id, key);
    // A renewed token takes the place of the one that it was got with, and of no other: that was taken back, or replaced
    // by a consent of today, while its server was asked.
    if (replaces && (before?.id !== replaces.id || before.document.version !== replaces.version))
      return undefined;
    const id = before?.id ?? randomUUID();
    const version = (before?.document.version ?? 0) + 1;
    const { accessToken, refreshToken, obtainedAt, expiresAt, scopes } = granted;
    const text = JSON.stringify({ access: accessToken.reveal(), refresh: refreshToken?.reveal() });
    const document: OauthTokenDocument = {
      sealed: services.seal(new Secret(text), binding(id, version)),
      version,
      workloadId: need.workloadId,
      ...(need.user ? { user: need.user } : {}),
      scopes: scopes ?? need.scopes,
      clientKey: clientKeyOf(provider, need),
      obtainedAt,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      isRefreshable: refreshToken !== undefined,
    };
    if (before) await tx.replace('oauth-token', before, document);
    else await tx.create('oauth-token', { id, parentId: provider.id, name: key, document });
    return { id, version };
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
    async store(key, need, provider, granted) {
      return hold(key, provider, granted, need, await persist(key, need, provider, granted));
    },
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
    forgetUnless(rowId, row) {
      const key = keyOfRow.get(rowId);
      if (key !== undefined && memory.get(key)?.version !== row?.document.version) memory.delete(key);
    },
    open(row) {
      const { refreshToken, accessToken } = unseal(row);
      return refreshToken ? [refreshToken, accessToken] : [accessToken];
    },
  } satisfies TokenVault);
}

/** Tokens that a changed client secret may have ended are not kept beyond the change, but users' consents are. */
function clientKeyOf(provider: Provider, need: TokenNeed): string {
  return need.grant === 'AUTHORIZATION_CODE'
    ? provider.clientKey
    : `${provider.clientKey}.${provider.revision}`;
}

function freshUntil({ obtainedAt, expiresAt }: GrantedTokens, need: TokenNeed): number {
  if (expiresAt !== undefined) return expiresAt - Math.min(MARGIN_MS, (expiresAt - obtainedAt) / 10);
  return need.grant === 'AUTHORIZATION_CODE' ? Number.POSITIVE_INFINITY : obtainedAt + UNSTATED_LIFE_MS;
}

function binding(recordId: string, version: number) {
  return { type: 'oauth-token', recordId, field: 'tokens', version };
}

function unavailable(internal: string): GatewayError {
  return new GatewayError('CredentialUnavailable', 'No token could be had for this target.', { internal });
}
