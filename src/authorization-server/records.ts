// What the authorization server remembers, in the store: the adapter of `oidc-provider`. Rows are named by digests and
// sealed, because the ids of codes, refresh tokens and sessions are what their bearers show. What can be used once is used
// in one transaction, whichever of several processes it arrives at. Nothing that strangers can cause grows without bound.

import { createHash } from 'node:crypto';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Row, Store, StoreTransaction } from '../stores/store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A client that nobody has consented to yet is forgotten after this. */
const UNUSED_CLIENT_MS = DAY_MS;
/** And any other one after this long without a sign-in or a refresh. */
const IDLE_CLIENT_MS = 90 * DAY_MS;
const BATCH = 200;

/** Parents of rows that have no grant, and how many of each there may be: the oldest makes room. */
const UNUSED_CLIENTS = 'client-unused';
const USED_CLIENTS = 'client-used';
const BOUNDS: Readonly<Record<string, number>> = Object.freeze({
  [UNUSED_CLIENTS]: 1_000,
  [USED_CLIENTS]: 20_000,
  Interaction: 20_000,
  Session: 50_000,
  Attempts: 20_000,
  UpstreamLogin: 20_000,
  ReplayDetection: 50_000,
});

export interface RecordServices {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Metadata of a client that an operator made. */
  readonly operatorClient: (clientId: string) => Promise<AdapterPayload | undefined>;
  /** Whether a sign-in of this user, at this time (seconds), still counts. */
  readonly isSessionGood: (accountId: string, loginTs: number) => Promise<boolean>;
  /** The error for a code or token that was used before. */
  readonly alreadyUsed: () => Error;
}

export interface Records {
  readonly adapterFor: (model: string) => Adapter;
  /** Removes what has expired. */
  sweep(): Promise<void>;
}

type RecordRow = Row<'oidc-record'>;

/** Records on one store. */
export function createRecords(services: RecordServices): Records {
  const { store, sealer, clock } = services;

  function read(row: RecordRow | undefined): AdapterPayload | undefined {
    if (!row || isExpired(row)) return undefined;
    const text = sealer.open('oidc-record', row.document.sealed, [row.id]);
    if (text === undefined) return undefined;
    const { consumedAt } = row.document;
    const payload = JSON.parse(text) as AdapterPayload;
    return consumedAt === undefined ? payload : { ...payload, consumed: Math.floor(consumedAt / 1000) };
  }

  const isExpired = ({ document }: RecordRow): boolean =>
    document.expiresAt !== undefined && document.expiresAt <= clock.now();

  const isGood = async ({ accountId, loginTs }: AdapterPayload): Promise<boolean> =>
    accountId !== undefined && services.isSessionGood(accountId, loginTs ?? 0);

  async function write(
    tx: StoreTransaction,
    key: { readonly id: string; readonly parentId: string; readonly name: string },
    document: RecordRow['document'],
  ): Promise<void> {
    const known = await tx.get('oidc-record', key.id);
    if (known) {
      await tx.replace('oidc-record', known, document);
      return;
    }
    // The same session under a new id takes the place of the old one, also when two pages renew it at once.
    const namesake = await tx.find('oidc-record', key.parentId, key.name);
    if (namesake) await tx.remove('oidc-record', namesake.id);
    const bound = BOUNDS[key.parentId];
    if (bound !== undefined && (await tx.count('oidc-record', key.parentId)) >= bound) {
      const { rows } = await tx.list('oidc-record', key.parentId, { limit: 1 });
      for (const row of rows) await tx.remove('oidc-record', row.id);
    }
    await tx.create('oidc-record', { ...key, document });
  }

  /** A client in use is moved from those nobody has consented to, and lives on. */
  async function touchClient(tx: StoreTransaction, clientId: string): Promise<void> {
    const id = rowId('Client', clientId);
    const row = await tx.get('oidc-record', id);
    if (!row || isExpired(row)) return;
    const expiresAt = clock.now() + IDLE_CLIENT_MS;
    if ((row.document.expiresAt ?? 0) > expiresAt - DAY_MS) return;
    await tx.remove('oidc-record', id);
    await write(tx, { id, parentId: USED_CLIENTS, name: id }, { ...row.document, expiresAt });
  }

  async function removeGrant(tx: StoreTransaction, grantId: string): Promise<void> {
    for (;;) {
      const { rows } = await tx.list('oidc-record', grantParent(grantId), { limit: BATCH });
      for (const row of rows) await tx.remove('oidc-record', row.id);
      if (rows.length < BATCH) break;
    }
    await tx.remove('oidc-record', rowId('Grant', grantId));
  }

  function adapterFor(model: string): Adapter {
    return Object.freeze({
      async upsert(id: string, payload: AdapterPayload, expiresIn?: number) {
        // A session of nobody stands for nothing; whoever sends made-up cookies would fill the store with them.
        if (model === 'Session' && payload.accountId === undefined) return;
        const key = { id: rowId(model, id), ...placeOf(model, id, payload) };
        const lifetime = model === 'Client' ? UNUSED_CLIENT_MS : expiresIn && expiresIn * 1000;
        const sealed = sealer.seal('oidc-record', JSON.stringify(payload), [key.id]);
        await store.transaction(async (tx) => {
          await write(tx, key, {
            model,
            sealed,
            ...(lifetime === undefined ? {} : { expiresAt: clock.now() + lifetime }),
          });
          const isUse = model === 'AuthorizationCode' || model === 'RefreshToken';
          if (isUse && payload.clientId !== undefined) await touchClient(tx, payload.clientId);
        });
      },
      async find(id: string) {
        const payload = read(await store.get('oidc-record', rowId(model, id)));
        if (model === 'Client') return payload ?? services.operatorClient(id);
        if (model === 'Session' && payload?.accountId !== undefined)
          return (await services.isSessionGood(payload.accountId, payload.loginTs ?? 0))
            ? payload
            : undefined;
        return payload;
      },
      async findByUid(uid: string) {
        const payload = read(await store.find('oidc-record', 'Session', digest(uid)));
        return payload && ((await isGood(payload)) ? payload : undefined);
      },
      findByUserCode: () => Promise.resolve(undefined),
      async consume(id: string) {
        const isFirst = await store.transaction(async (tx) => {
          const row = await tx.get('oidc-record', rowId(model, id));
          if (!row || isExpired(row)) return false;
          if (row.document.consumedAt === undefined) {
            await tx.replace('oidc-record', row, { ...row.document, consumedAt: clock.now() });
            return true;
          }
          // Two had it at once: one of them has stolen it, so neither keeps what came of it (RFC 9700 §4.14.2).
          const grantId = read(row)?.grantId;
          if (grantId !== undefined) await removeGrant(tx, grantId);
          return false;
        });
        if (!isFirst) throw services.alreadyUsed();
      },
      async destroy(id: string) {
        await store.transaction((tx) => tx.remove('oidc-record', rowId(model, id)));
      },
      async revokeByGrantId(grantId: string) {
        await store.transaction((tx) => removeGrant(tx, grantId));
      },
    });
  }

  return Object.freeze({
    adapterFor,
    async sweep() {
      let after: string | undefined;
      do {
        const page = await store.list('oidc-record', undefined, {
          limit: BATCH,
          ...(after === undefined ? {} : { after }),
        });
        const over = page.rows.filter(isExpired);
        if (over.length > 0)
          await store.transaction(async (tx) => {
            for (const { id } of over) {
              const row = await tx.get('oidc-record', id);
              if (row && isExpired(row)) await tx.remove('oidc-record', id);
            }
          });
        after = page.next;
      } while (after !== undefined);
    },
  });
}

/** Where a row lies: with its grant, so that all of a grant ends together, or among its kind. */
function placeOf(
  model: string,
  id: string,
  { grantId, uid }: AdapterPayload,
): { readonly parentId: string; readonly name: string } {
  const name = rowId(model, id);
  if (model === 'Client') return { parentId: UNUSED_CLIENTS, name };
  if (model === 'Session') return { parentId: 'Session', name: digest(uid ?? id) };
  if (BOUNDS[model] !== undefined) return { parentId: model, name };
  return { parentId: grantId === undefined ? '' : grantParent(grantId), name };
}

function grantParent(grantId: string): string {
  return `grant.${digest(grantId)}`;
}

function rowId(model: string, id: string): string {
  return `${model}.${digest(id)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
