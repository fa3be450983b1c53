// One running process of a function: started in a process group of its own, given events over its Runtime API, ended with
// everything it started in turn. However it ends, a call that it had taken is answered once, and nothing of it is left.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import type { Log } from '../core/call.ts';
import type { FunctionOutcome } from '../core/functions.ts';
import type { ProcessKeeper } from '../core/processes.ts';
import { createLineReader } from '../lib/lines.ts';
import {
  exited,
  failedOutcome,
  outOfMemory,
  responseTooLarge,
  timedOut,
  unhandled,
  wordsOf,
} from './faults.ts';
import type { Ending } from './faults.ts';
import { MAX_LOG_LINE_BYTES } from './log-book.ts';
import type { RuntimeApi, RuntimeEvent, RuntimeListener } from './runtime-api.ts';

/** How long the last words of a process that has ended are waited for: others may hold its pipes open. */
const LAST_WORDS_MS = 500;
const MIB = 1024 * 1024;
/** What an interpreter takes beside what a function may use, most of it shared with others of its kind. */
const INTERPRETER_BYTES = 64 * MIB;

/** What is started. */
export interface StartPlan {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to its standard input, which is closed then. */
  readonly input: string;
  /** Whether the started process does nothing but wait for the program. */
  readonly isLeaderWaiting: boolean;
  /** What the exit of the started process says of the function's program. */
  readonly endingOf: (code: number | null, signal: NodeJS.Signals | null) => Ending;
}

export interface InstancePlan {
  readonly id: string;
  /** How it is started, once the address of its Runtime API is known. */
  readonly start: (address: string) => StartPlan;
  /** `group` gives the process group once there is one. */
  readonly openApi: (listener: RuntimeListener, group: () => number) => Promise<RuntimeApi>;
  /** Of the function. */
  readonly memoryMiB: number;
  readonly initTimeoutMs: number;
  /** A folder that is removed at the end. */
  readonly temporary: string;
}

export interface InstanceServices {
  readonly keeper: ProcessKeeper;
  readonly log: Log;
  readonly onLine: (line: string, requestId: string | undefined) => void;
  /** It can take another event. */
  readonly onIdle: (instance: Instance) => void;
  readonly onGone: (instance: Instance) => void;
}

export interface Instance {
  readonly id: string;
  /** Number of its process group. */
  readonly group: number;
  /** Undefined when it is ready for events; else why it never will be, as whoever called is told. */
  readonly started: Promise<StartFailure | undefined>;
  /** How long it took to get ready (milliseconds). */
  readonly initMs: () => number;
  /** Resident memory of it and everything it started (bytes); undefined where nobody can say. */
  memoryBytes(): Promise<number | undefined>;
  /** True as long as it has taken one event at most. */
  readonly isFirst: () => boolean;
  /**
   * Gives it an event and waits for what comes of it.
   * @param timeoutMs after which it is ended
   * @param tail gets the lines that it writes meanwhile
   * @returns undefined when it is gone and has not seen the event
   */
  run(event: RuntimeEvent, timeoutMs: number, tail?: string[]): Promise<FunctionOutcome> | undefined;
  isIdle(): boolean;
  /** True between an answer and the question for the next event: it will be idle in a moment. */
  isFinishing(): boolean;
  /** Ends it; a call that it has taken is answered with an error. */
  stop(): Promise<void>;
  /** Fulfils when nothing of it is left. */
  readonly gone: Promise<void>;
}

/** Why a process never became ready, as whoever called is told. */
export type StartFailure = (requestId: string) => FunctionOutcome;

interface Work {
  readonly requestId: string;
  readonly settle: (outcome: FunctionOutcome) => void;
  readonly timer: NodeJS.Timeout;
  readonly tail: string[] | undefined;
}

/** Starts a process. @throws Error when the program cannot be started at all */
export async function startInstance(plan: InstancePlan, services: InstanceServices): Promise<Instance> {
  const { keeper, log } = services;
  const begun = performance.now();
  let state: 'starting' | 'idle' | 'busy' | 'gone' = 'starting';
  let work: Work | undefined;
  let last: Work | undefined;
  /** Why it is being ended by this house, if it is. */
  let cause: StartFailure | undefined;
  let initMs = 0;
  let taken = 0;
  const started = Promise.withResolvers<StartFailure | undefined>();
  const gone = Promise.withResolvers<undefined>();

  let group = 0;
  const clear = (): Promise<void> => rm(plan.temporary, { recursive: true, force: true, maxRetries: 3 });
  const opening = plan.openApi(
    {
      onNext() {
        if (state === 'starting') {
          state = 'idle';
          initMs = performance.now() - begun;
          clearTimeout(initTimer);
          started.resolve(undefined);
        } else if (state === 'busy') {
          // Another event without an answer to this one: what was asked cannot be answered any more.
          if (work)
            settle(
              work,
              failedOutcome(
                'Runtime.NoResponse',
                `RequestId: ${work.requestId} Error: The runtime asked for another event without answering this one`,
              ),
            );
          state = 'idle';
          services.onIdle(instance);
        }
      },
      isCurrent: (requestId) => work?.requestId === requestId,
      onResponse: (body) => work && settle(work, { payload: body }),
      onError: (body) => work && settle(work, unhandled(body)),
      onTooLarge: (bytes) => work && settle(work, responseTooLarge(bytes)),
      onInitError: (body) => end(() => unhandled(body)),
    },
    () => group,
  );
  const api = await opening.catch(async (thrown: unknown) => {
    await clear();
    throw thrown;
  });
  let child: ChildProcess;
  const { command, args, env, cwd, input, endingOf, isLeaderWaiting } = plan.start(api.address);
  try {
    child = spawn(command, args, {
      cwd,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
    group = child.pid ?? 0;
    if (child.pid === undefined) throw await new Promise<Error>((resolve) => child.once('error', resolve));
  } catch (thrown) {
    api.close();
    await clear();
    throw thrown;
  }
  keeper.guard(group);
  child.on('error', () => undefined);
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => undefined);
  child.stdin?.end(input);
  for (const stream of [child.stdout, child.stderr]) {
    const lines = createLineReader(MAX_LOG_LINE_BYTES, (line, isCut) => takeLine(isCut ? `${line}…` : line));
    stream?.on('data', (chunk: Buffer) => lines.read(chunk));
    // A last line without an end is a line all the same.
    stream?.once('end', () => lines.read(Buffer.from('\n')));
  }
  const unwatch = keeper.watchMemory(group, plan.memoryMiB * MIB + INTERPRETER_BYTES, () => {
    end((requestId) => outOfMemory(requestId, plan.memoryMiB));
  });
  const initTimer = setTimeout(() => {
    end((requestId) => timedOut(requestId, plan.initTimeoutMs / 1000));
  }, plan.initTimeoutMs);

  child.once('exit', (code, signal) => {
    const ending = endingOf(code, signal);
    void finish(ending).catch((thrown: unknown) => {
      log.error({ instance: plan.id, reason: String(thrown) }, 'a function process was not cleared away');
    });
  });

  /** What the process has sent before its end counts; then whoever still waits is told how it ended. */
  async function finish(ending: Ending): Promise<void> {
    clearTimeout(initTimer);
    const closed = new Promise<void>((resolve) => {
      if (child.stdout?.destroyed === true && child.stderr?.destroyed === true) resolve();
      child.once('close', () => resolve());
    });
    // What it started may hold pipes and connections open, and is ended with it.
    const groupGone = kill();
    await withinMs(LAST_WORDS_MS, Promise.all([closed, api.quiet()]));
    const wasStarting = state === 'starting';
    state = 'gone';
    const why: StartFailure = cause ?? ((requestId) => exited(requestId, ending));
    if (wasStarting) started.resolve(why);
    if (work) settle(work, why(work.requestId));
    api.close();
    child.stdout?.destroy();
    child.stderr?.destroy();
    unwatch();
    services.onGone(instance);
    log.debug({ instance: plan.id, group, ending: wordsOf(ending) }, 'function process is gone');
    await groupGone;
    // What has left the group has taken the address along; in namespaces there is nothing to leave for.
    if (!isLeaderWaiting) await keeper.killCarriers(`AWS_LAMBDA_RUNTIME_API=${api.address}`);
    keeper.release(group);
    await clear();
    gone.resolve(undefined);
  }

  function takeLine(line: string): void {
    if (line === '') return;
    // What is read after the answer was written before it, or belongs to nothing else.
    const of = work ?? last;
    services.onLine(line, of?.requestId);
    of?.tail?.push(line);
  }

  function settle(done: Work, outcome: FunctionOutcome): void {
    work = undefined;
    last = done;
    clearTimeout(done.timer);
    done.settle(outcome);
  }

  const kill = (): Promise<void> => keeper.kill(group, isLeaderWaiting);

  /** Ends it at once. */
  function end(why: StartFailure): void {
    if (state === 'gone') return;
    cause ??= why;
    void kill();
  }

  const instance: Instance = Object.freeze({
    id: plan.id,
    group,
    started: started.promise,
    initMs: () => initMs,
    memoryBytes: () => keeper.measureMemory(group),
    isFirst: () => taken < 2,
    run(event: RuntimeEvent, timeoutMs: number, tail?: string[]): Promise<FunctionOutcome> | undefined {
      if (state !== 'idle' || cause !== undefined || !api.send(event)) return undefined;
      state = 'busy';
      taken += 1;
      const { requestId } = event;
      return new Promise((resolve) => {
        const timer = setTimeout(() => end((id) => timedOut(id, timeoutMs / 1000)), timeoutMs);
        work = { requestId, settle: resolve, timer, tail };
      });
    },
    isIdle: () => state === 'idle' && cause === undefined,
    isFinishing: () => state === 'busy' && work === undefined && cause === undefined,
    async stop(): Promise<void> {
      if (state === 'gone') return gone.promise;
      cause ??= (requestId) =>
        failedOutcome(
          'Runtime.Stopped',
          `RequestId: ${requestId} Error: The server that runs this function is stopping`,
        );
      // Nothing runs that would have to be finished, or nobody waits for it any more.
      void kill();
      await gone.promise;
    },
    gone: gone.promise,
  });
  log.debug({ instance: plan.id, group }, 'function process started');
  return instance;
}

/** Waits for something, but no longer than so many milliseconds. */
async function withinMs(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
