// Access keys and what they may do. The first one is made at the first start and may do everything; others are made
// through the API, with a role, and perhaps for some gateways only.

import type { Secret } from '../lib/secret.ts';

/**
 * `administrator`: everything. `operator`: gateways, targets, credential providers and identities, no access keys.
 * `reader`: what changes nothing and reveals no secret. `caller`: no control plane at all, only calls to gateways.
 */
export type Role = 'administrator' | 'operator' | 'reader' | 'caller';

/** Whoever signed a request. */
export interface Caller {
  /** `arn:aws:iam::<account>:user/<name>`. */
  readonly arn: string;
  readonly accessKeyId: string;
  readonly role: Role;
  /** Ids of the gateways it is limited to; absent: all. */
  readonly gateways?: readonly string[];
}

/** What is needed to verify a signature, and what the one who made it may do. */
export interface KnownKey {
  readonly secret: Secret;
  /** A secret that still counts for a while after rotation. */
  readonly previousSecret?: Secret;
  /** Has to come with each request, where the key is a temporary one. */
  readonly sessionToken?: Secret;
  readonly caller: Caller;
}

export interface AccessKeys {
  /**
   * A key that may be used now: known, active, not expired.
   * @param sessionToken as it came with the request; temporary keys are known by it alone
   */
  find(accessKeyId: string, sessionToken: string | undefined): Promise<KnownKey | undefined>;
  /** Notes the use of a key, for `lastUsedAt`. */
  used(accessKeyId: string): void;
}

/** True when the caller may have to do with this gateway at all. */
export function mayTouch({ gateways }: Caller, gatewayId: string): boolean {
  return gateways === undefined || gateways.includes(gatewayId);
}
