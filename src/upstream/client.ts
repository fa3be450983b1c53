// The one outbound client. Everything that leaves the process goes through here: pooled connections, the egress
// rules at each connect, deadlines, bounded bodies, no redirects unless asked for. Proxy variables of the
// environment are not read. Knows HTTP, and nothing of tools, tokens or targets.

import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Pool, buildConnector } from 'undici';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type {
  Egress,
  EgressOptions,
  OutboundRequest,
  StreamOptions,
  UpstreamResponse,
  UpstreamStream,
} from '../core/outbound.ts';
import { createAnswerRoom } from './answer-room.ts';
import { exchange } from './exchange.ts';
import { CONNECT_TIMEOUT_MS, isClosedConnection } from './faults.ts';
import type { EgressGuard } from './guard.ts';
import { createRetryBudget } from './retry-budget.ts';
import { openStream } from './stream.ts';

const CONNECTIONS_PER_ORIGIN = 1_000;
/** Streams hold their connections for as long as they last: they must not wait for each other. */
const STREAMS_PER_ORIGIN = 4_096;
const ORIGINS_KEPT = 1_000;
const SAFE_TO_REPEAT: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const SENT_ACROSS_ORIGINS: ReadonlySet<string> = new Set(['accept', 'user-agent']);

export interface EgressClient extends Egress {
  /** For figures. */
  connections(): EgressConnections;
  close(): Promise<void>;
}

export interface EgressConnections {
  /** Open connections, by what they do. */
  readonly open: ReadonlyMap<'busy' | 'idle', number>;
  /** Requests that wait for a connection, and answers that wait for room in memory. */
  readonly waiting: ReadonlyMap<'answer' | 'request', number>;
}

export interface EgressClientOptions {
  readonly guard: EgressGuard;
}

/** Opens the client; connections are made on use and closed when idle. */
export function createEgressClient({ guard }: EgressClientOptions): EgressClient {
  const pools = createPools();
  const streamPools = createPools();
  const budget = createRetryBudget();
  const room = createAnswerRoom();

  /** The pool of an origin. Only origins that the rules allow get one, so it is checked once, not at each call. */
  function poolFor(url: URL): Pool {
    return poolIn(pools, CONNECTIONS_PER_ORIGIN, url);
  }

  function poolIn(pools: LRUCache<string, Pool>, connections: number, url: URL): Pool {
    const known = pools.get(url.origin);
    if (known && url.username === '') return known;
    guard.checkUrl(url);
    const pool = new Pool(url.origin, {
      connections,
      connect: guardedConnector(guard, new URL(url.origin)),
      pipelining: 1,
    });
    pools.set(url.origin, pool);
    return pool;
  }

  /** No async function: the one promise is that of the exchange. */
  function send(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    let pool: Pool;
    try {
      pool = poolFor(request.url);
    } catch (thrown) {
      return Promise.reject(toGatewayError(thrown));
    }
    return exchange(pool, request, options, room);
  }

  function sendOnceOrTwice(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    return SAFE_TO_REPEAT.has(request.method) ? sendTwice(request, options) : send(request, options);
  }

  async function sendTwice(request: OutboundRequest, options: EgressOptions): Promise<UpstreamResponse> {
    const started = performance.now();
    budget.earn();
    try {
      return await send(request, options);
    } catch (thrown) {
      // A kept-alive connection that the other side closed at that very moment: worth one repeat, if harmless.
      if (!isClosedConnection(thrown) || !budget.spend()) throw thrown;
      return send(request, { ...options, timeoutMs: options.timeoutMs - (performance.now() - started) });
    }
  }

  return Object.freeze({
    request: (request: OutboundRequest, options: EgressOptions) =>
      options.maxRedirects === undefined
        ? sendOnceOrTwice(request, options)
        : sendAndFollow(request, options),
    async stream(request: OutboundRequest, options: StreamOptions): Promise<UpstreamStream> {
      const answer = await openStream(poolIn(streamPools, STREAMS_PER_ORIGIN, request.url), request, options);
      const coding = answer.headers['content-encoding'];
      // Events come one by one; a compressed stream would hold them back, and none was asked for.
      if (coding === undefined || coding === 'identity') return answer;
      answer.cancel();
      throw new GatewayError(
        'UpstreamInvalid',
        `${request.url.host} answered in a coding that was not asked for.`,
      );
    },
    connections(): EgressConnections {
      let [idle, busy, queued] = [0, 0, 0];
      for (const { stats } of [...pools.values(), ...streamPools.values()]) {
        idle += stats.free;
        busy += stats.connected - stats.free;
        queued += stats.queued;
      }
      return {
        open: new Map([
          ['busy', busy],
          ['idle', idle],
        ]),
        waiting: new Map([
          ['answer', room.waiting],
          ['request', queued],
        ]),
      };
    },
    async close(): Promise<void> {
      await Promise.allSettled([...pools.values(), ...streamPools.values()].map((pool) => pool.destroy()));
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

function createPools(): LRUCache<string, Pool> {
  return new LRUCache<string, Pool>({
    max: ORIGINS_KEPT,
    dispose: (pool) => void pool.close().catch(() => undefined),
  });
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
