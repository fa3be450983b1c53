// Calls of a function that failed → tool results that the model can read. What the function's own code says of its
// failure may hold anything, and is shown where the gateway's exceptionLevel is DEBUG only (AgentCore).

import type { ErrorCode, GatewayError } from '../../core/errors.ts';
import type { FunctionOutcome } from '../../core/functions.ts';
import { isJsonObject } from '../../core/json.ts';
import { renderNoAnswer } from '../../core/no-answer.ts';
import type { ToolResult } from '../../core/tool.ts';
import { parseLossless } from '../../lib/lossless-json.ts';

const MAX_SHOWN = 65_536;
/** Types of errors are names such as `KeyError` or `Runtime.ExitError`. */
const ERROR_TYPE = /^[A-Za-z][A-Za-z0-9_.$:]{0,99}$/;

const SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = Object.freeze({
  NotFound:
    'The function of this target does not exist, so nothing was run. Ask the operator to check its ARN.',
  Throttled:
    'The function has too many calls at once, so nothing was run. Try again in a moment, or with fewer calls at a time.',
  TooLarge: 'The arguments are larger than a function can take (6 MB), so nothing was run. Send less.',
  UpstreamInvalid:
    'The call of the function went wrong on the way, so it is not known whether it was carried out. Check before repeating it.',
});

/** The function was run and failed: it threw, exited, or took too long. */
export function renderFunctionError(
  { payload }: FunctionOutcome,
  exceptionLevel: 'DEBUG' | undefined,
): ToolResult {
  const { type, message } = readError(payload);
  const kind = type === undefined ? '' : ` (${type})`;
  const text = `The function failed${kind}. It may have carried out a part of the call. Its log has the details; the operator can have them shown here with the gateway’s exceptionLevel DEBUG.`;
  if (exceptionLevel !== 'DEBUG') return { content: [{ type: 'text', text }], isError: true };
  const detail = cut(message ?? Buffer.from(payload).toString('utf8'));
  return {
    content: [{ type: 'text', text: `The function failed${kind}: ${detail}` }],
    isError: true,
    _meta: { debug: { type: 'text', text: cut(Buffer.from(payload).toString('utf8')) } },
  };
}

/** The function was not run, or nobody knows; undefined for what is the caller's or the gateway's own fault. */
export function renderNotRun(
  error: GatewayError,
  exceptionLevel: 'DEBUG' | undefined,
): ToolResult | undefined {
  const sentence = SENTENCES[error.code];
  if (sentence === undefined) return renderNoAnswer(error, exceptionLevel, 'The function');
  const detail = error.details.internal ?? error.message;
  return {
    content: [
      { type: 'text', text: sentence },
      ...(exceptionLevel === 'DEBUG' ? [{ type: 'text', text: detail } as const] : []),
    ],
    isError: true,
    ...(exceptionLevel === 'DEBUG' ? { _meta: { debug: { type: 'text', text: detail } } } : {}),
  };
}

/** `{errorType, errorMessage, stackTrace}` as the runtimes write it. */
function readError(payload: Uint8Array): { readonly type?: string; readonly message?: string } {
  let value: unknown;
  try {
    value = parseLossless(Buffer.from(payload).toString('utf8'));
  } catch {
    return {};
  }
  if (!isJsonObject(value)) return {};
  const { errorType: type, errorMessage: message } = value;
  return {
    ...(typeof type === 'string' && ERROR_TYPE.test(type) ? { type } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text;
}
