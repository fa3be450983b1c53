// From a version of a function to a running process: its code and layers on disk, its interpreter, its environment opened
// at the last moment, a Runtime API of its own.

import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { ArnScope } from '../core/arn.ts';
import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { credentialUse } from '../core/credential-use.ts';
import type { EgressProxy } from '../core/egress-proxy.ts';
import { GatewayError } from '../core/errors.ts';
import { functionArn } from '../core/function-name.ts';
import { familyOf } from '../core/function-runtimes.ts';
import { isJsonObject } from '../core/json.ts';
import type { ProcessKeeper } from '../core/processes.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { CodeFolders } from './code-folders.ts';
import { failedOutcome } from './faults.ts';
import { startInstance } from './instance.ts';
import type { Instance } from './instance.ts';
import type { Interpreters } from './interpreters.ts';
import { BOOTSTRAPS, knowsToken, planLaunch } from './launch.ts';
import type { LogBook } from './log-book.ts';
import { isOfGroup } from './peer.ts';
import { StartRefused } from './pools.ts';
import type { LaunchInstance } from './pools.ts';
import type { RunnableVersion } from './registry.ts';
import { SOCKETS_INSIDE } from './namespace-script.ts';
import { openRuntimeApi } from './runtime-api.ts';
import type { Program } from './launch.ts';
import type { SandboxWish } from './sandbox.ts';
import { createSandboxProbe } from './sandbox-probe.ts';

export interface LauncherServices {
  readonly scope: ArnScope;
  readonly clock: Clock;
  readonly log: Log;
  readonly keeper: ProcessKeeper;
  readonly egressProxy: EgressProxy;
  readonly folders: CodeFolders;
  readonly interpreters: Interpreters;
  readonly logBook: LogBook;
  readonly initTimeoutMs: number;
  readonly sandbox: SandboxWish;
  readonly openSecret: (sealed: SealedSecret, binding: SecretBinding) => Secret;
  /** Is told of environments that are handed to processes. */
  readonly audit?: Audit;
}

/** Starts processes. */
export function createLauncher(services: LauncherServices): { readonly launch: LaunchInstance } {
  const { folders, interpreters, logBook, keeper, log, clock, egressProxy } = services;
  const probe = createSandboxProbe(
    async () => (await folders.open(), folders.root),
    BOOTSTRAPS,
    services.sandbox,
    log,
  );

  return Object.freeze({
    async launch(runnable: RunnableVersion, events: Parameters<LaunchInstance>[1]): Promise<Instance> {
      const { configuration, name, version } = runnable;
      const id = randomUUID().slice(0, 8);
      const variables = variablesOf(runnable, services);
      await tellOf(runnable, variables, services);
      const [task, opt, interpreter] = await Promise.all([
        folders.folderOf(configuration.codeId),
        folders.layersOf(configuration.layers.map(({ codeId }) => codeId)),
        interpreters.find(configuration.Runtime),
      ]);
      if ('missing' in interpreter) throw new GatewayError('UpstreamRefused', interpreter.missing);
      const family = familyOf(configuration.Runtime) ?? 'provided';
      const program = family === 'provided' ? await bootstrapOf(task, opt) : interpreter;
      const sandbox = await probe.sandboxFor(family, program);
      const temporary = await folders.temporary(id);
      const { network } = runnable;
      const canCut = sandbox.kind === 'namespaces' && family !== 'provided';
      if (network !== 'host' && !(canCut && (network === 'none' || (await probe.hasLoopback()))))
        throw networkRefused(runnable);
      const sockets = {
        api: join(temporary, 'api.sock'),
        ...(network === 'egress' ? { egress: join(temporary, 'egress.sock') } : {}),
      };
      const host = { task, opt, temporary, runtime: BOOTSTRAPS, ...(network === 'host' ? {} : { sockets }) };
      const places = sandbox.placesOf(host, program);
      const token = randomBytes(16).toString('hex');
      const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
      const logStream = `${day}/[${version}]${randomBytes(16).toString('hex')}`;
      let closeProxy: (() => void) | undefined;
      const starting: Promise<Instance> = startInstance(
        {
          id,
          temporary,
          memoryMiB: configuration.MemorySize,
          initTimeoutMs: Math.max(services.initTimeoutMs, configuration.Timeout * 1000),
          openApi: (listener, group) => {
            const guard = knowsToken(configuration.Runtime)
              ? { token }
              : { admits: async (caller: Socket) => (await isOfGroup(caller, group())) ?? true };
            if (network === 'host') return openRuntimeApi({ host: loopbackAddress() }, guard, listener);
            return inFolder(temporary, async (folder) => {
              closeProxy = network === 'egress' ? await egressProxy.open(`${folder}/egress.sock`) : undefined;
              return openRuntimeApi({ path: `${folder}/api.sock` }, guard, listener);
            });
          },
          start: (api) =>
            sandbox.wrap(
              planLaunch(
                {
                  runnable,
                  region: services.scope.region,
                  logGroup: logGroupOf(runnable),
                  logStream,
                  api,
                  token,
                  variables,
                  ...(network === 'host' ? {} : { sockets: insideOf(network) }),
                },
                places,
              ),
              host,
              program,
            ),
        },
        {
          keeper,
          log,
          onIdle: events.onIdle,
          onGone: (gone) => {
            closeProxy?.();
            events.onGone(gone);
          },
          onLine: (text, requestId) =>
            logBook.add({
              name,
              version,
              instance: id,
              text,
              ...(requestId === undefined ? {} : { requestId }),
            }),
        },
      );
      return starting.catch((thrown: unknown) => {
        closeProxy?.();
        throw thrown;
      });
    },
  });
}

/** @throws GatewayError CredentialUnavailable */
function variablesOf(
  { configuration }: RunnableVersion,
  { openSecret }: LauncherServices,
): Record<string, string> {
  const { environment } = configuration;
  if (!environment) return {};
  const value: unknown = JSON.parse(openSecret(environment.sealed, environment.bound).reveal());
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}

/** The process gets what is in them: from there on nobody sees what becomes of it. */
async function tellOf(
  { name, version }: RunnableVersion,
  variables: Readonly<Record<string, string>>,
  { audit, scope }: LauncherServices,
): Promise<void> {
  const count = Object.keys(variables).length;
  if (!audit || count === 0) return;
  const arn = functionArn(scope, name);
  const use = credentialUse({
    purpose: 'function-environment',
    type: 'ENVIRONMENT',
    resource: { arn, type: 'AWS::Lambda::Function' },
    more: { functionName: name, functionVersion: version, variables: count },
  });
  await audit.commit({ ...use, decision: 'allow' });
}

async function bootstrapOf(task: string, opt: string | undefined): Promise<Program> {
  for (const folder of [task, opt]) {
    if (folder === undefined) continue;
    const path = join(folder, 'bootstrap');
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return { path, roots: [] };
  }
  throw new StartRefused((requestId) =>
    failedOutcome(
      'Runtime.InvalidEntrypoint',
      `RequestId: ${requestId} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]`,
    ),
  );
}

function logGroupOf({ configuration, name }: RunnableVersion): string {
  const logging = configuration.settings['LoggingConfig'];
  const group = isJsonObject(logging) ? logging['LogGroup'] : undefined;
  return typeof group === 'string' ? group : `/aws/lambda/${name}`;
}

/** Where all of 127/8 is this machine, each process has an address of its own: one more thing that is not to be guessed. */
function loopbackAddress(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  return `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

function insideOf(network: 'egress' | 'none'): { readonly api: string; readonly egress?: string } {
  return network === 'egress' ? SOCKETS_INSIDE : { api: SOCKETS_INSIDE.api };
}

function networkRefused({ name, network }: RunnableVersion): GatewayError {
  return new GatewayError(
    'UpstreamRefused',
    `The function ${name} is not to have the network of this machine (gatewright:network is ${network}): that needs namespaces${network === 'egress' ? ' and the program ip of iproute2' : ''}, and Node.js or Python.`,
  );
}

/** The path of a socket has a hundred characters at most: the folder gets a short name for a moment. */
async function inFolder<T>(folder: string, use: (short: string) => Promise<T>): Promise<T> {
  const opened = await open(folder, 'r');
  try {
    return await use(`/proc/self/fd/${opened.fd}`);
  } finally {
    await opened.close();
  }
}
