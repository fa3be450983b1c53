// Discovery of an OpenAPI target: gets the document, has it imported in a thread of its own, and gives back the
// tools with the document they came from. Knows nothing of tools' calls.

import { Worker } from 'node:worker_threads';
import { GatewayError, invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { Catalogue } from '../../core/tool.ts';
import type { DiscoverContext } from '../target-type.ts';
import type { ImportAnswer, ImportJob } from './import-worker.ts';

const TIME_LIMIT_MS = 60_000;
const MEMORY_LIMIT_MB = 1024;
const INLINE = 'inline';

/**
 * Makes the tools of a target whose configuration is `{ inlinePayload }` or `{ s3: { uri } }`.
 * @throws GatewayError Validation when the document cannot be imported.
 */
export async function discoverOpenApi(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue> {
  const source = await readDocument(config, ctx);
  const catalogue = await importInThread(
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

/** Runs one import in a worker thread, which is ended when the time is over or the caller goes away. */
export async function importInThread(
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
  const worker = new Worker(new URL(`./import-worker.${extension}`, import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb },
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
  worker.once('message', resolve);
  worker.once('error', (cause: Error & { code?: string }) => {
    const why =
      cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `it needs more than ${limits.memoryMb} MB of memory`
        : 'the import broke off';
    reject(refused(why, cause));
  });
  worker.once('exit', (code) => {
    reject(refused(`the import ended early (${code})`));
  });
  try {
    const answer = await promise;
    if ('catalogue' in answer) return answer.catalogue;
    throw new GatewayError(answer.error.code, answer.error.message, answer.error.details);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

function refused(why: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'Validation',
    `The document could not be imported: ${why}. Split the document or leave parts of it out.`,
    cause === undefined ? {} : { cause },
  );
}
