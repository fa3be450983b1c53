// A process group: the program that was started and whatever it started in turn. Ended as a whole, by signals, and
// looked at until nothing of it is left.

/** How long is waited after each signal. Nobody can ignore the last one; who is dead and never waited for stays listed. */
const ENDING = [
  ['SIGTERM', 2_000],
  ['SIGKILL', 250],
] as const;
const LOOK_MS = 25;

/** Sends a signal to every process of the group. @returns false when there is none left */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (thrown) {
    // EPERM: there are processes, but none that may be signalled (on macOS: all of them are dying).
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
}

/** Fulfils when nothing of the group is left: SIGTERM, and SIGKILL after two seconds. */
export async function endGroup(group: number): Promise<void> {
  for (const [signal, graceMs] of ENDING)
    if (!signalGroup(group, signal) || (await isGoneWithin(group, graceMs))) return;
}

async function isGoneWithin(group: number, ms: number): Promise<boolean> {
  // Counted, not measured: a machine that slept in between must not shorten the grace.
  for (let waited = 0; waited < ms; waited += LOOK_MS) {
    if (!signalGroup(group, 0)) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return !signalGroup(group, 0);
}
