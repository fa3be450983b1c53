// A disk that reports errors: every fsync of some files of a running process fails with EIO, by strace, until told to stop.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closing, temporaryFolder } from '../support/process.ts';
import { CannotRun, until } from './row.ts';

export interface SyncErrors {
  /** Syncs that failed so far. */
  readonly count: () => number;
  /** From now on they work again. */
  stop(): Promise<void>;
}

/** @throws CannotRun where strace is missing, or may not follow processes */
export async function failSyncs(pid: number, files: readonly string[]): Promise<SyncErrors> {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).status !== 0)
    throw new CannotRun('there is no strace, which makes syncs fail');
  const output = join(temporaryFolder(), 'trace');
  const tracer = spawn(
    'strace',
    [
      '-f',
      '-o',
      output,
      '-p',
      String(pid),
      '-e',
      'trace=fsync,fdatasync',
      '-e',
      'inject=fsync,fdatasync:error=EIO',
      ...files.flatMap((file) => ['-P', file]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => tracer.once('close', () => resolve()));
  closing.push(() => {
    tracer.kill('SIGKILL');
    return ended;
  });
  let said = '';
  tracer.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until('strace follows the process', () => {
    if (tracer.exitCode !== null) throw new CannotRun(`strace cannot follow a process: ${said.trim()}`);
    return said.includes('attached');
  });
  if (tracer.exitCode !== null) throw new CannotRun(`strace cannot follow a process: ${said.trim()}`);
  return {
    count: () => readFileSync(output, 'utf8').split('(INJECTED)').length - 1,
    async stop() {
      tracer.kill('SIGINT');
      await ended;
    },
  };
}
