// Stored resources → one frozen snapshot. Done once per change; a fault in one target leaves that target out
// and never costs the others. Knows contracts, not implementations: the plug-ins come in as arguments.

import type { Authorizer, AuthorizerServices, AuthorizerType } from '../authorizers/authorizer.ts';
import type { ArnFactory } from '../core/arn.ts';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import { PROTOCOL_VERSIONS, isModernVersion } from '../core/protocol-versions.ts';
import { settingsOf } from '../core/settings.ts';
import { SEARCH_TOOL_NAME } from '../core/tool.ts';
import type { Catalogue, CatalogueEntry, ToolDefinition } from '../core/tool.ts';
import type { CredentialType } from '../credentials/credential-type.ts';
import { compileSchema } from '../lib/json-schema/compile.ts';
import type { Secret } from '../lib/secret.ts';
import type { Row } from '../stores/store.ts';
import { findTargetType } from '../targets/target-type.ts';
import type { PreparedTarget, TargetType } from '../targets/target-type.ts';
import { compileServers } from './servers.ts';
import type { GatewaySnapshot, SnapshotTool, ToolPage } from './snapshot.ts';
import { createTargetServices, providerArnsOf } from './target-services.ts';
import type { OpenedSecrets, TargetDoors } from './target-services.ts';
import { nameTools } from '../core/tool-names.ts';
import type { NamingRules } from '../core/tool-names.ts';

/** AgentCore's default for `sessionConfiguration` without a time. */
const DEFAULT_SESSION_SECONDS = 3_600;

export interface SnapshotPlugins {
  readonly targetTypes: readonly TargetType[];
  readonly authorizerTypes: readonly AuthorizerType[];
  readonly credentialTypes: readonly CredentialType[];
}

export interface SnapshotServices extends SnapshotPlugins, AuthorizerServices, TargetDoors {
  readonly log: Log;
  readonly arns: ArnFactory;
  readonly urlOf: (gatewayId: string) => string;
}

type OpenedSecret = Secret | GatewayError | undefined;

/** A prepared target and what it was made of. */
interface ReusableTarget {
  readonly key: string;
  readonly secrets: readonly OpenedSecret[];
  readonly target: PreparedTarget;
}

export type PreparedTargets = ReadonlyMap<string, ReusableTarget>;

export interface CompiledSnapshot {
  readonly snapshot: GatewaySnapshot;
  readonly prepared: PreparedTargets;
}

/** Everything a snapshot is made of, as read from the store. */
export interface SnapshotInput {
  readonly gateway: Row<'gateway'>;
  readonly targets: readonly { readonly row: Row<'gateway-target'>; readonly catalogue: Catalogue }[];
  readonly secrets: OpenedSecrets;
  /** What the snapshot before was made with: targets that have not changed live on, with their connections. */
  readonly prepared: PreparedTargets;
  /** The gateway's resource policy, as text. */
  readonly policy?: string;
  /** The authorizer of the snapshot before, if its configuration is the same: its key caches live on. */
  readonly authorizer?: Authorizer;
}

/**
 * Makes the snapshot. Throws only when the gateway itself cannot be served.
 * @throws GatewayError Unavailable when its authorizer is not among the plug-ins.
 */
export function compileSnapshot(input: SnapshotInput, services: SnapshotServices): CompiledSnapshot {
  const { gateway } = input;
  const document = gateway.document;
  const mcp = isJsonObject(document.protocolConfiguration?.['mcp'])
    ? document.protocolConfiguration['mcp']
    : {};
  const streaming = isJsonObject(mcp['streamingConfiguration']) ? mcp['streamingConfiguration'] : {};
  const session = isJsonObject(mcp['sessionConfiguration']) ? mcp['sessionConfiguration'] : {};
  const sessionSeconds = isJsonObject(mcp['sessionConfiguration'])
    ? (session['sessionTimeoutInSeconds'] ?? DEFAULT_SESSION_SECONDS)
    : undefined;
  const drafts = prepareTargets(input, services);
  const settings = settingsOf(document.tags);
  const hasSearch = mcp['searchType'] === 'SEMANTIC';
  const rules: NamingRules = {
    style: settings['tool-names'] === 'bare' ? 'bare' : 'prefixed',
    maxLength: Number(settings['tool-name-max-length'] ?? 64),
    ...(hasSearch ? { reserved: [SEARCH_TOOL_NAME] } : {}),
  };
  const pages = compilePages(drafts, rules);
  const tools = new Map<string, SnapshotTool>();
  for (const page of pages) for (const tool of page.tools) tools.set(tool.name, tool);
  const wanted = Array.isArray(mcp['supportedVersions']) ? mcp['supportedVersions'] : [];
  const named = PROTOCOL_VERSIONS.filter((version) => wanted.includes(version));
  const versions = named.length === 0 ? PROTOCOL_VERSIONS : named;
  const snapshot = Object.freeze({
    gatewayId: gateway.id,
    gatewayArn: services.arns.gateway(gateway.id),
    name: gateway.name,
    url: services.urlOf(gateway.id),
    authorizer: input.authorizer ?? prepareAuthorizer(input, services),
    protocolVersions: versions,
    modernVersions: versions.filter(isModernVersion),
    legacyVersions: versions.filter((version) => !isModernVersion(version)),
    ...(typeof mcp['instructions'] === 'string' ? { instructions: mcp['instructions'] } : {}),
    singlePage: mcp['disableMcpListToolsPagination'] === true,
    isStreaming: streaming['enableResponseStreaming'] === true,
    ...(typeof sessionSeconds === 'number' ? { sessionTimeoutMs: sessionSeconds * 1000 } : {}),
    hasSearch,
    settings,
    naming: rules,
    pages,
    tools,
    servers: compileServers(drafts, rules),
    ...(document.exceptionLevel === undefined ? {} : { exceptionLevel: document.exceptionLevel }),
  });
  return { snapshot, prepared: new Map(drafts.map(({ row, prepared }) => [row.id, prepared])) };
}

function prepareAuthorizer({ gateway, policy }: SnapshotInput, services: SnapshotServices): Authorizer {
  const { document } = gateway;
  const type = services.authorizerTypes.find((candidate) => candidate.type === document.authorizerType);
  if (!type)
    throw new GatewayError(
      'Unavailable',
      `The authorizer type ${document.authorizerType} is not available in this version.`,
    );
  const guarded = { arn: services.arns.gateway(gateway.id), ...(policy === undefined ? {} : { policy }) };
  return type.prepare(document.authorizerConfiguration, { ...services, gateway: guarded });
}

/** A target of the snapshot while it is being made. */
interface Draft {
  readonly row: Row<'gateway-target'>;
  readonly catalogue: Catalogue;
  readonly prepared: ReusableTarget;
}

function prepareTargets(input: SnapshotInput, services: SnapshotServices): readonly Draft[] {
  return input.targets.flatMap(({ row, catalogue }) => {
    try {
      if (!Array.isArray(catalogue.entries)) throw new GatewayError('Internal', 'its catalogue is damaged');
      return [{ row, catalogue, prepared: prepareTarget(input, row, services) }];
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      services.log.error(
        { gatewayId: input.gateway.id, targetId: row.id, reason },
        'target left out: it cannot be prepared',
      );
      return [];
    }
  });
}

function compilePages(drafts: readonly Draft[], rules: NamingRules): readonly ToolPage[] {
  const names = nameTools(
    drafts.flatMap(({ row, catalogue }) =>
      catalogue.entries.map((entry) => ({ target: row.name, tool: entry.name })),
    ),
    rules,
  );
  let position = 0;
  return drafts.map((draft) => ({
    targetId: draft.row.id,
    description: [draft.row.document.description, draft.catalogue.report?.title].filter(Boolean).join('. '),
    tools: draft.catalogue.entries.map((entry) => createTool(names[position++] ?? entry.name, draft, entry)),
  }));
}

function createTool(name: string, { row, prepared, catalogue }: Draft, entry: CatalogueEntry): SnapshotTool {
  const text = `{"name":${JSON.stringify(name)},${entry.definition.slice(1)}`;
  const definition = once(() => JSON.parse(text) as ToolDefinition);
  const validator = once(() => compileSchema(definition().inputSchema));
  const { createTool: create, server } = prepared.target;
  return {
    name,
    ownName: entry.name,
    targetId: row.id,
    targetName: row.name,
    text,
    definition,
    validate: (args) => validator()(args),
    ...(create ? { invocable: create(entry, row.name, catalogue.shared) } : {}),
    ...(server ? { server, plan: entry.plan } : {}),
  };
}

function prepareTarget(
  input: SnapshotInput,
  row: Row<'gateway-target'>,
  services: SnapshotServices,
): ReusableTarget {
  const live = row.document.live;
  if (!live) throw new GatewayError('Internal', 'the target has nothing to serve yet');
  const found = findTargetType(live.targetConfiguration, services.targetTypes);
  if (!found) throw new GatewayError('Unavailable', 'this kind of target is not available in this version');
  const handed = createTargetServices(
    row.id,
    { ...live, tags: row.document.tags },
    input.gateway,
    input.secrets,
    services,
  );
  // Everything that the prepared target was made of: the same again, and it stays, with its connections.
  const { targetConfiguration, credentialProviderConfigurations, metadataConfiguration } = live;
  const key = JSON.stringify([
    targetConfiguration,
    credentialProviderConfigurations,
    metadataConfiguration,
    input.gateway.document.exceptionLevel,
    input.gateway.document.roleArn,
    input.gateway.document.tags,
  ]);
  const secrets = providerArnsOf(credentialProviderConfigurations, services.credentialTypes).map((arn) =>
    input.secrets.get(arn),
  );
  const before = input.prepared.get(row.id);
  const isSame =
    before?.key === key &&
    before.secrets.length === secrets.length &&
    before.secrets.every((secret, index) => isSameSecret(secret, secrets[index]));
  return isSame ? before : { key, secrets, target: found.type.prepare(found.config, handed) };
}

function isSameSecret(one: OpenedSecret, other: OpenedSecret): boolean {
  if (one instanceof GatewayError) return false;
  // Providers whose secrets are not opened with the snapshot.
  if (one === undefined) return other === undefined;
  return one.equals(other);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
