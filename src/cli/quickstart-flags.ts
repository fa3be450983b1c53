// The flags of `serve` that make a gateway in one line (`--openapi`, `--mcp` and what goes with them): their help, what
// they mean together, and what of them contradicts itself.

import type { Command } from 'commander';
import { isLoopback } from '../config.ts';
import type { Config } from '../config.ts';
import { readSecretArgument } from './quickstart.ts';
import type { QuickstartOptions, QuickstartSource } from './quickstart.ts';
import { readNamedDocument } from './read-document.ts';
import type { Environment } from './settings-flags.ts';

export interface QuickstartFlags extends Record<string, unknown> {
  readonly openapi?: string;
  readonly mcp?: string;
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
  readonly bareNames?: boolean;
  readonly users?: boolean;
  readonly search?: boolean;
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
const OPENAPI_FLAGS = ['upstream', ...FILTERS];
const IMPORT_FLAGS = ['name', 'bareNames', 'users', 'search', ...DEPENDANTS.flat(2)];
const STDIO = 'stdio:';

/** Adds the flags, in a group of their own. */
export function addQuickstartFlags(command: Command): Command {
  return command
    .optionsGroup('The main job in one line:')
    .option(
      '--openapi <file|URL>',
      'import this OpenAPI document (2.0 to 3.2, JSON or YAML) as a gateway of its own',
    )
    .option(
      '--mcp <URL|stdio:name>',
      'serve this MCP server through a gateway of its own; stdio:<name> is a program of --stdio-servers',
    )
    .option('--name <name>', 'name of that gateway and target (default: from the document’s or host’s name)')
    .option('--upstream <URL>', 'base URL that calls go to, instead of the document’s servers')
    .option('--api-key <value>', 'API key to call the upstream with: env:NAME, file:PATH, or the key itself')
    .option(
      '--api-key-header <name>',
      'header the key goes into (default: as the document says, else Authorization)',
    )
    .option('--api-key-query <name>', 'query parameter the key goes into instead')
    .option('--api-key-prefix <text>', 'put before the key, for example Bearer (default with --mcp: Bearer)')
    .option(
      '--jwt-discovery-url <URL>',
      'only callers with a token of this OpenID Connect provider (…/.well-known/openid-configuration)',
    )
    .option('--jwt-audience <aud...>', 'accepted audiences of such a token')
    .option('--jwt-client <id...>', 'accepted client ids of such a token')
    .option('--jwt-scope <scope...>', 'accepted scopes of such a token')
    .option(
      '--users',
      'only people who sign in: turns the authorization server on (gatewright users add <name>)',
    )
    .option(
      '--bare-names',
      'tools are named as in the document or server, without the target’s name before them',
    )
    .option('--search', 'offer the search tool, by which agents find the few tools they need among many')
    .option('--include-tags <words>', 'only operations with one of these tags (--exclude-tags: none of them)')
    .option('--exclude-tags <words>')
    .option(
      '--include-paths <prefixes>',
      'only operations below one of these paths (--exclude-paths: none of them)',
    )
    .option('--exclude-paths <prefixes>')
    .option('--include-methods <methods>', 'only these HTTP methods (--exclude-methods: none of them)')
    .option('--exclude-methods <methods>');
}

/** What the flags ask for; undefined when they ask for no gateway. @throws Error that says what is wrong with them */
export function quickstartOptions(
  flags: QuickstartFlags,
  env: Environment,
  config: Config,
): QuickstartOptions | undefined {
  const { openapi, mcp, jwtDiscoveryUrl: discoveryUrl } = flags;
  if (openapi !== undefined && mcp !== undefined)
    throw new Error(
      '--openapi and --mcp: give one of them. A second target is added to a running gateway with gatewright create-gateway-target.',
    );
  refuseOrphans(flags);
  if (openapi === undefined && mcp === undefined) return undefined;
  if (flags.apiKeyHeader !== undefined && flags.apiKeyQuery !== undefined)
    throw new Error('--api-key-header and --api-key-query: give one, the key goes into one place');
  if (discoveryUrl !== undefined && !flags.jwtAudience && !flags.jwtClient && !flags.jwtScope)
    throw new Error('--jwt-discovery-url needs at least one of --jwt-audience, --jwt-client, --jwt-scope');
  const isForUsers = flags.users === true;
  if (isForUsers && discoveryUrl !== undefined)
    throw new Error('--users and --jwt-discovery-url: give one, a gateway trusts one issuer');
  const isOpenToOthers = !isLoopback(config.listen.host);
  if (discoveryUrl === undefined && !isForUsers && isOpenToOthers && config.allowUnauthenticated !== true)
    throw new Error(
      `Anybody who reaches ${config.listen.host} could call these tools. Say who may with --users or --jwt-discovery-url, or that it is meant so with --allow-unauthenticated.`,
    );
  if (flags.upstream !== undefined && !isHttpUrl(flags.upstream))
    throw new Error(`--upstream ${flags.upstream} must be a URL such as https://api.example.com/v2`);
  if (discoveryUrl !== undefined && !(isHttpUrl(discoveryUrl) && discoveryUrl.endsWith(DISCOVERY_PATH)))
    throw new Error(`--jwt-discovery-url ${discoveryUrl} must be a URL that ends with ${DISCOVERY_PATH}`);
  const given = {
    name: flags.name,
    apiKey: flags.apiKey === undefined ? undefined : readSecretArgument(flags.apiKey, env),
    apiKeyHeader: flags.apiKeyHeader,
    apiKeyQuery: flags.apiKeyQuery,
    apiKeyPrefix: flags.apiKeyPrefix,
  };
  const jwt = discoveryUrl === undefined ? undefined : jwtOptions(discoveryUrl, flags);
  return {
    source: mcp === undefined ? documentSource(openapi ?? '', flags) : serverSource(mcp, flags, config),
    ...(Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as Partial<QuickstartOptions>),
    ...(jwt ? { jwt } : {}),
    ...(isForUsers ? { isForUsers } : {}),
    ...(flags.search === true ? { hasSearch: true } : {}),
    gatewayTags: flags.bareNames === true ? { 'gatewright:tool-names': 'bare' } : {},
  };
}

/** What the operator names on the command line may be reached, public address or not. */
export function namedUrls({ source, jwt }: QuickstartOptions): readonly URL[] {
  const named =
    source.kind === 'mcp'
      ? [source.endpoint].filter(isHttpUrl)
      : [source.document.kind === 'url' ? source.document.url.href : [], source.upstream ?? []].flat();
  return [...named, jwt?.discoveryUrl ?? []].flat().map((url) => new URL(url));
}

/** A flag that could do nothing is a mistake; with the checks of tokens it would leave the gateway open. */
function refuseOrphans(flags: QuickstartFlags): void {
  const isGiven = (flag: string): boolean => flags[flag] !== undefined;
  const needs = (flag: string | undefined, needed: string): void => {
    if (flag !== undefined) throw new Error(`--${dashed(flag)} needs ${needed}`);
  };
  if (!isGiven('openapi')) {
    needs(OPENAPI_FLAGS.find(isGiven), '--openapi');
    if (!isGiven('mcp')) needs(IMPORT_FLAGS.find(isGiven), '--openapi or --mcp');
  }
  for (const [needed, dependants] of DEPENDANTS)
    if (!isGiven(needed)) needs(dependants.find(isGiven), `--${dashed(needed)}`);
}

function documentSource(named: string, flags: QuickstartFlags): QuickstartSource {
  const settings: Record<string, string> = {};
  for (const filter of FILTERS)
    if (flags[filter] !== undefined) settings[`gatewright:${dashed(filter)}`] = flags[filter];
  if (flags.upstream !== undefined) settings['gatewright:server-url'] = flags.upstream;
  return {
    kind: 'openapi',
    document: readNamedDocument(named),
    settings,
    ...(flags.upstream === undefined ? {} : { upstream: flags.upstream }),
  };
}

function serverSource(endpoint: string, flags: QuickstartFlags, config: Config): QuickstartSource {
  if (isHttpUrl(endpoint)) return { kind: 'mcp', endpoint };
  if (!endpoint.startsWith(STDIO))
    throw new Error(
      `--mcp ${endpoint} must be a URL such as https://mcp.example.com/mcp, or stdio:<name> for a program of --stdio-servers`,
    );
  const names = (config.stdioServers ?? []).map(({ name }) => name);
  if (!names.includes(endpoint.slice(STDIO.length)))
    throw new Error(
      `--mcp ${endpoint}: --stdio-servers has no such server; it has: ${names.join(', ') || 'none'}`,
    );
  if (flags.apiKey !== undefined)
    throw new Error(`--api-key: a program takes its key from its env in the file of --stdio-servers`);
  return { kind: 'mcp', endpoint };
}

function jwtOptions(discoveryUrl: string, flags: QuickstartFlags): NonNullable<QuickstartOptions['jwt']> {
  return {
    discoveryUrl,
    ...(flags.jwtAudience ? { audience: flags.jwtAudience } : {}),
    ...(flags.jwtClient ? { clients: flags.jwtClient } : {}),
    ...(flags.jwtScope ? { scopes: flags.jwtScope } : {}),
  };
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function dashed(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
