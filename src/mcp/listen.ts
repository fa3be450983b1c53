// Streams that only listen: `subscriptions/listen` of 2026-07-28, and the GET stream of sessions before it. Both end
// when the caller's token does.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import { META_SERVER_INFO, META_SUBSCRIPTION_ID } from '../core/relay.ts';
import { SERVER_INFO } from '../core/server-info.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import type { McpSession } from '../sessions/session.ts';
import type { McpAnswer } from './answer.ts';
import { serverCapabilities } from './capabilities.ts';
import type { Changes, Wish } from './changes.ts';
import { INVALID_PARAMS, ProtocolError } from './error-response.ts';
import { EventStream } from './event-stream.ts';
import type { MethodContext } from './methods/method.ts';
import { streamAnswer } from './reply.ts';
import type { TaskHandle } from './tokens.ts';

const MAX_URIS = 200;
/** What is followed is held as long as the client listens (characters). */
const MAX_URI = 8_192;
const MAX_TASKS = 200;
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface ListenServices {
  readonly changes: Changes;
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal;
  readonly now: () => number;
}

/** Answers `subscriptions/listen`. @throws ProtocolError for a filter that is none */
export function answerListen(ctx: MethodContext, services: ListenServices): McpAnswer {
  const asked = ctx.request.params['notifications'];
  if (!isJsonObject(asked))
    throw new ProtocolError(400, INVALID_PARAMS, 'params.notifications must be an object');
  const { wish, honoured } = readFilter(ctx, asked);
  const tag = { [META_SUBSCRIPTION_ID]: ctx.request.id } as JsonObject;
  const stream = new EventStream({ onGone: () => stop() });
  const end = (): void => {
    stop();
    const _meta = { [META_SERVER_INFO]: SERVER_INFO, ...tag };
    const result = { resultType: 'complete', _meta };
    stream.offer(stringifyLossless({ jsonrpc: '2.0', id: ctx.request.id, result }));
    stream.end();
  };
  // The acknowledgement comes before anything that it acknowledges.
  stream.offer(
    notification('notifications/subscriptions/acknowledged', { notifications: honoured, _meta: tag }),
  );
  const stop = follow(ctx.snapshot.gatewayId, wish, ctx.call.principal, services, end, (method, params) => {
    const given = isJsonObject(params['_meta']) ? params['_meta'] : {};
    stream.offer(notification(method, { ...params, _meta: { ...given, ...tag } }));
  });
  return streamAnswer(stream);
}

function readFilter(
  ctx: MethodContext,
  asked: JsonObject,
): { readonly wish: Wish; readonly honoured: JsonObject } {
  const can = serverCapabilities(ctx.snapshot, { isModern: true, hasSession: false });
  const lists = (['tools', 'prompts', 'resources'] as const).filter(
    (name) => asked[`${name}ListChanged`] === true && can[name] !== undefined,
  );
  const resources = can['resources'];
  const canSubscribe = isJsonObject(resources) && resources['subscribe'] === true;
  const uris = canSubscribe
    ? texts(asked['resourceSubscriptions']).filter(isFollowable).slice(0, MAX_URIS)
    : [];
  const tasks = new Map<string, TaskHandle>();
  for (const token of texts(asked['taskIds']).slice(0, MAX_TASKS)) {
    const handle = can['extensions'] === undefined ? undefined : ctx.tokens().openTask(token);
    if (handle) tasks.set(token, handle);
  }
  return {
    wish: { lists: new Set(lists), uris, tasks },
    honoured: {
      ...Object.fromEntries(lists.map((name) => [`${name}ListChanged`, true])),
      ...(uris.length > 0 ? { resourceSubscriptions: uris } : {}),
      ...(tasks.size > 0 ? { taskIds: [...tasks.keys()] } : {}),
    },
  };
}

/** The GET stream of a session. A new one takes the place of the one before: a message goes to one stream only. */
export function openSessionStream(
  session: McpSession,
  principal: Principal,
  services: ListenServices,
  options: {
    readonly id: string;
    readonly isPrimed: boolean;
    /** The client has missed something: it is told that everything may have changed. */
    readonly isResumed: boolean;
    readonly onEnd: () => void;
  },
): EventStream {
  const wishNow = (): Wish => ({
    lists: new Set(['tools', 'prompts', 'resources']),
    uris: session.subscriptions(),
    tasks: new Map(),
  });
  const stream = new EventStream({ id: options.id, isPrimed: options.isPrimed, onGone: () => end() });
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    stop();
    stopNotes();
    session.ended.removeEventListener('abort', end);
    stream.end();
    options.onEnd();
  };
  const stop = follow(session.gatewayId, wishNow(), principal, services, end, (method, params) =>
    stream.offer(notification(method, params)),
  );
  const stopNotes = session.onChange(() => stop.update(wishNow()));
  session.ended.addEventListener('abort', end, { once: true });
  if (options.isResumed) {
    for (const name of ['tools', 'prompts', 'resources'])
      stream.offer(notification(`notifications/${name}/list_changed`, {}));
    for (const uri of session.subscriptions())
      stream.offer(notification('notifications/resources/updated', { uri }));
  }
  return stream;
}

/** Follows until stopped, the process stops, the gateway is gone, or the caller's token has run out. */
function follow(
  gatewayId: string,
  wish: Wish,
  principal: Principal,
  { changes, stopping, now }: ListenServices,
  end: () => void,
  tell: (method: string, params: JsonObject) => void,
): (() => void) & { update: (wish: Wish) => void } {
  const follower = changes.follow(gatewayId, wish, tell, () => queueMicrotask(end));
  const expiry = principal.claims?.['exp'];
  const timer =
    typeof expiry === 'number'
      ? setTimeout(end, Math.min(MAX_TIMER_MS, Math.max(0, expiry * 1000 - now())))
      : undefined;
  timer?.unref();
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted) queueMicrotask(end);
  const stop = (): void => {
    clearTimeout(timer);
    stopping.removeEventListener('abort', end);
    follower.close();
  };
  return Object.assign(stop, { update: (next: Wish) => follower.update(next) });
}

function isFollowable(uri: string): boolean {
  return uri !== '' && uri.length <= MAX_URI;
}

function notification(method: string, params: JsonObject): string {
  return stringifyLossless({ jsonrpc: '2.0', method, params });
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value)
    ? (value as readonly unknown[]).filter((entry): entry is string => typeof entry === 'string')
    : [];
}
