// What surrounds a function's program. Everywhere: limits that a shell sets before it becomes the program, and an
// environment that comes over a pipe, so that it is in no command line and no file. Where the system lets ordinary users
// have namespaces: a tree of files of its own, in which it sees what AWS Lambda shows, and its own processes only.

import { constants } from 'node:os';
import type { Ending } from './faults.ts';
import type { StartPlan } from './instance.ts';
import type { HostFolders, Launch, Places, Program } from './launch.ts';
import { namespaceScript } from './namespace-script.ts';

/** Open files of a program, as AWS Lambda has it. */
const OPEN_FILES = 1024;
/** Where tools of the system are; nothing of the operator's own. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin';

/** `auto`: namespaces where they can be had; `required`: nothing runs without them; `off`: none. */
export type SandboxWish = 'auto' | 'required' | 'off';

export interface Sandbox {
  readonly kind: 'process-group' | 'namespaces';
  /** Where the program sees its folders and itself. */
  placesOf(folders: HostFolders, program: Program): Places;
  wrap(launch: Launch, folders: HostFolders, program: Program): StartPlan;
}

const PLAIN_SCRIPT = `ulimit -c 0; ulimit -n ${OPEN_FILES}; eval "$(cat)"; exec "$@" </dev/null`;

/** Nothing but a process group, limits and an environment of its own: what every system allows. */
export const PLAIN_SANDBOX: Sandbox = Object.freeze({
  kind: 'process-group' as const,
  placesOf: ({ task, opt, temporary, runtime }: HostFolders, program: Program): Places => ({
    taskRoot: task,
    optRoot: opt ?? `${temporary}/opt`,
    temporary: `${temporary}/files`,
    runtimeRoot: runtime,
    searchPath: SEARCH_PATH,
    program: program.path,
  }),
  wrap: ({ command, args, env, cwd }: Launch): StartPlan => ({
    command: '/bin/sh',
    args: ['-c', PLAIN_SCRIPT, 'function', command, ...args],
    env: { PATH: SYSTEM_PATH },
    cwd,
    input: exportsOf(env),
    isLeaderWaiting: false,
    endingOf,
  }),
});

const NAMESPACES = '--user --map-root-user --mount --pid --ipc --uts --fork --kill-child'.split(' ');

/** User, mount, process and IPC namespaces; no privileges and no way to get any. */
export const NAMESPACE_SANDBOX: Sandbox = Object.freeze({
  kind: 'namespaces' as const,
  placesOf: ({ task, opt }: HostFolders, program: Program): Places => ({
    taskRoot: '/var/task',
    optRoot: '/opt',
    temporary: '/tmp',
    runtimeRoot: '/var/runtime',
    searchPath: `/var/lang/bin:${SEARCH_PATH}`,
    program: insideOf(program, task, opt),
  }),
  wrap: ({ command, args, env }: Launch, folders: HostFolders, program: Program): StartPlan => ({
    command: 'unshare',
    args: [
      ...NAMESPACES,
      ...(folders.sockets === undefined ? [] : ['--net']),
      '/bin/sh',
      '-c',
      namespaceScript(folders, program, OPEN_FILES),
      'function',
      command,
      ...args,
    ],
    env: { PATH: SYSTEM_PATH },
    cwd: '/',
    input: exportsOf(env),
    isLeaderWaiting: true,
    endingOf,
  }),
});

/** Node is shown where AWS Lambda has it; what else comes from outside keeps its place. */
function insideOf({ path, roots }: Program, task: string, opt: string | undefined): string {
  if (path.startsWith(`${task}/`)) return `/var/task${path.slice(task.length)}`;
  if (opt !== undefined && path.startsWith(`${opt}/`)) return `/opt${path.slice(opt.length)}`;
  return roots.length === 0 ? '/var/lang/bin/node' : path;
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
