// The thread an import runs in, so that a large or hostile document never holds up the gateway. Takes one
// document, answers once with plain data, and ends. Knows nothing but the import.

import { parentPort, workerData } from 'node:worker_threads';
import { GatewayError, type ErrorCode, type ErrorDetails } from '../../core/errors.ts';
import type { Catalogue } from '../../core/tool.ts';
import { importOpenApi, type ImportOptions } from './import/import.ts';

/** What the thread is given. */
export interface ImportJob {
  readonly text: string;
  readonly options: ImportOptions;
}

/** What the thread answers: errors as plain data, since classes do not cross threads. */
export type ImportAnswer =
  | { readonly catalogue: Catalogue }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

function run(job: ImportJob): ImportAnswer {
  try {
    return { catalogue: importOpenApi(job.text, job.options) };
  } catch (thrown) {
    if (thrown instanceof GatewayError)
      return { error: { code: thrown.code, message: thrown.message, details: thrown.details } };
    const internal = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return {
      error: { code: 'Internal', message: 'The document could not be imported.', details: { internal } },
    };
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
parentPort?.postMessage(run(workerData as ImportJob));
