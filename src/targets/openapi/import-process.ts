// The process an import runs in, so that a large or hostile document never holds up the gateway. Knows nothing but the
// import.

import { answerImport } from '../import-child.ts';
import { importOpenApi, type ImportOptions } from './import/import.ts';

/** What the process is given. */
export interface ImportJob {
  readonly text: string;
  readonly options: ImportOptions;
}

answerImport(({ text, options }) => importOpenApi(text, options));
