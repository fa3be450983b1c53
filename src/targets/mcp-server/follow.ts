// The stream on which a server tells of its changes: `subscriptions/listen` for servers of 2026-07-28; a session with
// its GET stream and `resources/subscribe` for those of earlier revisions.

import type { CallContext } from '../../core/call.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { TASKS_EXTENSION } from '../../core/relay.ts';
import type { Clock } from '../../lib/clock.ts';
import { discard, readAnswer, readError, statusFault } from './answer.ts';
import { createClientSide } from './client-side.ts';
import { detach, pause } from './context.ts';
import { sessionHeaders } from './handshake.ts';
import type { LegacySession } from './handshake.ts';
import type { FollowOptions } from './hub.ts';
import { describe } from './modern.ts';
import type { Limits, Reply, Transport } from './transport.ts';

export interface FollowServices {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly limits: Limits;
  /** The context of what nobody called for; its signal is the stream's. */
  readonly ctx: CallContext;
  /** Settles when the server is gone: where it has no stream of its own, that is what is waited for. */
  readonly gone?: () => Promise<void>;
}

/** Follows a server of 2026-07-28 until it ends the stream. */
export async function followModern(
  options: FollowOptions,
  { transport, ctx }: FollowServices,
): Promise<void> {
  const wanted = options.wanted();
  const call: CallContext = {
    ...ctx,
    client: {
      capabilities: wanted.taskIds ? { extensions: { [TASKS_EXTENSION]: {} } } : {},
      notify: () => undefined,
    },
  };
  const id = transport.nextId();
  const params = { notifications: wanted as JsonObject };
  const { message, headers } = describe(id, { method: 'subscriptions/listen', params, call });
  const reply = await transport.send(message, { ctx, headers, isListening: true });
  if (reply.status >= 400) throw (await readError(reply)) ?? statusFault(reply.status, transport.label);
  for await (const received of reply.messages) {
    if (received.kind === 'error') throw received.error;
    if (received.kind === 'result') return;
    if (received.kind === 'request') continue;
    // Over stdio a server takes its leave with a message.
    if (received.method === 'notifications/cancelled') return;
    if (received.method === 'notifications/subscriptions/acknowledged') options.onOpen();
    else options.onEvent(received.method, received.params);
  }
}

/** Follows a server of an earlier revision inside a session, until its stream is lost for good. */
export async function followLegacy(
  options: FollowOptions,
  session: LegacySession,
  services: FollowServices,
): Promise<void> {
  const { transport, clock, limits, ctx, gone } = services;
  const headers = sessionHeaders(session);
  // The stream lives for hours, each request on its behalf only for seconds.
  const fresh = (): CallContext => detach(ctx, clock, ctx.signal, limits.handshakeMs);
  const side = createClientSide({
    call: ctx,
    id: '',
    wantsProgress: false,
    onChange: options.onEvent,
    answer: async (message) => discard(await transport.send(message, { ctx: fresh(), headers })),
  });
  options.onWanted = createSubscriptions(options, session, services);
  options.onWanted();
  if (gone) {
    options.onOpen();
    return gone();
  }
  let resumeFrom: string | undefined;
  for (;;) {
    const reply: Reply = await transport.receive({ ctx: fresh(), headers, isListening: true }, resumeFrom);
    if (reply.status !== 200) {
      await discard(reply);
      throw statusFault(reply.status, transport.label);
    }
    options.onOpen();
    for await (const message of reply.messages) void side.take(message);
    const point = reply.resumePoint();
    resumeFrom = point?.lastEventId ?? resumeFrom;
    const retryMs = Math.min(point?.retryMs ?? limits.defaultRetryMs, limits.maxRetryMs);
    await pause(retryMs, ctx, transport.label);
  }
}

/** Subscribes to what is wanted and unsubscribes from what is not, one request after the other. */
function createSubscriptions(
  { wanted }: FollowOptions,
  { capabilities, ...session }: LegacySession,
  { transport, clock, limits, ctx }: FollowServices,
): () => void {
  const { resources } = capabilities;
  if (!isJsonObject(resources) || resources['subscribe'] !== true) return () => undefined;
  const subscribed = new Set<string>();
  let working = Promise.resolve();

  async function tell(method: string, uri: string): Promise<void> {
    const id = transport.nextId();
    const call = detach(ctx, clock, ctx.signal, limits.handshakeMs);
    const headers = sessionHeaders({ ...session, capabilities });
    const reply = await transport.send({ id, method, params: { uri } }, { ctx: call, headers });
    if (reply.status >= 400) await discard(reply);
    else await readAnswer(reply, { id, label: transport.label });
  }
  async function adjust(): Promise<void> {
    const uris = new Set(wanted().resourceSubscriptions);
    for (const uri of uris) {
      if (subscribed.has(uri)) continue;
      subscribed.add(uri);
      // A resource that the server will not tell of does not keep it from telling of others.
      await tell('resources/subscribe', uri).catch(() => undefined);
    }
    for (const uri of subscribed) {
      if (uris.has(uri)) continue;
      subscribed.delete(uri);
      await tell('resources/unsubscribe', uri).catch(() => undefined);
    }
  }
  return () => void (working = working.then(adjust));
}
