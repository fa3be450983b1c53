// Workers that accept from one listening socket: whichever wakes first takes all connections of a burst, and with clients that
// keep their connections the others then have nothing to do for as long as those last. So a worker that is idle anyway
// waits for a blink after each connection it has taken, and the next one is another’s.

/** Longer than a process takes to wake (milliseconds), and far less than anybody notices. */
const BLINK_MS = 0.1;
/** Whoever opens connections and asks nothing must not keep a worker from its work: no more than this in a second. */
const BLINKS = 200;
const SECOND_MS = 1_000;
/** Nobody ever wakes who waits here. */
const NOTHING = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * To be called for each connection. A worker with requests under way goes on at once: it is not the first to wake.
 * @param blink waits; another one for tests
 */
export function letOthersAccept(
  isIdle: () => boolean,
  now: () => number = () => performance.now(),
  blink: () => void = () => void Atomics.wait(NOTHING, 0, 0, BLINK_MS),
): () => void {
  let since = -Infinity;
  let left = BLINKS;
  return () => {
    if (!isIdle()) return;
    const time = now();
    if (time - since >= SECOND_MS) [since, left] = [time, BLINKS];
    if (left === 0) return;
    left -= 1;
    blink();
  };
}
