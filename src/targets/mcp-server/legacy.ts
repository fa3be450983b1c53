// Requests to a server of an earlier revision (MCP ≤ 2025-11-25): inside a session, with questions of the server
// answered on the way, broken streams resumed, and lost sessions made anew once. Gives results in the canonical form.

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { RelayedError } from '../../core/relay.ts';
import type { Clock } from '../../lib/clock.ts';
import { discard, readAnswer, readError, statusFault } from './answer.ts';
import { toCanonicalError, toCanonicalResult, toLegacyCapabilities, toLegacyParams } from './canonical.ts';
import { LOG_LEVELS } from '../../core/log-levels.ts';
import { createClientSide } from './client-side.ts';
import { detach, pause } from './context.ts';
import { sessionHeaders } from './handshake.ts';
import type { LegacySession } from './handshake.ts';
import type { LegacySessions } from './legacy-sessions.ts';
import { wantsProgress, withError } from './modern.ts';
import type { Outcome } from './modern.ts';
import { createSessionStreams } from './session-streams.ts';
import type { Limits, Reply, ResumePoint, SendOptions, Transport } from './transport.ts';

const METHOD_NOT_FOUND = -32_601;

export interface LegacyClientOptions {
  readonly transport: Transport;
  readonly sessions: LegacySessions;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Aborted when the target is closed. */
  readonly closing: AbortSignal;
  readonly onChange: (method: string, params: JsonObject) => void;
}

export interface LegacyClient {
  /** @throws RelayedError, GatewayError */
  request(method: string, params: JsonObject, call: CallContext): Promise<JsonObject>;
}

/** A client of one server of the legacy era. */
export function createLegacyClient(options: LegacyClientOptions): LegacyClient {
  const { transport, sessions, clock, limits, closing, onChange } = options;
  const { label } = transport;
  const streams = createSessionStreams(transport, { clock, limits, closing });
  /** The least severe level that was asked for in a session. */
  const levels = new WeakMap<LegacySession, string>();

  async function send(
    session: LegacySession,
    method: string,
    params: JsonObject,
    call: CallContext,
  ): Promise<Outcome> {
    const id = transport.nextId();
    const headers = sessionHeaders(session);
    const hasProgress = wantsProgress(params);
    const side = createClientSide({
      call,
      id,
      wantsProgress: hasProgress,
      onChange,
      answer: async (message) => discard(await transport.send(message, { ctx: call, headers })),
    });
    const sending: SendOptions = { ctx: call, headers, isWaitedFor: side.isAsking };
    const leave = canBeAsked(call) ? await streams.join(session, id, side, call) : undefined;
    try {
      const message = { id, method, params: toLegacyParams(params, hasProgress ? id : undefined) };
      const reply = await transport.send(message, sending);
      if (reply.status >= 400) return withError(reply.status, await readError(reply));
      const resume = (point: ResumePoint): Promise<Reply | undefined> => reopen(point, sending);
      return { status: reply.status, result: await readAnswer(reply, { id, label, side, resume }) };
    } catch (thrown) {
      if (thrown instanceof RelayedError) return { status: 200, error: thrown };
      if (thrown instanceof GatewayError && thrown.code === 'UpstreamTimeout') void cancel(id, session, call);
      throw thrown;
    } finally {
      leave?.();
      side.close();
    }
  }

  /** The rest of a broken stream, after the pause that the server asked for (MCP 2025-11-25, "Resumability"). */
  async function reopen(
    { lastEventId, retryMs }: ResumePoint,
    sending: SendOptions,
  ): Promise<Reply | undefined> {
    await pause(Math.min(retryMs ?? limits.defaultRetryMs, limits.maxRetryMs), sending.ctx, label);
    let reply: Reply;
    try {
      reply = await transport.receive(sending, lastEventId);
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === 'UpstreamRefused') return undefined;
      throw thrown;
    }
    if (reply.status === 200) return reply;
    await discard(reply);
    if (reply.status >= 500) return undefined;
    throw new GatewayError('UpstreamInvalid', `${label} ended its stream without an answer.`);
  }

  /** A server of this era takes a closed connection for an accident. */
  async function cancel(id: string, session: LegacySession, call: CallContext): Promise<void> {
    // Over stdio the transport itself says it.
    if (transport.kind !== 'http') return;
    const ctx = detach(call, clock, AbortSignal.timeout(limits.farewellMs), limits.farewellMs);
    const message = {
      method: 'notifications/cancelled',
      params: { requestId: id, reason: 'the client gave up' },
    };
    try {
      await discard(await transport.send(message, { ctx, headers: sessionHeaders(session) }));
    } catch {
      // The server may be gone: then there is nothing to cancel.
    }
  }

  /** Servers of this era send log messages of one level for the whole session. */
  async function lowerLevel(session: LegacySession, call: CallContext): Promise<void> {
    const wanted = call.client?.logLevel;
    if (wanted === undefined || !isJsonObject(session.capabilities['logging'])) return;
    const before = levels.get(session);
    if (before !== undefined && LOG_LEVELS.indexOf(before) <= LOG_LEVELS.indexOf(wanted)) return;
    levels.set(session, wanted);
    const { client: _client, ...quiet } = call;
    // Whatever it answers, the call itself is what matters.
    await send(session, 'logging/setLevel', { level: wanted }, quiet).catch(() => undefined);
  }

  async function attempt(session: LegacySession, method: string, params: JsonObject, call: CallContext) {
    await lowerLevel(session, call);
    return send(session, method, params, call);
  }

  return {
    async request(method, params, call) {
      if (method.startsWith('tasks/'))
        throw new RelayedError(
          METHOD_NOT_FOUND,
          `${label} speaks an earlier revision, which has no ${method}`,
        );
      const session = await sessions.find(call);
      let outcome = await attempt(session, method, params, call);
      if (isLost(outcome)) outcome = await attempt(await sessions.renew(call, session), method, params, call);
      const { status, result, error } = outcome;
      if (result) return toCanonicalResult(result);
      if (isLost(outcome))
        throw new GatewayError('UpstreamInvalid', `${label} loses each session as soon as it has begun.`);
      if (error && status !== 401 && status !== 403) throw toCanonicalError(error, params);
      throw statusFault(status, label);
    },
  };
}

/** Whether the server may ask this client something outside the call's own stream: the session has to be its alone. */
function canBeAsked({ client }: CallContext): boolean {
  if (!client?.request || !client.session) return false;
  return Object.keys(toLegacyCapabilities(client.capabilities)).length > 0;
}

/** Whether the server no longer knows the session: 404 by the specification, 400 by many servers. */
function isLost({ status, error }: Outcome): boolean {
  if (status === 404) return error?.code !== METHOD_NOT_FOUND;
  return status === 400 && error !== undefined && /session|initiali[sz]ed/i.test(error.message);
}
