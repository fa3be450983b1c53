// Which session of a legacy server a call belongs to. A client's session has one of its own, remembered with it and so
// the same in every process; calls without one share a session for each caller and set of capabilities. A lost session
// is made anew by whoever notices first. Knows no request.

import { LRUCache } from 'lru-cache';
import type { CallContext } from '../../core/call.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ClientSession } from '../../core/relay.ts';
import type { Clock } from '../../lib/clock.ts';
import { toLegacyCapabilities } from './canonical.ts';
import { detach, whileCalled } from './context.ts';
import { openSession, sessionHeaders } from './handshake.ts';
import type { LegacySession } from './handshake.ts';
import { callerOf } from './shared-work.ts';
import type { Limits, Transport } from './transport.ts';

/** Sessions of one target that this process holds. */
const MAX_SESSIONS = 10_000;

interface Entry {
  readonly ctx: CallContext;
  readonly session: Promise<LegacySession>;
  /** Once it is there. */
  current?: LegacySession;
}

export interface LegacySessions {
  /** The session of a call, opened if need be. @throws GatewayError */
  find(call: CallContext): Promise<LegacySession>;
  /** Another one, in place of a session that the server has lost. */
  renew(call: CallContext, lost: LegacySession): Promise<LegacySession>;
  /** Ends all shared sessions; those of clients go on in other processes. */
  close(): Promise<void>;
}

export interface LegacySessionsOptions {
  readonly targetId: string;
  /** What a remembered session belongs to: a target may be pointed elsewhere while its clients go on. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Aborted when the target is closed. */
  readonly closing: AbortSignal;
}

/** The sessions of one target over one transport. */
export function createLegacySessions(transport: Transport, options: LegacySessionsOptions): LegacySessions {
  const { targetId, endpoint, clock, limits, closing } = options;
  const entries = new LRUCache<string, Entry>({
    max: MAX_SESSIONS,
    dispose: (entry, key, reason) => {
      if (reason === 'evict' && isShared(key)) void end(entry);
    },
  });

  function enter(key: string, call: CallContext, open: (ctx: CallContext) => Promise<LegacySession>): Entry {
    const ctx = detach(call, clock, closing, limits.handshakeMs);
    const entry: Entry = { ctx, session: open(ctx) };
    entries.set(key, entry);
    entry.session.then(
      (session) => void (entry.current = session),
      () => {
        if (entries.peek(key) === entry) entries.delete(key);
      },
    );
    return entry;
  }

  function capabilitiesOf({ client }: CallContext): JsonObject {
    // Without a way to ask the client it must not look as if there were one.
    if (!client || (!client.session && !client.request)) return {};
    return toLegacyCapabilities(client.capabilities);
  }

  /** A client's session is the same everywhere; the rest may be shared by those whom the server cannot tell apart. */
  function keyOf(call: CallContext): string {
    const own = call.client?.session;
    if (own) return `client ${own.key}`;
    return `shared ${callerOf(call.principal)} ${JSON.stringify(capabilitiesOf(call))}`;
  }

  async function openRemembered(
    own: ClientSession,
    ctx: CallContext,
    call: CallContext,
    lost?: LegacySession,
  ) {
    const known = await own.recall(targetId);
    const found = known === undefined ? undefined : parseSession(known, endpoint);
    if (found && found.id !== lost?.id) return found;
    const opened = await openSession(transport, capabilitiesOf(call), ctx);
    const kept = await own.remember(targetId, JSON.stringify({ ...opened, endpoint }), known);
    const winner = parseSession(kept, endpoint);
    if (!winner || winner.id === opened.id) return opened;
    // Another process was quicker.
    void endOne(opened, ctx);
    return winner;
  }

  function openFor(key: string, call: CallContext, lost?: LegacySession): Entry {
    const own = call.client?.session;
    if (!own) return enter(key, call, (ctx) => openSession(transport, capabilitiesOf(call), ctx));
    const entry = enter(key, call, (ctx) => openRemembered(own, ctx, call, lost));
    if (!lost)
      own.ended.addEventListener(
        'abort',
        () => {
          const last = entries.peek(key) ?? entry;
          entries.delete(key);
          void end(last);
        },
        { once: true },
      );
    return entry;
  }

  async function end(entry: Entry): Promise<void> {
    const session = await entry.session.catch(() => undefined);
    if (session) await endOne(session, entry.ctx);
  }

  async function endOne(session: LegacySession, call: CallContext): Promise<void> {
    if (session.id === undefined) return;
    const ctx = detach(call, clock, AbortSignal.timeout(limits.farewellMs), limits.farewellMs);
    await transport.endSession({ ctx, headers: sessionHeaders(session) }).catch(() => undefined);
  }

  return {
    find(call) {
      const key = keyOf(call);
      const entry = entries.get(key) ?? openFor(key, call);
      return entry.current
        ? Promise.resolve(entry.current)
        : whileCalled(entry.session, call, transport.label);
    },
    renew(call, lost) {
      const key = keyOf(call);
      const entry = entries.get(key);
      const isNew = entry !== undefined && entry.current !== lost;
      return whileCalled((isNew ? entry : openFor(key, call, lost)).session, call, transport.label);
    },
    async close() {
      const held = [...entries.entries()];
      entries.clear();
      await Promise.all(held.flatMap(([key, entry]) => (isShared(key) ? [end(entry)] : [])));
    },
  };
}

function isShared(key: string): boolean {
  return key.startsWith('shared ');
}

/** Reads what some process remembered; nothing when it is of another server, or unreadable. */
function parseSession(text: string, endpoint: string): LegacySession | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value) || typeof value['version'] !== 'string') return undefined;
    const { endpoint: remembered, ...session } = value;
    return remembered === endpoint ? (session as unknown as LegacySession) : undefined;
  } catch {
    return undefined;
  }
}
