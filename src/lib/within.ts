// Waiting with an end: for work that may hang and that nothing depends on.

/** Resolves when the work has ended, one way or the other, or when the time (milliseconds) is over. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([
    work.then(
      () => undefined,
      () => undefined,
    ),
    over,
  ]);
  clearTimeout(timer);
}
