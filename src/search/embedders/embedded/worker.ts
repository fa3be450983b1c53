// The thread of the sentence encoder. It does one text at a time and looks at its messages in between, so that a
// question waits for one text at most.

import { parentPort } from 'node:worker_threads';
import { createEncoder } from './encoder.ts';
import { readWeights } from './weights.ts';

export interface WorkerJob {
  readonly id: number;
  readonly texts: readonly string[];
  /** Before everything that is not. */
  readonly isUrgent: boolean;
}

export interface WorkerAnswer {
  readonly id: number;
  readonly vectors?: readonly Float32Array[];
  readonly fault?: string;
}

const urgent: WorkerJob[] = [];
const others: { readonly job: WorkerJob; readonly vectors: Float32Array[] }[] = [];
let isRunning = false;
let encode: ((text: string) => Float32Array) | undefined;

parentPort?.on('message', (job: WorkerJob) => {
  if (job.isUrgent) urgent.push(job);
  else others.push({ job, vectors: [] });
  if (isRunning) return;
  isRunning = true;
  setImmediate(next);
});

/** One text, then a look at what has come meanwhile. */
function next(): void {
  const job = urgent.shift();
  const [other] = others;
  if (job) answer(job.id, () => job.texts.map(embed));
  else if (other) {
    const { job: batch, vectors } = other;
    const text = batch.texts[vectors.length];
    try {
      if (text !== undefined) vectors.push(embed(text));
    } catch (thrown) {
      others.shift();
      answer(batch.id, () => {
        throw thrown;
      });
    }
    if (vectors.length >= batch.texts.length) {
      others.shift();
      answer(batch.id, () => vectors);
    }
  }
  isRunning = urgent.length > 0 || others.length > 0;
  if (isRunning) setImmediate(next);
}

function answer(id: number, work: () => readonly Float32Array[]): void {
  let reply: WorkerAnswer;
  try {
    reply = { id, vectors: work() };
  } catch (thrown) {
    reply = { id, fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(reply);
}

function embed(text: string): Float32Array {
  encode ??= createEncoder(readWeights());
  return encode(text);
}
