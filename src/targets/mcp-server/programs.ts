// The running programs of one target: one for each session of a client, one for all calls without. A program is started
// for the first call that needs it, stopped when nobody has used it for a while, and replaced when it has ended.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StdioChannel } from '../../core/outbound.ts';
import type { TargetServices } from '../target-type.ts';
import { createMcpClient } from './client.ts';
import type { McpClient } from './client.ts';
import { toLegacyCapabilities } from './canonical.ts';
import { detach, whileCalled } from './context.ts';
import { probe } from './era.ts';
import type { Era } from './era.ts';
import { openSession } from './handshake.ts';
import type { LegacySession } from './handshake.ts';
import type { LegacySessions } from './legacy-sessions.ts';
import { createStdioTransport } from './stdio-transport.ts';
import type { Limits, Transport } from './transport.ts';

const SHARED = '';

export interface Program {
  readonly client: McpClient;
  readonly transport: Transport;
  readonly sessions: LegacySessions;
  /** Fulfils when it has ended. */
  readonly gone: Promise<void>;
}

export interface Programs {
  /** Runs some work with the program of a call, which is not stopped meanwhile. @throws GatewayError */
  use<T>(call: CallContext, work: (program: Program) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ProgramsOptions {
  readonly name: string;
  readonly label: string;
  readonly services: TargetServices;
  readonly limits: Limits;
  /** Aborted when the target is closed. */
  readonly closing: AbortSignal;
  readonly onChange: (method: string, params: JsonObject) => void;
}

interface Entry {
  readonly program: Promise<Program>;
  users: number;
  idle?: NodeJS.Timeout;
  stop: () => Promise<void>;
}

/** No program runs before the first call. */
export function createPrograms(options: ProgramsOptions): Programs {
  const { name, label, services, limits, closing, onChange } = options;
  const entries = new Map<string, Entry>();
  /** What one program said holds for all of the same name. */
  let known: Era | undefined;

  function start(key: string, call: CallContext): Entry {
    let channel: StdioChannel | undefined;
    const forget = (): void => {
      clearTimeout(life);
      clearTimeout(entry.idle);
      if (entries.get(key) === entry) entries.delete(key);
    };
    const starting = services.stdio.start(name).then((opened) => {
      channel = opened;
      return toProgram(opened, call, forget);
    });
    const entry: Entry = {
      program: starting,
      users: 0,
      async stop() {
        forget();
        await starting.catch(() => undefined);
        await channel?.close();
      },
    };
    const life = setTimeout(() => void entry.stop(), limits.stdioLifeMs);
    life.unref();
    starting.catch(forget);
    entries.set(key, entry);
    call.client?.session?.ended.addEventListener('abort', () => void entry.stop(), { once: true });
    return entry;
  }

  function toProgram(channel: StdioChannel, call: CallContext, onGone: () => void): Program {
    const gone = Promise.withResolvers<void>();
    const transport = createStdioTransport({
      channel,
      label,
      services,
      limits,
      isShared: !call.client?.session,
      onChange,
      onGone() {
        onGone();
        gone.resolve();
      },
    });
    const { client: link } = call;
    const capabilities = link?.session ? toLegacyCapabilities(link.capabilities) : {};
    const sessions = createOnlySession((ctx) => openSession(transport, capabilities, ctx), transport);
    const client = createMcpClient({
      transport,
      sessions,
      services,
      limits,
      closing,
      onChange,
      probe: async (ctx) => (known ??= await probeQuickly(transport, ctx)),
    });
    return { client, transport, sessions, gone: gone.promise };
  }

  /** Programs of the legacy era may leave alone what they do not know. */
  async function probeQuickly(transport: Transport, call: CallContext): Promise<Era> {
    try {
      return await probe(transport, detach(call, services.clock, call.signal, limits.stdioProbeMs));
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === 'UpstreamTimeout') return { era: 'legacy' };
      throw thrown;
    }
  }

  /** One handshake for one program. */
  function createOnlySession(
    open: (ctx: CallContext) => Promise<LegacySession>,
    transport: Transport,
  ): LegacySessions {
    let session: Promise<LegacySession> | undefined;
    return {
      find(call) {
        session ??= open(detach(call, services.clock, closing, limits.handshakeMs)).catch(
          (thrown: unknown) => {
            session = undefined;
            throw thrown;
          },
        );
        return whileCalled(session, call, label);
      },
      renew: () =>
        Promise.reject(
          new GatewayError('UpstreamInvalid', `${transport.label} no longer knows its own session.`),
        ),
      close: () => Promise.resolve(),
    };
  }

  return {
    async use(call, work) {
      const key = call.client?.session?.key ?? SHARED;
      const entry = entries.get(key) ?? start(key, call);
      entry.users += 1;
      clearTimeout(entry.idle);
      try {
        return await work(await whileCalled(entry.program, call, label));
      } finally {
        entry.users -= 1;
        if (entry.users === 0 && entries.get(key) === entry) {
          entry.idle = setTimeout(() => void entry.stop(), limits.stdioIdleMs);
          entry.idle.unref();
        }
      }
    },
    async close() {
      await Promise.all([...entries.values()].map((entry) => entry.stop()));
    },
  };
}
