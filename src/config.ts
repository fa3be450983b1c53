// Static settings of a process, read from flags, environment and file by the table of config-table.ts. All faults are
// reported at once.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { readTracing } from './tracing-settings.ts';
import type { TracingConfig } from './tracing-settings.ts';
import type { AuditMode } from './core/audit.ts';
import { isJsonObject } from './core/json.ts';
import type { AddressRange } from './lib/address-range.ts';
import type { Secret } from './lib/secret.ts';
import type { AuthorizationServerConfig, ListenAddress } from './config-values.ts';
import { SETTINGS } from './config-table.ts';
import { assembleAuthorizationServer, readAwsEndpoint, readAwsEndpoints } from './config-values.ts';
import type { SandboxWish } from './functions/sandbox.ts';
import type { LogLevel } from './telemetry/log.ts';
import type { AllowRule } from './upstream/guard.ts';
import type { StdioServerConfiguration } from './upstream/stdio/configuration.ts';

export { SETTINGS } from './config-table.ts';
export type { ListenAddress } from './config-values.ts';

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

export interface Config {
  readonly listen: ListenAddress;
  readonly adminListen?: ListenAddress;
  /** Without a trailing slash; absent means `http://<listen>`, known once the port is. */
  readonly publicUrl?: string;
  readonly dataDir: string;
  readonly masterKeyFile: string;
  /** Instead of the file: keys in base64, the one that seals first. */
  readonly masterKey?: Secret;
  /** Instead of the file: ARN of the AWS KMS key that the master key is wrapped with. */
  readonly masterKeyKms?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: Secret;
  readonly region: string;
  readonly accountId: string;
  readonly egressAllow: readonly AllowRule[];
  readonly allowedOrigins?: readonly string[];
  /** File with the JWT that this process is known by where it runs. */
  readonly workloadTokenFile?: string;
  /** Reverse proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly AddressRange[];
  /** Targets may be called with the callers' own tokens (JWT_PASSTHROUGH). */
  readonly allowJwtPassthrough?: boolean;
  /** Gateways without an authorizer may be called although the listener is not on loopback. */
  readonly allowUnauthenticated?: boolean;
  readonly gatewayDomain?: string;
  /** Requests to gateways under way at the same time. */
  readonly maxRequests?: number;
  /** Who reads figures has to show it. */
  readonly metricsToken?: Secret;
  /** Where traces are sent, by OpenTelemetry's own variables. */
  readonly tracing?: TracingConfig;
  /** Processes that serve, when there is more than one. */
  readonly workers?: number;
  /** PostgreSQL instead of a file in the data directory. */
  readonly databaseUrl?: Secret;
  /** The authorization server of this house, when it is on. */
  readonly authorizationServer?: AuthorizationServerConfig;
  /** Programs that targets may use as MCP servers. */
  readonly stdioServers?: readonly StdioServerConfiguration[];
  /** Whether functions are made and run here; `auto`: where the control plane is reached from this machine only. */
  readonly functions?: 'auto' | 'on' | 'off';
  /** Processes of functions at the same time. */
  readonly functionProcesses?: number;
  /** Namespaces around functions: where they can be had, without exception, or not at all. */
  readonly functionSandbox?: SandboxWish;
  /** PATH and home of whoever started the server: where the interpreters of functions are looked for. */
  readonly searchPath?: string;
  readonly home?: string;
  /** Of the audit log; default `best-effort`. */
  readonly audit?: AuditMode;
  /** Arguments and results of calls are shown in it. */
  readonly auditArguments?: boolean;
  readonly auditRetentionDays?: number;
  readonly logLevel: LogLevel;
  /** The AWS SDKs' own variable: an S3-compatible store for `s3://` documents. */
  readonly s3Endpoint?: URL;
  /** The same for AWS STS. */
  readonly stsEndpoint?: URL;
  readonly kmsEndpoint?: URL;
  readonly lambdaEndpoint?: URL;
  /** The same for every service that targets may call, by the variable's last part (`DYNAMODB`); `''` for all others. */
  readonly awsEndpoints?: Readonly<Record<string, URL>>;
}

/** Variables that start with our prefix but are no settings: npm and test runners hand them on. */
const PREFIX = 'GATEWRIGHT_';

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags of the command line, by flag name. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** Path of the optional settings file (JSON or YAML). */
  readonly file?: string;
}

/** One line of `gatewright config`. */
export interface EffectiveSetting {
  readonly variable: string;
  /** As it was given, or what the default means here; secrets are masked. */
  readonly value: string;
  readonly origin: string;
}

export type ConfigOutcome =
  | { readonly config: Config; readonly effective: readonly EffectiveSetting[] }
  | { readonly faults: readonly string[] };

/** Flag beats environment beats file beats default. */
export function readConfig(sources: ConfigSources): ConfigOutcome {
  const faults: string[] = [];
  const file = sources.file === undefined ? {} : readFile(sources.file, faults);
  for (const name of Object.keys(sources.env))
    if (name.startsWith(PREFIX) && !SETTINGS.some(({ variable }) => variable === name))
      faults.push(`${name}: there is no such setting${suggestion(name)}`);
  const values: Record<string, unknown> = {};
  const given: Record<string, { readonly text: string; readonly origin: string }> = {};
  for (const { flag, variable, parse, isSecret } of SETTINGS) {
    const found = [
      { text: sources.flags[flag], origin: `--${flag}` },
      { text: sources.env[variable], origin: variable },
      { text: file[flag] ?? file[variable], origin: `${sources.file} (${flag})` },
    ].find(({ text }) => text !== undefined && text !== '');
    if (found?.text === undefined) continue;
    try {
      values[flag] = parse(found.text, sources.env);
      given[flag] = { text: isSecret === true ? '(secret)' : found.text, origin: found.origin };
    } catch (thrown) {
      const shown = isSecret === true ? '' : ` “${found.text}”`;
      const all: readonly unknown[] = thrown instanceof AggregateError ? thrown.errors : [thrown];
      for (const one of all)
        faults.push(`${found.origin}:${shown} ${one instanceof Error ? one.message : String(one)}`);
    }
  }
  if ((values['access-key-id'] === undefined) !== (values['secret-access-key'] === undefined))
    faults.push('GATEWRIGHT_ACCESS_KEY_ID and GATEWRIGHT_SECRET_ACCESS_KEY: set both or neither');
  const s3Endpoint = readAwsEndpoint('S3', sources.env, faults);
  const stsEndpoint = readAwsEndpoint('STS', sources.env, faults);
  const kmsEndpoint = readAwsEndpoint('KMS', sources.env, faults);
  const lambdaEndpoint = readAwsEndpoint('LAMBDA', sources.env, faults);
  const awsEndpoints = readAwsEndpoints(sources.env, faults);
  const tracing = readTracing(sources.env, faults);
  if (values['master-key'] !== undefined && values['master-key-kms'] !== undefined)
    faults.push('GATEWRIGHT_MASTER_KEY and GATEWRIGHT_MASTER_KEY_KMS: set one of them');
  const authorizationServer = assembleAuthorizationServer(values, faults);
  if (faults.length > 0) return { faults };
  const config = assemble(
    values,
    { s3Endpoint, stsEndpoint, kmsEndpoint, lambdaEndpoint, awsEndpoints, tracing },
    authorizationServer,
  );
  const paths: Readonly<Record<string, string>> = {
    'data-dir': config.dataDir,
    'master-key-file': config.masterKeyFile,
  };
  const effective = SETTINGS.map(({ flag, variable, defaultText }) => ({
    variable,
    value: given[flag]?.text ?? paths[flag] ?? defaultText,
    origin: given[flag]?.origin ?? 'default',
  }));
  return { config, effective };
}

function assemble(
  values: Record<string, unknown>,
  aws: Readonly<Record<'s3Endpoint' | 'stsEndpoint' | 'kmsEndpoint' | 'lambdaEndpoint', URL | undefined>> & {
    readonly tracing: TracingConfig | undefined;
  } & Pick<Config, 'awsEndpoints'>,
  authorizationServer: AuthorizationServerConfig | undefined,
): Config {
  const dataDir = resolve((values['data-dir'] as string | undefined) ?? './.gatewright');
  const optional: Record<string, unknown> = {
    adminListen: values['admin-listen'],
    databaseUrl: values['database-url'],
    workers: values['workers'],
    metricsToken: values['metrics-token'],
    maxRequests: values['max-requests'],
    publicUrl: values['public-url'],
    masterKey: values['master-key'],
    masterKeyKms: values['master-key-kms'],
    accessKeyId: values['access-key-id'],
    secretAccessKey: values['secret-access-key'],
    allowedOrigins: values['allowed-origins'],
    trustedProxies: values['trusted-proxies'],
    workloadTokenFile: values['workload-token-file'],
    allowUnauthenticated: values['allow-unauthenticated'],
    allowJwtPassthrough: values['allow-jwt-passthrough'],
    gatewayDomain: values['gateway-domain'],
    stdioServers: values['stdio-servers'],
    authorizationServer,
    functions: values['functions'],
    functionProcesses: values['function-processes'],
    functionSandbox: values['function-sandbox'],
    searchPath: values['search-path'],
    home: values['home'],
    audit: values['audit'],
    auditArguments: values['audit-arguments'],
    auditRetentionDays: values['audit-retention-days'],
    ...aws,
  };
  return Object.freeze({
    listen: (values['listen'] as ListenAddress | undefined) ?? { host: '127.0.0.1', port: 8080 },
    dataDir,
    masterKeyFile: (values['master-key-file'] as string | undefined) ?? join(dataDir, 'master.key'),
    region: (values['region'] as string | undefined) ?? 'us-east-1',
    accountId: (values['account-id'] as string | undefined) ?? '000000000000',
    egressAllow: (values['egress-allow'] as readonly AllowRule[] | undefined) ?? [],
    logLevel: (values['log-level'] as LogLevel | undefined) ?? 'info',
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  });
}

function readFile(path: string, faults: string[]): Record<string, string> {
  let value: unknown;
  try {
    // Every value as its text: `account-id: 000000000000` is no number.
    value = parseYaml(readFileSync(path, 'utf8'), { schema: 'failsafe' });
  } catch (thrown) {
    faults.push(
      `--config: ${path} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
    return {};
  }
  // An empty file has no settings, and nothing is wrong with it.
  if (value === null || value === '') return {};
  if (!isJsonObject(value)) {
    faults.push(`--config: ${path} is not a mapping of settings`);
    return {};
  }
  const texts: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (!SETTINGS.some(({ flag, variable }) => flag === key || variable === key))
      faults.push(`${path}: ${key}: there is no such setting`);
    else if (typeof entry === 'object') {
      if (Array.isArray(entry)) texts[key] = entry.map(String).join(',');
      else faults.push(`${path}: ${key}: must be a plain value or a list`);
    } else texts[key] = String(entry);
  }
  return texts;
}

function suggestion(name: string): string {
  const near = SETTINGS.find(
    ({ variable }) => variable.includes(name.slice(PREFIX.length)) || name.includes(variable),
  );
  return near ? ` (did you mean ${near.variable}?)` : ' (see gatewright serve --help)';
}
