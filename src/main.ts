// The front door: opens the house, says when it is ready, closes it on a signal. Exit codes: 0 after a clean stop,
// 1 when it could not start, 2 for faulty settings.

import { openApp } from './app.ts';
import type { App, AppOptions } from './app.ts';
import type { Config } from './config.ts';
import { toGatewayError } from './core/errors.ts';
import type { ProcessLog } from './telemetry/log.ts';

const GRACE_MS = 30_000;

export interface ServeOptions extends AppOptions {
  readonly config: Config;
  readonly log: ProcessLog;
  /** Work between open and ready: gives lines to show. */
  readonly prepare?: (app: App) => Promise<void>;
  /** Shows readiness to people instead of a log line. */
  readonly announce?: (app: App) => void;
}

/** Serves until a signal arrives. Resolves with the exit code. */
export async function serve({ config, log, prepare, announce, ...options }: ServeOptions): Promise<number> {
  const stopped = stopSignal(log);
  let app: App;
  try {
    app = await openApp(config, log, options);
  } catch (thrown) {
    const fault = toGatewayError(thrown);
    log.error({ reason: startFault(thrown, fault.details.internal) }, 'cannot start');
    log.flush();
    return 1;
  }
  try {
    await prepare?.(app);
  } catch (thrown) {
    log.error({ reason: thrown instanceof Error ? thrown.message : String(thrown) }, 'cannot start');
    await app.close(1000);
    log.flush();
    return 1;
  }
  if (announce) announce(app);
  else
    log.info(
      {
        url: app.publicUrl,
        consoleUrl: `${app.controlUrl}/console/`,
        controlEndpoint: app.controlUrl,
        credentialsFile: app.credentialsFile,
      },
      'ready',
    );
  await stopped;
  await app.close(GRACE_MS);
  log.info({}, 'stopped');
  log.flush();
  return 0;
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(log: ProcessLog): Promise<void> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (seen) {
        log.flush();
        process.exit(1);
      }
      seen = true;
      log.info({ signal }, 'stopping');
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function startFault(thrown: unknown, internal: string | undefined): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (code === 'EADDRINUSE') return `${message}: another program listens there. Choose another address with GATEWRIGHT_LISTEN.`;
  if (code === 'EACCES') return `${message}: this user may not listen there. Choose a port above 1023 with GATEWRIGHT_LISTEN.`;
  return internal === undefined || internal === message ? message : `${message} (${internal})`;
}
