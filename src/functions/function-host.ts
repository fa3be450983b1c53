// The contract of whatever runs functions on this machine: the control plane and the composition root know this file
// only. It says nothing of processes.

import type { FunctionOutcome, LocalFunctions } from '../core/functions.ts';

/** Limits of AWS Lambda that hold here too. */
export const FUNCTION_LIMITS = Object.freeze({
  /** An archive that travels in a request (bytes). */
  zippedBytes: 50 * 1024 * 1024,
  /** Everything an archive holds, and a function together with its layers (bytes). */
  unzippedBytes: 250 * 1024 * 1024,
  /** All archives of an installation (bytes): AWS’s 75 GB would be more than a disk that nobody watches. */
  storedBytes: 10 * 1024 * 1024 * 1024,
  /** Payload of an asynchronous invocation (bytes). */
  eventBytes: 1024 * 1024,
  layers: 5,
  /** Environment variables together (bytes). */
  environmentBytes: 4096,
});

/** One call of a function, as the Invoke operation has it. */
export interface FunctionCall {
  readonly name: string;
  readonly qualifier?: string;
  /** The event: JSON text. */
  readonly payload: string | Uint8Array;
  /** JSON text, not base64. */
  readonly clientContext?: string;
  readonly traceHeader?: string;
  readonly requestId: string;
  readonly signal?: AbortSignal;
  /** The last 4 KiB of the log of this call are wanted. */
  readonly wantsLog?: boolean;
}

export interface FunctionAnswer extends FunctionOutcome {
  /** Number of the version that ran, or `$LATEST`. */
  readonly executedVersion: string;
  readonly log?: string;
}

/** What an archive holds. */
export interface ArchiveFacts {
  readonly unzippedBytes: number;
}

/** One line that a function wrote, or that was written of it. */
export interface FunctionLogLine {
  /** Grows with each line of the process; where to go on reading. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly requestId?: string;
  readonly version: string;
  readonly text: string;
}

export interface FunctionHost extends LocalFunctions {
  /** Why functions do not run here, for people; undefined when they do. */
  readonly off: string | undefined;
  /** Processes of all functions at the same time. */
  readonly maxProcesses: number;
  /** Whether there is something to call. @throws GatewayError NotFound, UpstreamRefused when functions are off */
  check(name: string, qualifier: string | undefined): Promise<void>;
  /** @throws GatewayError as LocalFunctions.invoke */
  call(call: FunctionCall): Promise<FunctionAnswer>;
  /**
   * Runs it later, and again when it fails.
   * @throws GatewayError Throttled when too many wait already
   */
  enqueue(call: FunctionCall): void;
  /** @throws GatewayError Validation that says what is wrong with the archive */
  checkArchive(bytes: Uint8Array): Promise<ArchiveFacts>;
  /** A stored archive, whole. @throws GatewayError NotFound, Internal */
  archive(codeId: string): Promise<Uint8Array>;
  /** Why programs of this runtime cannot run on this machine; undefined when they can. */
  missing(runtime: string): Promise<string | undefined>;
  /** Lines of a function’s log after a sequence number, oldest first; those of this process that are still there. */
  logLines(name: string, after: number): readonly FunctionLogLine[];
  /** Fulfils when the store’s present state is what calls go by. */
  refresh(): Promise<void>;
}
