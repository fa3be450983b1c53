// The access keys of the installation, in memory: the operator's first one, those made through the API (kept up with the
// store's change feed), and temporary ones, which are known by their sealed session token alone and need no store.

import type { AccessKeys, KnownKey } from '../core/access.ts';
import { marksOf, openSessionToken } from '../core/aws-session.ts';
import type { Log } from '../core/call.ts';
import { reasonOf } from '../core/errors.ts';
import type { SealedSecret } from '../core/resources.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import { isBehind } from '../stores/store.ts';
import type { Row, Store } from '../stores/store.ts';

const FEED_MS = 1_000;
/** `lastUsedAt` is written this often at most (milliseconds). */
const NOTED_EVERY_MS = 60_000;

export interface AccessKeyServices {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  readonly accountId: string;
  /** The key of the settings or of the first start. */
  readonly operator: { readonly accessKeyId: string; readonly secret: Secret };
  openSecret(
    sealed: SealedSecret,
    binding: { type: string; recordId: string; field: string; version: number },
  ): Secret;
}

export interface AccessKeyRing extends AccessKeys {
  /** Loads all keys, then follows changes. */
  start(): Promise<void>;
  /** Resolves when the present state of the store is what `find` goes by. */
  refresh(): Promise<void>;
  close(): void;
}

/** The keys of this process. */
export function createAccessKeys(services: AccessKeyServices): AccessKeyRing {
  const { store, sealer, clock, log, accountId, operator } = services;
  const arnOf = (name: string): string => `arn:aws:iam::${accountId}:user/${name}`;
  const first: KnownKey = {
    secret: operator.secret,
    caller: { arn: arnOf('operator'), accessKeyId: operator.accessKeyId, role: 'administrator' },
  };
  let keys: ReadonlyMap<string, { readonly row: Row<'access-key'>; readonly known: KnownKey }> = new Map();
  const noted = new Map<string, number>();
  let seen = 0;
  let refreshed: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;

  /** One after another: a listing that began earlier must not come later. */
  function refresh(): Promise<void> {
    const mine = refreshed.then(load, load);
    refreshed = mine.catch(() => undefined);
    return mine;
  }

  async function load(): Promise<void> {
    const fresh = new Map<string, { row: Row<'access-key'>; known: KnownKey }>();
    let after: string | undefined;
    do {
      const page = await store.list('access-key', undefined, {
        limit: 100,
        ...(after === undefined ? {} : { after }),
      });
      for (const row of page.rows) {
        const known = open(row);
        if (known) fresh.set(row.id, { row, known });
      }
      after = page.next;
    } while (after !== undefined);
    keys = fresh;
  }

  function open(row: Row<'access-key'>): KnownKey | undefined {
    const { secret, previous, userName, role, gateways } = row.document;
    const binding = (version: number) => ({ type: 'access-key', recordId: row.id, field: 'secret', version });
    try {
      const isKept = previous !== undefined && previous.until > clock.now();
      return {
        secret: services.openSecret(secret.sealed, binding(secret.version)),
        ...(isKept
          ? { previousSecret: services.openSecret(previous.sealed, binding(previous.version)) }
          : {}),
        caller: {
          arn: arnOf(userName),
          accessKeyId: row.id,
          role,
          ...(gateways === undefined ? {} : { gateways }),
        },
      };
    } catch (thrown) {
      log.error(
        { accessKeyId: row.id, reason: reasonOf(thrown) },
        'an access key cannot be used: its secret does not open',
      );
      return undefined;
    }
  }

  function lasting(accessKeyId: string): KnownKey | undefined {
    if (accessKeyId === operator.accessKeyId) return first;
    const entry = keys.get(accessKeyId);
    if (!entry || entry.row.document.status !== 'Active') return undefined;
    const { expiresAt } = entry.row.document;
    if (expiresAt !== undefined && expiresAt <= clock.now()) return undefined;
    const until = entry.row.document.previous?.until ?? 0;
    if (until > clock.now()) return entry.known;
    const { previousSecret: _old, ...known } = entry.known;
    return known;
  }

  function temporary(accessKeyId: string, sessionToken: string): KnownKey | undefined {
    const facts = openSessionToken(sealer, accountId, sessionToken);
    if (facts?.accessKeyId !== accessKeyId || facts.expiresAt <= clock.now()) return undefined;
    const parent = lasting(facts.parent);
    if (!parent || !marksOf(parent).includes(facts.mark)) return undefined;
    return {
      secret: new Secret(facts.secret),
      sessionToken: new Secret(sessionToken),
      caller: { ...parent.caller, accessKeyId },
    };
  }

  async function follow(): Promise<void> {
    const changes = await store.changes(seen);
    if (isBehind(changes, seen) || changes.some(({ kind }) => kind === 'access-key')) await refresh();
    // Only now: what could not be read is read again.
    seen = Math.max(seen, changes.at(-1)?.sequence ?? 0);
  }

  const followQuietly = (): void => {
    follow().catch((thrown: unknown) => {
      log.warn({ reason: reasonOf(thrown) }, 'changes of access keys cannot be read');
    });
  };

  /** Not a change of the key: written quietly, at most once in a while, and never waited for. */
  async function note(accessKeyId: string): Promise<void> {
    const lastUsedAt = clock.now();
    await store.transaction(async (tx) => {
      const row = await tx.get('access-key', accessKeyId);
      if (row) await tx.replace('access-key', row, { ...row.document, lastUsedAt }, { quiet: true });
    });
  }

  return Object.freeze({
    find: (accessKeyId: string, sessionToken: string | undefined) =>
      Promise.resolve(
        sessionToken === undefined ? lasting(accessKeyId) : temporary(accessKeyId, sessionToken),
      ),
    used(accessKeyId: string): void {
      if (!keys.has(accessKeyId)) return;
      const now = clock.monotonic();
      if ((noted.get(accessKeyId) ?? -Infinity) + NOTED_EVERY_MS > now) return;
      noted.set(accessKeyId, now);
      note(accessKeyId).catch((thrown: unknown) => {
        log.warn({ accessKeyId, reason: reasonOf(thrown) }, 'the use of a key cannot be noted');
      });
    },
    async start(): Promise<void> {
      seen = await store.sequence();
      await refresh();
      stopListening = store.onChange(followQuietly);
      timer = setInterval(followQuietly, FEED_MS);
      timer.unref();
    },
    refresh,
    close(): void {
      clearInterval(timer);
      stopListening?.();
    },
  });
}
