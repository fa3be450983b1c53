// Functions as the AWS Lambda API names them: what an invocation takes and gives, whether the function runs here or at
// AWS. Target types and interceptors know functions by this contract only.

import type { CallContext } from './call.ts';

/** Largest synchronous payload and answer of AWS Lambda, bytes. */
export const MAX_FUNCTION_PAYLOAD = 6_291_556;

export interface FunctionInvocation {
  /** Full ARN, with or without a qualifier (version or alias). */
  readonly functionArn: string;
  /** The event: JSON text. */
  readonly payload: string | Uint8Array;
  /** JSON text of the client context, as it reaches the handler; not yet base64. */
  readonly clientContext?: string;
}

/** What came back from a function that was reached. */
export interface FunctionOutcome {
  /** The function's own failure: `Handled` (it returned an error) or `Unhandled` (it crashed or timed out). */
  readonly functionError?: 'Handled' | 'Unhandled';
  /** The answer, or the error document `{errorMessage, errorType, …}`; mostly JSON. */
  readonly payload: Uint8Array;
}

/** The functions of this installation (implemented in functions/). */
export interface LocalFunctions {
  /** Whether the ARN's function exists here; from memory. */
  has(functionArn: string): boolean;
  /**
   * Runs it and waits for its end.
   * @throws GatewayError NotFound (deleted meanwhile, or no such qualifier), Throttled (concurrency limit),
   * TooLarge (payload), UpstreamRefused (it does not start), Unavailable (shutting down). What the handler itself does
   * wrong, time-outs included, is an outcome with `functionError`.
   */
  invoke(
    invocation: FunctionInvocation,
    ctx: Pick<CallContext, 'requestId' | 'signal'>,
  ): Promise<FunctionOutcome>;
}

/** Calls any function: a local one when there is one of that ARN, else AWS's. */
export interface FunctionInvoker {
  /**
   * @throws GatewayError as LocalFunctions, and of AWS: CredentialUnavailable, Forbidden, UpstreamTimeout,
   * UpstreamRefused, UpstreamInvalid, Throttled
   */
  invoke(invocation: FunctionInvocation, ctx: CallContext): Promise<FunctionOutcome>;
}
