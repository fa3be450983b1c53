// Reads a request's body, bounded. Events rather than async iteration: that costs a fifth of a small request.

import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../core/errors.ts';

/** @throws GatewayError TooLarge as soon as the limit is passed, Malformed when the client breaks off. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      request.off('data', take).off('end', finish).off('close', breakOff).off('error', breakOff);
    };
    const fail = (fault: GatewayError): void => {
      stop();
      request.pause();
      reject(fault);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const finish = (): void => {
      stop();
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    const breakOff = (cause?: Error): void =>
      fail(
        new GatewayError('Malformed', 'The request body broke off.', cause === undefined ? {} : { cause }),
      );
    // Gone while somebody was still finding out who is calling: no event will come any more.
    if (request.destroyed) breakOff();
    else if (Number(request.headers['content-length']) > maxBytes) fail(tooLarge(maxBytes));
    else request.on('data', take).on('end', finish).on('close', breakOff).on('error', breakOff);
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('TooLarge', `The request body is larger than ${maxBytes} bytes.`);
}
