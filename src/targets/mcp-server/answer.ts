// From the first message that comes back to the answer of one request, over as many streams as that takes. The same
// for both eras, except that only servers of the legacy era let a broken stream be resumed (SSE ids, MCP 2025-11-25).

import { GatewayError } from '../../core/errors.ts';
import { CREDENTIAL_REFUSED } from '../../core/no-answer.ts';
import type { RelayedError } from '../../core/relay.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ClientSide } from './client-side.ts';
import type { Message } from './message.ts';
import type { Reply, ResumePoint } from './transport.ts';

/** Streams in a row that bring nothing, and streams for one answer at all. */
const MAX_EMPTY_STREAMS = 5;
const MAX_STREAMS = 1_000;
/** How long a stream may stay open after its answer. */
const GRACE_MS = 1_000;

export interface AnswerOptions {
  readonly id: string;
  readonly label: string;
  readonly side?: ClientSide;
  /** Opens the rest of a broken stream; undefined when that does not work just now. */
  readonly resume?: (point: ResumePoint) => Promise<Reply | undefined>;
}

/**
 * Reads on until the answer is there.
 * @throws RelayedError the server's error; GatewayError UpstreamInvalid when the stream ends before
 */
export async function readAnswer(first: Reply, options: AnswerOptions): Promise<JsonObject> {
  const { label, resume } = options;
  let reply: Reply | undefined = first;
  let point: ResumePoint | undefined;
  let empty = 0;
  for (let streams = 0; streams < MAX_STREAMS && empty <= MAX_EMPTY_STREAMS; streams += 1) {
    let broken: unknown;
    if (reply) {
      try {
        const answer = await findAnswer(reply, options);
        if (answer?.kind === 'result') return answer.result;
        if (answer?.kind === 'error') throw answer.error;
      } catch (thrown) {
        // A connection that broke off may be resumed; a server that is silent or talks nonsense is left.
        if (!isBrokenOff(thrown)) throw thrown;
        broken = thrown;
      }
    }
    const next: ResumePoint | undefined = reply?.resumePoint();
    empty = next === undefined ? empty + 1 : 0;
    point = next ?? point;
    if (!resume || !point) throw unanswered(label, broken);
    reply = await resume(point);
  }
  throw unanswered(label);
}

function unanswered(label: string, cause?: unknown): GatewayError {
  return new GatewayError('UpstreamInvalid', `${label} ended its stream without an answer.`, { cause });
}

async function findAnswer(reply: Reply, { id, side }: AnswerOptions): Promise<Message | undefined> {
  const messages = reply.messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value: message } = await messages.next();
      if (done === true) return undefined;
      const isOurs =
        message.kind === 'result' ? message.id === id : message.kind === 'error' && (message.id ?? id) === id;
      if (isOurs) {
        void letEnd(messages, reply);
        return message;
      }
      const slow = side?.take(message);
      if (slow) await slow;
    }
  } catch (thrown) {
    reply.cancel();
    throw thrown;
  }
}

/** A stream ends after its answer; to wait for that keeps the connection for the next request. */
async function letEnd(messages: AsyncIterator<Message>, reply: Reply): Promise<void> {
  const timer = setTimeout(() => reply.cancel(), GRACE_MS);
  try {
    while ((await messages.next()).done !== true);
  } catch {
    // Nothing was expected any more.
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a reply that nothing is expected of. */
export async function discard(reply: Reply): Promise<void> {
  await letEnd(reply.messages[Symbol.asyncIterator](), reply);
}

function isBrokenOff(thrown: unknown): boolean {
  return (
    thrown instanceof GatewayError &&
    thrown.code === 'UpstreamInvalid' &&
    thrown.details.internal !== undefined
  );
}

/** The JSON-RPC error in the body of a refused request, if it holds one. */
export async function readError(reply: Reply): Promise<RelayedError | undefined> {
  try {
    for await (const message of reply.messages) return message.kind === 'error' ? message.error : undefined;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== 'UpstreamInvalid') throw thrown;
  } finally {
    reply.cancel();
  }
  return undefined;
}

/** What a status means that is no answer of the protocol. */
export function statusFault(status: number, label: string): GatewayError {
  switch (status) {
    case 401:
      return new GatewayError(
        'UpstreamRefused',
        `${label} answered 401 Unauthorized: it wants a credential, or does not accept the configured one.`,
        { reason: CREDENTIAL_REFUSED },
      );
    case 403:
      return new GatewayError(
        'UpstreamRefused',
        `${label} answered 403 Forbidden: it does not allow this with the configured credential.`,
        { reason: CREDENTIAL_REFUSED },
      );
    case 429:
      return new GatewayError('UpstreamRefused', `${label} answered 429 Too Many Requests.`);
    default:
      return new GatewayError(
        'UpstreamInvalid',
        `${label} answered with status ${status}${status >= 500 ? '' : ': is it an MCP endpoint?'}`,
      );
  }
}
