// The process an import runs in, so that a large or hostile model never holds up the gateway. Knows nothing but the
// import.

import { answerImport } from '../import-child.ts';
import { importSmithy, type ImportOptions } from './import.ts';
import type { ModelFile } from './load/load.ts';

/** What the process is given. */
export interface ImportJob {
  readonly files: readonly ModelFile[];
  readonly options: ImportOptions;
}

answerImport(({ files, options }) => importSmithy(files, options));
