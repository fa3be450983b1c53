// An HTTP API on bare sockets: it can answer anything at all, byte by byte, or not; go away and come back on its port.
// What it was asked is counted by path and argument. Its paths are its ways to misbehave (Misbehaviour by name).

import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { closing } from '../support/process.ts';

/** What is done with a request on its socket. */
export type Misbehaviour = (socket: Socket, q: string, turn: number) => void;

export interface HostileUpstream {
  readonly url: string;
  /** How a path is answered from now on; others get `{"ok":"<q>"}`. */
  on(path: string, misbehave: Misbehaviour | undefined): void;
  /** Requests so far, by `path?q`. */
  readonly asked: ReadonlyMap<string, number>;
  /** Query parameters `key` that came with each argument. */
  readonly keys: ReadonlyMap<string, ReadonlySet<string>>;
  total(): number;
  readonly connections: number;
  /** No longer accepts, and ends what is open. */
  close(): Promise<void>;
  reopen(): Promise<void>;
}

/** A well-formed answer. */
export const answerWith = (socket: Socket, status: number, body: string, more = ''): void =>
  void socket.write(
    `HTTP/1.1 ${status} Any\r\ncontent-type: application/json\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );

/** The answer of a path that does as it should. */
export const well: Misbehaviour = (socket, q) => answerWith(socket, 200, JSON.stringify({ ok: q }));

/** Opens one on a free port; closed with the row. */
export async function openHostileUpstream(): Promise<HostileUpstream> {
  const ways = new Map<string, Misbehaviour>();
  const asked = new Map<string, number>();
  const keys = new Map<string, Set<string>>();
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      // Requests here have no body: a head is all of it.
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const target = text.split(' ', 2)[1] ?? '/';
        text = text.slice(end + 4);
        const { pathname, searchParams } = new URL(target, 'http://upstream');
        const q = searchParams.get('q') ?? '';
        const key = `${pathname}?${q}`;
        asked.set(key, (asked.get(key) ?? 0) + 1);
        const shown = searchParams.get('key');
        if (shown !== null) keys.set(q, (keys.get(q) ?? new Set<string>()).add(shown));
        turn += 1;
        (ways.get(pathname) ?? well)(socket, q, turn);
      }
    });
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  closing.push(close);
  return {
    url: `http://127.0.0.1:${port}`,
    on: (path, misbehave) => (misbehave ? void ways.set(path, misbehave) : void ways.delete(path)),
    asked,
    keys,
    total: () => [...asked.values()].reduce((sum, count) => sum + count, 0),
    get connections() {
      return sockets.size;
    },
    close,
    reopen: () => listen(port),
  };
}
