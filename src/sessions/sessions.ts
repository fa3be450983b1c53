// Sessions of MCP clients of earlier revisions. The id that a client holds is sealed: it says by itself whose session
// it is, until when, and what the client can do, so that any process with the key serves it. What changes during a
// session (it ends, a log level, resource subscriptions, the ids of targets' own sessions) is remembered in memory,
// and in one row of the store for the other processes: read once when a process first sees the session.

import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Log } from '../core/call.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import type { SessionDocument } from '../core/resources.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Row, Store } from '../stores/store.ts';
import type { McpSession, SessionFacts, Sessions } from './session.ts';

/** Sessions remembered at a time; one that falls out is read from the store again. */
const KEPT = 20_000;
const FEED_MS = 1_000;
const SWEEP_MS = 10 * 60_000;
const RETRIES = 5;
const MAX_SUBSCRIPTIONS = 200;
const UNKNOWN = 'Session not found or expired';

export interface SessionsServices {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
}

/** The sessions of this process. */
export function createSessions(services: SessionsServices): Sessions {
  const { store, sealer, clock, log } = services;
  const known = new LRUCache<string, LiveSession>({ max: KEPT, dispose: (session) => session.forget() });
  /** Sealed ids that were opened, so that each is decrypted once. */
  const opened = new LRUCache<string, { readonly key: string; readonly facts: SessionFacts }>({ max: KEPT });
  const timers: NodeJS.Timeout[] = [];
  let seen = 0;

  function read(id: string, gatewayId: string, caller: string) {
    const remembered = `${gatewayId} ${caller} ${id}`;
    const before = opened.get(remembered);
    if (before) return before;
    const text = sealer.open('session', id, [gatewayId, caller]);
    if (text === undefined) return undefined;
    const { k, ...facts } = JSON.parse(text) as SessionFacts & { readonly k: string };
    const result = { key: k, facts };
    opened.set(remembered, result);
    return result;
  }

  async function follow(): Promise<void> {
    if (known.size === 0) {
      seen = 0;
      return;
    }
    seen ||= await store.sequence();
    const changes = await store.changes(seen);
    seen = changes.at(-1)?.sequence ?? seen;
    for (const { kind, id } of changes) if (kind === 'mcp-session') await known.peek(id)?.refresh();
  }

  /** Rows of sessions that are over are of no use to anybody. */
  async function sweep(): Promise<void> {
    const now = clock.now();
    for (const kind of ['mcp-session', 'mailbox'] as const) {
      let after: string | undefined;
      do {
        const page = await store.list(kind, undefined, {
          limit: 100,
          ...(after === undefined ? {} : { after }),
        });
        const over = page.rows.filter(({ document }) => document.expiresAt < now);
        if (over.length > 0)
          await store.transaction(async (tx) => {
            for (const { id } of over) await tx.remove(kind, id);
          });
        after = page.next;
      } while (after !== undefined);
    }
  }

  const every = (ms: number, work: () => Promise<void>): void => {
    const timer = setInterval(() => {
      work().catch((thrown: unknown) => {
        log.warn({ reason: toGatewayError(thrown).message }, 'sessions cannot be kept up with the store');
      });
    }, ms);
    timers.push(timer.unref());
  };

  return Object.freeze({
    begin(gatewayId: string, principal: Principal, facts: SessionFacts): string {
      const k = randomBytes(18).toString('base64url');
      return sealer.seal('session', JSON.stringify({ k, ...facts }), [gatewayId, callerKey(principal)]);
    },
    async open(id: string, gatewayId: string, principal: Principal): Promise<McpSession> {
      const found = read(id, gatewayId, callerKey(principal));
      if (!found || found.facts.expiresAt <= clock.now()) throw new GatewayError('NotFound', UNKNOWN);
      let session = known.get(found.key);
      if (!session) {
        session = new LiveSession(found.key, gatewayId, found.facts, services);
        known.set(found.key, session);
      }
      await session.loaded();
      if (session.ended.aborted) throw new GatewayError('NotFound', UNKNOWN);
      return session;
    },
    async end(session: McpSession): Promise<void> {
      await known.peek(session.key)?.end();
    },
    start(): void {
      every(FEED_MS, follow);
      every(SWEEP_MS, sweep);
    },
    close(): void {
      for (const timer of timers) clearInterval(timer);
      known.clear();
    },
  });
}

class LiveSession implements McpSession {
  readonly key: string;
  readonly gatewayId: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly expiresAt: number;
  readonly ended: AbortSignal;
  readonly #end = new AbortController();
  readonly #services: SessionsServices;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #row: Row<'mcp-session'> | undefined;
  #loading: Promise<void> | undefined;
  #isLoaded = false;

  constructor(key: string, gatewayId: string, facts: SessionFacts, services: SessionsServices) {
    this.key = key;
    this.gatewayId = gatewayId;
    this.version = facts.version;
    this.capabilities = facts.capabilities;
    this.expiresAt = facts.expiresAt;
    this.ended = this.#end.signal;
    this.#services = services;
    this.#timer = setTimeout(() => this.#end.abort(), Math.max(0, facts.expiresAt - services.clock.now()));
    this.#timer.unref();
  }

  /** Resolves at once but for the first time in this process. */
  loaded(): Promise<void> | undefined {
    if (this.#isLoaded) return undefined;
    this.#loading ??= this.refresh().finally(() => {
      this.#isLoaded = true;
    });
    return this.#loading;
  }

  async refresh(): Promise<void> {
    try {
      this.#take(await this.#services.store.get('mcp-session', this.key));
    } catch (thrown) {
      // The sealed id has said enough to go on; only what other processes noted is not known.
      this.#services.log.warn({ reason: toGatewayError(thrown).message }, 'a session’s notes cannot be read');
    }
  }

  #take(row: Row<'mcp-session'> | undefined): void {
    if (!row) return;
    this.#row = row;
    if (row.document.ended === true) this.#end.abort();
    for (const listener of this.#listeners) listener();
  }

  logLevel(): string | undefined {
    return this.#row?.document.logLevel;
  }

  async setLogLevel(logLevel: string): Promise<void> {
    await this.#change((document) => ({ ...document, logLevel }));
  }

  subscriptions(): readonly string[] {
    return this.#row?.document.subscriptions ?? [];
  }

  async setSubscription(uri: string, isWanted: boolean): Promise<void> {
    await this.#change((document) => {
      const others = (document.subscriptions ?? []).filter((other) => other !== uri);
      if (isWanted && others.length >= MAX_SUBSCRIPTIONS)
        throw new GatewayError(
          'QuotaExceeded',
          `A session can follow ${MAX_SUBSCRIPTIONS} resources at most.`,
        );
      return { ...document, subscriptions: isWanted ? [...others, uri] : others };
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  recall(targetId: string): Promise<string | undefined> {
    const sealed = this.#row?.document.upstream?.[targetId];
    return Promise.resolve(
      sealed === undefined
        ? undefined
        : this.#services.sealer.open('session-state', sealed, [this.key, targetId]),
    );
  }

  async remember(targetId: string, text: string, replaces: string | undefined): Promise<string> {
    const { sealer } = this.#services;
    let result = text;
    await this.#change((document) => {
      const sealed = document.upstream?.[targetId];
      const now =
        sealed === undefined ? undefined : sealer.open('session-state', sealed, [this.key, targetId]);
      if (now !== undefined && now !== replaces) {
        result = now;
        return document;
      }
      result = text;
      const mine = sealer.seal('session-state', text, [this.key, targetId]);
      return { ...document, upstream: { ...document.upstream, [targetId]: mine } };
    });
    return result;
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.#change((document) => ({ ...document, ended: true }));
  }

  /** Out of memory, not over: the next request finds it in the store again. */
  forget(): void {
    clearTimeout(this.#timer);
  }

  async #change(change: (document: SessionDocument) => SessionDocument): Promise<void> {
    const { store } = this.#services;
    const name = `${this.gatewayId}/${createHash('sha256').update(this.key).digest('base64url')}`;
    for (let attempt = 1; ; attempt += 1)
      try {
        const row = await store.transaction(async (tx) => {
          const before = await tx.get('mcp-session', this.key);
          const document = change(before?.document ?? { expiresAt: this.expiresAt });
          if (before)
            return document === before.document ? before : tx.replace('mcp-session', before, document);
          return tx.create('mcp-session', { id: this.key, name, document });
        });
        this.#take(row);
        return;
      } catch (thrown) {
        const { code } = toGatewayError(thrown);
        if (attempt >= RETRIES || (code !== 'StaleRevision' && code !== 'Conflict')) throw thrown;
      }
  }
}

/** A principal as one text: the issuer counts, since two of them may know the same subject. */
function callerKey({ type, issuer = '', id }: Principal): string {
  return JSON.stringify([type, issuer, id]);
}
