// With what a function's program is started: command, arguments and environment, as AWS Lambda's execution environment
// has them. Pure: nothing is started here. Nothing of the gateway's own environment is in it.

import { fileURLToPath } from 'node:url';
import { familyOf } from '../core/function-runtimes.ts';
import type { RunnableVersion } from './registry.ts';

/** Where the bootstraps of this house lie. */
export const BOOTSTRAPS = fileURLToPath(new URL('./bootstrap', import.meta.url));

/** The folders of this machine that a process is made of. */
export interface HostFolders {
  readonly task: string;
  /** Where the layers are merged; undefined without layers. */
  readonly opt: string | undefined;
  /** For temporary files: `files` of it, and what the sandbox needs. */
  readonly temporary: string;
  /** The bootstraps of this house. */
  readonly runtime: string;
  /** Of a process without a network. */
  readonly sockets?: Sockets;
}

export interface Sockets {
  readonly api: string;
  readonly egress?: string;
}

/** What runs the code: an interpreter with what it needs, or the function's own `bootstrap`. */
export interface Program {
  /** On this machine. */
  readonly path: string;
  /** Folders that it needs to be able to read beside those of the system. */
  readonly roots: readonly string[];
}

/** Where things lie, as the program sees them. */
export interface Places {
  readonly taskRoot: string;
  readonly optRoot: string;
  readonly temporary: string;
  /** Folder of the bootstraps of this house. */
  readonly runtimeRoot: string;
  readonly searchPath: string;
  /** The interpreter; of a custom runtime its own `bootstrap`. */
  readonly program: string;
}

export interface LaunchFacts {
  readonly runnable: RunnableVersion;
  readonly region: string;
  readonly logGroup: string;
  readonly logStream: string;
  /** `host:port` of the Runtime API. */
  readonly api: string;
  readonly token: string;
  /** Paths of sockets, of a process without a network: the Runtime API's, and the proxy's if it has one. */
  readonly sockets?: Sockets;
  /** The function's own environment variables. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** True for programs that know the token of their Runtime API: the bootstraps of this house. */
export function knowsToken(runtime: string): boolean {
  return familyOf(runtime) !== 'provided';
}

/** How a program is started. */
export function planLaunch(facts: LaunchFacts, places: Places): Launch {
  const { configuration, name, version } = facts.runnable;
  const { taskRoot, optRoot, temporary, runtimeRoot, program } = places;
  const family = familyOf(configuration.Runtime);
  const env: Record<string, string> = {
    LANG: 'C.UTF-8',
    TZ: ':UTC',
    PATH: `${places.searchPath}:${optRoot}/bin`,
    LD_LIBRARY_PATH: [taskRoot, `${taskRoot}/lib`, `${optRoot}/lib`].join(':'),
    HOME: temporary,
    TMPDIR: temporary,
    ...facts.variables,
    AWS_REGION: facts.region,
    AWS_DEFAULT_REGION: facts.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.Runtime}`,
    AWS_LAMBDA_RUNTIME_API: facts.api,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.MemorySize),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: facts.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: facts.logStream,
    LAMBDA_TASK_ROOT: taskRoot,
    LAMBDA_RUNTIME_DIR: runtimeRoot,
    _HANDLER: configuration.Handler ?? '',
  };
  if (facts.sockets) Object.assign(env, socketVariables(facts.sockets));
  const joined = (name: string, ...paths: readonly string[]): string =>
    [...paths, ...(facts.variables[name] === undefined ? [] : [facts.variables[name]])].join(':');
  switch (family) {
    case 'nodejs': {
      env['GATEWRIGHT_INSTANCE_TOKEN'] = facts.token;
      const major = /\d+/.exec(configuration.Runtime)?.[0] ?? '';
      env['NODE_PATH'] = joined(
        'NODE_PATH',
        `${optRoot}/nodejs/node${major}/node_modules`,
        `${optRoot}/nodejs/node_modules`,
      );
      // A tenth is left for what is not the heap of JavaScript, as AWS does it.
      const heap = Math.max(64, Math.floor(configuration.MemorySize * 0.9));
      return {
        command: program,
        args: [`--max-old-space-size=${heap}`, `${runtimeRoot}/node.mjs`],
        env,
        cwd: taskRoot,
      };
    }
    case 'python': {
      env['GATEWRIGHT_INSTANCE_TOKEN'] = facts.token;
      const lib = `${optRoot}/python/lib/${configuration.Runtime}/site-packages`;
      env['PYTHONPATH'] = joined('PYTHONPATH', `${optRoot}/python`, lib);
      env['PYTHONUNBUFFERED'] = '1';
      env['PYTHONDONTWRITEBYTECODE'] = '1';
      env['PYTHONIOENCODING'] = 'utf-8';
      return { command: program, args: [`${runtimeRoot}/python.py`], env, cwd: taskRoot };
    }
    default:
      return { command: program, args: [], env, cwd: taskRoot };
  }
}

/** Where the bootstraps offer the proxy: in a network of its own a process has every port to itself. */
const PROXY_PORT = 3128;

function socketVariables({ api, egress }: Sockets): Readonly<Record<string, string>> {
  if (egress === undefined) return { GATEWRIGHT_RUNTIME_SOCKET: api };
  const proxy = `http://127.0.0.1:${PROXY_PORT}`;
  return {
    GATEWRIGHT_RUNTIME_SOCKET: api,
    GATEWRIGHT_EGRESS_SOCKET: egress,
    GATEWRIGHT_EGRESS_PORT: String(PROXY_PORT),
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
    NO_PROXY: 'localhost,127.0.0.1',
    no_proxy: 'localhost,127.0.0.1',
    // Node.js reads the others only then.
    NODE_USE_ENV_PROXY: '1',
  };
}
