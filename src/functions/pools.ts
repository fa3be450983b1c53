// The processes of all functions: warm ones are used again, new ones are started as calls ask for them, those that nobody
// needs are ended. Knows limits and turns; how a process is started it is told.

import { GatewayError } from '../core/errors.ts';
import type { Instance, StartFailure } from './instance.ts';
import type { RunnableVersion } from './registry.ts';

const RETRY_AFTER_MS = 1_000;
/** How long a process that has answered is waited for before another is started (milliseconds). */
const FINISHING_MS = 20;

export interface PoolLimits {
  /** Processes of all functions together. */
  readonly processes: number;
  /** After which a process that nobody uses is ended (milliseconds). */
  readonly idleMs: number;
}

/** Starts a process of a version. `onIdle` and `onGone` are to be told of it. @throws GatewayError */
export type LaunchInstance = (
  runnable: RunnableVersion,
  events: { readonly onIdle: (instance: Instance) => void; readonly onGone: (instance: Instance) => void },
) => Promise<Instance>;

/** Thrown by a launch when it is the function's own fault that it cannot start. */
export class StartRefused extends Error {
  readonly failure: StartFailure;

  constructor(failure: StartFailure) {
    super('The function cannot start.');
    this.failure = failure;
  }
}

/** A process to use, or what whoever called is told because none could be had. */
export type Acquired = { readonly instance: Instance } | { readonly failure: StartFailure };

export interface Pools {
  /** @throws GatewayError Throttled when no process may be started, and what launching throws */
  acquire(runnable: RunnableVersion): Acquired | Promise<Acquired>;
  /** Lets go of everything that is not among these; what runs is finished first. */
  keepOnly(runnables: ReadonlyMap<string, RunnableVersion>): void;
  /** What runs or is about to, retired or not. */
  inUse(): readonly RunnableVersion[];
  /** Ends every process; nothing can be started any more. */
  close(): Promise<void>;
}

interface Pool {
  /** As it was last seen: its secrets may be sealed under another key by now. */
  runnable: RunnableVersion;
  /** The one used last is at the end: others can grow old. */
  readonly idle: Instance[];
  readonly waiting: PromiseWithResolvers<Acquired>[];
  readonly instances: Set<Instance>;
  starting: number;
  isRetired: boolean;
}

/** No processes yet. */
export function createPools(launch: LaunchInstance, limits: PoolLimits): Pools {
  const pools = new Map<string, Pool>();
  const idleTimers = new Map<Instance, NodeJS.Timeout>();
  const endings = new Set<Promise<unknown>>();
  let processes = 0;
  let isClosed = false;

  function poolOf(runnable: RunnableVersion): Pool {
    const known = pools.get(runnable.key);
    if (known) {
      known.runnable = runnable;
      return known;
    }
    const made: Pool = {
      runnable,
      idle: [],
      waiting: [],
      instances: new Set(),
      starting: 0,
      isRetired: false,
    };
    pools.set(runnable.key, made);
    return made;
  }

  function takeIdle(pool: Pool): Instance | undefined {
    for (;;) {
      const instance = pool.idle.pop();
      if (!instance) return undefined;
      clearTimeout(idleTimers.get(instance));
      idleTimers.delete(instance);
      if (instance.isIdle()) return instance;
    }
  }

  function onIdle(pool: Pool, instance: Instance): void {
    if (isClosed) return stop(instance);
    // Whoever asked before it was retired is still served.
    const next = pool.waiting.shift();
    if (next) return next.resolve({ instance });
    if (pool.isRetired) return stop(instance);
    pool.idle.push(instance);
    idleTimers.set(
      instance,
      setTimeout(() => {
        drop(pool, instance);
        stop(instance);
      }, limits.idleMs).unref(),
    );
  }

  function drop(pool: Pool, instance: Instance): void {
    const at = pool.idle.indexOf(instance);
    if (at >= 0) pool.idle.splice(at, 1);
    clearTimeout(idleTimers.get(instance));
    idleTimers.delete(instance);
  }

  function onGone(pool: Pool, instance: Instance): void {
    processes -= 1;
    drop(pool, instance);
    pool.instances.delete(instance);
    track(instance.gone);
    forget(pool);
  }

  function forget(pool: Pool): void {
    if (pool.isRetired && pool.instances.size === 0 && pool.starting === 0) pools.delete(pool.runnable.key);
  }

  function stop(instance: Instance): void {
    track(instance.stop());
  }

  /** What is still to be waited for when everything is closed. */
  function track(work: Promise<unknown>): void {
    endings.add(work);
    void work.finally(() => endings.delete(work));
  }

  /** The process of another function that has been idle for longest makes room. */
  function evict(): boolean {
    for (const [instance] of idleTimers)
      for (const pool of pools.values())
        if (pool.idle.includes(instance)) {
          drop(pool, instance);
          stop(instance);
          return true;
        }
    return false;
  }

  function hasRoom(): boolean {
    return processes < limits.processes || evict();
  }

  function finishing(pool: Pool): number {
    let count = 0;
    for (const instance of pool.instances) if (instance.isFinishing()) count += 1;
    return count;
  }

  /** Starts a process for a turn that has waited in vain. */
  function hurry(pool: Pool, turn: PromiseWithResolvers<Acquired>): void {
    const at = pool.waiting.indexOf(turn);
    if (at < pool.starting) return;
    if (hasRoom()) return void start(pool);
    pool.waiting.splice(at, 1);
    turn.reject(throttled());
  }

  function throttled(): GatewayError {
    return new GatewayError(
      'Throttled',
      `Rate Exceeded: ${limits.processes} processes of functions run already, no more are allowed`,
      { retryAfterMs: RETRY_AFTER_MS, reason: 'ConcurrentInvocationLimitExceeded' },
    );
  }

  async function start(pool: Pool): Promise<void> {
    processes += 1;
    pool.starting += 1;
    let isCounted = false;
    const fail = (outcome: Acquired | GatewayError): void => {
      const next = pool.waiting.shift();
      if (outcome instanceof GatewayError) next?.reject(outcome);
      else next?.resolve(outcome);
    };
    try {
      const instance = await launch(pool.runnable, {
        onIdle: (idle) => onIdle(pool, idle),
        onGone: (gone) => {
          isCounted = true;
          onGone(pool, gone);
        },
      });
      pool.instances.add(instance);
      if (isClosed) stop(instance);
      const failure = await instance.started;
      pool.starting -= 1;
      if (failure) fail({ failure });
      else onIdle(pool, instance);
    } catch (thrown) {
      pool.starting -= 1;
      if (!isCounted) processes -= 1;
      if (thrown instanceof StartRefused) fail({ failure: thrown.failure });
      else if (thrown instanceof GatewayError) fail(thrown);
      else
        fail(
          new GatewayError(
            'UpstreamRefused',
            `The function ${pool.runnable.name} does not start: ${String(thrown)}`,
            {
              cause: thrown,
            },
          ),
        );
    } finally {
      forget(pool);
    }
  }

  return Object.freeze({
    acquire(runnable: RunnableVersion): Acquired | Promise<Acquired> {
      if (isClosed) throw stopping();
      const pool = poolOf(runnable);
      const idle = takeIdle(pool);
      if (idle) return { instance: idle };
      const turn = Promise.withResolvers<Acquired>();
      if (finishing(pool) > pool.waiting.length - pool.starting) {
        // One that has just answered is quicker than a new one, unless it has more to do than to ask for the next event.
        pool.waiting.push(turn);
        setTimeout(() => hurry(pool, turn), FINISHING_MS);
        return turn.promise;
      }
      if (!hasRoom()) throw throttled();
      pool.waiting.push(turn);
      void start(pool);
      return turn.promise;
    },
    keepOnly(runnables: ReadonlyMap<string, RunnableVersion>): void {
      for (const [key, pool] of pools) {
        if (runnables.has(key)) continue;
        pool.isRetired = true;
        for (const instance of pool.idle.splice(0)) {
          drop(pool, instance);
          stop(instance);
        }
        forget(pool);
      }
    },
    inUse: () => [...pools.values()].map(({ runnable }) => runnable),
    async close(): Promise<void> {
      isClosed = true;
      for (const pool of pools.values()) {
        for (const turn of pool.waiting.splice(0)) turn.reject(stopping());
        for (const instance of pool.instances) stop(instance);
      }
      while (endings.size > 0) await Promise.allSettled(endings);
    },
  });
}

function stopping(): GatewayError {
  return new GatewayError('Unavailable', 'The server is stopping.', { retryAfterMs: RETRY_AFTER_MS });
}
