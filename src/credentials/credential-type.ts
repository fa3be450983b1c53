// The contract of outbound credentials: as whom the call leaves.

import type { AccessKeys } from '../core/access.ts';
import type { CallContext } from '../core/call.ts';
import type { FieldFault } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { CredentialPlacement, OutboundRequest, Refusal, UpstreamResponse } from '../core/outbound.ts';
import type { CredentialProviderTypeName } from '../core/resources.ts';
import type { TokenSource } from '../core/token-source.ts';
import type { Secret } from '../lib/secret.ts';
import type { SigningCredentials } from '../lib/sigv4-sign.ts';

export interface CredentialServices {
  /** Opens the secret of a provider from what was loaded with the snapshot. @throws GatewayError CredentialUnavailable. */
  openSecret(providerArn: string): Secret;
  /** Access tokens of the target's gateway. */
  readonly tokens: TokenSource;
  /** For calls that are signed. */
  readonly aws: {
    readonly region: string;
    readonly accessKeys: AccessKeys;
    /** Credentials that the gateway itself signs with; undefined where the process has none. */
    gatewayCredentials(ctx: CallContext): Promise<SigningCredentials | undefined>;
  };
  /** Whether the operator allows callers' tokens to be passed on. */
  readonly allowsPassthrough: boolean;
}

export interface Credential {
  /** Gives back a new request that carries the credential. The secret goes nowhere else. */
  apply(
    request: OutboundRequest,
    ctx: CallContext,
    placement: CredentialPlacement | undefined,
  ): Promise<OutboundRequest>;
  /**
   * The answer without the secret, should the upstream echo it: it must not reach the caller that way.
   * @param request as it was sent; undefined where nothing was, as by a program
   */
  conceal(response: UpstreamResponse, request: OutboundRequest | undefined): UpstreamResponse;
  /**
   * The upstream has refused the request as not authenticated (401), or as not allowed (403): the same request with
   * another credential, or undefined when there is no other. @throws GatewayError as `apply`
   */
  renew?(request: OutboundRequest, ctx: CallContext, refusal: Refusal): Promise<OutboundRequest | undefined>;
}

export interface CredentialType {
  readonly type: CredentialProviderTypeName;
  /** What the published shapes cannot say of a `credentialProvider`. */
  check(provider: JsonObject | undefined): readonly FieldFault[];
  /** ARNs of the credential providers it refers to. */
  providerArns(provider: JsonObject | undefined): readonly string[];
  /** Where the configuration itself says the credential goes, if it does. */
  placement(provider: JsonObject | undefined): CredentialPlacement | undefined;
  prepare(provider: JsonObject | undefined, services: CredentialServices): Credential;
}
