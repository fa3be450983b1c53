// `gatewright serve`: the server, and with `--openapi` the main job in one line.

import type { Command } from 'commander';
import type { App } from '../app.ts';
import { isLoopback } from '../config.ts';
import type { Config } from '../config.ts';
import { serve } from '../main.ts';
import { createLog } from '../telemetry/log.ts';
import type { ProcessLog } from '../telemetry/log.ts';
import { announceReady, showImport } from './announce.ts';
import { quickstart, readSecretArgument } from './quickstart.ts';
import type { QuickstartOptions, QuickstartResult } from './quickstart.ts';
import { readNamedDocument } from './read-document.ts';
import { addSettingFlags, configOrFaults, reportUsageFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

interface ServeFlags extends Record<string, unknown> {
  readonly openapi?: string;
  readonly name?: string;
  readonly upstream?: string;
  readonly apiKey?: string;
  readonly apiKeyHeader?: string;
  readonly apiKeyQuery?: string;
  readonly apiKeyPrefix?: string;
  readonly jwtDiscoveryUrl?: string;
  readonly jwtAudience?: string[];
  readonly jwtClient?: string[];
  readonly jwtScope?: string[];
  readonly allowUnauthenticated?: boolean;
  readonly bareNames?: boolean;
  readonly includeTags?: string;
  readonly excludeTags?: string;
  readonly includePaths?: string;
  readonly excludePaths?: string;
  readonly includeMethods?: string;
  readonly excludeMethods?: string;
}

const FILTERS = [
  'includeTags',
  'excludeTags',
  'includePaths',
  'excludePaths',
  'includeMethods',
  'excludeMethods',
] as const;
const DISCOVERY_PATH = '/.well-known/openid-configuration';
const DEPENDANTS = [
  ['apiKey', ['apiKeyHeader', 'apiKeyQuery', 'apiKeyPrefix']],
  ['jwtDiscoveryUrl', ['jwtAudience', 'jwtClient', 'jwtScope']],
] as const;
const IMPORT_FLAGS = ['name', 'upstream', 'bareNames', ...DEPENDANTS.flat(2), ...FILTERS];

/** Adds the command. */
export function addServeCommand(program: Command, env: Environment): void {
  const command = program.command('serve', { isDefault: true }).description('start the gateway');
  command
    .optionsGroup('The main job in one line:')
    .option(
      '--openapi <file|URL>',
      'import this OpenAPI document (2.0 to 3.2, JSON or YAML) as a gateway of its own',
    )
    .option('--name <name>', 'name of that gateway and target (default: from the document’s name)')
    .option('--upstream <URL>', 'base URL that calls go to, instead of the document’s servers')
    .option('--api-key <value>', 'API key to call the upstream with: env:NAME, file:PATH, or the key itself')
    .option(
      '--api-key-header <name>',
      'header the key goes into (default: as the document says, else Authorization)',
    )
    .option('--api-key-query <name>', 'query parameter the key goes into instead')
    .option('--api-key-prefix <text>', 'put before the key, for example Bearer')
    .option(
      '--jwt-discovery-url <URL>',
      'only callers with a token of this OpenID Connect provider (…/.well-known/openid-configuration)',
    )
    .option('--jwt-audience <aud...>', 'accepted audiences of such a token')
    .option('--jwt-client <id...>', 'accepted client ids of such a token')
    .option('--jwt-scope <scope...>', 'accepted scopes of such a token')
    .option('--allow-unauthenticated', 'let anybody call although the listener is not on loopback')
    .option('--bare-names', 'tools are named as in the document, without the target’s name before them')
    .option('--include-tags <words>', 'only operations with one of these tags (--exclude-tags: none of them)')
    .option('--exclude-tags <words>')
    .option(
      '--include-paths <prefixes>',
      'only operations below one of these paths (--exclude-paths: none of them)',
    )
    .option('--exclude-paths <prefixes>')
    .option('--include-methods <methods>', 'only these HTTP methods (--exclude-methods: none of them)')
    .option('--exclude-methods <methods>')
    .optionsGroup('Settings:');
  // `serve` is also what runs without a command: a misspelt command arrives here as an argument.
  command.allowExcessArguments();
  addSettingFlags(command).action(async (flags: ServeFlags) => {
    const [extra] = command.args;
    if (extra !== undefined) {
      const hint = /[./]/.test(extra) ? `; a document is given as --openapi ${extra}` : '';
      reportUsageFaults('the command line is wrong', [
        `“${extra}” is no command (gatewright --help lists them)${hint}`,
      ]);
      return;
    }
    const outcome = configOrFaults(env, flags);
    if (!outcome) return;
    const { config } = outcome;
    let options: QuickstartOptions | undefined;
    try {
      options = quickstartOptions(flags, env, config);
    } catch (thrown) {
      reportUsageFaults('the command line is wrong', [
        thrown instanceof Error ? thrown.message : String(thrown),
      ]);
      return;
    }
    const isTerminal = process.stdout.isTTY;
    const log = createLog(config.logLevel, { isForPeople: isTerminal });
    process.exitCode = await run(config, log, options, isTerminal);
  });
}

async function run(
  config: Config,
  log: ProcessLog,
  options: QuickstartOptions | undefined,
  isTerminal: boolean,
): Promise<number> {
  let imported: QuickstartResult | undefined;
  return serve({
    config,
    log,
    named: options ? namedUrls(options) : [],
    ...(options
      ? {
          prepare: async (app: App) => {
            imported = await quickstart(app, options);
            if (!isTerminal) showImport(imported, log);
          },
        }
      : {}),
    ...(isTerminal ? { announce: (app: App) => announceReady(app, imported) } : {}),
  });
}

function quickstartOptions(
  flags: ServeFlags,
  env: Environment,
  config: Config,
): QuickstartOptions | undefined {
  const { openapi, jwtDiscoveryUrl: discoveryUrl } = flags;
  if (openapi === undefined) {
    const orphan = IMPORT_FLAGS.find((flag) => flags[flag] !== undefined);
    if (orphan !== undefined) throw new Error(`--${dashed(orphan)} needs --openapi`);
    return undefined;
  }
  // A flag that could do nothing is a mistake; with the checks of tokens it would leave the gateway open.
  for (const [needed, dependants] of DEPENDANTS) {
    const orphan = flags[needed] === undefined && dependants.find((flag) => flags[flag] !== undefined);
    if (typeof orphan === 'string') throw new Error(`--${dashed(orphan)} needs --${dashed(needed)}`);
  }
  if (flags.apiKeyHeader !== undefined && flags.apiKeyQuery !== undefined)
    throw new Error('--api-key-header and --api-key-query: give one, the key goes into one place');
  if (discoveryUrl !== undefined && !flags.jwtAudience && !flags.jwtClient && !flags.jwtScope)
    throw new Error('--jwt-discovery-url needs at least one of --jwt-audience, --jwt-client, --jwt-scope');
  const isOpenToOthers = !isLoopback(config.listen.host);
  if (discoveryUrl === undefined && isOpenToOthers && flags.allowUnauthenticated !== true)
    throw new Error(
      `Anybody who reaches ${config.listen.host} could call these tools. Say who may with --jwt-discovery-url, or that it is meant so with --allow-unauthenticated.`,
    );
  if (flags.upstream !== undefined && !isHttpUrl(flags.upstream))
    throw new Error(`--upstream ${flags.upstream} must be a URL such as https://api.example.com/v2`);
  if (discoveryUrl !== undefined && !(isHttpUrl(discoveryUrl) && discoveryUrl.endsWith(DISCOVERY_PATH)))
    throw new Error(`--jwt-discovery-url ${discoveryUrl} must be a URL that ends with ${DISCOVERY_PATH}`);
  const targetTags: Record<string, string> = {};
  for (const filter of FILTERS)
    if (flags[filter] !== undefined) targetTags[`gatewright:${dashed(filter)}`] = flags[filter];
  const given = {
    name: flags.name,
    upstream: flags.upstream,
    apiKey: flags.apiKey === undefined ? undefined : readSecretArgument(flags.apiKey, env),
    apiKeyHeader: flags.apiKeyHeader,
    apiKeyQuery: flags.apiKeyQuery,
    apiKeyPrefix: flags.apiKeyPrefix,
  };
  const jwt = discoveryUrl === undefined ? undefined : jwtOptions(discoveryUrl, flags);
  return {
    document: readNamedDocument(openapi),
    ...(Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as Partial<QuickstartOptions>),
    ...(jwt ? { jwt } : {}),
    targetTags,
    gatewayTags: flags.bareNames === true ? { 'gatewright:tool-names': 'bare' } : {},
  };
}

function jwtOptions(discoveryUrl: string, flags: ServeFlags): NonNullable<QuickstartOptions['jwt']> {
  return {
    discoveryUrl,
    ...(flags.jwtAudience ? { audience: flags.jwtAudience } : {}),
    ...(flags.jwtClient ? { clients: flags.jwtClient } : {}),
    ...(flags.jwtScope ? { scopes: flags.jwtScope } : {}),
  };
}

/** What the operator names on the command line may be reached, public address or not. */
function namedUrls(options: QuickstartOptions): readonly URL[] {
  return [
    ...(options.document.kind === 'url' ? [options.document.url] : []),
    ...(options.upstream === undefined ? [] : [new URL(options.upstream)]),
    ...(options.jwt === undefined ? [] : [new URL(options.jwt.discoveryUrl)]),
  ];
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function dashed(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
