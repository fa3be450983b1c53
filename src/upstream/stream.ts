// One request whose answer is read while it comes: the head first, then the body at the reader's pace. While nobody
// reads, the socket is paused, so that a slow client slows its own upstream and no memory grows.

import type { Dispatcher, Pool } from 'undici';
import type { GatewayError } from '../core/errors.ts';
import type { OutboundRequest, StreamOptions, UpstreamStream } from '../core/outbound.ts';
import { dispatch, flattenHeaders } from './exchange.ts';
import { givenUp, nameFault, timedOut } from './faults.ts';

/** Read ahead of the reader (bytes) before the socket is paused. */
const READ_AHEAD = 64 * 1024;

/** Resolves with the head; the signal ends the body too. */
export function openStream(
  pool: Pool,
  request: OutboundRequest,
  { signal, headersTimeoutMs }: StreamOptions,
): Promise<UpstreamStream> {
  const { url } = request;
  return new Promise((resolve, reject) => {
    const reader = createReader();
    let controller: Dispatcher.DispatchController | undefined;
    let failure: GatewayError | undefined;
    let isOver = false;

    const release = (): void => {
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (fault: GatewayError): void => {
      if (isOver) return;
      release();
      failure = fault;
      reject(fault);
      reader.fail(fault);
      controller?.abort(fault);
    };
    const onAbort = (): void => fail(givenUp(url));
    const timer = setTimeout(() => fail(timedOut(url, headersTimeoutMs)), Math.max(0, headersTimeoutMs));
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // Given up while it waited for a connection.
        if (failure) started.abort(failure);
      },
      onResponseStart(current, status, received) {
        if (status < 200) return;
        clearTimeout(timer);
        reader.onRoom = () => current.resume();
        resolve({ status, headers: flattenHeaders(received), body: reader.body(cancel), cancel });
      },
      onResponseData(current, chunk) {
        if (reader.push(chunk) > READ_AHEAD) current.pause();
      },
      onResponseEnd() {
        if (isOver) return;
        release();
        reader.end();
      },
      onResponseError(_controller, error) {
        fail(nameFault(error, url));
      },
    };
    const cancel = (): void => fail(givenUp(url));
    dispatch(pool, request, handler, fail);
  });
}

/** Chunks between a socket that pushes and a reader that pulls. */
function createReader() {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let isEnded = false;
  let failure: GatewayError | undefined;
  let wake: (() => void) | undefined;
  const reader = {
    onRoom: (): void => undefined,
    /** @returns bytes that wait now */
    push(chunk: Buffer): number {
      chunks.push(chunk);
      bytes += chunk.length;
      wake?.();
      return bytes;
    },
    end(): void {
      isEnded = true;
      wake?.();
    },
    fail(fault: GatewayError): void {
      failure = fault;
      chunks = [];
      wake?.();
    },
    async *body(cancel: () => void): AsyncGenerator<Buffer, void, undefined> {
      try {
        for (;;) {
          const waiting = chunks;
          chunks = [];
          bytes = 0;
          yield* waiting;
          if (chunks.length > 0) continue;
          if (failure) throw failure;
          if (isEnded) return;
          // Listening before there is room: what the socket holds already is pushed at once, within `onRoom`.
          const more = new Promise<void>((resolve) => void (wake = resolve));
          reader.onRoom();
          await more;
          wake = undefined;
        }
      } finally {
        cancel();
      }
    },
  };
  return reader;
}
