// One running stdio server: a program in a process group of its own, one JSON-RPC message a line both ways. However it
// ends, by itself, by the gateway or by a limit, nothing of its group is left and `onExit` says why. No shell is ever
// involved.

import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Log } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { StdioChannel } from '../../core/outbound.ts';
import type { Clock } from '../../lib/clock.ts';
import type { StdioServerConfiguration } from './configuration.ts';
import { createErrorOutput } from './error-output.ts';
import { createLineReader } from '../../lib/lines.ts';
import type { MemoryWatch } from './memory-watch.ts';
import { endGroup, signalGroup } from './process-group.ts';
import type { Warden } from './warden.ts';

/** AgentCore's limit of a payload; the same for a line of either direction. */
export const MAX_LINE_BYTES = 6 * 1024 * 1024;
/** What may wait for a program that does not read, beyond which it counts as stuck. */
const MAX_WAITING_BYTES = 2 * MAX_LINE_BYTES;
const STDIN_GRACE_MS = 2_000;
/** How long the last lines of a program that has ended are waited for: others may hold its output open. */
const LAST_LINES_MS = 500;
const MIB = 1024 * 1024;

export interface ChannelServices {
  readonly log: Log;
  readonly clock: Clock;
  readonly memory: MemoryWatch;
  readonly warden: Warden;
}

export interface OpenedChannel {
  readonly channel: StdioChannel;
  /** Fulfils when nothing of it is left. */
  readonly gone: Promise<void>;
}

/** Starts the program. @throws GatewayError UpstreamRefused when it does not start */
export async function openChannel(
  server: StdioServerConfiguration,
  services: ChannelServices,
): Promise<OpenedChannel> {
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn(server.command, server.args, {
      cwd: server.cwd,
      env: server.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
  } catch (thrown) {
    throw startFault(thrown, server);
  }
  const { pid } = child;
  // Without a number it has not started; the event that says why comes a moment later.
  if (pid === undefined)
    throw startFault(await new Promise<Error>((resolve) => child.once('error', resolve)), server);
  child.on('error', () => undefined);
  return runChannel(server, child, pid, services);
}

function runChannel(
  server: StdioServerConfiguration,
  child: ChildProcessWithoutNullStreams,
  pid: number,
  { log, clock, memory, warden }: ChannelServices,
): OpenedChannel {
  const of = { server: server.name, pid };
  let lineListener: ((line: string) => void) | undefined;
  let exitListeners: ((reason: string) => void)[] = [];
  /** Why it was stopped; else why it ended by itself. */
  let cause: string | undefined;
  let exitReason: string | undefined;
  let closing: Promise<void> | undefined;
  /** Settled when the program itself has ended and been waited for. */
  const exited = Promise.withResolvers<undefined>();
  /** Settled when everybody knows. */
  const told = Promise.withResolvers<undefined>();

  warden.guard(pid);
  const unwatch = memory.watch(pid, server.maxMemoryBytes, (bytes) => {
    stopNow(
      `was stopped: it used ${Math.ceil(bytes / MIB)} MiB of memory, ${server.maxMemoryBytes / MIB} are allowed`,
    );
  });

  const output = createLineReader(MAX_LINE_BYTES, (line, isCut) => {
    if (isCut) stopNow(`was stopped: it wrote a line of more than ${MAX_LINE_BYTES} bytes`);
    else if (isMessage(line)) lineListener?.(line);
    else if (line.trim() !== '')
      log.debug({ ...of, line: line.slice(0, 500) }, 'stdio server wrote a line that is no JSON object');
  });
  const errors = createErrorOutput(of, log, clock);
  child.stderr.on('data', (chunk: Buffer) => errors.read(chunk));
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);

  child.once('exit', (code, signal) => {
    cause ??= signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    exited.resolve(undefined);
    if (!lineListener) child.stdout.resume();
    let isTold = false;
    const tell = (): void => {
      if (isTold) return;
      isTold = true;
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      exitReason = `The stdio server ${server.name} ${cause ?? 'is gone'}.`;
      log.info({ ...of, reason: cause }, 'stdio server is gone');
      for (const listener of exitListeners) listener(exitReason);
      exitListeners = [];
      told.resolve(undefined);
    };
    const timer = setTimeout(tell, LAST_LINES_MS).unref();
    child.once('close', tell);
  });
  const gone = exited.promise.then(async () => {
    unwatch();
    await endGroup(pid);
    warden.release(pid);
  });

  function stopNow(reason: string): void {
    cause ??= reason;
    log.warn({ ...of, reason }, 'stdio server is stopped');
    signalGroup(pid, 'SIGKILL');
  }

  async function close(): Promise<void> {
    cause ??= 'was closed';
    child.stdin.end();
    const timer = setTimeout(() => void endGroup(pid), STDIN_GRACE_MS);
    await exited.promise;
    clearTimeout(timer);
    await Promise.all([gone, told.promise]);
  }

  function refused(): GatewayError {
    return new GatewayError('UpstreamRefused', exitReason ?? `The stdio server ${server.name} is gone.`);
  }

  log.info(of, 'stdio server started');
  const channel: StdioChannel = Object.freeze({
    async send(line: string): Promise<void> {
      if (cause !== undefined || !child.stdin.writable) throw refused();
      if (Buffer.byteLength(line) > MAX_LINE_BYTES)
        throw new GatewayError(
          'TooLarge',
          `A message to a stdio server has ${MAX_LINE_BYTES} bytes at most.`,
        );
      if (child.stdin.writableLength > MAX_WAITING_BYTES)
        throw new GatewayError('UpstreamRefused', `The stdio server ${server.name} does not read its input.`);
      if (child.stdin.write(`${line}\n`)) return;
      await new Promise<void>((resolve, reject) => {
        const done = (end: () => void) => (): void => {
          child.stdin.off('drain', onDrain).off('close', onClose);
          end();
        };
        const onDrain = done(resolve);
        const onClose = done(() => reject(refused()));
        child.stdin.once('drain', onDrain).once('close', onClose);
      });
    },
    onLine(listener: (line: string) => void): void {
      // Nothing is read before somebody listens, so that no line is lost.
      const isFirst = lineListener === undefined;
      lineListener = listener;
      if (isFirst) child.stdout.on('data', (chunk: Buffer) => output.read(chunk));
    },
    onExit(listener: (reason: string) => void): void {
      if (exitReason === undefined) exitListeners.push(listener);
      else queueMicrotask(() => listener(exitReason ?? ''));
    },
    close: () => (closing ??= close()),
  });
  return { channel, gone };
}

/** Whether a line can be a message at all; whoever reads it finds out whether it is one. */
function isMessage(line: string): boolean {
  return /^\s*[{[]/.test(line) && /[}\]]\s*$/.test(line.slice(-100));
}

function startFault(fault: unknown, { name, command, cwd }: StdioServerConfiguration): GatewayError {
  const code = fault instanceof Error && 'code' in fault ? fault.code : undefined;
  const message = fault instanceof Error ? fault.message : String(fault);
  const why =
    code === 'ENOENT'
      ? existsSync(cwd)
        ? `there is no program ${command} (looked for on the PATH of the gateway, or of the server’s own env)`
        : `its folder ${cwd} is not there`
      : code === 'EACCES'
        ? `${command} may not be executed by this user`
        : message;
  return new GatewayError('UpstreamRefused', `The stdio server ${name} does not start: ${why}.`, {
    cause: fault,
    internal: message,
  });
}
