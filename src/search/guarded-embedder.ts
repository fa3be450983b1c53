// An embedder as the search uses it: questions with a time-out and remembered, answers checked, and left alone for a
// while after it has failed several times, so that a provider that is down costs nobody time.

import { LRUCache } from 'lru-cache';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { createFigures } from '../core/figures.ts';
import type { Figures } from '../core/figures.ts';
import type { Log } from '../core/call.ts';
import type { Clock } from '../lib/clock.ts';
import type { Embedder, Purpose } from './embedder.ts';

const FAULTS_BEFORE_REST = 3;
const FIRST_REST_MS = 5_000;
const LONGEST_REST_MS = 5 * 60_000;
const MAX_QUERIES = 500;
const MAX_DIMENSIONS = 4_096;
/** How long one batch of tools may take. */
const BATCH_TIMEOUT_MS = 60_000;
/** Texts of tools beyond this are cut: models read only so much. */
const MAX_TEXT = 4_000;

export interface GuardedEmbedder {
  readonly model: string;
  readonly batch: number;
  readonly weight: number;
  readonly relatedFrom: number;
  /** Length of its vectors; undefined before the first. */
  dimensions(): number | undefined;
  /** The vector of a question, or undefined when there is none in time. Never throws. */
  query(text: string): Promise<Float32Array | undefined>;
  /** @throws GatewayError when the provider fails, or is left alone */
  tools(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

/** Guards an embedder. */
export function guardEmbedder(
  embedder: Embedder,
  services: { readonly clock: Pick<Clock, 'monotonic'>; readonly log: Log; readonly figures?: Figures },
): GuardedEmbedder {
  const { clock, log, figures = createFigures() } = services;
  const remembered = new LRUCache<string, Float32Array>({ max: MAX_QUERIES });
  const closing = new AbortController();
  let faults = 0;
  let restUntil = 0;
  let dimensions: number | undefined;

  async function embed(texts: readonly string[], purpose: Purpose, signal: AbortSignal) {
    if (clock.monotonic() < restUntil)
      throw new GatewayError(
        'Unavailable',
        'The embedding provider has failed and is left alone for a while.',
      );
    try {
      const vectors = await raced(embedder.embed(texts, purpose, signal), signal);
      check(vectors, texts.length, dimensions);
      dimensions = vectors[0]?.length;
      faults = 0;
      figures.count('embeddings', { purpose, outcome: 'success' }).value += 1;
      return vectors;
    } catch (thrown) {
      figures.count('embeddings', { purpose, outcome: 'failure' }).value += 1;
      if (!closing.signal.aborted) noteFault(thrown);
      throw thrown;
    }
  }

  function noteFault(thrown: unknown): void {
    faults += 1;
    const { code, message, details } = toGatewayError(thrown);
    if (faults >= FAULTS_BEFORE_REST) {
      const rest = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** (faults - FAULTS_BEFORE_REST));
      restUntil = clock.monotonic() + rest;
    }
    if (faults === 1 || faults === FAULTS_BEFORE_REST)
      log.warn(
        { model: embedder.model, code, reason: details.internal ?? message, faults },
        'embedding failed',
      );
  }

  return {
    model: embedder.model,
    batch: embedder.batch,
    weight: embedder.weight,
    relatedFrom: embedder.relatedFrom,
    dimensions: () => dimensions,
    async query(text) {
      const known = remembered.get(text);
      if (known) return known;
      try {
        const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(embedder.queryTimeoutMs)]);
        const [vector] = await embed([text], 'query', signal);
        if (vector) remembered.set(text, vector);
        return vector;
      } catch {
        return undefined;
      }
    },
    tools: (texts, signal) =>
      embed(
        texts.map((text) => text.slice(0, MAX_TEXT)),
        'tool',
        AbortSignal.any([closing.signal, signal, AbortSignal.timeout(BATCH_TIMEOUT_MS)]),
      ),
    async close() {
      closing.abort();
      await embedder.close();
    },
  };
}

/** An embedder that does not heed its signal is not waited for either. */
async function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void =>
    aborted.reject(new GatewayError('UpstreamTimeout', 'The embedding took too long.'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
    aborted.promise.catch(() => undefined);
  }
}

function check(vectors: readonly Float32Array[], count: number, before: number | undefined): void {
  const dimensions = vectors[0]?.length ?? 0;
  const isGood =
    vectors.length === count &&
    dimensions > 0 &&
    dimensions === (before ?? dimensions) &&
    dimensions <= MAX_DIMENSIONS &&
    vectors.every((vector) => vector.length === dimensions && vector.every(Number.isFinite));
  if (!isGood)
    throw new GatewayError(
      'UpstreamInvalid',
      `The embedding provider gave ${vectors.length} vectors for ${count} texts, or vectors that cannot be used.`,
    );
}
