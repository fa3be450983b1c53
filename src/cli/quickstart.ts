// `serve --openapi`: a document becomes a gateway of one target in one command. Everything goes through the control
// plane's own operations, so that what it makes is what an SDK would have made; a second start updates it.

import { readFileSync } from 'node:fs';
import type { App } from '../app.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { ImportReport } from '../core/tool.ts';
import type { NamedDocument } from './read-document.ts';

const ROLE_ARN = 'arn:aws:iam::000000000000:role/gatewright';
const WAIT_MS = 90_000;
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

export interface QuickstartOptions {
  readonly document: NamedDocument;
  readonly name?: string;
  readonly upstream?: string;
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
  /** Further `gatewright:` settings of the target (filters). */
  readonly targetTags: Readonly<Record<string, string>>;
  readonly gatewayTags: Readonly<Record<string, string>>;
}

export interface QuickstartResult {
  readonly gatewayId: string;
  readonly targetId: string;
  readonly mcpUrl: string;
  readonly name: string;
  readonly isOpen: boolean;
  readonly report: ImportReport;
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
  })) as unknown as { report: ImportReport };
  return {
    gatewayId,
    targetId,
    name,
    mcpUrl: String(gateway['gatewayUrl']),
    isOpen: options.jwt === undefined,
    report,
  };
}

async function ensureGateway(app: App, name: string, options: QuickstartOptions): Promise<JsonObject> {
  const authorizer: JsonObject = options.jwt
    ? {
        authorizerType: 'CUSTOM_JWT',
        authorizerConfiguration: {
          customJWTAuthorizer: {
            discoveryUrl: options.jwt.discoveryUrl,
            ...(options.jwt.audience ? { allowedAudience: options.jwt.audience } : {}),
            ...(options.jwt.clients ? { allowedClients: options.jwt.clients } : {}),
            ...(options.jwt.scopes ? { allowedScopes: options.jwt.scopes } : {}),
          },
        },
      }
    : { authorizerType: 'NONE' };
  const wanted: JsonObject = { name, roleArn: ROLE_ARN, protocolType: 'MCP', ...authorizer };
  const known = await findByName(app, 'ListGateways', {}, 'items', name);
  if (!known) {
    const created = await app.control.invoke('CreateGateway', { ...wanted, tags: options.gatewayTags });
    return settle(app, 'GetGateway', { gatewayIdentifier: created['gatewayId'] });
  }
  if (known['authorizerType'] !== wanted['authorizerType'])
    throw new Error(
      `The gateway ${name} already exists with authorizer ${String(known['authorizerType'])}, which cannot be changed. Choose another --name; or start without --openapi and delete its targets (gatewright delete-gateway-target), then it: gatewright delete-gateway --gateway-identifier ${String(known['gatewayId'])}`,
    );
  const gatewayIdentifier = known['gatewayId'];
  await app.control.invoke('UpdateGateway', { gatewayIdentifier, ...wanted });
  const gateway = await settle(app, 'GetGateway', { gatewayIdentifier });
  await setTags(app, String(gateway['gatewayArn']), options.gatewayTags, ['gatewright:tool-names']);
  return gateway;
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
  const placement: JsonObject =
    options.apiKeyQuery === undefined
      ? options.apiKeyHeader === undefined
        ? {}
        : { credentialLocation: 'HEADER', credentialParameterName: options.apiKeyHeader }
      : { credentialLocation: 'QUERY_PARAMETER', credentialParameterName: options.apiKeyQuery };
  return {
    credentialProviderType: 'API_KEY',
    credentialProvider: {
      apiKeyCredentialProvider: {
        providerArn: provider['credentialProviderArn'],
        ...placement,
        ...(options.apiKeyPrefix === undefined ? {} : { credentialPrefix: options.apiKeyPrefix }),
      },
    },
  };
}

async function ensureTarget(
  app: App,
  gatewayId: string,
  name: string,
  options: QuickstartOptions,
  credential: JsonObject | undefined,
): Promise<string> {
  const { document } = options;
  const openApiSchema: JsonObject =
    document.kind === 'url' ? { s3: { uri: document.url.href } } : { inlinePayload: document.text };
  const wanted: JsonObject = {
    gatewayIdentifier: gatewayId,
    name,
    targetConfiguration: { mcp: { openApiSchema } },
    ...(credential ? { credentialProviderConfigurations: [credential] } : {}),
  };
  const tags = {
    ...options.targetTags,
    ...(options.upstream === undefined ? {} : { 'gatewright:server-url': options.upstream }),
  };
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

/** A name from the document's file or host: what GatewayName allows, at most 40 characters. */
function nameFor({ document }: QuickstartOptions): string {
  const source =
    document.kind === 'url'
      ? (document.url.pathname.split('/').at(-1) ?? document.url.hostname)
      : document.path;
  const base = (source.split('/').at(-1) ?? '').replace(/(\.(json|ya?ml|gz|openapi|swagger))+$/i, '');
  const name = base
    .replace(/[^0-9a-zA-Z]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return name === '' ? 'api' : name;
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
