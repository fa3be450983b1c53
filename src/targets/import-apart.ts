// Runs imports of documents in a process of their own: the half that stays in the gateway. A process rather than a
// thread: whatever a document does to it, even a crash of the engine, ends there. Knows no kind of document.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GatewayError } from '../core/errors.ts';
import type { Catalogue } from '../core/tool.ts';
import type { ImportAnswer } from './import-child.ts';

const TIME_LIMIT_MS = 60_000;
const MEMORY_LIMIT_MB = 1024;
const MAX_COMPLAINT = 10_000;

/**
 * Runs one import; its process is killed when the time is over or the caller goes away.
 * @param beside `import.meta.url` of a file in the folder whose `import-process` is run
 * @param job what that process is given: plain data
 * @throws GatewayError Validation when the document cannot be imported
 */
export async function importApart(
  beside: string,
  job: object,
  signal: AbortSignal,
  limits: { readonly timeMs: number; readonly memoryMb: number } = {
    timeMs: TIME_LIMIT_MS,
    memoryMb: MEMORY_LIMIT_MB,
  },
): Promise<Catalogue> {
  signal.throwIfAborted();
  // The same file in both forms: `.ts` when running from source, `.js` from the build.
  const extension = beside.endsWith('.ts') ? 'ts' : 'js';
  const child = fork(fileURLToPath(new URL(`./import-process.${extension}`, beside)), [], {
    execArgv: [`--max-old-space-size=${limits.memoryMb}`],
    // Nothing of the gateway's environment: the import needs none of it.
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<ImportAnswer>();
  const timer = setTimeout(() => {
    reject(refused(`it took longer than ${limits.timeMs / 1000} seconds`));
  }, limits.timeMs);
  const onAbort = (): void => {
    reject(
      signal.reason instanceof Error
        ? signal.reason
        : new GatewayError('Unavailable', 'The import was cancelled.'),
    );
  };
  signal.addEventListener('abort', onAbort, { once: true });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-MAX_COMPLAINT);
  });
  child.once('message', (answer) => resolve(answer as ImportAnswer));
  child.once('error', (cause) => reject(refused('the import could not be started', cause)));
  child.once('close', (code, ended) => {
    const why = complaint.includes('heap out of memory')
      ? `it needs more than ${limits.memoryMb} MB of memory`
      : `the import broke off (${ended ?? code})`;
    reject(refused(why, new Error(complaint)));
  });
  child.send(job, (error) => {
    if (error) reject(refused('the import broke off', error));
  });
  try {
    const answer = await promise;
    if ('catalogue' in answer) return answer.catalogue;
    throw new GatewayError(answer.error.code, answer.error.message, answer.error.details);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
  }
}

function refused(why: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'Validation',
    `The document could not be imported: ${why}. Split the document or leave parts of it out.`,
    cause === undefined ? {} : { cause },
  );
}
