// An OpenAPI document named on the command line: a file, `-` for standard input, or a URL. Packed ones are unpacked.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';

const MAX_BYTES = 32 * 1024 * 1024;

export type NamedDocument =
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'text'; readonly text: string; readonly path: string };

/** @throws Error that says which file could not be read, and why. */
export function readNamedDocument(named: string): NamedDocument {
  if (/^https?:\/\//i.test(named)) {
    if (!URL.canParse(named)) throw new Error(`${named} is not a URL.`);
    return { kind: 'url', url: new URL(named) };
  }
  if (/^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(named))
    throw new Error(
      `The document ${named} cannot be read from here: give a file or an http or https URL (CreateGatewayTarget also takes s3://).`,
    );
  const path = named === '-' ? 0 : named.startsWith('file://') ? new URL(named) : resolve(named);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (thrown) {
    throw new Error(
      `The document ${named} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
  if (bytes.length > MAX_BYTES) throw new Error(`The document ${named} is larger than ${MAX_BYTES} bytes.`);
  return { kind: 'text', text: bytes.toString('utf8'), path: named };
}
