// Why the package has refused a request, as far as it may be told: codes of the protocol, and sentences of the package's own
// that repeat nothing of what it was sent.

import type { IncomingMessage } from 'node:http';
import type { KoaContext, Provider } from 'oidc-provider';

const EVENTS = [
  'authorization.error',
  'grant.error',
  'registration_create.error',
  'revocation.error',
  'server_error',
] as const;

/** RFC 6749 §4.1.2.1 and §5.2, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8707 §2, OpenID Connect Core §3.1.2.6. */
const CODES: ReadonlySet<string> = new Set([
  'access_denied',
  'account_selection_required',
  'consent_required',
  'interaction_required',
  'invalid_client',
  'invalid_client_metadata',
  'invalid_grant',
  'invalid_redirect_uri',
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'login_required',
  'request_not_supported',
  'request_uri_not_supported',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'unsupported_token_type',
]);

/** Something was shown that had been used before: one of those who showed it has stolen it. */
const REUSES: ReadonlySet<string> = new Set([
  'already used',
  'authorization code already consumed',
  'refresh token already used',
]);

const REASONS: ReadonlySet<string> = new Set([
  ...REUSES,
  'accountId mismatch',
  'authorization code is expired',
  'authorization code not found',
  'authorization code redirect_uri mismatch',
  'client assertion tokens must only be used once',
  'client mismatch',
  'client not found',
  'code_verifier does not match code_challenge',
  'code_verifier must be provided',
  'grant is expired',
  'grant not found',
  'invalid secret provided',
  'refresh token invalid (referenced account not found)',
  'refresh token is expired',
  'refresh token not found',
  'the assertion must expire within five minutes',
  'the provided authentication mechanism does not match the registered client authentication method',
]);

export interface ProviderFaults {
  /** The fault that a request was answered with; undefined when there was none. */
  of(context: KoaContext): unknown;
}

/** Keeps the faults of a provider for as long as their requests. */
export function faultsOf(provider: Provider): ProviderFaults {
  const known = new WeakMap<IncomingMessage, unknown>();
  for (const event of EVENTS)
    provider.on(event, (context: KoaContext, fault: unknown) => known.set(context.req, fault));
  return { of: ({ req }) => known.get(req) };
}

/** A fault as it may be told. */
export function errorOf(fault: unknown): {
  readonly code: string;
  readonly reason?: string;
  readonly isReuse: boolean;
} {
  const { error, error_detail: detail } = (typeof fault === 'object' && fault !== null ? fault : {}) as {
    readonly error?: unknown;
    readonly error_detail?: unknown;
  };
  const reason = typeof detail === 'string' && REASONS.has(detail) ? detail : undefined;
  return {
    code: typeof error === 'string' && CODES.has(error) ? error : 'server_error',
    ...(reason === undefined ? {} : { reason }),
    isReuse: reason !== undefined && REUSES.has(reason),
  };
}
