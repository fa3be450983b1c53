// A disk that reports errors: every fsync of some files of a running process fails with EIO, by strace, until told to stop.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/process.ts';
import { straceOf } from './strace.ts';

export interface SyncErrors {
  /** Syncs that failed so far. */
  readonly count: () => number;
  /** From now on they work again. */
  stop(): Promise<void>;
}

/** @throws CannotRun where strace is missing, or may not follow processes */
export async function failSyncs(pid: number, files: readonly string[]): Promise<SyncErrors> {
  const output = join(temporaryFolder(), 'trace');
  const tracer = await straceOf(
    pid,
    ['-f', '-o', output, '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO'],
    files,
  );
  return {
    count: () => readFileSync(output, 'utf8').split('(INJECTED)').length - 1,
    stop: () => tracer.stop(),
  };
}
