// One request and its whole answer on one pool, bounded in time and size. Knows HTTP; the egress rules are the pool's.

import type { Dispatcher, Pool } from 'undici';
import type { GatewayError } from '../core/errors.ts';
import type { EgressOptions, OutboundRequest, UpstreamResponse } from '../core/outbound.ts';
import { SMALL_ANSWER_BYTES } from './answer-room.ts';
import type { AnswerRoom } from './answer-room.ts';
import { decode } from './decode.ts';
import { givenUp, nameFault, timedOut, tooLarge } from './faults.ts';

/**
 * One exchange by undici's handler interface: no stream objects and no abort signals are made on the way, which is
 * most of what a small call costs. Ends exactly once: with the answer, at the deadline, or when the caller is gone.
 */
export function exchange(
  pool: Pool,
  request: OutboundRequest,
  options: EgressOptions,
  room: AnswerRoom,
): Promise<UpstreamResponse> {
  const { url } = request;
  const { signal, timeoutMs, maxResponseBytes } = options;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let received: Record<string, string> = {};
    let controller: Dispatcher.DispatchController | undefined;
    let failure: GatewayError | undefined;
    let isOver = false;
    let leaveRoom: (() => void) | undefined;

    // The signal's listener stays: signals belong to one call and go with it.
    const finish = (): void => {
      isOver = true;
      clearTimeout(timer);
      leaveRoom?.();
    };
    const fail = (fault: GatewayError): void => {
      if (isOver) return;
      failure = fault;
      finish();
      reject(fault);
      controller?.abort(fault);
    };
    const onAbort = (): void => fail(givenUp(url));
    const timer = setTimeout(() => fail(timedOut(url, timeoutMs)), Math.max(0, timeoutMs));
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });

    /** A large answer waits for room with its sender; the deadline goes on. */
    const enterRoom = (current: Dispatcher.DispatchController): (() => void) => {
      let isIn = false;
      const announced = received['content-encoding'] === undefined ? Number(received['content-length']) : 0;
      const most = announced > 0 ? Math.min(announced, maxResponseBytes) : maxResponseBytes;
      const leave = room.enter(url.origin, most, () => {
        isIn = true;
        // Not at once: this may be called while another connection is being read, and undici reads one at a time.
        if (current.paused) setImmediate(() => current.resume());
      });
      if (!isIn) current.pause();
      return leave;
    };

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // Given up while it waited for a connection.
        if (failure) started.abort(failure);
      },
      onResponseStart(_controller, statusCode, responseHeaders) {
        if (statusCode < 200) return;
        status = statusCode;
        received = flattenHeaders(responseHeaders);
      },
      onResponseData(current, chunk) {
        bytes += chunk.length;
        if (bytes > maxResponseBytes) {
          fail(tooLarge(url, maxResponseBytes));
          return;
        }
        chunks.push(chunk);
        if (bytes > SMALL_ANSWER_BYTES) leaveRoom ??= enterRoom(current);
      },
      onResponseEnd() {
        if (isOver) return;
        finish();
        const whole = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes);
        const coding = received['content-encoding'];
        if (coding === undefined || options.keepsCoding === true)
          resolve({ status, headers: received, body: whole });
        else
          resolve(
            decode(whole, coding, maxResponseBytes, url).then((body) => ({
              status,
              headers: received,
              body,
            })),
          );
      },
      onResponseError(_controller, error) {
        fail(nameFault(error, url));
      },
    };
    dispatch(pool, request, handler, fail);
  });
}

/** Hands a request to a pool. Time is bounded by the caller, not by undici. */
export function dispatch(
  pool: Pool,
  { method, url, path, headers, body }: OutboundRequest,
  handler: Dispatcher.DispatchHandler,
  fail: (fault: GatewayError) => void,
): void {
  try {
    pool.dispatch(
      {
        path: (path ?? url.pathname) + url.search,
        method,
        headers,
        body: body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
  } catch (thrown) {
    fail(nameFault(thrown, url));
  }
}

/** Headers as UpstreamResponse has them. */
export function flattenHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  if (isFlat(headers)) return headers;
  const flat: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    if (typeof value === 'string') flat[name] = value;
    else flat[name] = name === 'set-cookie' ? (value[0] ?? '') : value.join(', ');
  }
  return flat;
}

/** Usually no header is repeated, and the object can be used as it is. */
function isFlat(headers: Record<string, string | string[] | undefined>): headers is Record<string, string> {
  for (const name in headers) if (typeof headers[name] !== 'string') return false;
  return true;
}
