// One session in this process: what it is from the beginning on, and what was noted since, by any process.

import { createHash } from 'node:crypto';
import { GatewayError, reasonOf, toGatewayError } from '../core/errors.ts';
import type { Log } from '../core/call.ts';
import type { JsonObject } from '../core/json.ts';
import type { SessionDocument } from '../core/resources.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Row, Store } from '../stores/store.ts';
import type { McpSession, SessionFacts } from './session.ts';

const RETRIES = 5;
const MAX_SUBSCRIPTIONS = 200;

export interface LiveSessionServices {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
}

/** A session as long as somebody in this process holds it. */
export class LiveSession implements McpSession {
  readonly key: string;
  readonly gatewayId: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly expiresAt: number;
  readonly ended: AbortSignal;
  readonly #end = new AbortController();
  readonly #services: LiveSessionServices;
  readonly #listeners = new Set<() => void>();
  readonly timer: NodeJS.Timeout;
  readonly #beginFollowing: () => Promise<number>;
  #row: Row<'mcp-session'> | undefined;
  #loading: Promise<void> | undefined;
  #isLoaded = false;

  constructor(
    key: string,
    gatewayId: string,
    facts: SessionFacts,
    services: LiveSessionServices,
    beginFollowing: () => Promise<number>,
  ) {
    this.key = key;
    this.gatewayId = gatewayId;
    this.version = facts.version;
    this.capabilities = facts.capabilities;
    this.expiresAt = facts.expiresAt;
    this.ended = this.#end.signal;
    this.#services = services;
    this.#beginFollowing = beginFollowing;
    // A session that nobody holds any more needs no end; the timer must not hold it until then.
    const self = new WeakRef(this);
    this.timer = setTimeout(
      () => self.deref()?.expire(),
      Math.max(0, facts.expiresAt - services.clock.now()),
    );
    this.timer.unref();
  }

  expire(): void {
    this.#end.abort();
  }

  /** Resolves at once but for the first time in this process. */
  loaded(): Promise<void> | undefined {
    if (this.#isLoaded) return undefined;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    try {
      await this.#beginFollowing();
      this.#take(await this.#services.store.get('mcp-session', this.key));
      this.#isLoaded = true;
    } catch (thrown) {
      // The sealed id has said enough to go on; what other processes noted is asked for again with the next request.
      this.#services.log.warn({ reason: reasonOf(thrown) }, 'a session’s notes cannot be read');
    }
  }

  /** Takes over what another process has noted. @throws GatewayError when the store cannot be read */
  async refresh(): Promise<void> {
    this.#take(await this.#services.store.get('mcp-session', this.key));
  }

  #take(row: Row<'mcp-session'> | undefined): void {
    // A read may be overtaken by a change of our own.
    if (!row || row.revision < (this.#row?.revision ?? 0)) return;
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
