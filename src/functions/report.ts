// The lines that AWS Lambda writes of each call (START, END, REPORT), and the tail of the log that whoever called may ask
// for. Nothing of it costs anything for calls that do not ask.

import type { FunctionOutcome } from '../core/functions.ts';
import type { Instance } from './instance.ts';
import type { LogBook } from './log-book.ts';
import type { RunnableVersion } from './registry.ts';

/** What LogResult holds at most (bytes). */
const MAX_TAIL_BYTES = 4 * 1024;
const MIB = 1024 * 1024;

/** How a call ran, if it came to a process. */
export interface Run {
  readonly instance: Instance;
  readonly ms: number;
}

export interface Report {
  /** Where lines of the call are gathered; undefined when nobody asks for them. */
  readonly tail: string[] | undefined;
  /** The outcome, with the tail where it is wanted. */
  end(
    outcome: FunctionOutcome,
    run: Run | undefined,
  ): Promise<FunctionOutcome & { readonly log?: string }> | FunctionOutcome;
}

export interface Reports {
  begin(runnable: RunnableVersion, requestId: string, wantsLog: boolean): Report;
}

/** Reports of calls; what the platform has to say of a failure is kept among the lines of the function. */
export function createReports(logBook: LogBook): Reports {
  return Object.freeze({
    begin(runnable: RunnableVersion, requestId: string, wantsLog: boolean): Report {
      const tail: string[] | undefined = wantsLog ? [] : undefined;
      return {
        tail,
        end(outcome: FunctionOutcome, run: Run | undefined) {
          const failed = failureOf(outcome);
          if (failed !== undefined)
            logBook.add({
              name: runnable.name,
              version: runnable.version,
              instance: run?.instance.id ?? '-',
              requestId,
              text: failed,
            });
          if (!tail) return outcome;
          return turn().then(async () => {
            const bytes = await run?.instance.memoryBytes();
            const lines = [
              `START RequestId: ${requestId} Version: ${runnable.version}`,
              ...tail,
              `END RequestId: ${requestId}`,
              reportLine(runnable, requestId, run, bytes),
              ...(failed === undefined ? [] : [failed]),
            ];
            return { ...outcome, log: tailOf(lines) };
          });
        },
      };
    },
  });
}

/** What the process wrote before its answer lies in a pipe that is read in the same turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));
}

function reportLine(
  { configuration }: RunnableVersion,
  requestId: string,
  run: Run | undefined,
  bytes: number | undefined,
): string {
  const ms = run?.ms ?? 0;
  return [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${ms.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(ms)} ms`,
    `Memory Size: ${configuration.MemorySize} MB`,
    ...(bytes === undefined ? [] : [`Max Memory Used: ${Math.ceil(bytes / MIB)} MB`]),
    ...(run?.instance.isFirst() === true ? [`Init Duration: ${run.instance.initMs().toFixed(2)} ms`] : []),
  ].join('\t');
}

/** What the platform itself has to say of a call that its function did not answer. */
function failureOf({ functionError, payload }: FunctionOutcome): string | undefined {
  if (functionError === undefined || payload.byteLength > MAX_TAIL_BYTES) return undefined;
  try {
    const { errorType, errorMessage } = JSON.parse(Buffer.from(payload).toString('utf8')) as Record<
      string,
      unknown
    >;
    const isOurs = typeof errorMessage === 'string' && errorMessage.startsWith('RequestId: ');
    return isOurs ? `${errorMessage} (${String(errorType)})` : undefined;
  } catch {
    return undefined;
  }
}

/** The last lines that fit. */
function tailOf(lines: readonly string[]): string {
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  return (bytes.length > MAX_TAIL_BYTES ? bytes.subarray(bytes.length - MAX_TAIL_BYTES) : bytes).toString(
    'utf8',
  );
}
