// The process an import runs in, so that a large or hostile document never holds up the gateway. Takes one
// document, answers once with plain data, and ends. Knows nothing but the import.

import { GatewayError, type ErrorCode, type ErrorDetails } from '../../core/errors.ts';
import type { Catalogue } from '../../core/tool.ts';
import { importOpenApi, type ImportOptions } from './import/import.ts';

/** What the process is given. */
export interface ImportJob {
  readonly text: string;
  readonly options: ImportOptions;
}

/** What it answers: errors as plain data, since classes do not cross processes. */
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

// The gateway is gone, or has what it asked for.
process.once('disconnect', () => process.exit(0));
process.once('message', (job) => {
  process.send?.(run(job as ImportJob));
});
