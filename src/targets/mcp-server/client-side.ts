// What a server sends while it works on a call, and where it goes: progress and log messages to the client, questions
// to the client and their answers back, changes of the server to those who listen. Knows no transport.

import type { CallContext } from '../../core/call.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { LOG_LEVELS } from '../../core/log-levels.ts';
import { RelayedError } from '../../core/relay.ts';
import type { Message, MessageId, Outgoing } from './message.ts';

/** Questions that are open at once for one call. */
const MAX_OPEN_QUESTIONS = 32;
const METHOD_NOT_FOUND = -32_601;
const INTERNAL_ERROR = -32_603;

const CAPABILITY_OF: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);
/** Notifications about the server and not about a call: they go to those who listen. */
const CHANGES: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/tasks',
]);

export interface ClientSideOptions {
  readonly call: CallContext;
  /** The id of the request, which is its progress token too. */
  readonly id: string;
  readonly wantsProgress: boolean;
  /** Sends an answer to a question of the server; absent where servers must not ask (2026-07-28). */
  readonly answer?: (message: Outgoing) => Promise<void>;
  readonly onChange: (method: string, params: JsonObject) => void;
}

export interface ClientSide {
  /** A promise when the client is slow: nothing more is to be read until it resolves. */
  take(message: Message): Promise<void> | undefined;
  /** True while the server waits for an answer of the client. */
  readonly isAsking: () => boolean;
  /** Gives up what is still open. */
  close(): void;
}

/** The client's side of one call. */
export function createClientSide(options: ClientSideOptions): ClientSide {
  const { call, id, wantsProgress, answer, onChange } = options;
  const open = new Map<MessageId, AbortController>();

  function notify(method: string, params: JsonObject): Promise<void> | undefined {
    if (CHANGES.has(method)) {
      onChange(method, params);
      return undefined;
    }
    switch (method) {
      case 'notifications/progress': {
        const { progressToken, ...rest } = params;
        return wantsProgress && progressToken === id ? call.client?.notify(method, rest) : undefined;
      }
      case 'notifications/message':
        return isWanted(call.client?.logLevel, params['level'])
          ? call.client?.notify(method, params)
          : undefined;
      case 'notifications/cancelled':
        open.get(params['requestId'] as MessageId)?.abort();
        return undefined;
      case 'notifications/subscriptions/acknowledged':
        return undefined;
      default:
        return call.client?.notify(method, params);
    }
  }

  async function reply(request: {
    readonly id: MessageId;
    readonly method: string;
    readonly params: JsonObject;
  }) {
    if (!answer) {
      call.log.warn(
        { method: request.method },
        'a server of MCP 2026-07-28 sent a request; it stays unanswered',
      );
      return;
    }
    const outcome = await ask(request).catch((thrown: unknown): Outgoing => ({ error: toError(thrown) }));
    if (outcome === undefined) return;
    await answer({ id: request.id, ...outcome }).catch((thrown: unknown) => {
      call.log.warn(
        { method: request.method, reason: thrown instanceof Error ? thrown.message : '' },
        'an answer did not reach the server',
      );
    });
  }

  /** Undefined when the server has withdrawn its question. */
  async function ask({
    id: theirs,
    method,
    params,
  }: {
    readonly id: MessageId;
    readonly method: string;
    readonly params: JsonObject;
  }): Promise<Outgoing | undefined> {
    if (method === 'ping') return { result: {} };
    const capability = CAPABILITY_OF.get(method);
    const { client } = call;
    if (!capability || !client?.request || !isJsonObject(client.capabilities[capability]))
      throw new RelayedError(METHOD_NOT_FOUND, `${method} is not something this client was asked for`);
    if (open.size >= MAX_OPEN_QUESTIONS || open.has(theirs))
      throw new RelayedError(INTERNAL_ERROR, 'too many requests are open');
    const withdrawn = new AbortController();
    open.set(theirs, withdrawn);
    try {
      const signal = AbortSignal.any([call.signal, withdrawn.signal]);
      return { result: await client.request(method, params, signal) };
    } catch (thrown) {
      if (withdrawn.signal.aborted) return undefined;
      throw thrown;
    } finally {
      open.delete(theirs);
    }
  }

  return {
    take(message) {
      if (message.kind === 'notification') return notify(message.method, message.params);
      // Not waited for: the server may go on meanwhile, and may ask more than one thing.
      if (message.kind === 'request') void reply(message);
      return undefined;
    },
    isAsking: () => open.size > 0,
    close() {
      for (const withdrawn of open.values()) withdrawn.abort();
    },
  };
}

function toError(thrown: unknown): NonNullable<Outgoing['error']> {
  if (!(thrown instanceof RelayedError))
    return { code: INTERNAL_ERROR, message: 'the client could not be asked' };
  const { code, message, data } = thrown;
  return { code, message, ...(data === undefined ? {} : { data }) };
}

/** Whether a message of some level is severe enough. */
function isWanted(wanted: string | undefined, level: unknown): boolean {
  if (wanted === undefined || typeof level !== 'string') return false;
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted);
}
