// All who follow the changes of one target share one stream to its server. The hub knows who wants what, keeps the
// stream open as long as anybody listens, and finds its way back after a loss. Knows no era and no transport.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { META_SUBSCRIPTION_ID, RelayedError } from '../../core/relay.ts';
import type { ListenFilter, Listening } from '../../core/relay.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Limits } from './transport.ts';

/** Streams in a row that did not last, beyond which the pause no longer grows. */
const MAX_STREAK = 20;
const LASTING: ReadonlySet<string> = new Set(['ConsentRequired', 'CredentialUnavailable', 'UpstreamBlocked']);

export type OnEvent = (method: string, params: JsonObject) => void;

/** One stream to a server. */
export interface FollowOptions {
  /** What is wanted now; it changes while the stream is open. */
  readonly wanted: () => ListenFilter;
  /** Aborted when the stream has to end. */
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** Called when the server has agreed. */
  readonly onOpen: () => void;
  /** Set by streams that can be told of changes; others are opened anew when more is wanted. */
  onWanted?: () => void;
}

/** Follows a server until its stream ends. @throws when it cannot */
export type Follow = (options: FollowOptions) => Promise<void>;

export interface ListenHub {
  listen(filter: ListenFilter, onEvent: OnEvent): Listening;
  /** Hands an event to those who want it, wherever it came from. */
  deliver: OnEvent;
  close(): void;
}

/** A hub that opens nothing before somebody listens. */
export function createListenHub(
  follow: Follow,
  limits: Pick<Limits, 'listenBackoffMs' | 'listenLingerMs'>,
  clock: Clock,
): ListenHub {
  const listeners = new Map<symbol, { filter: ListenFilter; readonly onEvent: OnEvent }>();
  let running: AbortController | undefined;
  let stream:
    | { readonly options: FollowOptions; readonly ended: AbortController; asked: ListenFilter }
    | undefined;
  let lingering: NodeJS.Timeout | undefined;
  let isClosed = false;

  const wanted = (): ListenFilter => uniteFilters([...listeners.values()].map(({ filter }) => filter));

  const deliver: OnEvent = (method, params) => {
    const clean = withoutSubscriptionId(params);
    for (const { filter, onEvent } of listeners.values())
      if (wants(filter, method, clean)) onEvent(method, clean);
  };

  async function run(stopping: AbortController): Promise<void> {
    let isLost = false;
    for (let streak = 0; !stopping.signal.aborted; streak += 1) {
      const ended = new AbortController();
      const began = clock.monotonic();
      const hasBeenLost = isLost;
      const options: FollowOptions = {
        wanted,
        signal: AbortSignal.any([stopping.signal, ended.signal]),
        onEvent: deliver,
        onOpen() {
          // What happened while nobody could tell: those who listen have to look for themselves.
          if (isLost && hasBeenLost) tellAll(wanted(), deliver);
          isLost = false;
        },
      };
      const current = { options, ended, asked: wanted() };
      stream = current;
      try {
        await follow(options);
      } catch (thrown) {
        if (!ended.signal.aborted) isLost = true;
        // An answer, or a want, that will hardly change in a moment.
        if (isLasting(thrown)) streak = MAX_STREAK;
      } finally {
        // After a pause of listening, the next stream may be there before this one has ended.
        if (stream === current) stream = undefined;
      }
      if (ended.signal.aborted || clock.monotonic() - began > limits.listenBackoffMs[1]) streak = -1;
      if (!ended.signal.aborted) await sleep(pauseAfter(streak, limits.listenBackoffMs), stopping.signal);
    }
  }

  function adjust(): void {
    if (isClosed) return;
    clearTimeout(lingering);
    if (listeners.size === 0) {
      lingering = setTimeout(() => {
        running?.abort();
        running = undefined;
      }, limits.listenLingerMs).unref();
      return;
    }
    if (!running) {
      running = new AbortController();
      void run(running);
      return;
    }
    if (!stream) return;
    if (stream.options.onWanted) stream.options.onWanted();
    else if (!covers(stream.asked, wanted())) stream.ended.abort();
  }

  return {
    deliver,
    listen(filter, onEvent) {
      const key = Symbol('listener');
      listeners.set(key, { filter, onEvent });
      adjust();
      return {
        update(next) {
          if (!listeners.has(key)) return;
          listeners.set(key, { filter: next, onEvent });
          adjust();
        },
        close() {
          if (listeners.delete(key)) adjust();
        },
      };
    },
    close() {
      isClosed = true;
      clearTimeout(lingering);
      listeners.clear();
      running?.abort();
    },
  };
}

const FLAGS = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'] as const;
const LISTS = ['resourceSubscriptions', 'taskIds'] as const;
const METHOD_OF: Readonly<Record<(typeof FLAGS)[number], string>> = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
};

/** What anybody wants. */
export function uniteFilters(filters: readonly ListenFilter[]): ListenFilter {
  const flags = FLAGS.filter((flag) => filters.some((filter) => filter[flag] === true)).map((flag) => [
    flag,
    true,
  ]);
  const lists = LISTS.map(
    (list) => [list, [...new Set(filters.flatMap((filter) => filter[list] ?? []))].sort()] as const,
  );
  return Object.fromEntries([...flags, ...lists.filter(([, items]) => items.length > 0)]) as ListenFilter;
}

/** Whether everything wanted has been asked for. */
export function covers(asked: ListenFilter, wanted: ListenFilter): boolean {
  return (
    FLAGS.every((flag) => wanted[flag] !== true || asked[flag] === true) &&
    LISTS.every((list) => (wanted[list] ?? []).every((item) => asked[list]?.includes(item) === true))
  );
}

/** Whether an event is something that a filter asks for. */
export function wants(filter: ListenFilter, method: string, params: JsonObject): boolean {
  switch (method) {
    case 'notifications/resources/updated': {
      const { uri } = params;
      if (typeof uri !== 'string') return false;
      // A server may name a part of what was subscribed to.
      return (filter.resourceSubscriptions ?? []).some(
        (subscribed) =>
          uri === subscribed || uri.startsWith(subscribed.endsWith('/') ? subscribed : `${subscribed}/`),
      );
    }
    case 'notifications/tasks':
      return typeof params['taskId'] === 'string' && filter.taskIds?.includes(params['taskId']) === true;
    default:
      return FLAGS.some((flag) => METHOD_OF[flag] === method && filter[flag] === true);
  }
}

/** Whether something will fail for the same reason again. */
function isLasting(thrown: unknown): boolean {
  if (thrown instanceof RelayedError) return true;
  return thrown instanceof GatewayError && LASTING.has(thrown.code);
}

function tellAll(wanted: ListenFilter, deliver: OnEvent): void {
  for (const flag of FLAGS) if (wanted[flag] === true) deliver(METHOD_OF[flag], {});
  for (const uri of wanted.resourceSubscriptions ?? []) deliver('notifications/resources/updated', { uri });
}

function withoutSubscriptionId(params: JsonObject): JsonObject {
  const meta = params['_meta'];
  if (!isJsonObject(meta) || meta[META_SUBSCRIPTION_ID] === undefined) return params;
  const { _meta, ...rest } = params;
  const { [META_SUBSCRIPTION_ID]: _id, ...others } = meta;
  return Object.keys(others).length === 0 ? rest : { ...rest, _meta: others };
}

/** Longer with each failure, and never the same for all who lost a server at once. */
function pauseAfter(streak: number, [first, longest]: readonly [number, number]): number {
  return (
    Math.min(longest, first * 2 ** Math.max(0, Math.min(streak, MAX_STREAK))) * (0.5 + Math.random() / 2)
  );
}

function sleep(timeMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, timeMs);
    signal.addEventListener('abort', end, { once: true });
  });
}
