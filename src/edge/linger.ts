// Answering before a request's body was read. A socket closed over unread bytes is reset, and the reset can overtake
// the answer: the client would see a broken connection instead of its 401 or 413. So the answer goes out at once and
// the response ends only when the body has run out (RFC 9112 §9.6), or more of it came than is worth waiting for.

import type { IncomingMessage, ServerResponse } from 'node:http';

/** More than any honest refused body; the listener's request time-out bounds the time. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/** Ends a response whose head is written already, with `payload`, and lets the request's body run dry. */
export function endOverUnreadBody(request: IncomingMessage, response: ServerResponse, payload: string): void {
  let discarded = 0;
  const stop = (): void => {
    request.off('data', discard).off('end', end).off('close', end);
  };
  const end = (): void => {
    stop();
    response.end();
  };
  const discard = (chunk: Buffer): void => {
    discarded += chunk.length;
    if (discarded <= MAX_DISCARDED_BYTES) return;
    stop();
    request.destroy();
  };
  if (payload === '') response.flushHeaders();
  else response.write(payload);
  request.on('data', discard).on('end', end).on('close', end).resume();
}
