// The rows that tokens lie in: sealed, each bound to its row and version, and believed only for the client they were
// given to. Knows nothing of how tokens are got.

import { randomUUID } from 'node:crypto';
import type { Log } from '../core/call.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { OauthTokenDocument } from '../core/resources.ts';
import { Secret } from '../lib/secret.ts';
import type { Row, Store, StoreTransaction } from '../stores/store.ts';
import type { GrantedTokens } from './grant-outcome.ts';
import type { Provider, Sealing } from './providers.ts';
import type { TokenNeed } from './token-need.ts';

const STORE_ATTEMPTS = 3;

/** Which version of which row. */
export interface StoredAs {
  readonly id: string;
  readonly version: number;
}

export interface StoredTokens {
  /**
   * What is stored and was obtained as the client that the provider is now.
   * @throws GatewayError CredentialUnavailable or Unavailable when it is there and does not open
   */
  find(
    key: string,
    need: TokenNeed,
    provider: Provider,
  ): Promise<
    | { readonly document: OauthTokenDocument; readonly at: StoredAs; readonly tokens: GrantedTokens }
    | undefined
  >;
  /**
   * Stores tokens in place of what there was. @param replaces the only row and version that they may replace
   * @param step what belongs to it: both are written, or neither
   * @returns undefined when that is no longer there
   */
  put(
    key: string,
    need: TokenNeed,
    provider: Provider,
    granted: GrantedTokens,
    replaces?: StoredAs,
    step?: (tx: StoreTransaction) => Promise<unknown>,
  ): Promise<StoredAs | undefined>;
  /** The tokens of a row, the one that lives longest first. @throws GatewayError CredentialUnavailable, Unavailable */
  open(row: Row<'oauth-token'>): readonly Secret[];
}

/** The rows of a store. */
export function createStoredTokens(
  services: Sealing & { readonly store: Store; readonly log: Log },
): StoredTokens {
  const { store, log } = services;

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
    const asked = replaces ? before?.document.asked : need.scopes;
    const document: OauthTokenDocument = {
      sealed: services.seal(new Secret(text), binding(id, version)),
      version,
      workloadId: need.workloadId,
      ...(need.user ? { user: need.user } : {}),
      scopes: scopes ?? (replaces ? before?.document.scopes : undefined) ?? need.scopes,
      ...(provider.settings.protects === undefined || asked === undefined
        ? {}
        : { asked, stepUps: replaces ? (before?.document.stepUps ?? 0) : growth(before, asked) }),
      clientKey: clientKeyOf(provider, need),
      obtainedAt,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      isRefreshable: refreshToken !== undefined,
    };
    if (before) await tx.replace('oauth-token', before, document);
    else await tx.create('oauth-token', { id, parentId: provider.id, name: key, document });
    return { id, version };
  }

  return Object.freeze({
    async find(key, need, provider) {
      const row = await store.find('oauth-token', provider.id, key);
      if (row?.document.clientKey !== clientKeyOf(provider, need)) return undefined;
      try {
        const { id, document } = row;
        return { document, at: { id, version: document.version }, tokens: unseal(row) };
      } catch (thrown) {
        // Not the same as none: the user would be asked for a consent that is there.
        const { code, details, message } = toGatewayError(thrown);
        log.error(
          { provider: provider.name, reason: details.internal ?? message },
          'a stored token does not open',
        );
        throw new GatewayError(
          code === 'Unavailable' ? code : 'CredentialUnavailable',
          'The token that is stored for this target cannot be opened at the moment.',
          { cause: thrown, internal: details.internal ?? message },
        );
      }
    },
    async put(key, need, provider, granted, replaces, step) {
      for (let attempt = 1; ; attempt += 1)
        try {
          return await store.transaction(async (tx) => {
            await step?.(tx);
            return write(tx, key, need, provider, granted, replaces);
          });
        } catch (thrown) {
          if (attempt === STORE_ATTEMPTS || (thrown instanceof GatewayError && isFinal(thrown))) throw thrown;
        }
    },
    open(row) {
      const { refreshToken, accessToken } = unseal(row);
      return refreshToken ? [refreshToken, accessToken] : [accessToken];
    },
  } satisfies StoredTokens);
}

/** A step that somebody else has taken stays taken. */
function isFinal({ code }: GatewayError): boolean {
  return ['StaleRevision', 'Conflict', 'NotFound'].includes(code);
}

/** Tokens that a changed client secret may have ended are not kept beyond the change, but users' consents are. */
function clientKeyOf(provider: Provider, need: TokenNeed): string {
  return need.grant === 'AUTHORIZATION_CODE'
    ? provider.clientKey
    : `${provider.clientKey}.${provider.revision}`;
}

/** How often in a row more was asked for than the time before. */
function growth(before: Row<'oauth-token'> | undefined, asked: readonly string[]): number {
  const { asked: last = [], stepUps = 0 } = before?.document ?? {};
  const isMore =
    before !== undefined && last.every((scope) => asked.includes(scope)) && asked.length > last.length;
  return isMore ? stepUps + 1 : 0;
}

function binding(recordId: string, version: number) {
  return { type: 'oauth-token', recordId, field: 'tokens', version };
}
