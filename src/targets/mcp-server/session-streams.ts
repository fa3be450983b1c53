// The stream that a server of the legacy era sends by itself (GET), held open while calls run that it might ask
// something about: many servers put their questions there and not on the stream of the call. What names no call goes to
// the newest one of the session. Knows no request.

import type { CallContext } from '../../core/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { discard } from './answer.ts';
import type { ClientSide } from './client-side.ts';
import { detach } from './context.ts';
import { sessionHeaders } from './handshake.ts';
import type { LegacySession } from './handshake.ts';
import type { Message } from './message.ts';
import type { Limits, Transport } from './transport.ts';

/** How long a call waits for the stream: a question that comes before it is lost with most servers. */
const OPENING_MS = 1_000;

interface Stream {
  readonly sides: Map<string, ClientSide>;
  readonly ended: AbortController;
  /** Fulfils when the server has answered, whatever it has. */
  readonly opened: Promise<void>;
  lingering?: NodeJS.Timeout;
}

export interface SessionStreams {
  /** Takes part until the function it gives back is called. */
  join(session: LegacySession, id: string, side: ClientSide, call: CallContext): Promise<() => void>;
}

/** Opens nothing before a call asks for it. */
export function createSessionStreams(
  transport: Transport,
  {
    clock,
    limits,
    closing,
  }: { readonly clock: Clock; readonly limits: Limits; readonly closing: AbortSignal },
): SessionStreams {
  const streams = new WeakMap<LegacySession, Stream>();
  /** Sessions whose server has no such stream. */
  const without = new WeakSet<LegacySession>();

  function open(session: LegacySession, call: CallContext): Stream {
    const sides = new Map<string, ClientSide>();
    const ended = new AbortController();
    const opened = Promise.withResolvers<void>();
    const timer = setTimeout(opened.resolve, OPENING_MS);
    const stream: Stream = { sides, ended, opened: opened.promise };
    streams.set(session, stream);
    const read = async (): Promise<void> => {
      const signal = AbortSignal.any([ended.signal, closing]);
      const ctx = detach(call, clock, signal, limits.handshakeMs);
      const reply = await transport.receive({ ctx, headers: sessionHeaders(session), isListening: true });
      opened.resolve();
      if (reply.status !== 200) {
        // 409 says that another process has it; anything else that there is none.
        if (reply.status !== 409 && reply.status < 500) without.add(session);
        await discard(reply);
        return;
      }
      for await (const message of reply.messages) {
        const slow = sideFor(message, sides)?.take(message);
        if (slow) await slow;
      }
    };
    read()
      // Lost, or not to be had: the calls go on without it.
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(timer);
        opened.resolve();
        if (streams.get(session) === stream) streams.delete(session);
      });
    return stream;
  }

  return {
    async join(session, id, side, call) {
      if (transport.kind !== 'http' || without.has(session)) return () => undefined;
      const stream = streams.get(session) ?? open(session, call);
      clearTimeout(stream.lingering);
      stream.sides.set(id, side);
      await stream.opened;
      return () => {
        stream.sides.delete(id);
        if (stream.sides.size > 0) return;
        stream.lingering = setTimeout(() => stream.ended.abort(), limits.listenLingerMs).unref();
      };
    },
  };
}

function sideFor(message: Message, sides: ReadonlyMap<string, ClientSide>): ClientSide | undefined {
  const token = message.kind === 'notification' ? message.params['progressToken'] : undefined;
  return typeof token === 'string' ? sides.get(token) : [...sides.values()].at(-1);
}
