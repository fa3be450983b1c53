// Files as arguments: base64 text, a `data:` URL (RFC 2397), or `{ data, filename?, contentType? }`.
// Decoding is strict: a file that cannot be read exactly is refused, never sent damaged.

import { invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';

export interface FileArgument {
  readonly bytes: Buffer;
  readonly filename?: string;
  readonly contentType?: string;
}

/** Reads a file from an argument. @throws GatewayError Validation naming the argument. */
export function parseFile(argument: string, value: JsonValue): FileArgument {
  if (isJsonObject(value)) {
    const { data, filename, contentType } = value;
    if (typeof data !== 'string') throw invalidField(argument, 'needs `data`: the content as base64 text.');
    const file = parseFile(argument, data);
    const type = typeof contentType === 'string' ? contentType : file.contentType;
    if (type !== undefined && !isMediaType(type))
      throw invalidField(argument, 'has a `contentType` that is no media type such as `image/png`.');
    return {
      bytes: file.bytes,
      ...(typeof filename === 'string' ? { filename } : {}),
      ...(type === undefined ? {} : { contentType: type }),
    };
  }
  if (typeof value !== 'string')
    throw invalidField(argument, 'must be the content of a file as base64 text.');
  if (/^data:/i.test(value)) return parseDataUrl(argument, value);
  return { bytes: decodeBase64(argument, value) };
}

/** True for `type/subtype` with optional parameters, safe to stand in a header. */
export function isMediaType(text: string): boolean {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:[ \t]*;[ \t]*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[^"\\\p{Cc}\u2028\u2029]*"))*$/u.test(
    text,
  );
}

function parseDataUrl(argument: string, url: string): FileArgument {
  const comma = url.indexOf(',');
  if (comma < 0) throw invalidField(argument, 'is no complete data: URL.');
  const head = url.slice(5, comma);
  const isBase64 = /;\s*base64\s*$/i.test(head);
  const declared = head.replace(/;\s*base64\s*$/i, '').trim();
  const contentType = declared.startsWith(';') ? `text/plain${declared}` : declared;
  const body = url.slice(comma + 1);
  return {
    bytes: isBase64 ? decodeBase64(argument, body) : decodePercent(argument, body),
    ...(isMediaType(contentType) ? { contentType } : {}),
  };
}

function decodeBase64(argument: string, text: string): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw invalidField(argument, 'must be base64 text (RFC 4648 §4, with padding) or a data: URL.');
  return Buffer.from(text, 'base64');
}

function decodePercent(argument: string, text: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(text))
    throw invalidField(argument, 'is a data: URL with a broken percent escape.');
  const bytes: Buffer[] = [];
  for (const part of text.split(/(%[0-9A-Fa-f]{2})/))
    bytes.push(part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8'));
  return Buffer.concat(bytes);
}
