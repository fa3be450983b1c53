// Which programs of this machine run functions: this process's own Node, the Python that is found, or the `bootstrap` that
// a custom runtime brings. Each is looked for once.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { familyOf } from '../core/function-runtimes.ts';
import type { Program } from './launch.ts';

const LOOK_MS = 10_000;
const FACTS =
  'import sys; print(sys.version_info[0] * 100 + sys.version_info[1]); print(sys.executable); print(sys.prefix); print(sys.base_prefix)';
const OLDEST_PYTHON = 309;
const run = promisify(execFile);

/** A program with the folders it needs, or why there is none. */
export type Interpreter = Program | { readonly missing: string };

export interface Interpreters {
  /** Custom runtimes have none: theirs is in their code. */
  find(runtime: string): Promise<Interpreter>;
}

/** @param searchPath where programs are looked for, as PATH has it @param home of the user, which version managers ask for */
export function createInterpreters(searchPath: string, home: string | undefined): Interpreters {
  const found = new Map<string, Promise<Interpreter>>();
  const env = { PATH: searchPath, ...(home === undefined ? {} : { HOME: home }) };

  async function look(runtime: string): Promise<Interpreter> {
    const exact = runtime;
    // The version asked for, if the machine has it; else the Python that it has.
    for (const name of [exact, 'python3']) {
      try {
        const { stdout } = await run(name, ['-c', FACTS], { env, timeout: LOOK_MS });
        const [version = '', path = '', ...roots] = stdout.trim().split('\n');
        if (Number(version) >= OLDEST_PYTHON && path.startsWith('/'))
          return { path, roots: [...new Set(roots)] };
      } catch {
        // Not there, or only a shim of a version manager that leads nowhere.
      }
    }
    return {
      missing: `${runtime} needs Python 3.9 or newer, and no python3 is on the PATH of the server. Install it, or start the server with a PATH that has it.`,
    };
  }

  return Object.freeze({
    find(runtime: string): Promise<Interpreter> {
      if (familyOf(runtime) !== 'python') return Promise.resolve({ path: process.execPath, roots: [] });
      const known = found.get(runtime);
      if (known) return known;
      const looking = look(runtime);
      found.set(runtime, looking);
      // What is missing may be installed meanwhile.
      void looking.then((interpreter) => 'missing' in interpreter && found.delete(runtime));
      return looking;
    },
  });
}
