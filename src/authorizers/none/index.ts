// No inbound authorization: everybody is the anonymous principal. For loopback, and for gateways that another
// system guards.

import type { FieldFault } from '../../core/errors.ts';
import { ANONYMOUS } from '../../core/principal.ts';
import type { JsonObject } from '../../core/json.ts';
import { GatewayError } from '../../core/errors.ts';
import type { AuthorizerServices, AuthorizerType } from '../authorizer.ts';

function closed(): GatewayError {
  return new GatewayError(
    'Forbidden',
    'This gateway has no authorizer, and this server can be reached by others than its own machine. The operator can allow that with GATEWRIGHT_ALLOW_UNAUTHENTICATED.',
  );
}

export const noneAuthorizer = Object.freeze({
  type: 'NONE',
  check: (config: JsonObject | undefined): readonly FieldFault[] =>
    config === undefined
      ? []
      : [{ name: 'authorizerConfiguration', message: 'must be absent when authorizerType is NONE' }],
  prepare: (_config: JsonObject | undefined, { allowsAnybody }: Pick<AuthorizerServices, 'allowsAnybody'>) =>
    Object.freeze({
      authorize: () => (allowsAnybody ? Promise.resolve(ANONYMOUS) : Promise.reject(closed())),
    }),
} as const) satisfies AuthorizerType;
