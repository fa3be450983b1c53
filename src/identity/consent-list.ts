// Consents that are kept: listed for their users and for operators, and taken back. What is taken back is gone here at
// once; the server that gave it is told as far as it can be (RFC 7009), beside the answer.

import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import type { TokenUser } from '../core/resources.ts';
import type { Row, Store } from '../stores/store.ts';
import { isSameUser } from './consent-sessions.ts';
import type { ConsentSessions } from './consent-sessions.ts';
import type { Grants } from './grants.ts';
import type { UserConsent } from './identity.ts';
import type { Provider, Providers } from './providers.ts';
import type { TokenVault } from './token-vault.ts';

const PAGE = 100;

export interface ConsentList {
  list(user?: TokenUser): Promise<readonly UserConsent[]>;
  revoke(consentId: string): Promise<boolean>;
  removeAll(of: { readonly providerId: string } | { readonly workloadId: string }): Promise<void>;
}

/** The list over a store. */
export function createConsentList(services: {
  readonly store: Store;
  readonly log: Log;
  readonly providers: Providers;
  readonly sessions: Pick<ConsentSessions, 'endAll'>;
  readonly grants: Grants;
  readonly vault: TokenVault;
}): ConsentList {
  const { store, log, providers, sessions, grants, vault } = services;

  async function* rows(parentId?: string): AsyncGenerator<Row<'oauth-token'>> {
    let after: string | undefined;
    do {
      const page = await store.list('oauth-token', parentId, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield* page.rows;
      after = page.next;
    } while (after !== undefined);
  }

  async function remove(row: Row<'oauth-token'>): Promise<boolean> {
    // Looked up before: a provider that is being deleted takes its own row along.
    const provider = await providers.byId(row.parentId);
    const { user, workloadId } = row.document;
    const isGone = await store.transaction(async (tx) => {
      if (user) await sessions.endAll(tx, { providerId: row.parentId, workloadId, user, tokenKey: row.name });
      return tx.remove('oauth-token', row.id);
    });
    vault.forget({ key: row.name });
    // Tokens of another client, or of another server, are not for this one.
    if (isGone && provider?.clientKey === row.document.clientKey) void revokeAtServer(row, provider);
    return isGone;
  }

  async function revokeAtServer(row: Row<'oauth-token'>, provider: Provider): Promise<void> {
    try {
      for (const token of vault.open(row)) await grants.revoke(provider, token);
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      log.warn(
        { provider: provider.name, reason: reasonOf(fault) },
        'a consent was removed here, but its server could not be told',
      );
    }
  }

  return Object.freeze({
    async list(user) {
      const found: UserConsent[] = [];
      const names = new Map<string, string>();
      for await (const { id, parentId, document } of rows()) {
        if (!document.user || (user && !isSameUser(user, document.user))) continue;
        if (!names.has(parentId)) names.set(parentId, (await providers.byId(parentId))?.name ?? '');
        const { workloadId, scopes, obtainedAt, expiresAt, isRefreshable } = document;
        found.push({
          consentId: id,
          providerName: names.get(parentId) ?? '',
          workloadId,
          user: document.user,
          scopes,
          obtainedAt,
          ...(expiresAt === undefined ? {} : { expiresAt }),
          isRefreshable,
        });
      }
      return found;
    },
    async revoke(consentId) {
      const row = await store.get('oauth-token', consentId);
      return row?.document.user !== undefined && remove(row);
    },
    async removeAll(of) {
      for await (const row of rows('providerId' in of ? of.providerId : undefined))
        if ('providerId' in of || row.document.workloadId === of.workloadId) await remove(row);
    },
  } satisfies ConsentList);
}
