// Calls that got no answer → tool results: one clear sentence with cause and cure, the same for every caller.
// Addresses and other details are for operators, and shown only where the gateway's exceptionLevel is DEBUG
// (AgentCore: `_meta.debug`).

import type { ErrorCode, GatewayError } from '../../core/errors.ts';
import type { ToolResult } from '../../core/tool.ts';

const SENTENCES: Partial<Readonly<Record<ErrorCode, string>>> = {
  UpstreamTimeout:
    'The API did not answer in time. It may still have carried out the call; check before repeating it, or ask for less at a time.',
  UpstreamRefused:
    'The API could not be reached. It may be down: try again later, or ask the operator to check the server URL of this target.',
  UpstreamBlocked:
    'The gateway is not allowed to call the address of this API. Ask the operator to allow it (GATEWRIGHT_EGRESS_ALLOW; the log names the address), or to correct the server URL of this target.',
  UpstreamInvalid:
    'The API gave an answer that could not be read: it is broken, or larger than 6 MiB. Ask for less at a time, or tell the operator.',
  CredentialUnavailable:
    'The credential for this API is not available, so nothing was sent. Ask the operator to check the credential provider of this target.',
};

/** The result for a failure the model should see, or undefined for one that is the caller's or the gateway's own. */
export function renderNoAnswer(
  error: GatewayError,
  exceptionLevel: 'DEBUG' | undefined,
): ToolResult | undefined {
  const sentence = SENTENCES[error.code];
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
