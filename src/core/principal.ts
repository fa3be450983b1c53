// Who is calling, after an authorizer has said so.

import type { Secret } from '../lib/secret.ts';
import type { JsonObject } from './json.ts';

export interface Principal {
  readonly type: 'anonymous' | 'oauth-user' | 'iam';
  /** Stable id of the caller within its issuer: `sub`, an access key id, or `anonymous`. */
  readonly id: string;
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scopes?: readonly string[];
  readonly claims?: JsonObject;
  /** The token that was verified, for grants on the caller's behalf. Never sent on as it is, but by JWT_PASSTHROUGH. */
  readonly token?: Secret;
}

export const ANONYMOUS: Principal = Object.freeze({ type: 'anonymous', id: 'anonymous' });
