// How a grant ends: with tokens, or with an error that tells operators why and callers only that there is no token.

import { GatewayError } from '../core/errors.ts';
import type { Secret } from '../lib/secret.ts';
import type { Provider } from './providers.ts';

/** What a server gave. Times are milliseconds since the epoch. */
export interface GrantedTokens {
  readonly accessToken: Secret;
  readonly refreshToken?: Secret;
  readonly obtainedAt: number;
  readonly expiresAt?: number;
  /** Where the server says that it gave others than were asked for (RFC 6749 §5.1). */
  readonly scopes?: readonly string[];
}

/** `details.reason` of a grant that the server has refused for good: consent has to be given again. */
export const INVALID_GRANT = 'invalid_grant';
/** The same of a client that the server does not know, or does not believe. */
export const INVALID_CLIENT = 'invalid_client';

/** There is no token. @param reason the error code of the server */
export function refused({ name }: Pick<Provider, 'name'>, internal: string, reason?: string): GatewayError {
  return new GatewayError('CredentialUnavailable', 'The authorization server gave no token.', {
    internal: `credential provider ${name}: ${internal}`,
    ...(reason === undefined ? {} : { reason }),
  });
}
