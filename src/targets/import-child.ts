// Runs imports of documents in a process of their own: the half that runs there. Takes one job, answers once with
// plain data, and ends. Knows no kind of document.

import { GatewayError, type ErrorCode, type ErrorDetails } from '../core/errors.ts';
import type { Catalogue } from '../core/tool.ts';

/** What the process answers: errors as plain data, since classes do not cross processes. */
export type ImportAnswer =
  | { readonly catalogue: Catalogue }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

/** Answers the one job that this process is given; what a job is, its two ends know (import-apart.ts). */
export function answerImport(importDocument: (job: never) => Catalogue): void {
  // The gateway is gone, or has what it asked for.
  process.once('disconnect', () => process.exit(0));
  process.once('message', (job) => {
    process.send?.(run(importDocument, job as never));
  });
}

function run(importDocument: (job: never) => Catalogue, job: never): ImportAnswer {
  try {
    return { catalogue: importDocument(job) };
  } catch (thrown) {
    if (thrown instanceof GatewayError)
      return { error: { code: thrown.code, message: thrown.message, details: thrown.details } };
    const internal = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return {
      error: { code: 'Internal', message: 'The document could not be imported.', details: { internal } },
    };
  }
}
