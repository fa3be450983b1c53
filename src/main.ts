// The front door: opens the house, says when it is ready, closes it on a signal. Exit codes: 0 after a clean stop,
// 1 when it could not start, 2 for faulty settings.

import { openApp } from './app.ts';
import type { App, AppOptions } from './app.ts';
import { isLoopback } from './config.ts';
import type { Config } from './config.ts';
import { toGatewayError } from './core/errors.ts';
import { isJsonObject } from './core/json.ts';
import type { JsonObject } from './core/json.ts';
import type { ProcessLog } from './telemetry/log.ts';
import { answerWorkers } from './worker-metrics.ts';
import {
  hearPrimary,
  isFirstWorker,
  isWorker,
  leavePrimary,
  showLife,
  superviseWorkers,
  tellPrimary,
} from './workers.ts';

const GRACE_MS = 30_000;

export interface ServeOptions extends AppOptions {
  readonly config: Config;
  readonly log: ProcessLog;
  /** Work between open and ready: gives lines to show. */
  readonly prepare?: (app: App) => Promise<void>;
  /** Shows readiness to people instead of a log line. */
  readonly announce?: (app: App) => void;
}

/** Serves until a signal arrives, in one process or several. Resolves with the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const { workers = 1 } = options.config;
  if (workers > 1 && !isWorker()) {
    answerWorkers();
    return superviseWorkers(workers, options.log);
  }
  const code = await serveHere(options);
  if (isWorker()) leavePrimary();
  return code;
}

async function serveHere({ config, log, prepare, announce, ...options }: ServeOptions): Promise<number> {
  const stopped = stopSignal(log);
  showLife();
  const cannotStart = (reason: string): number => {
    // People read the last line, programs the log.
    if (announce) process.stderr.write(`\nGatewright cannot start: ${reason}\n`);
    else log.error({ reason }, 'cannot start');
    log.flush();
    return 1;
  };
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  let app: App;
  try {
    app = await openApp(config, log, { ...options, stopping: stopping.signal });
  } catch (thrown) {
    if (stopping.signal.aborted) return 0;
    const fault = toGatewayError(thrown);
    return cannotStart(startFault(thrown, fault.details.internal));
  }
  hearPrimary((message) => {
    if (message === 'all ready') void sayReady(app, config, log, announce);
  });
  // A signal during the preparation ends it: what is half done is taken up at the next start.
  const preparation = (mayPrepare() ? prepare?.(app) : undefined) ?? Promise.resolve();
  try {
    if ((await Promise.race([preparation, stopped])) !== 'stopped') {
      if (!isWorker()) await sayReady(app, config, log, announce);
      else tellPrimary('ready');
    }
  } catch (thrown) {
    const code = cannotStart(thrown instanceof Error ? thrown.message : String(thrown));
    await app.close(1000);
    return code;
  }
  await stopped;
  await app.close(GRACE_MS);
  log.info({}, 'stopped');
  log.flush();
  return 0;
}

/** A gateway without an authorizer on an address that others can reach is worth a line, whoever made it and when. */
async function warnOfOpenGateways(app: App, config: Config, log: ProcessLog): Promise<void> {
  if (isLoopback(config.listen.host)) return;
  let nextToken: JsonObject[string];
  do {
    const page = await app.control.invoke('ListGateways', nextToken === undefined ? {} : { nextToken });
    const items: readonly unknown[] = Array.isArray(page['items']) ? page['items'] : [];
    for (const gateway of items)
      if (isJsonObject(gateway) && gateway['authorizerType'] === 'NONE')
        log.warn(
          { gatewayId: String(gateway['gatewayId']), listen: config.listen.host },
          'this gateway has no authorizer: anybody who reaches this address may call its tools',
        );
    nextToken = page['nextToken'];
  } while (nextToken !== undefined);
}

/** Each node would take another key for the operator's, and a balancer hands requests to all of them. */
function warnOfOwnKey({ databaseUrl, accessKeyId }: Config, { credentialsFile }: App, log: ProcessLog): void {
  if (databaseUrl && accessKeyId === undefined)
    log.warn(
      { credentialsFile },
      'the operator’s access key is this node’s own: other nodes of this database do not know it; set GATEWRIGHT_ACCESS_KEY_ID and GATEWRIGHT_SECRET_ACCESS_KEY on all of them',
    );
}

/** What is to be done once is done by one of the workers. */
const mayPrepare = (): boolean => !isWorker() || isFirstWorker();

/** For people, or the line that scripts wait for: there at every log level. */
async function sayReady(
  app: App,
  config: Config,
  log: ProcessLog,
  announce: ServeOptions['announce'],
): Promise<void> {
  await warnOfOpenGateways(app, config, log);
  warnOfOwnKey(config, app, log);
  if (announce) {
    announce(app);
    return;
  }
  const { publicUrl: url, controlUrl: controlEndpoint, credentialsFile } = app;
  const fields = { url, consoleUrl: `${controlEndpoint}/console/`, controlEndpoint, credentialsFile };
  if (config.logLevel === 'info' || config.logLevel === 'debug') log.info(fields, 'ready');
  else
    process.stdout.write(
      `${JSON.stringify({ level: 'info', time: new Date().toISOString(), ...fields, msg: 'ready' })}\n`,
    );
  log.flush();
}

/** Resolves at the first SIGTERM, SIGINT or SIGHUP; a second one ends the process at once. */
function stopSignal(log: ProcessLog): Promise<'stopped'> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (seen) {
        log.flush();
        process.exit(1);
      }
      seen = true;
      log.info({ signal }, 'stopping');
      resolve('stopped');
    };
    process.on('SIGTERM', onSignal);
    // What a terminal sends (Ctrl-C, its own end) reaches the workers too: they go when the process that started them says
    // so. Without a listener SIGHUP would end a process in the middle of its calls.
    for (const signal of ['SIGINT', 'SIGHUP'] as const)
      process.on(signal, isWorker() ? () => undefined : onSignal);
    hearPrimary((message) => {
      if (message === 'stop' && !seen) onSignal('SIGTERM');
    });
  });
}

function startFault(thrown: unknown, internal: string | undefined): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (code === 'EADDRINUSE')
    return `${message}: another program listens there. Stop it, or choose another address with --listen or --admin-listen.`;
  if (code === 'EADDRNOTAVAIL')
    return `${message}: this machine has no such address. Choose another with --listen or --admin-listen.`;
  if (code === 'EACCES' && message.startsWith('listen'))
    return `${message}: this user may not listen there. Choose a port above 1023 with --listen.`;
  return internal === undefined || internal === message ? message : `${message} (${internal})`;
}
