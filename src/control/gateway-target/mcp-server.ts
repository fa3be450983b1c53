// What holds between a gateway and its targets when MCP servers are among them: listing modes and search, sessions
// and the header that carries them, programs that the operator configured. What a configuration has to be by itself
// the target type checks.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { GatewayDocument, Tags, TargetDocument } from '../../core/resources.ts';
import { settingsOf } from '../../core/settings.ts';
import type { StoreReader } from '../../stores/store.ts';
import { everyRow } from '../context.ts';
import type { ControlContext } from '../context.ts';

const PLACE = 'targetConfiguration.mcp.mcpServer';
const STDIO = 'stdio:';
const SESSION_HEADER = 'mcp-session-id';
const HEADER_LISTS = ['allowedRequestHeaders', 'allowedResponseHeaders'] as const;

/** What create and update of a target give, and a stored target has. */
type TargetSettings = Pick<TargetDocument, 'targetConfiguration' | 'metadataConfiguration'> & {
  readonly credentialProviderConfigurations?: readonly JsonObject[];
};

/** The configuration of a target that is an MCP server; undefined for every other kind. */
export function mcpServerOf(targetConfiguration: JsonObject): JsonObject | undefined {
  return member(targetConfiguration['mcp'], 'mcpServer');
}

/** True when the tools are fixed in the configuration, so that the server is never asked for them. */
export function hasStaticTools(targetConfiguration: JsonObject): boolean {
  return mcpServerOf(targetConfiguration)?.['mcpToolSchema'] !== undefined;
}

/** True when the server's lists are kept here, and read again by synchronising. */
export function isSynchronized(targetConfiguration: JsonObject): boolean {
  const server = mcpServerOf(targetConfiguration);
  return server !== undefined && server['mcpToolSchema'] === undefined && server['listingMode'] !== 'DYNAMIC';
}

/** Faults of a target's settings, seen together with its gateway's and the operator's. */
export function mcpServerFaults(
  settings: TargetSettings,
  { protocolConfiguration, tags }: Pick<GatewayDocument, 'protocolConfiguration' | 'tags'>,
  ctx: Pick<ControlContext, 'stdioServerNames'>,
): readonly FieldFault[] {
  const faults = [...sessionHeaderFaults(settings, protocolConfiguration)];
  const server = mcpServerOf(settings.targetConfiguration);
  if (!server) return faults;
  const endpoint = String(server['endpoint']);
  const name = endpoint.startsWith(STDIO) ? endpoint.slice(STDIO.length) : undefined;
  const names = ctx.stdioServerNames ?? [];
  if (name !== undefined && !names.includes(name))
    faults.push({
      name: `${PLACE}.endpoint`,
      message: `The operator has configured no stdio server named ${name}; there are: ${names.join(', ') || 'none'} (setting stdio-servers)`,
    });
  if (server['listingMode'] !== 'DYNAMIC') return faults;
  const refuse = (why: string): void =>
    void faults.push({ name: `${PLACE}.listingMode`, message: `Member must not be DYNAMIC ${why}` });
  if (usesSearch(protocolConfiguration) && !searchesDynamic(tags))
    refuse('on a gateway with searchType SEMANTIC');
  if (settings.credentialProviderConfigurations?.some(usesAuthorizationCode) === true)
    refuse('with the grant type AUTHORIZATION_CODE');
  return faults;
}

/** What keeps a gateway from getting this protocol configuration: targets that would not fit it any more. */
export async function targetsInTheWay(
  reader: Pick<StoreReader, 'list'>,
  gatewayId: string,
  { protocolConfiguration, tags }: Pick<GatewayDocument, 'protocolConfiguration' | 'tags'>,
): Promise<readonly FieldFault[]> {
  const isSearched = usesSearch(protocolConfiguration) && !searchesDynamic(tags);
  const hasSessions = mcpOf(protocolConfiguration)?.['sessionConfiguration'] !== undefined;
  if (!isSearched && !hasSessions) return [];
  const faults: FieldFault[] = [];
  for await (const { id, name, document } of everyRow(reader, 'gateway-target', gatewayId)) {
    if (document.status === 'DELETING') continue;
    if (isSearched && mcpServerOf(document.targetConfiguration)?.['listingMode'] === 'DYNAMIC')
      faults.push({
        name: 'protocolConfiguration.mcp.searchType',
        message: `Member must not be SEMANTIC while target ${id} (${name}) has listingMode DYNAMIC`,
      });
    if (hasSessions && sessionHeaderFaults(document, protocolConfiguration).length > 0)
      faults.push({
        name: 'protocolConfiguration.mcp.sessionConfiguration',
        message: `Member must be absent while target ${id} (${name}) allows the header Mcp-Session-Id in its metadataConfiguration`,
      });
  }
  return faults;
}

function sessionHeaderFaults(
  { metadataConfiguration }: TargetSettings,
  protocolConfiguration: JsonObject | undefined,
): readonly FieldFault[] {
  if (mcpOf(protocolConfiguration)?.['sessionConfiguration'] === undefined) return [];
  return HEADER_LISTS.flatMap((list) =>
    ((metadataConfiguration?.[list] as readonly string[] | undefined) ?? []).flatMap((header, index) =>
      header.toLowerCase() === SESSION_HEADER
        ? [
            {
              name: `metadataConfiguration.${list}.${index + 1}.member`,
              message: `${header} cannot be passed through a gateway with sessionConfiguration: the gateway keeps the sessions itself`,
            },
          ]
        : [],
    ),
  );
}

function usesSearch(protocolConfiguration: JsonObject | undefined): boolean {
  return mcpOf(protocolConfiguration)?.['searchType'] === 'SEMANTIC';
}

/** Whether the gateway’s operator takes search over what was last known of such targets. */
function searchesDynamic(tags: Tags): boolean {
  return settingsOf(tags)['search-dynamic-targets'] === 'true';
}

function usesAuthorizationCode({ credentialProvider }: JsonObject): boolean {
  return member(credentialProvider, 'oauthCredentialProvider')?.['grantType'] === 'AUTHORIZATION_CODE';
}

function mcpOf(protocolConfiguration: JsonObject | undefined): JsonObject | undefined {
  return member(protocolConfiguration, 'mcp');
}

function member(holder: JsonValue | undefined, name: string): JsonObject | undefined {
  const value = isJsonObject(holder) ? holder[name] : undefined;
  return isJsonObject(value) ? value : undefined;
}
