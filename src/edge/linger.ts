// Refusing a request before its body was read. A socket closed over unread bytes is reset, and the reset can overtake
// the answer: the client would see a broken connection instead of its 401 or 413. So the answer goes out at once, and
// the connection closes only after the body has run out (RFC 9112 §9.6), or more of it came than is worth waiting for.

import type { IncomingMessage, ServerResponse } from 'node:http';

/** More than any honest refused body; the listener's request time-out bounds the time. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/** Ends a response whose head is written already, with `payload`, and lets the request's body run dry. */
export function endOverUnreadBody(request: IncomingMessage, response: ServerResponse, payload: string): void {
  let discarded = 0;
  const end = (): void => {
    request.off('data', discard);
    response.end();
  };
  const discard = (chunk: Buffer): void => {
    discarded += chunk.length;
    if (discarded > MAX_DISCARDED_BYTES) end();
  };
  if (payload === '') response.flushHeaders();
  else response.write(payload);
  request.on('data', discard);
  request.once('end', end);
  request.once('close', end);
  request.resume();
}
