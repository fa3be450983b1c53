// The modern era's own rules (MCP 2026-07-28): the envelope in `_meta`, and headers that must say what the body says,
// because intermediaries route on them. Order of the checks as the specification's tests expect it.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { META_CAPABILITIES, META_LOG_LEVEL, META_VERSION } from '../core/relay.ts';
import {
  HEADER_MISMATCH,
  INVALID_PARAMS,
  INVALID_REQUEST,
  ProtocolError,
  UNSUPPORTED_VERSION,
} from './error-response.ts';
import { LOG_LEVELS } from '../core/log-levels.ts';
import { metaOf } from './message.ts';
import type { RpcRequest } from './message.ts';

export type Headers = Readonly<Record<string, readonly string[] | undefined>>;

/** Whether a request claims the modern era in its body: the key is there, whatever its value. */
export function claimsModern(params: JsonObject): boolean {
  const meta = metaOf(params);
  return meta !== undefined && Object.hasOwn(meta, META_VERSION);
}

/**
 * Checks a modern request's envelope and headers.
 * @param named the body's value that `Mcp-Name` has to repeat, for methods that have one
 * @throws ProtocolError −32602 (envelope), −32020 (headers), −32022 (version), all with HTTP 400
 */
export function checkModern(request: RpcRequest, headers: Headers, supported: readonly string[]): void {
  const meta = metaOf(request.params);
  const version = meta?.[META_VERSION];
  if (typeof version !== 'string')
    throw new ProtocolError(400, INVALID_PARAMS, `params._meta["${META_VERSION}"] must be a string`);
  if (!isJsonObject(meta?.[META_CAPABILITIES]))
    throw new ProtocolError(400, INVALID_PARAMS, `params._meta["${META_CAPABILITIES}"] must be an object`);
  const level = meta?.[META_LOG_LEVEL];
  if (level !== undefined && (typeof level !== 'string' || !LOG_LEVELS.includes(level)))
    throw new ProtocolError(400, INVALID_PARAMS, `params._meta["${META_LOG_LEVEL}"] is not a log level`);
  const versionHeader = single(headers, 'mcp-protocol-version');
  if (versionHeader !== undefined && versionHeader !== version)
    throw mismatch('MCP-Protocol-Version differs from the version in the body');
  if (!supported.includes(version))
    throw new ProtocolError(
      400,
      UNSUPPORTED_VERSION,
      `Protocol version ${printable(version)} is not supported`,
      {
        supported: [...supported],
        requested: version,
      },
    );
  if (versionHeader === undefined) throw mismatch('the MCP-Protocol-Version header is missing');
  if (single(headers, 'mcp-method') !== request.method)
    throw mismatch('the Mcp-Method header is missing or differs from the method in the body');
  const named = NAMED_BY.get(request.method);
  if (named === undefined) return;
  const name = single(headers, 'mcp-name');
  if (name === undefined || decodeHeader(name, 'Mcp-Name') !== request.params[named])
    throw mismatch(`the Mcp-Name header is missing or differs from params.${named} in the body`);
}

const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** A header that may stand at most once. @throws ProtocolError when it stands twice. */
export function single(headers: Headers, name: string): string | undefined {
  const values = headers[name];
  if (values !== undefined && values.length > 1)
    throw new ProtocolError(400, INVALID_REQUEST, `the ${name} header is repeated`);
  return values?.[0];
}

/** Plain text, or `=?base64?…?=` with strict base64 of UTF-8. @throws ProtocolError when the encoding is broken. */
export function decodeHeader(value: string, header: string): string {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const encoded = value.slice('=?base64?'.length, -2);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) throw mismatch(`the ${header} header is not valid base64`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw mismatch(`the ${header} header is not valid UTF-8`);
  }
}

/** The error for a header that does not say what the body says. */
export function mismatch(what: string): ProtocolError {
  return new ProtocolError(400, HEADER_MISMATCH, `Header mismatch: ${what}`);
}

function printable(text: string): string {
  return text.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}

/** @throws ProtocolError 415 for a body that is not plain JSON in UTF-8 */
export function checkContentType(headers: Headers): void {
  if (headers['content-encoding'] !== undefined)
    throw new ProtocolError(415, INVALID_REQUEST, 'Compressed request bodies are not accepted');
  const value = single(headers, 'content-type');
  if (value === 'application/json') return;
  const [type = '', ...parameters] = (value ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (type !== 'application/json' || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)))
    throw new ProtocolError(415, INVALID_REQUEST, 'The Content-Type must be application/json (UTF-8)');
}
