// Whether this process can take another request: it answers those it has rather than all of them late. Looks at how many
// are under way, and every now and then at the heap and the event loop.

import { getHeapStatistics } from 'node:v8';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const LOOK_EVERY_MS = 250;
/** Of the heap that the engine may have: beyond, collecting garbage is most of the work, and then comes the end. */
const HEAP_SHARE = 0.93;
/** A loop that is late by this much on average (ms) has more work than it can do. */
const LATE_MS = 500;

export interface Overload {
  /** Takes a request in, unless there are too many; whoever was taken in has to leave. */
  enter(): boolean;
  leave(): void;
  /** Requests under way, and those that were turned away. */
  readonly inFlight: number;
  readonly shed: number;
  close(): void;
}

/** @param maxRequests requests under way at the same time */
export function createOverload(maxRequests: number): Overload {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let isStrained = false;
  const timer = setInterval(() => {
    const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
    // Nanoseconds; the histogram counts its own resolution.
    const lateMs = delay.mean / 1e6;
    isStrained = used > limit * HEAP_SHARE || lateMs > LATE_MS;
    delay.reset();
  }, LOOK_EVERY_MS);
  timer.unref();
  let [inFlight, shed] = [0, 0];
  return {
    enter() {
      // What is under way has to come to its end, or nothing ever gets better.
      if (inFlight >= maxRequests || (isStrained && inFlight > 0)) {
        shed += 1;
        return false;
      }
      inFlight += 1;
      return true;
    },
    leave() {
      inFlight -= 1;
    },
    get inFlight() {
      return inFlight;
    },
    get shed() {
      return shed;
    },
    close() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
