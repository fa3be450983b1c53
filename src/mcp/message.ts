// JSON-RPC 2.0 messages of the Model Context Protocol: parse, classify, format. Which era a request belongs to is
// decided here, from its body first (MCP 2026-07-28, transports, "Backward Compatibility").

import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import { parseStrictJson } from '../core/strict-json.ts';

/** A whole number of any size: what is too long for a double is a bigint. */
export type MessageId = string | number | bigint;

export interface RpcRequest {
  readonly kind: 'request';
  readonly id: MessageId;
  readonly method: string;
  readonly params: JsonObject;
}

export interface RpcNotification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonObject;
}

export interface RpcResponse {
  readonly kind: 'response';
  readonly id: MessageId;
  /** JSON text of `{ result }` or `{ error }`. */
  readonly outcome: string;
}

export type RpcMessage = RpcRequest | RpcNotification | RpcResponse;

/**
 * Reads a body strictly (no duplicate members, bounded depth); long integers keep all their digits.
 * @throws GatewayError Malformed with the place of the fault
 */
export function parseBody(body: Uint8Array): JsonValue {
  return parseStrictJson(body, { lossless: true });
}

/** One message of a body, or undefined when it is none (JSON-RPC 2.0 §4; MCP forbids a null id). */
export function toMessage(value: JsonValue): RpcMessage | undefined {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const { method, id, params } = value;
  if (typeof method !== 'string') return method === undefined && isId(id) ? toResponse(id, value) : undefined;
  if (params !== undefined && !isJsonObject(params)) return undefined;
  if (!Object.hasOwn(value, 'id')) return { kind: 'notification', method, params: params ?? {} };
  return isId(id) ? { kind: 'request', id, method, params: params ?? {} } : undefined;
}

/** Either a result or an error; null counts as absent, since some clients write both members. */
function toResponse(id: MessageId, { result, error }: JsonObject): RpcResponse | undefined {
  const isEither = (result ?? undefined) === undefined || (error ?? undefined) === undefined;
  if (!isEither || (result === undefined && error === undefined)) return undefined;
  return { kind: 'response', id, outcome: stringifyLossless({ result, error }) };
}

/** The id of something that may be no valid message: error answers echo it wherever it could be read. */
export function readableId(value: JsonValue): MessageId | undefined {
  const id: unknown = isJsonObject(value) ? value['id'] : undefined;
  return isId(id) ? id : undefined;
}

/** An id, or a progress token: a text or a whole number. */
export function isId(id: unknown): id is MessageId {
  return typeof id === 'string' || typeof id === 'bigint' || (typeof id === 'number' && Number.isInteger(id));
}

/** `params._meta`, when it is an object. */
export function metaOf(params: JsonObject): JsonObject | undefined {
  return isJsonObject(params['_meta']) ? params['_meta'] : undefined;
}

/** An answer whose result is JSON text already. */
export function formatResult(id: MessageId, resultText: string): string {
  return `{"jsonrpc":"2.0","id":${typeof id === 'bigint' ? id.toString() : JSON.stringify(id)},"result":${resultText}}`;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonValue;
}

/** An error answer. AgentCore writes id 0 where no id could be read yet; JSON-RPC's own null is for bodies that are no message. */
export function formatError(id: MessageId | null, error: RpcError): string {
  return stringifyLossless({ jsonrpc: '2.0', id, error });
}
