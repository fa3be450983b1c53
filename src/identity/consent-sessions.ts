// Consents on their way: one stored row each, from the link that a user opens to the token that is kept. Rows live ten
// minutes, are known by unguessable names only, and move forward one step at a time, whichever process takes the step.

import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AuditFact } from '../core/audit.ts';
import { GatewayError, invalidField } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import { isJsonObject } from '../core/json.ts';
import type { ConsentSessionDocument, TokenUser } from '../core/resources.ts';
import { returnUrlFault } from '../core/web-address.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { Row, Store, StoreTransaction } from '../stores/store.ts';
import type { TokenNeed } from './token-need.ts';

/** AgentCore's ten minutes, also of the link. */
const LIFE_MS = 10 * 60_000;
/** A link that has more than this left is given out again instead of a further one. */
const REUSE_MS = 5 * 60_000;
/** Consents that one user may have on their way at one provider (a prompt can make an agent ask again and again). */
const MAX_OPEN = 10;
/** And at once in any state. */
const MAX_KEPT = 50;
const URI_PREFIX = 'urn:ietf:params:oauth:request_uri:';
const REMEMBERED_LINKS = 10_000;
const SWEEP_PAGE = 100;

export type SessionRow = Row<'consent-session'>;

/** What a consent is asked for. */
export interface ConsentWish {
  readonly need: TokenNeed & { readonly user: TokenUser };
  readonly tokenKey: string;
  readonly providerId: string;
  readonly clientId?: string;
  readonly returnUrl?: string;
  readonly customState?: string;
  readonly targetId?: string;
  /** Who has caused it, for the audit log. */
  readonly by?: Partial<AuditFact>;
}

/** A consent that has begun. */
export interface ConsentLink {
  readonly authorizationUrl: string;
  readonly sessionUri: string;
  readonly sessionId: string;
}

export interface ConsentSessions {
  /** Begins a consent, or gives the link of the same one that nobody has followed yet. @throws GatewayError Throttled */
  request(wish: ConsentWish): Promise<ConsentLink>;
  /** Begins one within a transaction. @throws GatewayError Throttled */
  begin(tx: StoreTransaction, wish: ConsentWish): Promise<ConsentLink>;
  /** By the URI that its link and its return carry; undefined when there is none, or no longer. */
  find(sessionUri: string): Promise<SessionRow | undefined>;
  /** By the state that came back from a provider; undefined for every other value. */
  findByState(state: string): Promise<SessionRow | undefined>;
  linkOf(sessionUri: string): string;
  /**
   * Writes the next step, if the row is still as it was read.
   * @throws GatewayError Conflict when somebody else has taken the step
   */
  move(row: SessionRow, change: Partial<ConsentSessionDocument>): Promise<SessionRow>;
  /** @throws GatewayError Validation unless browsers may be sent there on this workload's account (T-74) */
  checkReturnUrl(workloadId: string, returnUrl: string, own?: string): Promise<void>;
  allowedReturnUrls(workloadId: string): Promise<readonly string[]>;
  /**
   * Writes a step within a transaction. @throws GatewayError Conflict when somebody else has taken it
   */
  moveIn(tx: StoreTransaction, row: SessionRow, change: Partial<ConsentSessionDocument>): Promise<SessionRow>;
  /** Ends every consent on its way to this token, whatever its step: it has been taken back. */
  endAll(
    tx: StoreTransaction,
    of: {
      readonly providerId: string;
      readonly workloadId: string;
      readonly user: TokenUser;
      readonly tokenKey: string;
    },
  ): Promise<void>;
  /** Removes what is over. */
  sweep(): Promise<void>;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** The sessions of a store. */
export function createConsentSessions(services: {
  readonly store: Store;
  readonly clock: Clock;
  readonly publicUrl: () => string;
  readonly figures?: Figures;
  /** Is told of each that `request` has begun. */
  readonly onBegun?: (link: ConsentLink, wish: ConsentWish) => Promise<void>;
}): ConsentSessions {
  const { store, clock } = services;
  const links = new LRUCache<string, ConsentLink>({ max: REMEMBERED_LINKS });
  const flights = new SingleFlight<ConsentLink>(services.figures?.flights('consent_link'));

  const linkOf = (sessionUri: string): string =>
    `${services.publicUrl()}/identities/authorize?request_uri=${encodeURIComponent(sessionUri)}`;

  async function begin(tx: StoreTransaction, wish: ConsentWish): Promise<ConsentLink> {
    const { need, clientId, returnUrl, customState, targetId } = wish;
    const parentId = parentOf({ providerId: wish.providerId, workloadId: need.workloadId, user: need.user });
    if (await hasAskedTooOften(tx, parentId))
      throw new GatewayError(
        'Throttled',
        'Consent has been asked for too often without being given. Please retry in a few minutes.',
        { retryAfterMs: 60_000 },
      );
    const sessionUri = `${URI_PREFIX}${randomBytes(32).toString('base64url')}`;
    const id = sha256(sessionUri);
    await tx.create('consent-session', {
      id,
      parentId,
      name: id,
      document: {
        status: 'created',
        providerId: wish.providerId,
        workloadId: need.workloadId,
        ...(targetId === undefined ? {} : { targetId }),
        user: need.user,
        ...(clientId === undefined ? {} : { clientId }),
        tokenKey: wish.tokenKey,
        scopes: need.scopes,
        customParameters: need.customParameters,
        resources: need.resources,
        audiences: need.audiences,
        ...(returnUrl === undefined ? {} : { returnUrl }),
        ...(customState === undefined ? {} : { customState }),
        expiresAt: clock.now() + LIFE_MS,
      },
    });
    return { authorizationUrl: linkOf(sessionUri), sessionUri, sessionId: id };
  }

  /** Those that are over count as well for as long as they are kept: denying is no way to ask without end. */
  async function hasAskedTooOften(tx: StoreTransaction, parentId: string): Promise<boolean> {
    let [open, all] = [0, 0];
    let after: string | undefined;
    do {
      const page = await tx.list('consent-session', parentId, {
        limit: SWEEP_PAGE,
        ...(after === undefined ? {} : { after }),
      });
      const live = page.rows.filter((row) => alive(row));
      all += live.length;
      open += live.filter(({ document }) => isOpen(document)).length;
      if (open >= MAX_OPEN || all >= MAX_KEPT) return true;
      after = page.next;
    } while (after !== undefined);
    return false;
  }

  async function moveIn(
    tx: StoreTransaction,
    row: SessionRow,
    change: Partial<ConsentSessionDocument>,
  ): Promise<SessionRow> {
    try {
      return await tx.replace('consent-session', row, { ...row.document, ...change });
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === 'StaleRevision')
        throw new GatewayError('Conflict', 'This consent has moved on meanwhile.', { cause: thrown });
      throw thrown;
    }
  }

  async function find(sessionUri: string): Promise<SessionRow | undefined> {
    return alive(await store.get('consent-session', sha256(sessionUri)));
  }

  function alive(row: SessionRow | undefined): SessionRow | undefined {
    return row && row.document.expiresAt > clock.now() ? row : undefined;
  }

  async function allowedReturnUrls(workloadId: string): Promise<readonly string[]> {
    const workload = await store.get('workload-identity', workloadId);
    if (!workload) return [];
    const { allowedResourceOauth2ReturnUrls: own, gatewayId } = workload.document;
    if (gatewayId === undefined) return own;
    return [...new Set([...own, ...(await defaultReturnUrls(store, gatewayId))])];
  }

  return Object.freeze({
    begin,
    find,
    linkOf,
    allowedReturnUrls,
    async request(wish) {
      const { tokenKey, need, returnUrl, customState, clientId } = wish;
      const same = sha256(JSON.stringify([tokenKey, need.scopes, returnUrl, customState, clientId]));
      const known = links.get(same);
      const row = known && (await find(known.sessionUri));
      if (row?.document.status === 'created' && row.document.expiresAt - clock.now() > REUSE_MS)
        return known!;
      return flights.run(same, async () => {
        const link = await store.transaction((tx) => begin(tx, wish));
        links.set(same, link);
        await services.onBegun?.(link, wish);
        return link;
      });
    },
    async findByState(state) {
      const id = state.split('.', 1)[0] ?? '';
      const row = alive(await store.get('consent-session', id));
      return row?.document.status === 'started' && row.document.stateHash === sha256(state) ? row : undefined;
    },
    move: (row, change) => store.transaction((tx) => moveIn(tx, row, change)),
    moveIn,
    async endAll(tx, { tokenKey, ...of }) {
      const { rows } = await tx.list('consent-session', parentOf(of), { limit: 10 * MAX_KEPT });
      for (const row of rows)
        if (row.document.tokenKey === tokenKey && !['completed', 'failed'].includes(row.document.status))
          await tx.replace('consent-session', row, { ...row.document, status: 'failed', stateHash: '' });
    },
    async checkReturnUrl(workloadId, returnUrl, own) {
      const fault = returnUrlFault(returnUrl);
      if (fault !== undefined) throw invalidField('returnUrl', `Member ${fault}`);
      if (returnUrl === own || (await allowedReturnUrls(workloadId)).includes(returnUrl)) return;
      throw invalidField(
        'returnUrl',
        'Member must be one of the allowedResourceOauth2ReturnUrls of the workload identity, character by character',
      );
    },
    async sweep() {
      let after: string | undefined;
      do {
        const page = await store.list('consent-session', undefined, {
          limit: SWEEP_PAGE,
          ...(after === undefined ? {} : { after }),
        });
        const over = page.rows.filter((row) => !alive(row));
        if (over.length > 0)
          await store.transaction(async (tx) => {
            for (const { id } of over) await tx.remove('consent-session', id);
          });
        after = page.next;
      } while (after !== undefined);
    },
  } satisfies ConsentSessions);
}

/** What the sessions of one user at one provider, for one workload, have in common. */
function parentOf(of: {
  readonly providerId: string;
  readonly workloadId: string;
  readonly user: TokenUser;
}): string {
  return sha256(JSON.stringify([of.providerId, of.workloadId, userText(of.user)]));
}

const isOpen = ({ status }: ConsentSessionDocument): boolean => status === 'created' || status === 'started';

/** Two users are the same when every byte is (T-79). */
export function isSameUser(one: TokenUser, other: TokenUser): boolean {
  return userText(one) === userText(other);
}

function userText(user: TokenUser): string {
  return JSON.stringify('userId' in user ? ['id', user.userId] : ['jwt', user.issuer, user.subject]);
}

async function defaultReturnUrls(store: Store, gatewayId: string): Promise<readonly string[]> {
  const urls: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.list('gateway-target', gatewayId, {
      limit: SWEEP_PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { document } of page.rows)
      for (const { credentialProvider } of document.credentialProviderConfigurations) {
        const oauth = isJsonObject(credentialProvider)
          ? credentialProvider['oauthCredentialProvider']
          : undefined;
        const url = isJsonObject(oauth) ? oauth['defaultReturnUrl'] : undefined;
        if (typeof url === 'string') urls.push(url);
      }
    after = page.next;
  } while (after !== undefined);
  return urls;
}
