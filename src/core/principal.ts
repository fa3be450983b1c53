// Who is calling, after an authorizer has said so.

import type { JsonObject } from './json.ts';

export interface Principal {
  readonly type: 'anonymous' | 'oauth-user' | 'iam';
  /** Stable id of the caller within its issuer: `sub`, an access key id, or `anonymous`. */
  readonly id: string;
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scopes?: readonly string[];
  readonly claims?: JsonObject;
}

export const ANONYMOUS: Principal = Object.freeze({ type: 'anonymous', id: 'anonymous' });
