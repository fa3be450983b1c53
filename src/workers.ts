// Several processes behind one address (GATEWRIGHT_WORKERS): this one starts them, replaces those that die, renews them one
// by one (SIGHUP) and stops them. Each worker is a whole house over the same store; this process serves nothing itself.

import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessLog } from './telemetry/log.ts';

/** A worker that ends sooner than this after its start is not started again at once (milliseconds). */
const SHORT_LIFE_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** A worker that was told to stop and is still there has hung: what runs in it was given 30 seconds. */
const PATIENCE_MS = 35_000;

/** How often workers say that they are alive (milliseconds), and how often in a row that may be missing: a minute. */
const ALIVE_MS = 5_000;
const MOST_SILENT = 12;

/** What workers and this process say to each other. */
export type WorkerMessage = 'ready' | 'all ready' | 'changed' | 'alive' | 'stop';

/** Whether this process is one of the workers. */
export const isWorker = (): boolean => cluster.isWorker;

/** The first worker does what is to be done once: the quick start, and saying that all are ready. */
export const isFirstWorker = (): boolean => cluster.worker?.id === 1;

/** Tells the process that started this one. Without effect when there is none. */
export function tellPrimary(message: WorkerMessage): void {
  if (cluster.worker?.isConnected() === true) cluster.worker.send(message);
}

/** Lets the process that started this one know that its event loop turns. Without effect when there is none. */
export function showLife(): void {
  if (cluster.isWorker) setInterval(() => tellPrimary('alive'), ALIVE_MS).unref();
}

/** The last word of a worker: nothing of it keeps the process alive any longer. Without effect elsewhere. */
export function leavePrimary(): void {
  if (process.connected) process.disconnect();
}

/** Calls back on a message, and with `stop` when the process that started this one is gone. */
export function hearPrimary(listener: (message: WorkerMessage) => void): void {
  if (!cluster.worker) return;
  // Or a worker would end at once, in the middle of calls, when the process that started it is gone.
  cluster.worker.exitedAfterDisconnect = true;
  process.on('message', (message) => listener(message as WorkerMessage));
  process.on('disconnect', () => listener('stop'));
}

/**
 * Runs `count` workers until a signal arrives.
 * @returns the exit code: 0 after a clean stop, that of the first worker when it cannot start
 */
export async function superviseWorkers(count: number, log: ProcessLog): Promise<number> {
  // Workers accept for themselves from one listening socket, which stays when one of them goes. Handed over by this
  // process, connections would hang for ever when the worker that is to have them dies on the way.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const supervisor = new Supervisor(log);
  const stopped = onSignals(supervisor, log);
  // The first one alone: it may have a database to prepare, and a key and credentials to make.
  const code = await supervisor.startFirst();
  if (code !== undefined) return code;
  await Promise.all(Array.from({ length: count - 1 }, () => supervisor.keepOne()));
  supervisor.first?.send('all ready' satisfies WorkerMessage);
  log.info({ workers: count }, 'all workers are ready');
  log.flush();
  await stopped;
  log.info({}, 'stopped');
  log.flush();
  return 0;
}

class Supervisor {
  first: Worker | undefined;
  readonly #log: ProcessLog;
  readonly #alive = new Set<Worker>();
  /** Workers that are meant to end: nobody takes their place. */
  readonly #leaving = new WeakSet<Worker>();
  #isStopping = false;
  #renewal: Promise<void> | undefined;

  constructor(log: ProcessLog) {
    this.#log = log;
  }

  /** Resolves when it is ready, or with its exit code when it ended before. */
  async startFirst(): Promise<number | undefined> {
    const worker = this.#fork();
    this.first = worker;
    const code = await readyOrEnd(worker);
    if (code === undefined) this.#watch(worker, Date.now());
    return code;
  }

  /** Starts one and sees to it that there is one from then on. Resolves when it is ready for the first time. */
  async keepOne(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#isStopping) {
      const worker = this.#fork();
      const started = Date.now();
      const code = await readyOrEnd(worker);
      if (code === undefined) {
        this.#watch(worker, started);
        return;
      }
      this.#log.error({ worker: worker.id, code, retryMs: pauseMs }, 'a worker could not start');
      await sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** A new one for each, one after the other: the old one goes when the new one is ready. */
  renew(): Promise<void> {
    this.#renewal ??= this.#renewAll().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #renewAll(): Promise<void> {
    this.#log.info({ workers: this.#alive.size }, 'renewing the workers');
    const present = [...this.#alive];
    for (const old of present) {
      if (this.#isStopping) return;
      if (this.#leaving.has(old) || old.isDead()) continue;
      this.#leaving.add(old);
      await this.keepOne();
      await stopped(old, this.#log);
    }
    this.#log.info({ workers: this.#alive.size }, 'the workers are renewed');
    this.#log.flush();
  }

  /** Ends all of them; those that are asked a second time end at once. */
  async stop(isUrgent: boolean): Promise<void> {
    this.#isStopping = true;
    const workers = [...this.#alive];
    for (const worker of workers) {
      this.#leaving.add(worker);
      if (isUrgent) worker.process.kill('SIGKILL');
    }
    await Promise.all(workers.map((worker) => stopped(worker, this.#log)));
  }

  #fork(): Worker {
    const worker = cluster.fork();
    this.#alive.add(worker);
    worker.once('exit', () => this.#alive.delete(worker));
    worker.on('message', (message: WorkerMessage) => {
      if (message !== 'changed') return;
      for (const other of this.#alive) if (other !== worker && other.isConnected()) other.send(message);
    });
    // What cannot be said to a worker that is going is no fault of this process.
    worker.on('error', () => undefined);
    return worker;
  }

  #watch(worker: Worker, started: number): void {
    watchLife(worker, this.#log);
    worker.once('exit', (code, signal) => {
      if (this.#isStopping || this.#leaving.has(worker)) return;
      this.#log.error({ worker: worker.id, code, signal }, 'a worker ended; another one takes its place');
      const wasShort = Date.now() - started < SHORT_LIFE_MS;
      void sleep(wasShort ? FIRST_PAUSE_MS : 0).then(() => this.keepOne());
    });
  }
}

/**
 * Kills a worker that says nothing any more: an endless loop, or a process that was stopped. Its clients would wait for ever.
 * @param everyMs how often it is looked; it has to have said something since, once in `MOST_SILENT` times
 */
export function watchLife(
  worker: Pick<Worker, 'id' | 'on' | 'once' | 'process'>,
  log: Pick<ProcessLog, 'error'>,
  everyMs = ALIVE_MS,
): void {
  let silent = 0;
  worker.on('message', () => (silent = 0));
  // Counted, not measured: a machine that slept has not waited for anything.
  const timer = setInterval(() => {
    silent += 1;
    if (silent <= MOST_SILENT) return;
    log.error({ worker: worker.id }, 'a worker has hung and is killed');
    worker.process.kill('SIGKILL');
  }, everyMs);
  worker.once('exit', () => clearInterval(timer));
}

function say(worker: Pick<Worker, 'isConnected' | 'process' | 'send'>, message: WorkerMessage): void {
  if (worker.isConnected()) worker.send(message);
  else worker.process.kill('SIGTERM');
}

/** Undefined when the worker has said that it is ready, its exit code when it ended before. */
function readyOrEnd(worker: Worker): Promise<number | undefined> {
  return new Promise((resolve) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message === 'ready') resolve(undefined);
    });
    worker.once('exit', (code) => resolve(code ?? 1));
  });
}

/**
 * Tells a worker to stop and resolves when it has ended; one that has hung is killed.
 * @param patienceMs how long it is waited for
 */
export function stopped(
  worker: Pick<Worker, 'id' | 'isConnected' | 'isDead' | 'once' | 'process' | 'send'>,
  log: Pick<ProcessLog, 'error'>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) {
      resolve();
      return;
    }
    const timer = setTimeout(() => {
      log.error({ worker: worker.id }, 'a worker does not stop and is killed');
      worker.process.kill('SIGKILL');
    }, patienceMs);
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    say(worker, 'stop');
  });
}

/** Resolves when everything was stopped after SIGTERM or SIGINT; SIGHUP renews. */
function onSignals(supervisor: Supervisor, log: ProcessLog): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'stopping');
      log.flush();
      void supervisor.stop(isStopping).then(resolve);
      isStopping = true;
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => void supervisor.renew());
  });
}
