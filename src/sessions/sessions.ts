// Sessions of MCP clients of earlier revisions. The id that a client holds is sealed: it says by itself whose session
// it is, until when, and what the client can do, so that any process with the key serves it. What changes during a
// session (it ends, a log level, resource subscriptions, the ids of targets' own sessions) is remembered in memory,
// and in one row of the store for the other processes: read once when a process first sees the session.

import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { GatewayError, reasonOf } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import { LiveSession } from './live-session.ts';
import type { LiveSessionServices } from './live-session.ts';
import { isBehind } from '../stores/store.ts';
import type { McpSession, SessionFacts, Sessions } from './session.ts';

/** Sessions remembered at a time; one that falls out is read from the store again. */
const KEPT = 20_000;
const FEED_MS = 1_000;
const SWEEP_MS = 10 * 60_000;
const UNKNOWN = 'Session not found or expired';

export interface SessionsServices extends LiveSessionServices {
  /** Sessions remembered at a time, where that is not the usual number. */
  readonly kept?: number;
}

interface Released {
  readonly key: string;
  readonly timer: NodeJS.Timeout;
}

/** The sessions of this process. */
export function createSessions(services: SessionsServices): Sessions {
  const { store, sealer, clock, log } = services;
  const known = new LRUCache<string, LiveSession>({ max: services.kept ?? KEPT });
  /** The same and those that fell out of memory while a stream or a call still holds them. */
  const held = new Map<string, WeakRef<LiveSession>>();
  const released = new FinalizationRegistry<Released>(({ key, timer }) => {
    clearTimeout(timer);
    if (!held.get(key)?.deref()) held.delete(key);
  });
  /** Sealed ids that were opened, so that each is decrypted once. */
  const opened = new LRUCache<string, { readonly key: string; readonly facts: SessionFacts }>({ max: KEPT });
  const timers: NodeJS.Timeout[] = [];
  /** Where in the feed this process is; known before the first session is read, so that nothing falls in between. */
  let position: Promise<number> | undefined;
  let isFollowing = false;

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
    if (isFollowing || !position) return;
    if (held.size === 0) {
      position = undefined;
      return;
    }
    isFollowing = true;
    try {
      for (let isMore = true; isMore;) {
        const from: number = await position;
        const changes = await store.changes(from);
        if (isBehind(changes, from))
          for (const reference of held.values()) await reference.deref()?.refresh();
        for (const { kind, id } of changes) if (kind === 'mcp-session') await find(id)?.refresh();
        position = Promise.resolve(changes.at(-1)?.sequence ?? from);
        isMore = changes.length > 0;
      }
    } finally {
      isFollowing = false;
    }
  }

  /** Where the feed is now, unless that is known already. */
  function beginFollowing(): Promise<number> {
    if (!position) {
      const asked = store.sequence();
      position = asked;
      asked.catch(() => {
        if (position === asked) position = undefined;
      });
    }
    return position;
  }

  function find(key: string): LiveSession | undefined {
    return known.get(key) ?? held.get(key)?.deref();
  }

  function hold(key: string, gatewayId: string, facts: SessionFacts): LiveSession {
    const session = new LiveSession(key, gatewayId, facts, services, beginFollowing);
    held.set(key, new WeakRef(session));
    released.register(session, { key, timer: session.timer });
    return session;
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
        log.warn({ reason: reasonOf(thrown) }, 'sessions cannot be kept up with the store');
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
      const session = find(found.key) ?? hold(found.key, gatewayId, found.facts);
      known.set(found.key, session);
      await session.loaded();
      if (session.ended.aborted) throw new GatewayError('NotFound', UNKNOWN);
      return session;
    },
    async end(session: McpSession): Promise<void> {
      await find(session.key)?.end();
    },
    start(): void {
      every(FEED_MS, follow);
      every(SWEEP_MS, sweep);
    },
    close(): void {
      for (const timer of timers) clearInterval(timer);
      for (const reference of held.values()) clearTimeout(reference.deref()?.timer);
      known.clear();
      held.clear();
    },
  });
}

/** A principal as one text: the issuer counts, since two of them may know the same subject. */
function callerKey({ type, issuer = '', id }: Principal): string {
  return JSON.stringify([type, issuer, id]);
}
