// The real server as a child process: what its users start. Its environment holds nothing of the developer's own,
// its data lies in a folder of its own, and whatever a test does, no process and no folder is left behind.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const ROOT = join(import.meta.dirname, '../..');

/** Run after the file's tests, the last one first. */
export const closing: (() => unknown)[] = [];

/** Runs them. @throws AggregateError of those that failed */
export async function closeAll(): Promise<void> {
  // One that fails must not keep the others from being run.
  const faults: unknown[] = [];
  for (const close of closing.splice(0).reverse())
    await Promise.resolve()
      .then(close)
      .catch((thrown: unknown) => faults.push(thrown));
  if (faults.length > 0) throw new AggregateError(faults, 'not everything could be closed');
}

// Whoever starts servers without a test runner (test/faults) closes them itself.
if (process.env['VITEST'] !== undefined) (await import('vitest')).afterAll(closeAll);

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Spawned {
  readonly child: ChildProcess;
  /** Everything written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The log lines that are JSON, in order. */
  readonly lines: readonly LogLine[];
  /** Waits for a log line. @throws Error with all output when the process ends before. */
  line(matches: (line: LogLine) => boolean): Promise<LogLine>;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): Promise<Ended>;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** What to run instead of the sources: program and leading arguments. */
  readonly program?: readonly [string, ...string[]];
}

/** Starts `gatewright <args>`. */
export function spawnGatewright(args: readonly string[], options: RunOptions = {}): Spawned {
  const [program, ...leading] = options.program ?? [process.execPath, MAIN];
  const child = spawn(program, [...leading, ...args], {
    cwd: options.cwd ?? ROOT,
    env: {
      PATH: process.env['PATH'],
      HOME: temporaryFolder(),
      NO_COLOR: '1',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  const lines: LogLine[] = [];
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = parseLine(line);
    if (value) lines.push(value);
    for (const watch of watchers) watch();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  closing.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    lines,
    ended,
    line(matches) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find(matches);
          if (!found) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
        void ended.then(({ code, signal }) => {
          look();
          reject(new Error(`The process ended (${code ?? signal}).\n${stdout}\n${stderr}`));
        });
      });
    },
    kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

export interface Finished extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `gatewright <args>` to its end. */
export async function runGatewright(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const run = spawnGatewright(args, options);
  const ended = await run.ended;
  return { ...ended, stdout: run.stdout(), stderr: run.stderr() };
}

export interface StartOptions extends RunOptions {
  /** Flags of `serve` beside the listener and the data folder. */
  readonly args?: readonly string[];
  readonly dataDir?: string;
  readonly listen?: string;
}

export interface RunningServer extends Spawned {
  readonly url: string;
  readonly controlEndpoint: string;
  readonly dataDir: string;
  readonly ready: LogLine;
  /** SIGTERM and the end of it. */
  stop(): Promise<Ended>;
}

/** Starts `gatewright serve` on a free port and waits for its ready line. @throws Error with all output. */
export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? join(temporaryFolder(), 'data');
  const args = [
    'serve',
    '--listen',
    options.listen ?? '127.0.0.1:0',
    '--data-dir',
    dataDir,
    ...(options.args ?? []),
  ];
  const run = spawnGatewright(args, options);
  const ready = await run.line(({ msg }) => msg === 'ready');
  return {
    ...run,
    ready,
    dataDir,
    url: String(ready['url']),
    controlEndpoint: String(ready['controlEndpoint']),
    stop: () => run.kill('SIGTERM'),
  };
}

/** A new empty folder, gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-e2e-'));
  closing.unshift(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function parseLine(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
}

/** All files of a folder and its folders, by their names in it. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
}
