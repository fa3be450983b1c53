// Workers that accept from one listening socket: whichever wakes first takes all connections of a burst, and with clients that
// keep their connections the others then have nothing to do for as long as those last. So a worker that is idle anyway
// waits for a blink after each connection it has taken, and the next one is another’s.

/** Longer than a process takes to wake (milliseconds), and far less than anybody notices. */
const BLINK_MS = 0.1;
/** Nobody ever wakes who waits here. */
const NOTHING = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** To be called for each connection. A worker with requests under way goes on at once: it is not the first to wake. */
export function letOthersAccept(isIdle: () => boolean): () => void {
  return () => {
    if (isIdle()) Atomics.wait(NOTHING, 0, 0, BLINK_MS);
  };
}
