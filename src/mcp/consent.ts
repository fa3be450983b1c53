// A call that needs the user's consent first (authorization code grant): clients of 2026-07-28 are asked to send the
// user to an address and to try again, those of 2025-11-25 get the error that says the same (−32042, URL elicitation);
// older ones can only be told in words.

import type { GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { canBeAsked } from './capabilities.ts';
import { ProtocolError, URL_ELICITATION_REQUIRED } from './error-response.ts';
import type { MethodContext } from './methods/method.ts';

const MESSAGE = 'Please login to this URL for authorization.';
/** The first revision with URL elicitation. */
const FIRST_WITH_URLS = '2025-11-25';

/**
 * What a call ends with that needs consent.
 * @returns the result of an `input_required` round (2026-07-28), or a tool result in words
 * @throws ProtocolError −32042
 */
export function askForConsent(ctx: MethodContext, fault: GatewayError): JsonObject {
  const { authorizationUrl: url = '', elicitationId = '' } = fault.details.consent ?? {};
  const visit = { mode: 'url', elicitationId, url, message: MESSAGE };
  if (ctx.isModern && canBeAsked(ctx.capabilities(), 'elicitation/create', { mode: 'url' }))
    return {
      resultType: 'input_required',
      inputRequests: { [elicitationId]: { method: 'elicitation/create', params: visit } },
    };
  if (!ctx.isModern && ctx.version >= FIRST_WITH_URLS)
    throw new ProtocolError(200, URL_ELICITATION_REQUIRED, 'This request requires more information.', {
      elicitations: [visit],
    });
  return {
    resultType: 'complete',
    content: [
      { type: 'text', text: `The user has to give consent first. Open this address, then try again: ${url}` },
    ],
    isError: true,
  };
}
