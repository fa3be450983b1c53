// Finds out once for each interpreter how much of a sandbox this system allows: by running it in one. What does not work
// here is said in the log, once, and the rest is what there is.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { RuntimeFamily } from '../core/function-runtimes.ts';
import type { HostFolders, Program } from './launch.ts';
import { NAMESPACE_SANDBOX, PLAIN_SANDBOX, SYSTEM_PATH } from './sandbox.ts';
import type { Sandbox, SandboxWish } from './sandbox.ts';

const PROBE_MS = 15_000;
const MAX_COMPLAINT = 500;
const DONE = 'sandboxed';

export interface SandboxProbe {
  /** The strongest sandbox that a program runs in here. */
  sandboxFor(family: RuntimeFamily, program: Program): Promise<Sandbox>;
  /** Whether a network of its own can have a loopback, which takes the program `ip`. */
  hasLoopback(): Promise<boolean>;
}

/** `folder` is where a trial can be made, `runtime` where the bootstraps lie. */
export function createSandboxProbe(
  folder: () => Promise<string>,
  runtime: string,
  wish: SandboxWish,
  log: Log,
): SandboxProbe {
  const known = new Map<string, Promise<Sandbox>>();

  async function probe(family: RuntimeFamily, program: Program): Promise<Sandbox> {
    const reason =
      wish === 'off'
        ? 'GATEWRIGHT_FUNCTION_SANDBOX=off'
        : process.platform === 'linux'
          ? await tryNamespaces(family, program)
          : 'the system is no Linux';
    const sandbox = reason === undefined ? NAMESPACE_SANDBOX : PLAIN_SANDBOX;
    log.info({ runtime: family, sandbox: sandbox.kind, reason }, 'sandbox of functions');
    if (wish === 'required' && reason !== undefined)
      throw new GatewayError(
        'UpstreamRefused',
        `Functions do not run without namespaces on this server (GATEWRIGHT_FUNCTION_SANDBOX=required), and they cannot be had: ${reason}`,
      );
    return sandbox;
  }

  async function tryNamespaces(family: RuntimeFamily, program: Program): Promise<string | undefined> {
    const trial = await mkdtemp(join(await folder(), 'probe-'));
    try {
      const folders: HostFolders = { task: join(trial, 'task'), opt: undefined, temporary: trial, runtime };
      await Promise.all([mkdir(folders.task), mkdir(join(trial, 'files'))]);
      const places = NAMESPACE_SANDBOX.placesOf(folders, program);
      const [command, ...args] = trialOf(family, places.program);
      const plan = NAMESPACE_SANDBOX.wrap(
        { command, args, env: { LAMBDA_TASK_ROOT: places.taskRoot }, cwd: places.taskRoot },
        folders,
        program,
      );
      return await run(plan);
    } finally {
      await rm(trial, { recursive: true, force: true });
    }
  }

  let loopback: Promise<boolean> | undefined;
  return Object.freeze({
    hasLoopback: () =>
      (loopback ??= run({
        command: 'unshare',
        args: ['--user', '--map-root-user', '--net', '/bin/sh', '-c', `ip link set lo up && printf ${DONE}`],
        env: { PATH: SYSTEM_PATH },
        cwd: '/',
        input: '',
        isLeaderWaiting: false,
        endingOf: (code, signal) => ({ code, signal }),
      }).then((reason) => reason === undefined)),
    sandboxFor(family: RuntimeFamily, program: Program): Promise<Sandbox> {
      // A custom runtime's program is none of ours to try: a shell stands for it.
      const key = family === 'provided' ? family : program.path;
      const found =
        known.get(key) ??
        probe(family, family === 'provided' ? { path: '/bin/sh', roots: ['/usr'] } : program);
      known.set(key, found);
      return found;
    },
  });
}

function trialOf(family: RuntimeFamily, program: string): [string, ...string[]] {
  switch (family) {
    case 'nodejs':
      return [program, '-e', `require('node:crypto').randomBytes(8); process.stdout.write('${DONE}')`];
    case 'python':
      return [program, '-c', `import ssl, json, ctypes; print('${DONE}', end='')`];
    default:
      return [program, '-c', `printf ${DONE}`];
  }
}

/** Undefined when it worked, else why not. */
function run(plan: ReturnType<Sandbox['wrap']>): Promise<string | undefined> {
  return new Promise((resolve) => {
    let output = '';
    let complaint = '';
    const child = spawn(plan.command, plan.args, {
      cwd: plan.cwd,
      env: plan.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: PROBE_MS,
      killSignal: 'SIGKILL',
    });
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.stderr.on(
      'data',
      (chunk: Buffer) => (complaint = (complaint + chunk.toString('utf8')).slice(-MAX_COMPLAINT)),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(plan.input);
    child.once('error', (fault) => resolve(fault.message));
    child.once('close', (code) =>
      resolve(code === 0 && output.endsWith(DONE) ? undefined : complaint.trim() || `it ends with ${code}`),
    );
  });
}
