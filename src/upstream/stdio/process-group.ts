// A process group: the program that was started and whatever it started in turn. Ended as a whole, by signals, and
// looked at until nothing of it is left.

import { readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';

/** How long is waited after each signal. Nobody can ignore the last one; who is dead and never waited for stays listed. */
const ENDING = [
  ['SIGTERM', 2_000],
  ['SIGKILL', 250],
] as const;
const LOOK_MS = 25;
const KILLED_MS = 250;

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

/**
 * Ends the group at once. Fulfils when nothing of it is left, or nothing but what nobody waits for.
 * @param isLeaderWaiting true when its first process does nothing but wait for another: that one is ended, so that it is
 * waited for and leaves nothing behind
 */
export async function killGroup(group: number, isLeaderWaiting: boolean): Promise<void> {
  if (isLeaderWaiting && killChildren(group) && (await isGoneWithin(group, KILLED_MS))) return;
  if (signalGroup(group, 'SIGKILL')) await isGoneWithin(group, KILLED_MS);
}

/**
 * Ends every process that was started with a text in its environment, whatever group it is in by now. Where there is no
 * /proc nothing is known of any.
 */
export async function killCarriers(text: string): Promise<void> {
  const pids = await readdir('/proc').catch(() => []);
  for (const pid of pids) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (!environment.split('\0').includes(text)) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It was quicker.
    }
  }
}

/** @returns false when none is known of */
function killChildren(pid: number): boolean {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  } catch {
    return false;
  }
  for (const child of children.split(' '))
    try {
      if (child !== '') process.kill(Number(child), 'SIGKILL');
    } catch {
      // It was quicker.
    }
  return children !== '';
}

async function isGoneWithin(group: number, ms: number): Promise<boolean> {
  // Counted, not measured: a machine that slept in between must not shorten the grace.
  for (let waited = 0; waited < ms; waited += LOOK_MS) {
    if (!signalGroup(group, 0)) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return !signalGroup(group, 0);
}
