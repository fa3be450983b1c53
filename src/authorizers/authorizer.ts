// The contract of inbound authorization: who may call. It sees the head of a request, before its body is read.

import type { AccessKeys } from '../core/access.ts';
import type { ArnScope } from '../core/arn.ts';
import type { FieldFault } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import type { JsonObject } from '../core/json.ts';
import type { Egress } from '../core/outbound.ts';
import type { Log } from '../core/call.ts';
import type { Principal } from '../core/principal.ts';
import type { AuthorizerTypeName } from '../core/resources.ts';
import type { Clock } from '../lib/clock.ts';

/** The head of an HTTP request: what an authorizer may look at. */
export interface RequestHead {
  readonly method: string;
  /** Request target as received. */
  readonly target: string;
  /** Lower-case names, each with all its values in order. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly remoteAddress?: string;
}

export interface AuthorizerServices {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  /** Keys of callers that sign, and what ARNs and signatures of this installation carry. */
  readonly accessKeys: AccessKeys;
  readonly scope: ArnScope;
  /** Whether gateways may be called by anybody: on loopback, or where the operator says so. */
  readonly allowsAnybody: boolean;
  readonly figures?: Figures;
}

/** What an authorizer is prepared with: the services, and the gateway it guards. */
export interface AuthorizerContext extends AuthorizerServices {
  readonly gateway: { readonly arn: string; /** Its resource policy, as text. */ readonly policy?: string };
}

export interface Authorizer {
  /** @throws GatewayError Unauthenticated (401), Forbidden (403) or Unavailable (503: keys out of reach). */
  authorize(head: RequestHead): Promise<Principal>;
  /**
   * The part of the proof that covers the body; without it the principal counts for nothing yet.
   * @throws GatewayError Unauthenticated, Forbidden
   */
  readonly verifyBody?: (head: RequestHead, body: Uint8Array) => Promise<void>;
  /** RFC 9728 members beside `resource`, or undefined when this gateway asks for no token. */
  readonly protectedResource?: {
    readonly authorization_servers: readonly string[];
    readonly scopes_supported?: readonly string[];
  };
  /** Seconds since the signing keys of its identity provider were fetched; undefined before that, and without any. */
  readonly keysAgeSeconds?: () => number | undefined;
}

export interface AuthorizerType {
  readonly type: AuthorizerTypeName;
  /** What the published shapes cannot say of the configuration. */
  check(config: JsonObject | undefined): readonly FieldFault[];
  /** Once per change of the gateway. Does no I/O. */
  prepare(config: JsonObject | undefined, services: AuthorizerContext): Authorizer;
}
