// What surrounds a function's program: limits that a shell sets before it becomes the program, and an environment that
// comes over a pipe, so that it is in no command line and no file.

import { constants } from 'node:os';
import type { Ending } from './faults.ts';
import type { StartPlan } from './instance.ts';
import type { Launch, Places } from './launch.ts';

/** Open files of a program, as AWS Lambda has it. */
const OPEN_FILES = 1024;

/** The folders of this machine that a process is made of. */
export interface HostFolders {
  readonly task: string;
  /** Where the layers are merged; undefined without layers. */
  readonly opt: string | undefined;
  readonly temporary: string;
}

export interface Sandbox {
  /** What is isolated, for the log. */
  readonly kind: 'process-group';
  /** Where the program sees its folders. */
  placesOf(folders: HostFolders, searchPath: string): Places;
  wrap(launch: Launch): StartPlan;
}

const SCRIPT = `ulimit -c 0; ulimit -n ${OPEN_FILES}; eval "$(cat)"; exec "$@" </dev/null`;

/** Nothing but a process group, limits and an empty environment: what every system allows. */
export function createPlainSandbox(): Sandbox {
  return Object.freeze({
    kind: 'process-group' as const,
    placesOf: ({ task, opt, temporary }: HostFolders, searchPath: string): Places => ({
      taskRoot: task,
      optRoot: opt ?? `${temporary}/opt`,
      temporary,
      searchPath,
    }),
    wrap: ({ command, args, env, cwd }: Launch): StartPlan => ({
      command: '/bin/sh',
      args: ['-c', SCRIPT, 'function', command, ...args],
      env: { PATH: '/usr/bin:/bin' },
      cwd,
      input: exportsOf(env),
      endingOf: (code, signal) => endingOf(code, signal),
    }),
  });
}

/** Shell text that sets an environment; values may hold anything but a zero. */
function exportsOf(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(
    ([name, value]) => `export ${name}='${value.replaceAll('\0', '').replaceAll("'", `'\\''`)}'`,
  );
  return `${lines.join('\n')}\n`;
}

/** A shell tells a signal as 128 and its number. */
function endingOf(code: number | null, signal: NodeJS.Signals | null): Ending {
  if (signal !== null || code === null || code <= 128) return { code, signal };
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return name === undefined ? { code, signal } : { code: null, signal: name as NodeJS.Signals };
}
