// Raw JSON-RPC over HTTP, in the words of both eras: for what an official client would never send.

import type { JsonObject } from '../../src/core/json.ts';

export const MODERN = '2026-07-28';
export const LEGACY_VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const;

/** An answer as it was parsed, every member perhaps missing. */
export interface RawMessage {
  readonly id?: unknown;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly supported?: string[] };
  };
  readonly result?: {
    readonly resultType?: string;
    readonly protocolVersion?: string;
    readonly supportedVersions?: string[];
    readonly tools?: readonly { readonly name: string }[];
    readonly nextCursor?: string;
    readonly content?: readonly { readonly type: string; readonly text?: string }[];
    readonly structuredContent?: JsonObject;
    readonly isError?: boolean;
    readonly _meta?: JsonObject;
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; throws when it is none. */
  readonly json: RawMessage;
}

/** POSTs a body as it is. `null` as a header's value leaves a default out. */
export async function post(
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string | null> = {},
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const sent = Object.entries({ 'content-type': 'application/json', ...headers }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  const response = await fetch(url, {
    method: 'POST',
    headers: sent,
    // Without a type of its own: fetch adds one to strings only.
    body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(body),
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json() {
      return JSON.parse(text) as RawMessage;
    },
  };
}

/** One request of an earlier revision; `version` undefined sends no version header. */
export const legacy = (
  url: string,
  method: string,
  params?: JsonObject,
  version?: string,
  id: unknown = 1,
): Promise<RawAnswer> =>
  post(
    url,
    JSON.stringify({ jsonrpc: '2.0', id, method, ...(params ? { params } : {}) }),
    version === undefined ? {} : { 'mcp-protocol-version': version },
  );

interface ModernBody {
  jsonrpc: unknown;
  id?: unknown;
  method: string;
  params: Record<string, unknown>;
}

/** A modern request's body and headers, complete and right. */
export function modernParts(method: string, params: JsonObject = {}, id: unknown = 1) {
  const name = params['name'];
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  };
  const headers: Record<string, string | null> = {
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': MODERN,
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
  };
  return {
    body: { jsonrpc: '2.0', id, method, params: { ...params, _meta } } as ModernBody,
    headers,
  };
}

/** One request of 2026-07-28. */
export function modern(
  url: string,
  method: string,
  params: JsonObject = {},
  headers: Record<string, string | null> = {},
): Promise<RawAnswer> {
  const parts = modernParts(method, params);
  return post(url, JSON.stringify(parts.body), { ...parts.headers, ...headers });
}
