// An HTTP proxy (RFC 9110 §9.3.6, RFC 9112 §3.2.2) for programs without a network: each connection it makes obeys the
// egress rules. A tunnel to a public address has to begin with TLS, as targets of the gateway have to be https.

import { createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, createServer as createSocketServer } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { EgressProxy } from '../core/egress-proxy.ts';
import { GatewayError } from '../core/errors.ts';
import type { EgressGuard } from './guard.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A tunnel on which nothing happens for this long is closed. */
const IDLE_MS = 5 * 60_000;
/** Connections of one program at a time. */
const MAX_CONNECTIONS = 128;
const TLS_HANDSHAKE = 0x16;
/** For one hop only (RFC 9110 §7.6.1), or for this proxy. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** A proxy by these rules. */
export function createEgressProxy(guard: EgressGuard): EgressProxy {
  return Object.freeze({
    async open(path: string): Promise<() => void> {
      const server = proxyServer(guard);
      const sockets = new Set<Socket>();
      const door = createSocketServer((socket) => {
        if (sockets.size >= MAX_CONNECTIONS) {
          socket.destroy();
          return;
        }
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        server.emit('connection', socket);
      });
      await new Promise<void>((resolve, reject) => {
        door.once('error', reject);
        // Exclusive: to the process that started a worker, the path may mean something else.
        door.listen({ path, exclusive: true }, () => resolve());
      });
      return () => {
        door.close();
        for (const socket of sockets) socket.destroy();
      };
    },
  });
}

function proxyServer(guard: EgressGuard): Server {
  const server = createServer((incoming, response) => forward(guard, incoming, response));
  server.on('connect', (incoming: IncomingMessage, client: Duplex, head: Buffer) =>
    tunnel(guard, incoming, client, head),
  );
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

/** CONNECT: bytes both ways once the address is one that may be reached. */
function tunnel(
  guard: EgressGuard,
  { url: authority = '' }: IncomingMessage,
  client: Duplex,
  head: Buffer,
): void {
  client.on('error', () => undefined);
  const refuse = (status: string, why: string): void => {
    client.end(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(why) + 1}\r\nConnection: close\r\n\r\n${why}\n`,
    );
  };
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+):(\d{1,5})$/i.exec(authority);
  const [, host = '', port = ''] = match ?? [];
  if (!match || !URL.canParse(`https://${authority}`))
    return refuse('400 Bad Request', 'CONNECT needs host:port.');
  const url = new URL(`https://${authority}`);
  try {
    guard.checkUrl(url);
  } catch (thrown) {
    return refuse('403 Forbidden', messageOf(thrown));
  }
  const out = connect({
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    lookup: guard.lookupFor(url),
  });
  out.setTimeout(CONNECT_TIMEOUT_MS, () => out.destroy(new Error('no answer in time')));
  let isOpen = false;
  out.once('error', (fault) => {
    if (isOpen) client.destroy();
    else refuse(isBlocked(fault) ? '403 Forbidden' : '502 Bad Gateway', messageOf(fault));
  });
  client.once('close', () => out.destroy());
  out.once('connect', () => {
    try {
      guard.checkConnected(url, out.remoteAddress);
    } catch (thrown) {
      out.destroy();
      return refuse('403 Forbidden', messageOf(thrown));
    }
    isOpen = true;
    out.setTimeout(IDLE_MS, () => out.destroy());
    out.once('close', () => client.destroy());
    const start = (first: Buffer): void => {
      if (first[0] !== TLS_HANDSHAKE && !mayBePlain(guard, host, port, out.remoteAddress))
        return void client.destroy();
      out.write(first);
      client.pipe(out);
    };
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    out.pipe(client);
    if (head.length > 0) start(head);
    else
      client.once('data', (first: Buffer) => {
        client.pause();
        start(first);
      });
  });
}

/** Addresses that the operator allows may be spoken to without TLS. */
function mayBePlain(guard: EgressGuard, host: string, port: string, address: string | undefined): boolean {
  try {
    const url = new URL(`http://${host}:${port}`);
    guard.checkUrl(url);
    guard.checkConnected(url, address);
    return true;
  } catch {
    return false;
  }
}

/**
 * A request in absolute form: plain http, for addresses that the operator allows. Who answers there is nobody's friend:
 * whatever it sends, and whatever of it cannot be handed on, ends this one request.
 */
function forward(guard: EgressGuard, incoming: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, why: string): void => {
    incoming.resume();
    if (response.headersSent) return void response.destroy();
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${why}\n`);
  };
  const target = incoming.url ?? '';
  if (!/^http:\/\//i.test(target) || !URL.canParse(target))
    return refuse(400, 'This is a proxy: it takes CONNECT, and http:// addresses.');
  const url = new URL(target);
  try {
    guard.checkUrl(url);
  } catch (thrown) {
    return refuse(403, messageOf(thrown));
  }
  let outgoing: ClientRequest;
  try {
    outgoing = httpRequest(url, {
      method: incoming.method,
      headers: { ...withoutHops(incoming.headers), host: url.host },
      lookup: guard.lookupFor(url),
      timeout: IDLE_MS,
      agent: false,
    });
  } catch (thrown) {
    return refuse(400, messageOf(thrown));
  }
  outgoing.once('socket', (socket) =>
    socket.once('connect', () => {
      try {
        guard.checkConnected(url, socket.remoteAddress);
      } catch (thrown) {
        outgoing.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
    }),
  );
  outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
  outgoing.on('error', (fault) => refuse(isBlocked(fault) ? 403 : 502, messageOf(fault)));
  outgoing.once('response', (answer) => {
    answer.on('error', () => response.destroy());
    try {
      const { statusCode = 0 } = answer;
      if (!isFinal(statusCode)) throw new Error(`The server answers with the status ${statusCode}.`);
      response.writeHead(statusCode, withoutHops(answer.headers));
      answer.pipe(response);
    } catch (thrown) {
      refuse(502, messageOf(thrown));
      outgoing.destroy();
    }
  });
  // Nobody asked for another protocol: `Upgrade` is for one hop, and is not handed on.
  outgoing.once('upgrade', (_answer, socket) => {
    socket.on('error', () => undefined);
    socket.destroy();
    refuse(502, 'The server answers with the status 101.');
  });
  response.on('error', () => outgoing.destroy());
  response.once('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** Whether an answer can end with it (RFC 9110 §15); Node.js hands on any three digits, and writes only some. */
function isFinal(status: number): boolean {
  return status >= 200 && status <= 599;
}

function withoutHops<T>(headers: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const kept: Record<string, T> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !HOP_HEADERS.has(name)) kept[name] = value;
  return kept;
}

function isBlocked(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.code === 'UpstreamBlocked';
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
