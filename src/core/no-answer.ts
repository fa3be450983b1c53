// Calls that got no answer → tool results: one clear sentence with cause and cure, the same for every caller.
// Addresses and other details are for operators, and shown only where the gateway's exceptionLevel is DEBUG
// (AgentCore: `_meta.debug`).

import type { ErrorCode, GatewayError } from './errors.ts';
import type { ToolResult } from './tool.ts';

const SENTENCES: Partial<Readonly<Record<ErrorCode, string>>> = {
  UpstreamTimeout:
    '{It} did not answer in time. It may still have carried out the call; check before repeating it, or ask for less at a time.',
  UpstreamRefused:
    '{It} could not be reached. It may be down: try again later, or ask the operator to check the address of this target.',
  UpstreamBlocked:
    'The gateway is not allowed to call the address of this target. Ask the operator to allow it (GATEWRIGHT_EGRESS_ALLOW; the log names the address), or to correct the address of this target.',
  UpstreamInvalid:
    '{It} gave an answer that could not be read: it is broken, or larger than 6 MiB. Ask for less at a time, or tell the operator.',
  CredentialUnavailable:
    'The credential for this target is not available, so nothing was sent. Ask the operator to check the credential provider of this target.',
};

/** `details.reason` of an upstream that answered, but not for this credential (401, 403). */
export const CREDENTIAL_REFUSED = 'credential_refused';
const REFUSAL =
  '{It} does not accept the credential of this target, or does not allow this call with it. Ask the operator to check the credential of this target and what it may do.';

/** The result for a failure the model should see, or undefined for one that is the caller's or the gateway's own. */
export function renderNoAnswer(
  error: GatewayError,
  exceptionLevel: 'DEBUG' | undefined,
  who: 'The API' | 'The MCP server' | 'The function',
): ToolResult | undefined {
  const isRefusal = error.details.reason === CREDENTIAL_REFUSED;
  const sentence = (isRefusal ? REFUSAL : SENTENCES[error.code])?.replace('{It}', who);
  if (sentence === undefined) return undefined;
  if (exceptionLevel !== 'DEBUG') return { content: [{ type: 'text', text: sentence }], isError: true };
  const { internal } = error.details;
  const detail = internal === undefined ? error.message : `${error.message} (${internal})`;
  return {
    content: [
      { type: 'text', text: sentence },
      { type: 'text', text: detail },
    ],
    isError: true,
    _meta: { debug: { type: 'text', text: detail } },
  };
}
