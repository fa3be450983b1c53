// Functions that run on this machine: from an ARN and an event to what the function's process makes of it. The page to
// read first of this room. A warm call touches neither the store nor the disk.

import { randomInt } from 'node:crypto';
import type { ArnScope } from '../core/arn.ts';
import type { Audit } from '../core/audit.ts';
import type { CallContext, Log } from '../core/call.ts';
import type { EgressProxy } from '../core/egress-proxy.ts';
import { GatewayError } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import { MAX_FUNCTION_PAYLOAD } from '../core/functions.ts';
import type { FunctionInvocation, FunctionOutcome } from '../core/functions.ts';
import type { ProcessKeeper } from '../core/processes.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import { checkArchive } from './archive.ts';
import { createCodeFolders, readCode } from './code-folders.ts';
import { createEventQueue } from './event-queue.ts';
import type { FunctionAnswer, FunctionCall, FunctionHost } from './function-host.ts';
import { createInterpreters } from './interpreters.ts';
import { createLauncher } from './launcher.ts';
import { createLogBook } from './log-book.ts';
import { createPools } from './pools.ts';
import { createFunctionRegistry } from './registry.ts';
import type { Resolved } from './registry.ts';
import { createReports } from './report.ts';
import type { SandboxWish } from './sandbox.ts';

/** A process that is gone before it has seen an event is no reason to fail a call; many in a row are. */
const MAX_TRIES = 5;
const LOOK_EVERY_MS = 100;
const VISIBLE = /^[\x20-\x7e]*$/;

export interface FunctionSettings {
  /** Why functions do not run here, for people. */
  readonly off?: string;
  /** Processes of all functions together. */
  readonly maxProcesses: number;
  readonly dataDir: string;
  /** PATH of the operator's, where interpreters are looked for. */
  readonly searchPath?: string;
  /** Default `auto`. */
  readonly sandbox?: SandboxWish;
  readonly home?: string;
  /** After which a process that nobody uses is ended. Default 5 minutes. */
  readonly idleMs?: number;
  /** How long a process may take to get ready, where the function's own time-out is not longer. Default 10 seconds. */
  readonly initTimeoutMs?: number;
  /** After which asynchronous calls that failed are tried again. Default one and two minutes. */
  readonly retryMs?: readonly number[];
}

export interface FunctionServices {
  readonly store: Store;
  readonly scope: ArnScope;
  readonly clock: Clock;
  readonly log: Log;
  readonly keeper: ProcessKeeper;
  /** For functions that the egress rules bind. */
  readonly egressProxy: EgressProxy;
  /** @throws GatewayError CredentialUnavailable */
  readonly openSecret: (sealed: SealedSecret, binding: SecretBinding) => Secret;
  readonly audit?: Audit;
  readonly figures?: Figures;
  /** 0 to 1, for aliases that share calls among versions. */
  readonly chance?: () => number;
  readonly settings: FunctionSettings;
}

export interface OpenFunctions extends FunctionHost {
  start(): Promise<void>;
  /** Ends every process; asynchronous calls that run have so many milliseconds to end. Default none. */
  close(graceMs?: number): Promise<void>;
}

const IDLE_MS = 5 * 60_000;
const INIT_TIMEOUT_MS = 10_000;
const defaultChance = (): number => randomInt(2 ** 32) / 2 ** 32;

/** The functions of this process; nothing is started before it is called. */
export function openFunctions(services: FunctionServices): OpenFunctions {
  const { store, scope, clock, log, keeper, settings } = services;
  const chance = services.chance ?? defaultChance;
  const registry = createFunctionRegistry({ store, scope, log });
  const folders = createCodeFolders(settings.dataDir, store, log, services.figures?.flights('function_code'));
  const interpreters = createInterpreters(
    settings.searchPath ?? '/usr/local/bin:/usr/bin:/bin',
    settings.home,
  );
  const logBook = createLogBook(log, clock);
  const reports = createReports(logBook);
  const launcher = createLauncher({
    scope,
    clock,
    log,
    keeper,
    egressProxy: services.egressProxy,
    folders,
    interpreters,
    logBook,
    initTimeoutMs: settings.initTimeoutMs ?? INIT_TIMEOUT_MS,
    sandbox: settings.sandbox ?? 'auto',
    openSecret: services.openSecret,
    ...(services.audit === undefined ? {} : { audit: services.audit }),
  });
  const pools = createPools((runnable, events) => launcher.launch(runnable, events), {
    processes: settings.maxProcesses,
    idleMs: settings.idleMs ?? IDLE_MS,
  });
  /** What another process has just made is not known here yet: what is not known is looked for once. */
  async function resolveNamed(name: string, qualifier: string | undefined): Promise<Resolved> {
    try {
      return registry.resolve(name, qualifier, chance());
    } catch (thrown) {
      if (clock.monotonic() - lookedAt < LOOK_EVERY_MS) throw thrown;
      lookedAt = clock.monotonic();
      await registry.refresh();
      return registry.resolve(name, qualifier, chance());
    }
  }
  const call = async (wanted: FunctionCall): Promise<FunctionAnswer> =>
    run(await resolveNamed(wanted.name, wanted.qualifier), wanted);
  const events = createEventQueue({
    run: call,
    log,
    now: () => clock.monotonic(),
    ...(settings.retryMs === undefined ? {} : { retryMs: settings.retryMs }),
  });
  registry.onChange(() => {
    pools.keepOnly(registry.runnables);
    const used = [...registry.runnables.values(), ...pools.inUse()];
    folders.keepOnly(
      used.map(({ configuration: { codeId, layers } }) => ({
        codeId,
        layerIds: layers.map((layer) => layer.codeId),
      })),
    );
  });
  /** When a function that is not known was last looked for. */
  let lookedAt = -Infinity;
  /** Calls under way, by function. */
  const running = new Map<string, number>();

  function checkOn(): void {
    if (settings.off !== undefined) throw new GatewayError('UpstreamRefused', settings.off);
  }

  async function run(
    resolved: Resolved,
    call: Omit<FunctionCall, 'name' | 'qualifier'>,
  ): Promise<FunctionAnswer> {
    checkOn();
    if (size(call.payload) > MAX_FUNCTION_PAYLOAD)
      throw new GatewayError(
        'TooLarge',
        `${size(call.payload)} byte payload is too large for the RequestResponse invocation type (limit ${MAX_FUNCTION_PAYLOAD} bytes)`,
      );
    const { known, runnable } = resolved;
    const under = running.get(known.id) ?? 0;
    if (known.reservedConcurrency !== undefined && under >= known.reservedConcurrency)
      throw new GatewayError('Throttled', 'Rate Exceeded.', {
        reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
        retryAfterMs: 1_000,
      });
    running.set(known.id, under + 1);
    // Counted as long as it runs, also when whoever called does not wait for it any more.
    const counted = work(resolved, call).finally(() => {
      const left = (running.get(known.id) ?? 1) - 1;
      if (left === 0) running.delete(known.id);
      else running.set(known.id, left);
    });
    return { ...(await untilAborted(counted, call.signal)), executedVersion: runnable.version };
  }

  async function work(
    { runnable, invokedArn }: Resolved,
    call: Omit<FunctionCall, 'name' | 'qualifier'>,
  ): Promise<FunctionOutcome & { readonly log?: string }> {
    const { requestId } = call;
    const timeoutMs = runnable.configuration.Timeout * 1000;
    const report = reports.begin(runnable, requestId, call.wantsLog === true);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const waiting = pools.acquire(runnable);
      const acquired = waiting instanceof Promise ? await waiting : waiting;
      if ('failure' in acquired) return report.end(acquired.failure(requestId), undefined);
      const { instance } = acquired;
      const begun = clock.monotonic();
      const answer = instance.run(
        {
          requestId,
          deadline: clock.now() + timeoutMs,
          invokedArn,
          payload: call.payload,
          ...(call.clientContext === undefined ? {} : { clientContext: visible(call.clientContext) }),
          ...(call.traceHeader === undefined ? {} : { traceHeader: call.traceHeader }),
        },
        timeoutMs,
        report.tail,
      );
      if (!answer) continue;
      const outcome = await answer;
      return report.end(outcome, { instance, ms: clock.monotonic() - begun });
    }
    throw new GatewayError(
      'UpstreamRefused',
      `The processes of the function ${runnable.name} end before they take a call.`,
    );
  }

  return Object.freeze({
    off: settings.off,
    maxProcesses: settings.maxProcesses,
    has: (arn: string) => registry.findByArn(arn) !== undefined,
    async invoke(
      { functionArn, payload, clientContext }: FunctionInvocation,
      { requestId, signal }: Pick<CallContext, 'requestId' | 'signal'>,
    ): Promise<FunctionOutcome> {
      return run(registry.resolveArn(functionArn, chance()), {
        payload,
        requestId,
        signal,
        ...(clientContext === undefined ? {} : { clientContext }),
      });
    },
    async check(name: string, qualifier: string | undefined): Promise<void> {
      await resolveNamed(name, qualifier);
      checkOn();
    },
    call,
    enqueue: (wanted: FunctionCall) => events.add(wanted),
    checkArchive,
    archive: (codeId: string) => readCode(store, codeId),
    async missing(runtime: string): Promise<string | undefined> {
      const interpreter = await interpreters.find(runtime);
      return 'missing' in interpreter ? interpreter.missing : undefined;
    },
    logLines: (name: string, after: number) => logBook.lines(name, after),
    refresh: () => registry.refresh(),
    start: () => registry.start(),
    async close(graceMs = 0): Promise<void> {
      registry.close();
      await events.close(graceMs);
      await pools.close();
      keeper.close();
      await folders.close();
    },
  });
}

const size = (payload: string | Uint8Array): number => Buffer.byteLength(payload);

/** The same JSON in visible ASCII, as a header can hold it. */
function visible(json: string): string {
  if (VISIBLE.test(json)) return json;
  return JSON.stringify(JSON.parse(json)).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Who went away is not kept waiting; what runs goes on, as at AWS. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void =>
    reject(
      signal.reason instanceof Error
        ? signal.reason
        : new GatewayError('Unavailable', 'The call was cancelled.'),
    );
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
