// The listening sockets: limits and time-outs against slow and malformed clients, routing between the data plane and
// the web application, graceful drain. HTTP/1.1 only.

import { ServerResponse, createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { HttpBindings } from '@hono/node-server';
import { handleDataPlane } from './data-plane.ts';
import type { DataPlaneServices } from './data-plane.ts';
import { letOthersAccept } from './fair-accept.ts';
import { routeOf } from './routes.ts';
import { warmTicks } from './warm-ticks.ts';

const LIMITS = Object.freeze({
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
});

/** A turn of the event loop in which nothing was accepted or answered, and how many are waited for one. */
const QUIET_TURN_MS = 0.2;
const MAX_TURNS = 200;

/** Calls that may wait for the house to be open; those beyond are told to come again. */
const MAX_EARLY = 1_000;

/** How long clients that keep their connections are told to let go of them before those are closed (milliseconds). */
const TELLING_MS = 500;

/** For the last answer to arrive: destroying a socket at once could overtake it. */
const LINGER_MS = 1_000;

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, lets what runs finish, and closes what is left after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /**
   * Fulfils when there is something to serve. Calls that come before wait for it: the port has to be known earlier, and
   * that a gateway does not exist must not be said by a process that has not looked yet.
   */
  readonly opened: Promise<void>;
  /** Other processes accept from the same socket. */
  readonly isShared?: boolean;
  /** Made once the port is known, because URLs and origins depend on it. */
  readonly handlers: (address: { readonly host: string; readonly port: number }) => Handlers;
}

export interface Handlers {
  /** Absent on a listener for the control plane only. */
  readonly dataPlane?: DataPlaneServices;
  readonly gatewayDomain?: string;
  readonly web: Hono<{ Bindings: HttpBindings }>;
}

/** Opens a listener. @throws the system's error when the address is taken or not ours. */
export async function listen(options: ListenOptions): Promise<Listener> {
  await warmTicks();
  let handle: (request: IncomingMessage, response: ServerResponse) => void = refuse;
  const leaving = { isLeaving: false };
  const server = createServer({ ...LIMITS, ServerResponse: responseClass(leaving) }, (request, response) =>
    handle(request, response),
  );
  server.on('clientError', answerMalformed);
  // No `upgrade` listener: an offer to upgrade is ignored and the request answered (RFC 9110 §7.8). Java's own client
  // offers HTTP/2 with its first request to every plain address.
  server.on('connect', (_request, socket: Socket) =>
    closeWith(socket, 'HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n'),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const handlers = options.handlers({ host: options.host, port });
  handle = route(handlers, options.opened);
  const { dataPlane } = handlers;
  if (options.isShared === true && dataPlane)
    server.on(
      'connection',
      letOthersAccept(() => dataPlane.overload.inFlight === 0),
    );
  return Object.freeze({
    host: options.host,
    port,
    drain: (graceMs: number) => drain(server, leaving, graceMs),
  });
}

/** Answers that say `Connection: close` once the listener is leaving, also to requests that came before. */
function responseClass(listener: { readonly isLeaving: boolean }): typeof ServerResponse<IncomingMessage> {
  return class extends ServerResponse<IncomingMessage> {
    override writeHead(...given: readonly never[]): this {
      if (listener.isLeaving) this.shouldKeepAlive = false;
      return super.writeHead.apply(this, given as unknown as Parameters<ServerResponse['writeHead']>);
    }
  };
}

function route(
  handlers: Handlers,
  opened: Promise<void>,
): (request: IncomingMessage, response: ServerResponse) => void {
  let early: number | undefined = 0;
  void opened.then(() => (early = undefined));
  const web = getRequestListener(handlers.web.fetch, { overrideGlobalObjects: false });
  const { dataPlane, gatewayDomain } = handlers;
  return (request, response) => {
    const target = request.url ?? '/';
    // Absolute-form targets are for proxies; what they mean for signatures and routing is ambiguous.
    if (!target.startsWith('/')) {
      response
        .writeHead(400, { 'content-type': 'text/plain' })
        .end('The request target must begin with a slash.\n');
      return;
    }
    const question = target.indexOf('?');
    const path = question < 0 ? target : target.slice(0, question);
    const found = dataPlane && routeOf(path, request.headers.host, gatewayDomain);
    if (!dataPlane || !found) void web(request, response);
    else if (early === undefined) void handleDataPlane(found, request, response, dataPlane);
    else if (early >= MAX_EARLY) refuse(request, response);
    else {
      early += 1;
      void opened.then(() => handleDataPlane(found, request, response, dataPlane));
    }
  };
}

function refuse(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { 'retry-after': '1' }).end();
}

function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) return;
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  closeWith(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Answers and lets go: a client that keeps its half open must not keep the socket. */
function closeWith(socket: Socket, answer: string): void {
  socket.end(answer);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/**
 * Waits for a turn of the event loop that had nothing to do. The system resets connections that were made but not accepted
 * when the listening socket closes; right after such a turn there is hardly one.
 */
async function untilAccepted(): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    const before = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - before < QUIET_TURN_MS) return;
  }
}

/**
 * A client sends its next request over the connection that it has kept, whatever happens at this end: closing it at once
 * costs that request. So connections stay for a moment in which every answer says that it is the last one.
 */
async function drain(server: Server, listener: { isLeaving: boolean }, graceMs: number): Promise<void> {
  await untilAccepted();
  // Not before: whoever is told so connects anew, and has to be refused rather than accepted and reset.
  listener.isLeaving = true;
  const closed = new Promise<void>((resolve) => {
    // HTTP's own `close` would close idle connections at once.
    NetServer.prototype.close.call(server, () => resolve());
  });
  let idle: NodeJS.Timeout | undefined;
  const told = setTimeout(
    () => {
      server.closeIdleConnections();
      idle = setInterval(() => server.closeIdleConnections(), 50);
    },
    Math.min(TELLING_MS, graceMs / 20),
  );
  const forced = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(told);
  clearInterval(idle);
  clearTimeout(forced);
  // Ends the checks for slow clients, which HTTP's own `close` would have ended.
  server.close(() => undefined);
}
