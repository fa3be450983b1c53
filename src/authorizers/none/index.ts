// No inbound authorization: everybody is the anonymous principal. For loopback, and for gateways that another
// system guards.

import type { FieldFault } from '../../core/errors.ts';
import { ANONYMOUS } from '../../core/principal.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AuthorizerType } from '../authorizer.ts';

export const noneAuthorizer = Object.freeze({
  type: 'NONE',
  check: (config: JsonObject | undefined): readonly FieldFault[] =>
    config === undefined
      ? []
      : [{ name: 'authorizerConfiguration', message: 'must be absent when authorizerType is NONE' }],
  prepare: () => Object.freeze({ authorize: () => Promise.resolve(ANONYMOUS) }),
} as const) satisfies AuthorizerType;
