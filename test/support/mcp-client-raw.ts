// Bytes over a bare socket, for what no HTTP client would send.

import { connect } from 'node:net';

/** Sends `text` as latin1 and gives everything that came back until the server closed, or a whole answer stood there. */
export function sendRaw(
  port: number,
  text: string,
  isDone: (received: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (isDone(received)) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(received));
  });
}

/** Status codes of all answers on a connection, in order. */
export const statusesOf = (received: string): number[] =>
  [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== 100);
