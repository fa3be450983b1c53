// Node's queue of ticks, made ready before the first request. Each request takes about eight ticks of Node's streams, and
// what the engine learns of `nextTick` while hundreds of modules load is often so mixed that it settles on a slow form of
// it for good: five times the time of a tick, some percent of the CPU of a call. A short run of plain ticks settles it.

/** Enough for the engine to make its choice; takes less than a millisecond. */
const TICKS = 2_000;

/** Resolves when they have run. */
export function warmTicks(): Promise<void> {
  let left = TICKS;
  return new Promise((resolve) => {
    const tick = (): void => {
      left -= 1;
      if (left === 0) resolve();
      else process.nextTick(tick);
    };
    tick();
  });
}
