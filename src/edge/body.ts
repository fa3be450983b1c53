// Reads a request's body, bounded. Events rather than async iteration: that costs a fifth of a small request.

import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../core/errors.ts';

/** @throws GatewayError TooLarge as soon as the limit is passed, Malformed when the client breaks off. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const declared = Number(request.headers['content-length']);
    if (declared > maxBytes) {
      reject(tooLarge(maxBytes));
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        request.pause();
        reject(tooLarge(maxBytes));
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes)));
    request.on('error', (cause) => reject(new GatewayError('Malformed', 'The request body broke off.', { cause })));
    request.on('aborted', () => reject(new GatewayError('Malformed', 'The request body broke off.')));
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('TooLarge', `The request body is larger than ${maxBytes} bytes.`);
}
