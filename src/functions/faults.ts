// What a call comes to when the function itself fails, in the words and error types of AWS Lambda: documents for whoever
// called, not errors of this house.

import type { FunctionOutcome } from '../core/functions.ts';
import { MAX_FUNCTION_PAYLOAD } from '../core/functions.ts';

/** An outcome of a function that failed without an answer of its own. */
export function failedOutcome(errorType: string, errorMessage: string): FunctionOutcome {
  return unhandled(Buffer.from(JSON.stringify({ errorType, errorMessage })));
}

/** An outcome with an error document that came from the function's process. */
export function unhandled(document: Uint8Array): FunctionOutcome {
  return { functionError: 'Unhandled', payload: document };
}

/** It took longer than its configuration allows. */
export function timedOut(requestId: string, seconds: number): FunctionOutcome {
  return failedOutcome(
    'Sandbox.Timedout',
    `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
  );
}

/** How a process ended: an exit code or a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const SIGNAL_WORDS: Readonly<Partial<Record<NodeJS.Signals, string>>> = Object.freeze({
  SIGKILL: 'killed',
  SIGTERM: 'terminated',
  SIGSEGV: 'segmentation fault',
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupt',
  SIGHUP: 'hangup',
  SIGQUIT: 'quit',
  SIGTRAP: 'trace/breakpoint trap',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'file size limit exceeded',
});

/** An ending in the words of AWS Lambda, such as `exit status 1` or `signal: killed`. */
export function wordsOf({ code, signal }: Ending): string {
  if (signal === null) return `exit status ${code}`;
  return `signal: ${SIGNAL_WORDS[signal] ?? signal}`;
}

/** The process ended in the middle of a call. */
export function exited(requestId: string, ending: Ending): FunctionOutcome {
  const how =
    ending.signal === null && ending.code === 0
      ? 'Runtime exited without providing a reason'
      : `Runtime exited with error: ${wordsOf(ending)}`;
  return failedOutcome('Runtime.ExitError', `RequestId: ${requestId} Error: ${how}`);
}

/** It was stopped because it used more memory than its configuration allows. */
export function outOfMemory(requestId: string, memoryMiB: number): FunctionOutcome {
  return failedOutcome(
    'Runtime.OutOfMemory',
    `RequestId: ${requestId} Error: Runtime exited with error: signal: killed (it used more than the ${memoryMiB} MB it may have)`,
  );
}

/** Its answer was larger than an answer may be. */
export function responseTooLarge(bytes: number): FunctionOutcome {
  return failedOutcome(
    'Function.ResponseSizeTooLarge',
    `Response payload size (${bytes} bytes) exceeded maximum allowed payload size (${MAX_FUNCTION_PAYLOAD} bytes).`,
  );
}
