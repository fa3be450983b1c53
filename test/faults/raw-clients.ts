// Clients on bare sockets: they send as little as they like of a request, read as slowly as they like, and stay. What the
// rows about sockets and memory are made of; knows no row.

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { closing } from '../support/process.ts';
import { pause } from './row.ts';

export interface RawClient {
  readonly socket: Socket;
  /** Everything that came, or its beginning (4 KiB). */
  readonly text: () => string;
  /** Bytes that came. */
  readonly received: () => number;
  /** Whether the other side has let go of it, by an end or a reset. */
  readonly isGone: () => boolean;
}

/** Opens a connection; resolves also when it is refused, with a client that is gone. */
export function openRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let [text, received, isGone] = ['', 0, false];
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (text.length < 4_096) text += chunk.toString('latin1', 0, 4_096);
  });
  for (const end of ['end', 'close', 'error']) socket.on(end, () => (isGone = true));
  closing.push(() => socket.destroy());
  const client = { socket, text: () => text, received: () => received, isGone: () => isGone };
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(client));
    socket.once('error', () => resolve(client));
  });
}

/** The bytes of a `tools/call`. */
export function rawCall(url: string, tool: string, q: string): string {
  const { host, pathname } = new URL(url);
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: tool, arguments: { q } },
  });
  return `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Writes a little every now and then, for as long as the connection is there. */
export async function drip(client: RawClient, piece: () => string, everyMs: number): Promise<void> {
  while (!client.isGone() && !client.socket.destroyed) {
    client.socket.write(piece());
    await pause(everyMs);
  }
}

/** Reads a chunk every now and then: the system's buffers fill, and the sender has to wait. */
export async function readSlowly({ socket }: RawClient, everyMs: number): Promise<void> {
  socket.on('data', () => socket.pause());
  while (!socket.destroyed) {
    await pause(everyMs);
    socket.resume();
  }
}
