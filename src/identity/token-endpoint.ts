// The way of oauth4webapi to the network: every request goes through the egress door, and answers of token endpoints
// are brought into the form of RFC 6749 §5 before the package reads them, because well-known vendors differ: errors
// with status 200, no token_type, tokens of OpenID Connect that nobody here uses.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { Egress, UpstreamResponse } from '../core/outbound.ts';
import { parseStrictJson } from '../core/strict-json.ts';

/** Longest wait for a token endpoint, connect included. */
export const TOKEN_REQUEST_MS = 10_000;
const MAX_RESPONSE_BYTES = 256 * 1024;
/** What is read of an answer; everything else stays outside. */
const MEMBERS = [
  'access_token',
  'token_type',
  'expires_in',
  'refresh_token',
  'scope',
  'issued_token_type',
  'error',
  'error_description',
] as const;
/** Slack's names for what is a bearer token. */
const BEARER_TYPES: ReadonlySet<unknown> = new Set([undefined, 'bot', 'user']);

interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: URLSearchParams | null | undefined;
}

/** The form of oauth4webapi's `customFetch`. */
export type TokenFetch = (url: string, init: FetchInit) => Promise<Response>;

/** A `customFetch` for the token and revocation endpoints. Follows no redirect. @throws GatewayError Upstream… */
export function createTokenFetch(egress: Egress): TokenFetch {
  return async (url, { method, headers, body }) => {
    const answer = await egress.request(
      {
        method,
        url: new URL(url),
        headers: { ...headers, 'user-agent': 'gatewright' },
        ...(body ? { body: body.toString() } : {}),
      },
      { timeoutMs: TOKEN_REQUEST_MS, maxResponseBytes: MAX_RESPONSE_BYTES },
    );
    return toResponse(answer);
  };
}

function toResponse(answer: UpstreamResponse): Response {
  const json = readBody(answer);
  // An answer without a body, as to a revocation; or one that is no OAuth answer, which the package refuses by status.
  if (!json) return new Response(null, { status: answer.status === 200 ? 200 : 502 });
  const status = answer.status === 200 && json['error'] !== undefined ? 400 : answer.status;
  const nonce = answer.headers['dpop-nonce'];
  return Response.json(tidy(json), {
    status: status < 200 || status > 599 ? 502 : status,
    ...(nonce === undefined ? {} : { headers: { 'dpop-nonce': nonce } }),
  });
}

function readBody({ headers, body }: UpstreamResponse): JsonObject | undefined {
  if (body.length === 0) return undefined;
  // Some answer as a form when they are asked for JSON.
  if ((headers['content-type'] ?? '').toLowerCase().startsWith('application/x-www-form-urlencoded'))
    return Object.fromEntries(new URLSearchParams(body.toString('utf8')));
  try {
    const value = parseStrictJson(body, { maxDepth: 32 });
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function tidy(json: JsonObject): JsonObject {
  const kept: Record<string, JsonObject[string]> = {};
  for (const name of MEMBERS) if (json[name] !== undefined && json[name] !== null) kept[name] = json[name];
  if (Array.isArray(kept['scope'])) kept['scope'] = kept['scope'].join(' ');
  if (kept['access_token'] !== undefined && BEARER_TYPES.has(kept['token_type']))
    kept['token_type'] = 'bearer';
  return kept;
}
