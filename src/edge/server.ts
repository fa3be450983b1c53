// The listening sockets: limits and time-outs against slow and malformed clients, routing between the data plane and
// the web application, graceful drain. HTTP/1.1 only.

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { HttpBindings } from '@hono/node-server';
import { handleDataPlane } from './data-plane.ts';
import type { DataPlaneServices } from './data-plane.ts';
import { routeOf } from './routes.ts';

const LIMITS = Object.freeze({
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
});

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
  let handle: (request: IncomingMessage, response: ServerResponse) => void = refuse;
  const server = createServer(LIMITS, (request, response) => handle(request, response));
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
  handle = route(options.handlers({ host: options.host, port }));
  return Object.freeze({ host: options.host, port, drain: (graceMs: number) => drain(server, graceMs) });
}

function route(handlers: Handlers): (request: IncomingMessage, response: ServerResponse) => void {
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
    if (dataPlane && found) void handleDataPlane(found, request, response, dataPlane);
    else void web(request, response);
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

async function drain(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const forced = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(forced);
}
