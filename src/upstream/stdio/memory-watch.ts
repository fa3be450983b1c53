// How much memory process groups hold: resident memory, added up over the processes of a group. Read from /proc, or
// asked of `ps` where there is none; where neither works the limit is not enforced, and the log says so once.

import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Log } from '../../core/call.ts';

const INTERVAL_MS = 1_000;
/** Processes once seen to be somebody else's are looked at again every so many rounds. */
const ROUNDS_REMEMBERED = 10;

export interface MemoryWatch {
  /** Calls `onOver` once, when the group holds more. @returns ends the watch */
  watch(group: number, limitBytes: number, onOver: (bytes: number) => void): () => void;
  /** What the group holds now (bytes); undefined where that cannot be found out. */
  measure(group: number): Promise<number | undefined>;
}

type Watched = Map<number, { readonly limitBytes: number; readonly onOver: (bytes: number) => void }>;
/** Bytes by group. @throws when this way of looking does not work here */
type ReadMemory = (groups: ReadonlySet<number>) => Promise<ReadonlyMap<number, number>>;

/** A watch that looks once in a while (milliseconds), and only while there is something to look at. */
export function createMemoryWatch(log: Log, intervalMs = INTERVAL_MS): MemoryWatch {
  const watched: Watched = new Map();
  const readers: ReadMemory[] = [createProcReader(), readFromPs];
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;

  async function look(): Promise<void> {
    const [read] = readers;
    if (!read || isLooking) return;
    isLooking = true;
    try {
      for (const [group, bytes] of await read(new Set(watched.keys()))) {
        const entry = watched.get(group);
        if (!entry || bytes <= entry.limitBytes) continue;
        stop(group);
        entry.onOver(bytes);
      }
    } catch (thrown) {
      readers.shift();
      if (readers.length === 0)
        log.warn({ reason: String(thrown) }, 'the memory of programs cannot be watched on this machine');
    } finally {
      isLooking = false;
    }
  }

  function stop(group: number): void {
    watched.delete(group);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return Object.freeze({
    async measure(group: number): Promise<number | undefined> {
      const [read] = readers;
      const found = await read?.(new Set([group])).catch(() => undefined);
      return found?.get(group);
    },
    watch(group: number, limitBytes: number, onOver: (bytes: number) => void) {
      watched.set(group, { limitBytes, onOver });
      timer ??= setInterval(() => void look(), intervalMs).unref();
      return () => stop(group);
    },
  });
}

function createProcReader(): ReadMemory {
  let foreign = new Set<string>();
  let round = 0;
  return async (groups) => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    if (pids.length === 0) throw new Error('/proc holds no processes');
    if ((round += 1) % ROUNDS_REMEMBERED === 0) foreign.clear();
    const seen = new Set<string>();
    const totals = new Map<number, number>();
    for (const pid of pids) {
      if (foreign.has(pid) && !groups.has(Number(pid))) {
        seen.add(pid);
        continue;
      }
      const group = await groupOf(pid);
      if (group === undefined) continue;
      if (groups.has(group)) totals.set(group, (totals.get(group) ?? 0) + (await residentBytesOf(pid)));
      else seen.add(pid);
    }
    foreign = seen;
    return totals;
  };
}

/** Undefined when the process is gone. */
async function groupOf(pid: string): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // `pid (name) state ppid pgrp …`: the name may hold anything, so what counts is after its last parenthesis.
  const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  return stat === '' ? undefined : group;
}

async function residentBytesOf(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

const run = promisify(execFile);

const readFromPs: ReadMemory = async (groups) => {
  const { stdout } = await run('ps', ['-axo', 'pgid=,rss='], { maxBuffer: 4 * 1024 * 1024 });
  const totals = new Map<number, number>();
  for (const line of stdout.split('\n')) {
    const [group = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number);
    if (groups.has(group)) totals.set(group, (totals.get(group) ?? 0) + kilobytes * 1024);
  }
  return totals;
};
