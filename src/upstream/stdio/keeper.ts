// Keeps process groups for rooms that start programs of their own: the warden, the memory watch and the ending of
// groups, as stdio servers have them.

import type { Log } from '../../core/call.ts';
import type { ProcessKeeper } from '../../core/processes.ts';
import { createMemoryWatch } from './memory-watch.ts';
import { killCarriers, killGroup } from './process-group.ts';
import { createWarden } from './warden.ts';

/** Functions are given less memory than stdio servers, and come to its end sooner. */
const MEMORY_INTERVAL_MS = 500;

/** Nothing runs before the first group is guarded. `searchPath` is the PATH that the warden's shell has. */
export function createProcessKeeper(searchPath: string | undefined, log: Log): ProcessKeeper {
  const warden = createWarden(searchPath, log);
  const memory = createMemoryWatch(log, MEMORY_INTERVAL_MS);
  return Object.freeze({
    guard: (group: number) => warden.guard(group),
    release: (group: number) => warden.release(group),
    kill: killGroup,
    killCarriers,
    watchMemory: (group: number, limitBytes: number, onOver: (bytes: number) => void) =>
      memory.watch(group, limitBytes, onOver),
    measureMemory: (group: number) => memory.measure(group),
    close: () => warden.close(),
  });
}
