// The contract of inbound authorization: who may call. It sees the head of a request, before its body is read.

import type { FieldFault } from '../core/errors.ts';
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
}

export interface AuthorizerServices {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Authorizer {
  /** @throws GatewayError Unauthenticated (401), Forbidden (403) or Unavailable (503: keys out of reach). */
  authorize(head: RequestHead): Promise<Principal>;
  /** RFC 9728 members beside `resource`, or undefined when this gateway asks for no token. */
  readonly protectedResource?: {
    readonly authorization_servers: readonly string[];
    readonly scopes_supported?: readonly string[];
  };
}

export interface AuthorizerType {
  readonly type: AuthorizerTypeName;
  /** What the published shapes cannot say of the configuration. */
  check(config: JsonObject | undefined): readonly FieldFault[];
  /** Once per change of the gateway. Does no I/O. */
  prepare(config: JsonObject | undefined, services: AuthorizerServices): Authorizer;
}
