// Load that takes as little as it can of the machine that it shares with what it measures: kept connections on plain
// sockets, requests made once, answers checked by their first line and length. The whole answer of each kind is read once.

import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** An answer that has not come after this long never will (milliseconds). */
const PATIENCE_MS = 60_000;
const FINE = Buffer.from('HTTP/1.1 200 OK\r\n');

export interface RawLoad {
  /** Makes so many calls, over all connections at once. @throws Error with an answer that was not right */
  load(calls: number): Promise<void>;
  close(): void;
}

/** Connects; `message` is the JSON that each call posts. @throws Error when the first call does not go well */
export async function openRawLoad(
  at: URL,
  headers: Readonly<Record<string, string>>,
  message: object,
  connections: number,
): Promise<RawLoad> {
  const body = JSON.stringify(message);
  const lines = Object.entries({
    host: at.host,
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(`POST ${at.pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  const sockets = await Promise.all(Array.from({ length: connections }, () => connected(at)));
  const bytes = await learnLength(sockets[0], request);
  return {
    load(calls) {
      let left = calls;
      const client = async (socket: Socket): Promise<void> => {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        let received = 0;
        const next = (): void => {
          if (left === 0) return resolve();
          left -= 1;
          received = 0;
          socket.write(request);
        };
        const take = (chunk: Buffer): void => {
          if (received === 0 && chunk.compare(FINE, 0, FINE.length, 0, FINE.length) !== 0)
            return reject(new Error(chunk.toString('utf8', 0, 600)));
          received += chunk.length;
          if (received === bytes) next();
          else if (received > bytes) reject(new Error(`an answer of more than ${bytes} bytes`));
        };
        const lose = (): void => reject(new Error('a connection was closed'));
        socket.on('data', take).on('close', lose);
        next();
        const patience = setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
        try {
          await promise;
        } finally {
          clearTimeout(patience);
          socket.off('data', take).off('close', lose);
        }
      };
      return Promise.all(sockets.map(client)).then(() => undefined);
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function connected(at: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: at.hostname, port: Number(at.port), noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

/** One call, read whole: every later answer is as long, since only ids and times of a fixed length differ. */
async function learnLength(socket: Socket | undefined, request: Buffer): Promise<number> {
  if (!socket) throw new Error('there is no connection');
  let text = '';
  const answered = new Promise<number>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text) ?? [];
      if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
      socket.off('data', take);
      resolve(head + 4 + Number(length));
    };
    socket.on('data', take);
    setTimeout(() => reject(new Error(`no whole answer: ${text.slice(0, 600)}`)), PATIENCE_MS).unref();
  });
  socket.write(request);
  const length = await answered;
  if (!text.startsWith(FINE.toString()) || !text.includes('"isError":false'))
    throw new Error(text.slice(0, 600));
  return length;
}
