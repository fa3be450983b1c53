// Figures of all workers together: whichever worker is asked, the process that started them asks all and adds up
// (prom-client's aggregation). What a worker has counted stays in the sum when it ends, so that no count ever falls, which
// would be read as a restart of everything. Without workers a process has its own figures only.

import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { isJsonObject } from './core/json.ts';
import { isWorker } from './workers.ts';

/** A worker asks for the text of all; it is asked for its own figures; it tells them. */
const ASK_ALL = 'gatewright:metrics';
const ASK_ONE = 'gatewright:figures?';
const TELL_ONE = 'gatewright:figures';
/** How long the text is waited for, and a worker that may be busy (milliseconds). */
const PATIENCE_MS = 5_000;
const PATIENCE_WITH_ONE_MS = 2_000;

/** The figures of one process as they go from one to another. */
type Figures = MetricObjectWithValues<MetricValue<string>>[];

/** In the process that starts workers: answers their questions. */
export function answerWorkers(): void {
  const sums = createSums();
  cluster.on('message', (worker, message: unknown) => {
    if (!isJsonObject(message)) return;
    if (message['type'] === TELL_ONE) sums.told(worker.id, message['figures'] as unknown as Figures);
    if (message['type'] !== ASK_ALL) return;
    const { id } = message;
    const answer = (text: string): void => {
      if (worker.isConnected()) worker.send({ type: ASK_ALL, id, text });
    };
    askAll(sums).then(answer, () => answer(''));
  });
  cluster.on('exit', (worker) => sums.ended(worker.id));
}

async function askAll(sums: Sums): Promise<string> {
  const alive = Object.values(cluster.workers ?? {}).filter(
    (worker): worker is Worker => worker?.isConnected() === true,
  );
  // Who does not answer in time is counted as it was last seen.
  await Promise.all(
    alive.map((worker) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = sums.next(worker.id, resolve);
      const timer = setTimeout(resolve, PATIENCE_WITH_ONE_MS);
      worker.send({ type: ASK_ONE });
      return promise.finally(() => {
        clearTimeout(timer);
        stop();
      });
    }),
  );
  return sums.text();
}

/** What is known of workers, those that have ended too. */
export interface Sums {
  /** Figures of a worker, which take the place of those from before. */
  told(id: number, figures: Figures): void;
  /** Calls back when a worker next tells its figures. Returns the way to stop. */
  next(id: number, listener: () => void): () => void;
  /** The worker is no more: what it has counted stays, what it was is over. */
  ended(id: number): void;
  text(): Promise<string>;
}

/** Sums of nothing yet. */
export function createSums(): Sums {
  const known = new Map<number, Figures>();
  const listeners = new Map<number, Set<() => void>>();
  let before: Figures = [];

  return {
    told(id, figures) {
      known.set(id, figures);
      for (const listener of listeners.get(id) ?? []) listener();
    },
    next(id, listener) {
      const waiting = listeners.get(id) ?? new Set();
      listeners.set(id, waiting.add(listener));
      return () => void waiting.delete(listener);
    },
    ended(id) {
      const last = known.get(id) ?? [];
      known.delete(id);
      listeners.delete(id);
      before = addedUp(before, last.filter(isCount));
    },
    text: () => AggregatorRegistry.aggregate([before, ...known.values()]).metrics(),
  };
}

// What only grows; the library's constants for them are numbers of another type in its declarations.
const isCount = ({ type }: { readonly type: unknown }): boolean => type === 'counter' || type === 'histogram';

/** One set of figures of several, without waiting: those that were told are plain. */
function addedUp(...all: readonly Figures[]): Figures {
  const sums = new Map<string, Figures[number]>();
  for (const figures of all)
    for (const figure of figures) {
      const sum = sums.get(figure.name);
      if (!sum) {
        sums.set(figure.name, figure);
        continue;
      }
      const values = new Map(sum.values.map((value) => [keyOf(value), value]));
      for (const value of figure.values) {
        const old = values.get(keyOf(value));
        values.set(keyOf(value), old ? { ...old, value: old.value + value.value } : value);
      }
      sums.set(figure.name, { ...sum, values: [...values.values()] });
    }
  return [...sums.values()];
}

/** Histograms have several values of the same labels under different names. */
const keyOf = (value: MetricValue<string> & { readonly metricName?: string }): string =>
  JSON.stringify([
    value.metricName,
    ...Object.entries(value.labels)
      .map(([name, label]) => `${name}=${label}`)
      .sort(),
  ]);

export interface MetricsText {
  /** The figures of all workers, or of this process when it is none. */
  text(): Promise<string>;
  /** The last word of this process. Without effect when it is no worker. */
  close(): Promise<void>;
}

/** Shows the figures of a registry. */
export function createMetricsText(registry: Registry): MetricsText {
  if (!isWorker()) return { text: () => registry.metrics(), close: () => Promise.resolve() };
  const waiting = new Map<number, (text: string) => void>();
  let asked = 0;
  const tell = async (): Promise<void> => {
    const figures = await registry.getMetricsAsJSON();
    if (cluster.worker?.isConnected() === true) cluster.worker.send({ type: TELL_ONE, figures });
  };
  process.on('message', (message: unknown) => {
    if (!isJsonObject(message)) return;
    if (message['type'] === ASK_ONE) tell().catch(() => undefined);
    if (message['type'] === ASK_ALL) waiting.get(Number(message['id']))?.(String(message['text'] ?? ''));
  });
  return {
    close: tell,
    async text() {
      asked += 1;
      const id = asked;
      const { promise, resolve } = Promise.withResolvers<string>();
      const timer = setTimeout(() => resolve(''), PATIENCE_MS);
      waiting.set(id, resolve);
      cluster.worker?.send({ type: ASK_ALL, id });
      const text = await promise;
      clearTimeout(timer);
      waiting.delete(id);
      // Better the figures of one than none.
      return text === '' ? registry.metrics() : text;
    },
  };
}
