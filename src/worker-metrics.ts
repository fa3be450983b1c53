// Figures of all workers together: whichever worker is asked, the process that started them asks all and adds up
// (prom-client's aggregation). Without workers a process has its own figures only.

import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Registry } from 'prom-client';
import { isJsonObject } from './core/json.ts';
import { isWorker } from './workers.ts';

const TYPE = 'gatewright:metrics';
const PATIENCE_MS = 5_000;

/** In the process that starts workers: answers their questions. */
export function answerWorkers(): void {
  const aggregator = new AggregatorRegistry();
  cluster.on('message', (worker, message: unknown) => {
    if (!isJsonObject(message) || message['type'] !== TYPE) return;
    const { id } = message;
    const answer = (text: string): void => {
      if (worker.isConnected()) worker.send({ type: TYPE, id, text });
    };
    aggregator.clusterMetrics().then(answer, () => answer(''));
  });
}

/** The figures of all workers, or of this process when it is none. */
export function createMetricsText(registry: Registry): () => Promise<string> {
  if (!isWorker()) return () => registry.metrics();
  AggregatorRegistry.setRegistries([registry]);
  // Answers when the process that started this one asks for its figures.
  void new AggregatorRegistry();
  const waiting = new Map<number, (text: string) => void>();
  let asked = 0;
  process.on('message', (message: unknown) => {
    if (!isJsonObject(message) || message['type'] !== TYPE) return;
    waiting.get(Number(message['id']))?.(String(message['text'] ?? ''));
  });
  return async () => {
    asked += 1;
    const id = asked;
    const { promise, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve(''), PATIENCE_MS);
    waiting.set(id, resolve);
    cluster.worker?.send({ type: TYPE, id });
    const text = await promise;
    clearTimeout(timer);
    waiting.delete(id);
    // Better the figures of one than none.
    return text === '' ? registry.metrics() : text;
  };
}
