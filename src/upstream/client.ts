// The one outbound client. Everything that leaves the process goes through here: pooled connections, the egress
// rules at each connect, deadlines, bounded bodies, no redirects unless asked for. Proxy variables of the
// environment are not read. Knows HTTP, and nothing of tools, tokens or targets.

import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { Pool, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { GatewayError } from '../core/errors.ts';
import type { Egress, EgressOptions, OutboundRequest, UpstreamResponse } from '../core/outbound.ts';
import type { EgressGuard } from './guard.ts';

const CONNECT_TIMEOUT_MS = 3_000;
const CONNECTIONS_PER_ORIGIN = 64;
const ORIGINS_KEPT = 1_000;
const SAFE_TO_REPEAT: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const SENT_ACROSS_ORIGINS: ReadonlySet<string> = new Set(['accept', 'user-agent']);

export interface EgressClient extends Egress {
  close(): Promise<void>;
}

export interface EgressClientOptions {
  readonly guard: EgressGuard;
}

/** Opens the client; connections are made on use and closed when idle. */
export function createEgressClient({ guard }: EgressClientOptions): EgressClient {
  const pools = new LRUCache<string, Pool>({
    max: ORIGINS_KEPT,
    dispose: (pool) => void pool.close().catch(() => undefined),
  });

  /** The pool of an origin. Only origins that the rules allow get one, so it is checked once, not at each call. */
  function poolFor(url: URL): Pool {
    const known = pools.get(url.origin);
    if (known && url.username === '') return known;
    guard.checkUrl(url);
    const pool = new Pool(url.origin, {
      connections: CONNECTIONS_PER_ORIGIN,
      connect: guardedConnector(guard, new URL(url.origin)),
      pipelining: 1,
    });
    pools.set(url.origin, pool);
    return pool;
  }

  async function send(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    const answer = await exchange(poolFor(request.url), request, options);
    const coding = answer.headers['content-encoding'];
    if (coding === undefined) return answer;
    return { ...answer, body: await decode(answer.body, coding, options.maxResponseBytes, request.url) };
  }

  function sendOnceOrTwice(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    return SAFE_TO_REPEAT.has(request.method) ? sendTwice(request, options) : send(request, options);
  }

  async function sendTwice(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    const started = performance.now();
    try {
      return await send(request, options);
    } catch (thrown) {
      // A kept-alive connection that the other side closed at that very moment: worth one repeat, if harmless.
      if (!isClosedConnection(thrown)) throw thrown;
      return send(request, { ...options, timeoutMs: options.timeoutMs - (performance.now() - started) });
    }
  }

  return Object.freeze({
    request: (request: OutboundRequest, options: EgressOptions) =>
      options.maxRedirects === undefined
        ? sendOnceOrTwice(request, options)
        : sendAndFollow(request, options),
    async close(): Promise<void> {
      await Promise.allSettled([...pools.values()].map((pool) => pool.close()));
    },
  });

  async function sendAndFollow(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    const started = performance.now();
    let current = request;
    for (let redirects = options.maxRedirects ?? 0; ; redirects -= 1) {
      const timeoutMs = options.timeoutMs - (performance.now() - started);
      const response = await sendOnceOrTwice(current, { ...options, timeoutMs });
      const location = response.headers['location'];
      if (redirects <= 0 || response.status < 300 || response.status > 399 || location === undefined)
        return response;
      current = followRedirect(current, location);
    }
  }
}

function guardedConnector(guard: EgressGuard, url: URL): buildConnector.connector {
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    lookup: guard.lookupFor(url),
    minVersion: 'TLSv1.2',
  });
  return (options, callback) => {
    connect(options, (...[error, socket]: [Error, null] | [null, Socket]) => {
      if (error) {
        callback(error, null);
        return;
      }
      try {
        guard.checkConnected(url, socket.remoteAddress);
      } catch (thrown) {
        socket.destroy();
        callback(thrown as Error, null);
        return;
      }
      callback(null, socket);
    });
  };
}

function followRedirect(request: OutboundRequest, location: string): OutboundRequest {
  if (!URL.canParse(location, request.url.href))
    throw new GatewayError('UpstreamInvalid', `${request.url.host} redirected to an unreadable address.`);
  const url = new URL(location, request.url);
  const sameOrigin = url.origin === request.url.origin;
  const headers = sameOrigin
    ? request.headers
    : Object.fromEntries(
        Object.entries(request.headers).filter(([name]) => SENT_ACROSS_ORIGINS.has(name.toLowerCase())),
      );
  return { method: request.method === 'HEAD' ? 'HEAD' : 'GET', url, headers };
}

function flattenHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    if (typeof value === 'string') flat[name] = value;
    else flat[name] = name === 'set-cookie' ? (value[0] ?? '') : value.join(', ');
  }
  return flat;
}

/**
 * One exchange by undici's handler interface: no stream objects and no abort signals are made on the way, which is
 * most of what a small call costs. Ends exactly once: with the answer, at the deadline, or when the caller is gone.
 */
function exchange(
  pool: Pool,
  { method, url, headers, body }: OutboundRequest,
  options: EgressOptions,
): Promise<UpstreamResponse> {
  const { signal, timeoutMs, maxResponseBytes } = options;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let received: Record<string, string> = {};
    let controller: Dispatcher.DispatchController | undefined;
    let failure: GatewayError | undefined;
    let isOver = false;

    // The signal's listener stays: signals belong to one call and go with it.
    const finish = (): void => {
      isOver = true;
      clearTimeout(timer);
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
      onResponseData(_controller, chunk) {
        bytes += chunk.length;
        if (bytes > maxResponseBytes) fail(tooLarge(url, maxResponseBytes));
        else chunks.push(chunk);
      },
      onResponseEnd() {
        if (isOver) return;
        finish();
        const whole = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes);
        resolve({ status, headers: received, body: whole });
      },
      onResponseError(_controller, error) {
        fail(nameFault(error, url));
      },
    };
    try {
      pool.dispatch(
        {
          path: url.pathname + url.search,
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
  });
}

const decoders: Readonly<Record<string, (body: Buffer, maxOutputLength: number) => Promise<Buffer>>> =
  Object.freeze({
    gzip: (body, maxOutputLength) => promisify(gunzip)(body, { maxOutputLength }),
    'x-gzip': (body, maxOutputLength) => promisify(gunzip)(body, { maxOutputLength }),
    deflate: (body, maxOutputLength) => promisify(inflate)(body, { maxOutputLength }),
    br: (body, maxOutputLength) => promisify(brotliDecompress)(body, { maxOutputLength }),
  });

/** We never ask for compression, but some servers compress all the same. One coding at most: chains are bombs. */
async function decode(body: Buffer, coding: string, maxBytes: number, url: URL): Promise<Buffer> {
  const name = coding.trim().toLowerCase();
  if (name === '' || name === 'identity' || body.length === 0) return body;
  const decoder = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
  if (!decoder)
    throw new GatewayError(
      'UpstreamInvalid',
      `${url.host} answered in a content coding that is not supported.`,
    );
  try {
    return await decoder(body, maxBytes);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(url, maxBytes);
    throw new GatewayError(
      'UpstreamInvalid',
      `${url.host} answered with a body that cannot be decompressed.`,
      { cause: thrown },
    );
  }
}

function tooLarge(url: URL, maxBytes: number): GatewayError {
  return new GatewayError('UpstreamInvalid', `${url.host} answered with more than ${maxBytes} bytes.`);
}

function timedOut(url: URL, timeoutMs: number): GatewayError {
  return new GatewayError(
    'UpstreamTimeout',
    `${url.host} did not answer within ${Math.round(timeoutMs / 100) / 10} s.`,
  );
}

function givenUp(url: URL): GatewayError {
  return new GatewayError('UpstreamTimeout', `The call to ${url.host} was given up.`);
}

function isClosedConnection(thrown: unknown): boolean {
  const cause = thrown instanceof GatewayError ? thrown.cause : thrown;
  if (!(cause instanceof Error) || !('code' in cause)) return false;
  return cause.code === 'UND_ERR_SOCKET' || cause.code === 'ECONNRESET' || cause.code === 'EPIPE';
}

/** Every foreign fault gets one of our names here; what the socket said goes to the log only. */
function nameFault(thrown: unknown, url: URL): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const internal = thrown instanceof Error ? `${code} ${thrown.message}` : String(thrown);
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return new GatewayError(
      'UpstreamRefused',
      `${url.host} could not be reached: no connection in ${CONNECT_TIMEOUT_MS / 1000} s.`,
      { cause: thrown, internal },
    );
  if (['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code))
    return new GatewayError('UpstreamRefused', `${url.host} could not be reached.`, {
      cause: thrown,
      internal,
    });
  if (/CERT|TLS|SSL|SELF_SIGNED/.test(code))
    return new GatewayError(
      'UpstreamRefused',
      `${url.host} could not be reached: its TLS certificate is not trusted.`,
      { cause: thrown, internal },
    );
  return new GatewayError('UpstreamInvalid', `${url.host} broke off or sent something that is not HTTP.`, {
    cause: thrown,
    internal,
  });
}
