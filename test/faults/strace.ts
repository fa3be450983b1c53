// strace, following a running process: to see what it does to its files, or to make some of that fail.

import { spawn, spawnSync } from 'node:child_process';
import { closing } from '../support/process.ts';
import { CannotRun, until } from './row.ts';

/**
 * Follows a process until told to stop. @param what strace's own arguments @param files those that it is about
 * @throws CannotRun where strace is missing, or may not follow processes
 */
export async function straceOf(
  pid: number,
  what: readonly string[],
  files: readonly string[],
): Promise<{ stop(): Promise<void> }> {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).status !== 0)
    throw new CannotRun('there is no strace');
  const tracer = spawn('strace', [...what, '-p', String(pid), ...files.flatMap((file) => ['-P', file])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
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
    async stop() {
      tracer.kill('SIGINT');
      await ended;
    },
  };
}
