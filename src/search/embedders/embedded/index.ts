// The embedder that comes along: the stock sentence encoder in a worker thread. No network, no key, no native code.
// Questions overtake tools that wait to be embedded.

import { Worker } from 'node:worker_threads';
import { GatewayError } from '../../../core/errors.ts';
import type { Embedder, EmbedderServices, EmbedderType } from '../../embedder.ts';
import type { WorkerAnswer, WorkerJob } from './worker.ts';

const MODEL = 'embedded/use-lite-en-0.2.0';
const BATCH = 16;
const QUERY_TIMEOUT_MS = 250;
/** Counted beside the words in common; chosen as docs/search.md says. */
const WEIGHT = 1.1;

/** Strings of random letters come near some tool up to about here. */
const RELATED_FROM = 0.6;

type Waiting = PromiseWithResolvers<readonly Float32Array[]>;

function open(_settings: unknown, { log }: Pick<EmbedderServices, 'log'>): Embedder {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let isClosed = false;
  let jobs = 0;

  function started(): Worker {
    if (worker) return worker;
    // The same file beside this one: `.ts` when running from source, `.js` from the build.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const made = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
      name: 'sentence-encoder',
      // Nothing of this process's environment or flags is needed there.
      env: {},
      execArgv: [],
      stdin: false,
    });
    made.unref();
    made.on('message', ({ id, vectors, fault }: WorkerAnswer) => {
      const one = waiting.get(id);
      waiting.delete(id);
      if (vectors) one?.resolve(vectors);
      else one?.reject(new GatewayError('Unavailable', `The sentence encoder failed: ${fault ?? ''}`));
    });
    const onEnd = (reason: string): void => {
      if (worker !== made) return;
      worker = undefined;
      for (const one of waiting.values())
        one.reject(new GatewayError('Unavailable', 'The sentence encoder has stopped.'));
      waiting.clear();
      if (!isClosed)
        log.warn({ reason }, 'the sentence encoder has stopped; it is started again when needed');
    };
    made.once('error', (thrown) => onEnd(String(thrown)));
    made.once('exit', (code) => onEnd(`exit code ${code}`));
    worker = made;
    return made;
  }

  function send(texts: readonly string[], isUrgent: boolean): number {
    const id = (jobs += 1);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    started().postMessage({ id, texts, isUrgent } satisfies WorkerJob);
    return id;
  }

  // Loaded ahead and aside: the first question after a start should find it ready.
  const loading = setImmediate(() => void send([''], true));
  loading.unref();

  return {
    model: MODEL,
    batch: BATCH,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    weight: WEIGHT,
    relatedFrom: RELATED_FROM,
    embed(texts, purpose) {
      if (isClosed) return Promise.reject(new GatewayError('Unavailable', 'The sentence encoder is closed.'));
      const one: Waiting = Promise.withResolvers();
      waiting.set(send(texts, purpose === 'query'), one);
      return one.promise;
    },
    async close() {
      isClosed = true;
      clearImmediate(loading);
      await worker?.terminate();
    },
  };
}

export const embeddedEmbedder = Object.freeze({ name: 'embedded', open } as const) satisfies EmbedderType;
