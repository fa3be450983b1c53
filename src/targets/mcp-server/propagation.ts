// Copies what an operator allow-listed from the client's request to the request to the server. Never replaces what
// the protocol itself has set, and never touches fields that frame the message or repeat its content.

import type { CallContext } from '../../core/call.ts';
import type { OutboundRequest } from '../../core/outbound.ts';
import type { TargetServices } from '../target-type.ts';

const FRAMING: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The request with the allow-listed headers and query parameters of the client added. */
export function propagate(
  request: OutboundRequest,
  { inboundHeaders, inboundQuery }: CallContext,
  { requestHeaders, queryParameters }: TargetServices['propagation'],
): OutboundRequest {
  if (requestHeaders.length === 0 && queryParameters.length === 0) return request;
  const headers: Record<string, string> = { ...request.headers };
  for (const name of requestHeaders) {
    const value = Object.hasOwn(inboundHeaders, name) ? inboundHeaders[name] : undefined;
    if (value === undefined || Object.hasOwn(headers, name) || !isFree(name)) continue;
    const text = typeof value === 'string' ? value : value.join(', ');
    if (/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(text)) headers[name] = text;
  }
  return { ...request, headers, url: withQuery(request.url, inboundQuery, queryParameters) };
}

function isFree(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) && !FRAMING.has(name) && !name.startsWith('mcp-param-');
}

function withQuery(url: URL, inbound: URLSearchParams, allowed: readonly string[]): URL {
  const added = [...inbound]
    .filter(([name]) => allowed.includes(name.toLowerCase()) && !url.searchParams.has(name))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  if (added.length === 0) return url;
  const extended = new URL(url);
  // Not through searchParams, which would rewrite the pairs that are there already.
  extended.search = [url.search.slice(1), ...added].filter((part) => part !== '').join('&');
  return extended;
}
