// JSON-RPC 2.0 messages between this gateway and a server: read strictly, since two readers must not see two things
// (core/strict-json.ts), and written. Knows no method and no transport.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { RelayedError } from '../../core/relay.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';

/** Largest message that is taken from a server. */
export const MAX_MESSAGE_BYTES = 6 * 1024 * 1024;
const MAX_DEPTH = 128;
/** Tables of numbers have many; what has more holds up the calls of others for too long. */
const MAX_VALUES = 500_000;
const MAX_BATCH = 100;
const MAX_ERROR_TEXT = 4_000;

export type MessageId = string | number | bigint;

export type Message =
  | { readonly kind: 'result'; readonly id: MessageId; readonly result: JsonObject }
  | { readonly kind: 'error'; readonly id: MessageId | undefined; readonly error: RelayedError }
  | { readonly kind: 'request'; readonly id: MessageId; readonly method: string; readonly params: JsonObject }
  | { readonly kind: 'notification'; readonly method: string; readonly params: JsonObject };

/**
 * The messages of a text: one, or the members of a batch (2025-03-26).
 * @throws GatewayError UpstreamInvalid
 */
export function parseMessages(bytes: Uint8Array, label: string): readonly Message[] {
  let value: JsonValue;
  try {
    value = parseStrictJson(bytes, { lossless: true, maxDepth: MAX_DEPTH, maxValues: MAX_VALUES });
  } catch (cause) {
    const isTooLarge = cause instanceof GatewayError && cause.code === 'TooLarge';
    const what = isTooLarge ? `more than ${MAX_VALUES} values at once` : 'something that is not valid JSON';
    throw new GatewayError('UpstreamInvalid', `${label} sent ${what}.`, { cause });
  }
  const members = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  if (members.length > MAX_BATCH)
    throw new GatewayError('UpstreamInvalid', `${label} sent more than ${MAX_BATCH} messages at once.`);
  return members.map((member) => {
    const message = toMessage(member);
    if (message) return message;
    throw new GatewayError('UpstreamInvalid', `${label} sent something that is not a JSON-RPC message.`);
  });
}

function toMessage(value: JsonValue): Message | undefined {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const { method, params = {}, result, error } = value;
  const id: unknown = value['id'];
  if (typeof method === 'string') {
    if (!isJsonObject(params)) return undefined;
    if (id === undefined) return { kind: 'notification', method, params };
    return isId(id) ? { kind: 'request', id, method, params } : undefined;
  }
  if (isJsonObject(error)) {
    const { code, message, data } = error;
    if (typeof code !== 'number' || !Number.isInteger(code)) return undefined;
    const text = typeof message === 'string' ? message.slice(0, MAX_ERROR_TEXT) : '';
    return { kind: 'error', id: isId(id) ? id : undefined, error: new RelayedError(code, text, data) };
  }
  return isId(id) && isJsonObject(result) ? { kind: 'result', id, result } : undefined;
}

function isId(id: unknown): id is MessageId {
  return typeof id === 'string' || typeof id === 'bigint' || (typeof id === 'number' && Number.isInteger(id));
}

/** A message on its way to a server. */
export interface Outgoing {
  readonly id?: MessageId;
  readonly method?: string;
  readonly params?: JsonObject;
  readonly result?: JsonObject;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonValue };
}

/** Its text, without line breaks. */
export function formatMessage(message: Outgoing): string {
  return stringifyLossless({ jsonrpc: '2.0', ...message });
}
