// Discovery of an OpenAPI target: gets the document, has it imported in a process of its own, and gives back the
// tools with the document they came from. Knows nothing of tools' calls.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GatewayError, invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { Catalogue } from '../../core/tool.ts';
import type { DiscoverContext } from '../target-type.ts';
import type { ImportAnswer, ImportJob } from './import-process.ts';

const TIME_LIMIT_MS = 60_000;
const MEMORY_LIMIT_MB = 1024;
const MAX_COMPLAINT = 10_000;
const INLINE = 'inline';

/**
 * Makes the tools of a target whose configuration is `{ inlinePayload }` or `{ s3: { uri } }`.
 * @throws GatewayError Validation when the document cannot be imported.
 */
export async function discoverOpenApi(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue> {
  const source = await readDocument(config, ctx);
  const catalogue = await importApart(
    {
      text: source.text,
      options: {
        location: source.location,
        settings: ctx.settings,
        ...(ctx.credential === undefined ? {} : { credential: ctx.credential }),
      },
    },
    ctx.signal,
  );
  const { operations, tools, skipped, format } = catalogue.report;
  ctx.log.info(
    { source: source.location, format, operations, tools, skipped },
    'imported an OpenAPI document',
  );
  return catalogue;
}

async function readDocument(
  config: JsonObject,
  ctx: DiscoverContext,
): Promise<{ text: string; location: string }> {
  const inline = config['inlinePayload'];
  if (typeof inline === 'string') return { text: inline, location: INLINE };
  const s3 = config['s3'];
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  if (typeof uri !== 'string' || uri === '')
    throw invalidField('openApiSchema', 'give the document as inlinePayload or its address as s3.uri');
  return { text: await ctx.readSource(uri, ctx.signal), location: uri };
}

/**
 * Runs one import in a process of its own, which is killed when the time is over or the caller goes away. A process
 * rather than a thread: whatever a document does to it, even a crash of the engine, ends there.
 */
export async function importApart(
  job: ImportJob,
  signal: AbortSignal,
  limits: { readonly timeMs: number; readonly memoryMb: number } = {
    timeMs: TIME_LIMIT_MS,
    memoryMb: MEMORY_LIMIT_MB,
  },
): Promise<Catalogue> {
  signal.throwIfAborted();
  // The same file beside this one: `.ts` when running from source, `.js` from the build.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const child = fork(fileURLToPath(new URL(`./import-process.${extension}`, import.meta.url)), [], {
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
