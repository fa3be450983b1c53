// Asynchronous invocations: taken at once, run as soon as there is room, and again when they fail, as AWS Lambda does it
// (twice, after one and two minutes). What waits is in memory: a server that stops says how much it leaves undone.

import type { Log } from '../core/call.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { FunctionAnswer, FunctionCall } from './function-host.ts';

/** Events that wait or run, all functions together. */
const MAX_EVENTS = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** After which a failed event is tried again. */
const RETRY_MS: readonly number[] = [60_000, 120_000];
/** A throttled event is no failure: it is tried again sooner and for longer, growing slower. */
const THROTTLED_MS = 1_000;
const MAX_THROTTLED_MS = 5 * 60_000;
const MAX_AGE_MS = 6 * 60 * 60_000;

export interface EventQueue {
  /** @throws GatewayError Throttled when too many wait already */
  add(call: FunctionCall): void;
  /** Stops trying, and waits for what runs, no longer than so many milliseconds. */
  close(graceMs: number): Promise<void>;
}

export interface EventQueueOptions {
  readonly run: (call: FunctionCall) => Promise<FunctionAnswer>;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly retryMs?: readonly number[];
}

interface Entry {
  readonly call: FunctionCall;
  readonly since: number;
  failures: number;
  throttled: number;
}

/** An empty queue. */
export function createEventQueue({ run, log, now, retryMs = RETRY_MS }: EventQueueOptions): EventQueue {
  const timers = new Map<Entry, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let entries = 0;
  let bytes = 0;
  let isClosed = false;

  const sizeOf = ({ call }: Entry): number => Buffer.byteLength(call.payload);

  function done(entry: Entry): void {
    entries -= 1;
    bytes -= sizeOf(entry);
  }

  function later(entry: Entry, ms: number): void {
    if (isClosed) return;
    timers.set(
      entry,
      setTimeout(() => {
        timers.delete(entry);
        begin(entry);
      }, ms).unref(),
    );
  }

  function begin(entry: Entry): void {
    if (isClosed) return;
    const working = work(entry);
    running.add(working);
    void working.finally(() => running.delete(working));
  }

  async function work(entry: Entry): Promise<void> {
    const { name, requestId } = entry.call;
    let reason: string;
    try {
      const answer = await run(entry.call);
      if (answer.functionError === undefined) return done(entry);
      reason = Buffer.from(answer.payload.subarray(0, 500)).toString('utf8');
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      if (fault.code === 'Throttled' && now() - entry.since < MAX_AGE_MS) {
        entry.throttled += 1;
        return later(entry, Math.min(THROTTLED_MS * 2 ** (entry.throttled - 1), MAX_THROTTLED_MS));
      }
      reason = fault.message;
      // Nobody to try it with any more.
      if (fault.code === 'NotFound') entry.failures = retryMs.length;
    }
    const delay = retryMs[entry.failures];
    entry.failures += 1;
    if (delay !== undefined) return later(entry, delay);
    done(entry);
    log.warn(
      { function: name, requestId, attempts: entry.failures, reason },
      'an asynchronous call of a function failed for good',
    );
  }

  return Object.freeze({
    add(call: FunctionCall): void {
      const entry: Entry = { call, since: now(), failures: 0, throttled: 0 };
      if (entries >= MAX_EVENTS || bytes + sizeOf(entry) > MAX_BYTES)
        throw new GatewayError('Throttled', 'Rate Exceeded: too many asynchronous calls wait already.', {
          reason: 'ConcurrentInvocationLimitExceeded',
          retryAfterMs: THROTTLED_MS,
        });
      entries += 1;
      bytes += sizeOf(entry);
      // In a turn of its own: whoever asked is answered first.
      setImmediate(() => begin(entry));
    },
    async close(graceMs: number): Promise<void> {
      isClosed = true;
      for (const timer of timers.values()) clearTimeout(timer);
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        Promise.all(running),
        new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs))),
      ]);
      clearTimeout(timer);
      if (entries > 0) log.warn({ events: entries }, 'asynchronous calls of functions are left undone');
    },
  });
}
