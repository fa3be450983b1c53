// Content codings (RFC 9110 §8.4), decoded within a limit.

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { GatewayError } from '../core/errors.ts';
import { tooLarge } from './faults.ts';

const decoders: Readonly<Record<string, (body: Buffer, maxOutputLength: number) => Promise<Buffer>>> =
  Object.freeze({
    gzip: (body, maxOutputLength) => promisify(gunzip)(body, { maxOutputLength }),
    'x-gzip': (body, maxOutputLength) => promisify(gunzip)(body, { maxOutputLength }),
    deflate: (body, maxOutputLength) => promisify(inflate)(body, { maxOutputLength }),
    br: (body, maxOutputLength) => promisify(brotliDecompress)(body, { maxOutputLength }),
  });

/** We never ask for compression, but some servers compress all the same. One coding at most: chains are bombs. */
export async function decode(body: Buffer, coding: string, maxBytes: number, url: URL): Promise<Buffer> {
  const name = coding.trim().toLowerCase();
  if (name === '' || name === 'identity' || body.length === 0) return body;
  const decoder = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
  if (!decoder)
    throw new GatewayError(
      'UpstreamInvalid',
      `${url.host} answered in a content coding that is not supported.`,
    );
  try {
    return await decoder(body, maxBytes);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(url, maxBytes);
    throw new GatewayError(
      'UpstreamInvalid',
      `${url.host} answered with a body that cannot be decompressed.`,
      { cause: thrown },
    );
  }
}
