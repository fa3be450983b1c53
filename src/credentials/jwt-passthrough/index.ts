// JWT_PASSTHROUGH: the caller's token goes on to the target as it came. MCP forbids servers to do that with tokens that
// were not issued for the target, so it is off unless the operator allows it, and every use is logged. For targets that
// check the very same tokens themselves (AgentCore, AUTHENTICATE_ONLY).

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import type { Credential, CredentialServices, CredentialType } from '../credential-type.ts';

function check(provider: JsonObject | undefined): readonly FieldFault[] {
  return provider === undefined || Object.keys(provider).length === 0
    ? []
    : [{ name: 'credentialProvider', message: 'must be absent with JWT_PASSTHROUGH' }];
}

function prepare(_provider: JsonObject | undefined, { allowsPassthrough }: CredentialServices): Credential {
  return Object.freeze({
    apply(request: OutboundRequest, ctx: CallContext): Promise<OutboundRequest> {
      if (!allowsPassthrough) return Promise.reject(notAllowed());
      const { token } = ctx.principal;
      if (!token)
        return Promise.reject(
          new GatewayError(
            'CredentialUnavailable',
            'This target is called with the caller’s own token, and this caller has none.',
          ),
        );
      ctx.log.info(
        {
          requestId: ctx.requestId,
          gatewayId: ctx.gatewayId,
          principal: ctx.principal.id,
          host: request.url.host,
        },
        'a caller’s token is passed on',
      );
      const headers = Object.fromEntries(
        Object.entries(request.headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
      );
      return Promise.resolve({
        ...request,
        headers: { ...headers, authorization: `Bearer ${token.reveal()}` },
      });
    },
    // The caller knows this token: nothing is given away by an echo of it.
    conceal: (response: UpstreamResponse) => response,
  });
}

function notAllowed(): GatewayError {
  return new GatewayError(
    'CredentialUnavailable',
    'Tokens of callers are not passed on by this server. The operator can allow it with GATEWRIGHT_ALLOW_JWT_PASSTHROUGH.',
  );
}

export const jwtPassthroughCredential = Object.freeze({
  type: 'JWT_PASSTHROUGH',
  check,
  providerArns: () => [],
  placement: () => ({ in: 'header', name: 'Authorization' }) as const,
  prepare,
} as const) satisfies CredentialType;
