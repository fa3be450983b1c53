// One `tools/call` by hand, and the consent that its answer may ask for.

import type { JsonObject } from '../../src/core/json.ts';

/** A JSON-RPC answer to a call. */
export interface CallAnswer {
  readonly status: number;
  readonly result?: JsonObject;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonObject };
}

/** One `tools/call` of a client of 2025-11-25 without a session. */
export async function callTool(
  url: string,
  token: string,
  name: string,
  meta?: JsonObject,
): Promise<CallAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 24,
      method: 'tools/call',
      params: { name, arguments: {}, ...(meta ? { _meta: meta } : {}) },
    }),
  });
  const text = await response.text();
  return { status: response.status, ...(text === '' ? {} : (JSON.parse(text) as object)) };
}

/** The address that a call sends its user to. */
export function linkOf({ error }: CallAnswer): string {
  const [elicitation] = (error?.data?.['elicitations'] ?? []) as readonly { readonly url: string }[];
  if (error?.code !== -32_042 || !elicitation)
    throw new Error(`no consent was asked for: ${JSON.stringify(error)}`);
  return elicitation.url;
}
