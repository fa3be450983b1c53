// The way back to the client while its request runs (core/relay.ts): messages on the request's own stream, and
// questions of servers to clients of earlier revisions, whose answers come as POSTs of their own, perhaps to another
// process.

import { randomUUID } from 'node:crypto';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { RelayedError } from '../core/relay.ts';
import type { ClientLink } from '../core/client-link.ts';
import { parseLossless, stringifyLossless } from '../lib/lossless-json.ts';
import type { Mailbox, McpSession } from '../sessions/session.ts';
import { canBeAsked, withoutQuestions } from './capabilities.ts';
import { INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND } from './error-response.ts';
import { isId } from './message.ts';
import type { MessageId } from './message.ts';
import type { Reply } from './reply.ts';

/** What a server may send without being asked: nothing else of it reaches the client. */
const HANDED_ON: ReadonlySet<string> = new Set([
  'notifications/progress',
  'notifications/message',
  'notifications/elicitation/complete',
]);
/** A person has this long to answer a server's question (milliseconds). */
const ANSWER_WITHIN_MS = 10 * 60_000;

export interface LinkOptions {
  readonly reply: Reply;
  readonly capabilities: JsonObject;
  readonly logLevel: string | undefined;
  /** As the client sent it; its own is put into every progress message. */
  readonly progressToken: JsonValue | undefined;
  readonly session?: McpSession;
  /** Present where the client can be asked while its request runs. */
  readonly mailbox?: Mailbox;
}

/** The link of one request. */
export function createClientLink(options: LinkOptions): ClientLink {
  const { reply, session, mailbox } = options;
  const mayAsk = session !== undefined && mailbox !== undefined;
  return {
    capabilities: mayAsk ? options.capabilities : withoutQuestions(options.capabilities),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
    ...(session ? { session } : {}),
    notify: (method, params) =>
      method === 'notifications/message' && options.logLevel === undefined
        ? undefined
        : notify(reply, method, params, options.progressToken),
    ...(mayAsk
      ? { request: (method, params, signal) => ask(method, params, signal, { ...options, session, mailbox }) }
      : {}),
  };
}

/** Sends a server's notification on the request's stream. */
function notify(
  reply: Reply,
  method: string,
  params: JsonObject,
  progressToken: JsonValue | undefined,
): Promise<void> | undefined {
  if (!HANDED_ON.has(method)) return undefined;
  if (method !== 'notifications/progress') return reply.send(message({ method, params }));
  // Anything but a text or a whole number is no token (MCP, progress).
  if (!isId(progressToken)) return undefined;
  return reply.send(message({ method, params: { ...params, progressToken } }));
}

async function ask(
  method: string,
  params: JsonObject,
  signal: AbortSignal,
  { reply, capabilities, session, mailbox }: LinkOptions & { session: McpSession; mailbox: Mailbox },
): Promise<JsonObject> {
  if (!canBeAsked(capabilities, method, params))
    throw new RelayedError(METHOD_NOT_FOUND, `The client has not declared what ${method} needs`);
  const id = randomUUID();
  const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
  const stop = mailbox.wait(replyAddress(session, id), (text) => {
    const { result, error } = parseLossless(text) as {
      readonly result?: JsonValue;
      readonly error?: JsonValue;
    };
    if (isJsonObject(result)) resolve(result);
    else reject(relayedError(error));
  });
  const giveUp = (): void => reject(new RelayedError(INTERNAL_ERROR, 'The client gave no answer'));
  const timer = setTimeout(giveUp, ANSWER_WITHIN_MS);
  timer.unref();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    signal.throwIfAborted();
    await reply.send(message({ id, method, params }));
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
    stop();
  }
}

/** Where the client's answer to a question is delivered; in its own session only. */
export function replyAddress(session: McpSession, id: MessageId): string {
  return `reply/${session.key}/${JSON.stringify(String(id))}`;
}

/** A client's error answer, as the server is told of it. */
function relayedError(error: JsonValue | undefined): RelayedError {
  const { code, message: text, data } = isJsonObject(error) ? error : {};
  return new RelayedError(
    typeof code === 'number' && Number.isInteger(code) ? code : INVALID_REQUEST,
    typeof text === 'string' ? text : 'The client answered with an error',
    data,
  );
}

function message(members: JsonObject): string {
  return stringifyLossless({ jsonrpc: '2.0', ...members });
}
