// Time as an argument, so that tests need no sleeping.

export interface Clock {
  /** Wall clock, milliseconds since the epoch. For timestamps and token expiry only. */
  now(): number;
  /** Monotonic milliseconds. For time-outs and deadlines. */
  monotonic(): number;
}

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
});
