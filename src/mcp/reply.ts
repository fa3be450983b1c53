// The answer to one POST while it is not known yet whether it will be one JSON document or a stream: it becomes a
// stream with the first message that goes before the result, or when the result is long in coming, so that balancers
// on the way see that the connection lives. Clients that take no stream get the document, and the rest is dropped
// (AgentCore, response streaming).

import type { McpAnswer } from './answer.ts';
import { EventStream } from './event-stream.ts';
import type { EventSource, EventStreamOptions } from './event-stream.ts';

/** Silence before a JSON answer becomes a stream with heartbeats (milliseconds). */
const SILENCE_MS = 15_000;
/** The same where a stream can be resumed and a document cannot: calls of any length can then lose their connection. */
const RESUMABLE_SILENCE_MS = 50;

export interface Reply {
  /** Resolves when the head of the answer is known. */
  readonly answer: Promise<McpAnswer>;
  /** Sends a message before the result; a promise when the client is slow. */
  send(message: string): Promise<void> | undefined;
  /** Ends with the result or error. */
  finish(answer: McpAnswer): void;
}

/** A reply that may become a stream. */
export function createReply(
  options: EventStreamOptions,
  more: () => Readonly<Record<string, string>> = () => ({}),
): Reply {
  const { promise, resolve } = Promise.withResolvers<McpAnswer>();
  let stream: EventStream | undefined;
  let isFinished = false;
  const open = (): EventStream => {
    clearTimeout(timer);
    if (!stream) {
      stream = new EventStream(options);
      options.onOpen?.(stream);
      resolve({ status: 200, headers: { ...more(), ...EVENT_HEADERS }, events: stream });
    }
    return stream;
  };
  const timer = setTimeout(open, options.isKept === true ? RESUMABLE_SILENCE_MS : SILENCE_MS);
  timer.unref();
  return {
    answer: promise,
    // What a server sends after its result would open a stream that nobody reads and nobody ends.
    send: (message) => (isFinished ? undefined : open().push(message)),
    finish(answer) {
      isFinished = true;
      clearTimeout(timer);
      if (stream) {
        void stream.push(answer.body ?? '');
        stream.end();
      } else resolve(answer);
    },
  };
}

/** A reply to a client that takes one document only. */
export function createPlainReply(): Reply {
  const { promise, resolve } = Promise.withResolvers<McpAnswer>();
  return { answer: promise, send: () => undefined, finish: resolve };
}

/** An answer that is a stream from its beginning. */
export function streamAnswer(events: EventSource): McpAnswer {
  return { status: 200, headers: EVENT_HEADERS, events };
}

const EVENT_HEADERS = Object.freeze({
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
});
