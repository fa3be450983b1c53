// `serve --openapi` and `serve --mcp`: a document or a server becomes a gateway of one target in one command.
// Everything goes through the control plane's own operations, so that what it makes is what an SDK would have made; a
// second start updates it.

import { readFileSync } from 'node:fs';
import type { App } from '../app.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { ImportReport } from '../core/tool.ts';
import type { NamedDocument } from './read-document.ts';

const ROLE_ARN = 'arn:aws:iam::000000000000:role/gatewright';
const WAIT_MS = 90_000;
/** What a gateway in front of an MCP server needs to hand on all that the server can do. Sessions as long as allowed. */
const RELAYING: JsonObject = {
  sessionConfiguration: { sessionTimeoutInSeconds: 28_800 },
  streamingConfiguration: { enableResponseStreaming: true },
};
/** The settings of a target that flags of `serve` stand for. */
const TARGET_SETTINGS: readonly string[] = [
  'gatewright:server-url',
  ...[
    'include-tags',
    'exclude-tags',
    'include-paths',
    'exclude-paths',
    'include-methods',
    'exclude-methods',
  ].map((filter) => `gatewright:${filter}`),
];

/** What becomes the target. */
export type QuickstartSource =
  | {
      readonly kind: 'openapi';
      readonly document: NamedDocument;
      readonly upstream?: string;
      /** `gatewright:` settings of the target. */
      readonly settings: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'mcp'; readonly endpoint: string };

export interface QuickstartOptions {
  readonly source: QuickstartSource;
  readonly name?: string;
  /** The key itself, already read from where the user said. */
  readonly apiKey?: string;
  readonly apiKeyHeader?: string;
  readonly apiKeyQuery?: string;
  readonly apiKeyPrefix?: string;
  readonly jwt?: {
    readonly discoveryUrl: string;
    readonly audience?: readonly string[];
    readonly clients?: readonly string[];
    readonly scopes?: readonly string[];
  };
  /** Callers sign in at the authorization server of this house. */
  readonly isForUsers?: boolean;
  /** The gateway offers the search tool. */
  readonly hasSearch?: boolean;
  readonly gatewayTags: Readonly<Record<string, string>>;
}

export interface QuickstartResult {
  readonly gatewayId: string;
  readonly targetId: string;
  readonly mcpUrl: string;
  readonly name: string;
  readonly isOpen: boolean;
  readonly isForUsers: boolean;
  readonly kind: QuickstartSource['kind'];
  readonly report: QuickstartReport;
}

/** The import report; of an MCP server also what it offers besides tools. */
export interface QuickstartReport extends ImportReport {
  readonly prompts?: number;
  readonly resources?: number;
  readonly resourceTemplates?: number;
}

/** Makes or updates the gateway and its target, and waits until it serves. @throws Error with cause and cure. */
export async function quickstart(app: App, options: QuickstartOptions): Promise<QuickstartResult> {
  const name = options.name ?? nameFor(options);
  const gateway = await ensureGateway(app, name, options);
  const gatewayId = String(gateway['gatewayId']);
  const credential = await ensureApiKey(app, name, options);
  const targetId = await ensureTarget(app, gatewayId, name, options, credential);
  const { report } = (await app.control.invoke('GetGatewayTargetImportReport', {
    gatewayIdentifier: gatewayId,
    targetId,
  })) as unknown as { report: QuickstartReport };
  return {
    gatewayId,
    targetId,
    name,
    mcpUrl: String(gateway['gatewayUrl']),
    isOpen: options.jwt === undefined && options.isForUsers !== true,
    isForUsers: options.isForUsers === true,
    kind: options.source.kind,
    report,
  };
}

async function ensureGateway(app: App, name: string, options: QuickstartOptions): Promise<JsonObject> {
  const mcp: JsonObject = {
    ...(options.source.kind === 'mcp' ? RELAYING : {}),
    ...(options.hasSearch === true ? { searchType: 'SEMANTIC' } : {}),
  };
  const wanted: JsonObject = {
    name,
    roleArn: ROLE_ARN,
    protocolType: 'MCP',
    ...authorizerFor(options.jwt ?? ownIssuer(app, options, [app.publicUrl])),
    ...(Object.keys(mcp).length === 0 ? {} : { protocolConfiguration: { mcp } }),
  };
  const known = await findByName(app, 'ListGateways', {}, 'items', name);
  if (!known) {
    const created = await app.control.invoke('CreateGateway', { ...wanted, tags: options.gatewayTags });
    const gateway = await settle(app, 'GetGateway', { gatewayIdentifier: created['gatewayId'] });
    return options.isForUsers === true ? updateGateway(app, gateway, wanted, options) : gateway;
  }
  if (known['authorizerType'] !== wanted['authorizerType'])
    throw new Error(
      `The gateway ${name} already exists with authorizer ${String(known['authorizerType'])}, which cannot be changed. Choose another --name; or start without --openapi and --mcp and delete its targets (gatewright delete-gateway-target), then it: gatewright delete-gateway --gateway-identifier ${String(known['gatewayId'])}`,
    );
  const present = await app.control.invoke('GetGateway', { gatewayIdentifier: known['gatewayId'] });
  const gateway = await updateGateway(app, present, wanted, options);
  await setTags(app, String(gateway['gatewayArn']), options.gatewayTags, ['gatewright:tool-names']);
  return gateway;
}

async function updateGateway(
  app: App,
  { gatewayId, gatewayUrl }: JsonObject,
  wanted: JsonObject,
  options: QuickstartOptions,
): Promise<JsonObject> {
  // Its address, which is the audience of its tokens, is known only now.
  const own = ownIssuer(app, options, [String(gatewayUrl)]);
  await app.control.invoke('UpdateGateway', {
    gatewayIdentifier: gatewayId,
    ...wanted,
    ...(own ? authorizerFor(own) : {}),
  });
  return settle(app, 'GetGateway', { gatewayIdentifier: gatewayId });
}

/** The authorization server of this house as the issuer. */
function ownIssuer(
  app: App,
  { isForUsers }: QuickstartOptions,
  audience: readonly string[],
): QuickstartOptions['jwt'] {
  if (isForUsers !== true) return undefined;
  return { discoveryUrl: `${app.publicUrl}/oauth/.well-known/openid-configuration`, audience };
}

function authorizerFor(jwt: QuickstartOptions['jwt']): JsonObject {
  if (!jwt) return { authorizerType: 'NONE' };
  return {
    authorizerType: 'CUSTOM_JWT',
    authorizerConfiguration: {
      customJWTAuthorizer: {
        discoveryUrl: jwt.discoveryUrl,
        ...(jwt.audience ? { allowedAudience: jwt.audience } : {}),
        ...(jwt.clients ? { allowedClients: jwt.clients } : {}),
        ...(jwt.scopes ? { allowedScopes: jwt.scopes } : {}),
      },
    },
  };
}

async function ensureApiKey(
  app: App,
  name: string,
  options: QuickstartOptions,
): Promise<JsonObject | undefined> {
  if (options.apiKey === undefined) return undefined;
  const providerName = `${name}-api-key`;
  const known = await app.control
    .invoke('GetApiKeyCredentialProvider', { name: providerName })
    .catch(() => undefined);
  const provider = await app.control.invoke(
    known ? 'UpdateApiKeyCredentialProvider' : 'CreateApiKeyCredentialProvider',
    { name: providerName, apiKey: options.apiKey },
  );
  return {
    credentialProviderType: 'API_KEY',
    credentialProvider: {
      apiKeyCredentialProvider: {
        providerArn: provider['credentialProviderArn'],
        ...placementOf(options),
      },
    },
  };
}

/** Where the key goes; left open for a document that says it itself. A server gets it as a bearer token. */
function placementOf(options: QuickstartOptions): JsonObject {
  const { apiKeyHeader, apiKeyQuery, apiKeyPrefix } = options;
  const prefix: JsonObject = apiKeyPrefix === undefined ? {} : { credentialPrefix: apiKeyPrefix };
  if (apiKeyQuery !== undefined)
    return { credentialLocation: 'QUERY_PARAMETER', credentialParameterName: apiKeyQuery, ...prefix };
  if (apiKeyHeader !== undefined)
    return { credentialLocation: 'HEADER', credentialParameterName: apiKeyHeader, ...prefix };
  if (options.source.kind === 'openapi') return prefix;
  return {
    credentialLocation: 'HEADER',
    credentialParameterName: 'Authorization',
    credentialPrefix: apiKeyPrefix ?? 'Bearer',
  };
}

async function ensureTarget(
  app: App,
  gatewayId: string,
  name: string,
  options: QuickstartOptions,
  credential: JsonObject | undefined,
): Promise<string> {
  const { source } = options;
  const wanted: JsonObject = {
    gatewayIdentifier: gatewayId,
    name,
    targetConfiguration: { mcp: configurationOf(source) },
    ...(credential ? { credentialProviderConfigurations: [credential] } : {}),
  };
  const tags = source.kind === 'openapi' ? source.settings : {};
  const known = await findByName(app, 'ListGatewayTargets', { gatewayIdentifier: gatewayId }, 'items', name);
  const target = known
    ? await app.control.invoke('UpdateGatewayTarget', { ...wanted, targetId: known['targetId'] })
    : await app.control.invoke('CreateGatewayTarget', wanted);
  const targetId = String(target['targetId']);
  // At once and not when the target is ready: the import under way begins again with the settings, and is the only one.
  await setTags(app, `${String(target['gatewayArn'])}/target/${targetId}`, tags, TARGET_SETTINGS);
  await settle(app, 'GetGatewayTarget', { gatewayIdentifier: gatewayId, targetId });
  return targetId;
}

function configurationOf(source: QuickstartSource): JsonObject {
  if (source.kind === 'mcp') return { mcpServer: { endpoint: source.endpoint } };
  const { document } = source;
  return {
    openApiSchema:
      document.kind === 'url' ? { s3: { uri: document.url.href } } : { inlinePayload: document.text },
  };
}

/** Sets the tags that the flags ask for, and takes away those of the `own` ones that no flag asks for any more. */
async function setTags(
  app: App,
  resourceArn: string,
  tags: Readonly<Record<string, string>>,
  own: readonly string[],
): Promise<void> {
  const { tags: present } = await app.control.invoke('ListTagsForResource', { resourceArn });
  const tagKeys = own.filter(
    (key) => isJsonObject(present) && present[key] !== undefined && tags[key] === undefined,
  );
  if (tagKeys.length > 0) await app.control.invoke('UntagResource', { resourceArn, tagKeys });
  if (Object.keys(tags).length > 0) await app.control.invoke('TagResource', { resourceArn, tags });
}

/** Waits for READY; a failure's reasons become the error. */
async function settle(app: App, operation: string, input: JsonObject): Promise<JsonObject> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const resource = await app.control.invoke(operation, input);
    if (resource['status'] === 'READY') return resource;
    const reasons = Array.isArray(resource['statusReasons']) ? resource['statusReasons'].join('; ') : '';
    if (/FAILED|UNSUCCESSFUL/.test(String(resource['status'])))
      throw new Error(reasons === '' ? `${operation}: ${String(resource['status'])}` : reasons);
    if (performance.now() > deadline) throw new Error(`The import took longer than ${WAIT_MS / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function findByName(
  app: App,
  operation: string,
  input: JsonObject,
  member: string,
  name: string,
): Promise<JsonObject | undefined> {
  let nextToken: JsonObject[string];
  do {
    const page = await app.control.invoke(operation, {
      ...input,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    const items: readonly unknown[] = Array.isArray(page[member]) ? page[member] : [];
    const found = items.find((item): item is JsonObject => isJsonObject(item) && item['name'] === name);
    if (found) return found;
    nextToken = page['nextToken'];
  } while (nextToken !== undefined);
  return undefined;
}

/** A name from the document's file or the server's host: what GatewayName allows, at most 40 characters. */
function nameFor({ source }: QuickstartOptions): string {
  const name = (source.kind === 'mcp' ? nameOfServer(source.endpoint) : nameOfDocument(source.document))
    .replace(/[^0-9a-zA-Z]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return name === '' ? 'api' : name;
}

function nameOfDocument(document: NamedDocument): string {
  const source =
    document.kind === 'url'
      ? (document.url.pathname.split('/').at(-1) ?? document.url.hostname)
      : document.path;
  return (source.split('/').at(-1) ?? '').replace(/(\.(json|ya?ml|gz|openapi|swagger))+$/i, '');
}

/** The program's name, or host and port: two servers of one machine are two gateways. */
function nameOfServer(endpoint: string): string {
  return endpoint.startsWith('stdio:') ? endpoint.slice('stdio:'.length) : new URL(endpoint).host;
}

/** A secret as the user names it: `env:NAME`, `file:PATH`, or the value itself. @throws Error when it is not there. */
export function readSecretArgument(text: string, env: Readonly<Record<string, string | undefined>>): string {
  if (text.startsWith('env:')) {
    const value = env[text.slice(4)];
    if (value === undefined || value === '')
      throw new Error(`The environment variable ${text.slice(4)} is not set.`);
    return value;
  }
  if (text.startsWith('file:'))
    try {
      return readFileSync(text.slice(5), 'utf8').trim();
    } catch (cause) {
      throw new Error(`--api-key ${text} cannot be read: ${String(cause)}`, { cause });
    }
  return text;
}
