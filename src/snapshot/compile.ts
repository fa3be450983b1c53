// Stored resources → one frozen snapshot. Done once per change; a fault in one target leaves that target out
// and never costs the others. Knows contracts, not implementations: the plug-ins come in as arguments.

import type { Authorizer, AuthorizerServices, AuthorizerType } from '../authorizers/authorizer.ts';
import type { ArnFactory } from '../core/arn.ts';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { Egress } from '../core/outbound.ts';
import type { ResourceDocuments } from '../core/resources.ts';
import { PROTOCOL_VERSIONS, isModernVersion } from '../core/protocol-versions.ts';
import { settingsOf } from '../core/settings.ts';
import type { Catalogue, CatalogueEntry, ToolDefinition } from '../core/tool.ts';
import type { CredentialType } from '../credentials/credential-type.ts';
import { compileSchema } from '../lib/json-schema/compile.ts';
import type { Secret } from '../lib/secret.ts';
import type { Row } from '../stores/store.ts';
import { findTargetType } from '../targets/target-type.ts';
import type { InvocableTool, TargetServices, TargetType } from '../targets/target-type.ts';
import type { GatewaySnapshot, SnapshotTool, ToolPage } from './snapshot.ts';
import { nameTools } from './tool-names.ts';

export interface SnapshotPlugins {
  readonly targetTypes: readonly TargetType[];
  readonly authorizerTypes: readonly AuthorizerType[];
  readonly credentialTypes: readonly CredentialType[];
}

export interface SnapshotServices extends SnapshotPlugins, AuthorizerServices {
  readonly egress: Egress;
  readonly log: Log;
  readonly arns: ArnFactory;
  readonly urlOf: (gatewayId: string) => string;
}

/** Everything a snapshot is made of, as read from the store. */
export interface SnapshotInput {
  readonly gateway: Row<'gateway'>;
  readonly targets: readonly { readonly row: Row<'gateway-target'>; readonly catalogue: Catalogue }[];
  /** Provider ARN → opened secret, or the reason why it did not open. */
  readonly secrets: ReadonlyMap<string, Secret | GatewayError>;
  /** The authorizer of the snapshot before, if its configuration is the same: its key caches live on. */
  readonly authorizer?: Authorizer;
}

/**
 * Makes the snapshot. Throws only when the gateway itself cannot be served.
 * @throws GatewayError Unavailable when its authorizer is not among the plug-ins.
 */
export function compileSnapshot(input: SnapshotInput, services: SnapshotServices): GatewaySnapshot {
  const { gateway } = input;
  const document = gateway.document;
  const mcp = isJsonObject(document.protocolConfiguration?.['mcp'])
    ? document.protocolConfiguration['mcp']
    : {};
  const pages = compilePages(input, services);
  const tools = new Map<string, SnapshotTool>();
  for (const page of pages) for (const tool of page.tools) tools.set(tool.name, tool);
  const wanted = Array.isArray(mcp['supportedVersions']) ? mcp['supportedVersions'] : [];
  const named = PROTOCOL_VERSIONS.filter((version) => wanted.includes(version));
  const versions = named.length === 0 ? PROTOCOL_VERSIONS : named;
  return Object.freeze({
    gatewayId: gateway.id,
    gatewayArn: services.arns.gateway(gateway.id),
    name: gateway.name,
    url: services.urlOf(gateway.id),
    authorizer: input.authorizer ?? prepareAuthorizer(document, services),
    protocolVersions: versions,
    modernVersions: versions.filter(isModernVersion),
    legacyVersions: versions.filter((version) => !isModernVersion(version)),
    ...(typeof mcp['instructions'] === 'string' ? { instructions: mcp['instructions'] } : {}),
    singlePage: mcp['disableMcpListToolsPagination'] === true,
    pages,
    tools,
    ...(document.exceptionLevel === undefined ? {} : { exceptionLevel: document.exceptionLevel }),
  });
}

function prepareAuthorizer(document: ResourceDocuments['gateway'], services: SnapshotServices): Authorizer {
  const type = services.authorizerTypes.find((candidate) => candidate.type === document.authorizerType);
  if (!type)
    throw new GatewayError(
      'Unavailable',
      `The authorizer type ${document.authorizerType} is not available in this version.`,
    );
  return type.prepare(document.authorizerConfiguration, services);
}

function compilePages(input: SnapshotInput, services: SnapshotServices): readonly ToolPage[] {
  const settings = settingsOf(input.gateway.document.tags);
  const drafts = input.targets.flatMap(({ row, catalogue }) => {
    try {
      if (!Array.isArray(catalogue.entries)) throw new GatewayError('Internal', 'its catalogue is damaged');
      return [{ row, entries: catalogue.entries, make: prepareTarget(input, row, services) }];
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      services.log.error(
        { gatewayId: input.gateway.id, targetId: row.id, reason },
        'target left out: it cannot be prepared',
      );
      return [];
    }
  });
  const names = nameTools(
    drafts.flatMap(({ row, entries }) => entries.map((entry) => ({ target: row.name, tool: entry.name }))),
    {
      style: settings['tool-names'] === 'bare' ? 'bare' : 'prefixed',
      maxLength: Number(settings['tool-name-max-length'] ?? 64),
    },
  );
  let position = 0;
  return drafts.map(({ row, entries, make }) => ({
    targetId: row.id,
    tools: entries.map((entry) => createTool(names[position++] ?? entry.name, row, entry, make)),
  }));
}

function createTool(
  name: string,
  row: Row<'gateway-target'>,
  entry: CatalogueEntry,
  make: (entry: CatalogueEntry) => InvocableTool,
): SnapshotTool {
  const text = `{"name":${JSON.stringify(name)},${entry.definition.slice(1)}`;
  const definition = once(() => JSON.parse(text) as ToolDefinition);
  const validator = once(() => compileSchema(definition().inputSchema));
  return {
    name,
    targetId: row.id,
    targetName: row.name,
    text,
    definition,
    validate: (args) => validator()(args),
    invocable: make(entry),
  };
}

function prepareTarget(
  input: SnapshotInput,
  row: Row<'gateway-target'>,
  services: SnapshotServices,
): (entry: CatalogueEntry) => InvocableTool {
  const live = row.document.live;
  if (!live) throw new GatewayError('Internal', 'the target has nothing to serve yet');
  const found = findTargetType(live.targetConfiguration, services.targetTypes);
  if (!found) throw new GatewayError('Unavailable', 'this kind of target is not available in this version');
  const metadata = live.metadataConfiguration ?? {};
  const exceptionLevel = input.gateway.document.exceptionLevel;
  return found.type.prepare(found.config, {
    egress: services.egress,
    ...prepareCredential(input, live.credentialProviderConfigurations[0], services),
    propagation: {
      requestHeaders: lowerCased(metadata['allowedRequestHeaders']),
      queryParameters: listed(metadata['allowedQueryParameters']),
    },
    ...(exceptionLevel === undefined ? {} : { exceptionLevel }),
  });
}

function prepareCredential(
  input: SnapshotInput,
  configuration: JsonObject | undefined,
  services: SnapshotServices,
): Pick<TargetServices, 'applyCredential' | 'conceal'> {
  if (!configuration)
    return { applyCredential: (request) => Promise.resolve(request), conceal: (response) => response };
  const type = services.credentialTypes.find(
    (candidate) => candidate.type === configuration['credentialProviderType'],
  );
  if (!type)
    throw new GatewayError('Unavailable', 'this kind of credential is not available in this version');
  const provider = configuration['credentialProvider'];
  const credential = type.prepare(isJsonObject(provider) ? provider : undefined, {
    openSecret(providerArn) {
      const secret = input.secrets.get(providerArn);
      if (secret instanceof GatewayError) throw secret;
      if (!secret)
        throw new GatewayError(
          'CredentialUnavailable',
          'The credential provider of this target no longer exists.',
        );
      return secret;
    },
  });
  return {
    applyCredential: (request, ctx, placement) => credential.apply(request, ctx, placement),
    conceal: (response) => credential.conceal(response),
  };
}

function lowerCased(value: unknown): readonly string[] {
  return listed(value).map((name) => name.toLowerCase());
}

function listed(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
