// Copies what an operator allow-listed from the client's request to the upstream one. Never replaces what the call
// itself has set, and never touches fields that frame the message. Knows nothing of credentials.

import type { CallContext } from '../core/call.ts';
import { isFieldValue, isSettableField } from '../core/header-fields.ts';
import type { OutboundRequest } from '../core/outbound.ts';
import { encodeStrict } from '../lib/percent.ts';
import type { TargetServices } from './target-type.ts';

/**
 * The request with the allow-listed headers and query parameters of the client added; `isReserved` names fields that the
 * target keeps for itself, in lower case.
 */
export function propagate(
  request: OutboundRequest,
  { inboundHeaders, inboundQuery }: CallContext,
  { requestHeaders, queryParameters }: TargetServices['propagation'],
  isReserved: (name: string) => boolean = () => false,
): OutboundRequest {
  if (requestHeaders.length === 0 && queryParameters.length === 0) return request;
  const headers: Record<string, string> = { ...request.headers };
  const taken = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  for (const name of requestHeaders) {
    const value = Object.hasOwn(inboundHeaders, name) ? inboundHeaders[name] : undefined;
    if (value === undefined || taken.has(name) || !isSettableField(name) || isReserved(name)) continue;
    const text = typeof value === 'string' ? value : value.join(', ');
    if (isFieldValue(text)) headers[name] = text;
  }
  return { ...request, url: withQuery(request.url, inboundQuery, queryParameters), headers };
}

function withQuery(url: URL, inbound: URLSearchParams, allowed: readonly string[]): URL {
  const added: string[] = [];
  for (const [name, value] of inbound)
    if (allowed.includes(name.toLowerCase()) && !url.searchParams.has(name))
      added.push(`${encodeStrict(name)}=${encodeStrict(value)}`);
  if (added.length === 0) return url;
  const extended = new URL(url);
  // Not through searchParams, which would rewrite the pairs that are there already.
  extended.search = [url.search.slice(1), ...added].filter((part) => part !== '').join('&');
  return extended;
}
