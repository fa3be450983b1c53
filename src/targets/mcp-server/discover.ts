// Discovery of an MCP server: asks it what it offers, or reads the tool schema that the target was given instead.

import type { CallContext } from '../../core/call.ts';
import { GatewayError, invalidField } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { CREDENTIAL_REFUSED } from '../../core/no-answer.ts';
import { RelayedError } from '../../core/relay.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import type { Catalogue } from '../../core/tool.ts';
import type { DiscoverContext } from '../target-type.ts';
import { toCatalogue } from './catalogue.ts';
import type { Listing } from './catalogue.ts';
import { parseEndpoint, showEndpoint } from './check.ts';
import type { Endpoint } from './check.ts';
import { ownContext } from './context.ts';
import { listAll } from './lists.ts';
import { createMcpServer } from './server.ts';
import type { McpServer } from './server.ts';

const TIME_MS = 115_000;
const MAX_SCHEMA_VALUES = 2_000_000;
const SCHEMA = 'targetConfiguration.mcp.mcpServer.mcpToolSchema';

/**
 * Makes the catalogue of a target whose configuration is `{ endpoint, listingMode?, mcpToolSchema? }`.
 * @throws GatewayError with a message that says what is wrong with the server, and what to do
 */
export async function discoverMcpServer(config: JsonObject, ctx: DiscoverContext): Promise<Catalogue> {
  const endpoint = parseEndpoint(config['endpoint']);
  if (!endpoint) throw invalidField('targetConfiguration.mcp.mcpServer.endpoint', 'is not an address.');
  const given = config['mcpToolSchema'];
  const catalogue = isJsonObject(given)
    ? toCatalogue(await readSchema(given, endpoint, ctx))
    : toCatalogue(await askOrExcuse(endpoint, ctx, config['listingMode'] === 'DYNAMIC'));
  const { source, format, operations, tools, skipped } = catalogue.report;
  ctx.log.info({ source, format, operations, tools, skipped }, 'listed what an MCP server offers');
  return catalogue;
}

/** A target that lists live is asked again at each list, so that it may be down just now. */
async function askOrExcuse(endpoint: Endpoint, ctx: DiscoverContext, isDynamic: boolean): Promise<Listing> {
  try {
    return await ask(endpoint, ctx);
  } catch (thrown) {
    if (!isDynamic || ctx.signal.aborted || !(thrown instanceof GatewayError) || thrown.code === 'Validation')
      throw thrown;
    return {
      source: showEndpoint(endpoint),
      protocolVersion: '',
      format: 'MCP',
      capabilities: { tools: {} },
      tools: [],
      warnings: [`${thrown.message} It is asked again whenever its tools are listed.`],
    };
  }
}

async function ask(endpoint: Endpoint, ctx: DiscoverContext): Promise<Listing> {
  const services = await ctx.openServices();
  const server = createMcpServer(endpoint, services);
  const call = ownContext(ctx.log, services.clock, ctx.signal, TIME_MS);
  try {
    return await list(server, endpoint, call);
  } catch (thrown) {
    throw explain(thrown, ctx.credential === undefined);
  } finally {
    await server.close();
  }
}

async function list(server: McpServer, endpoint: Endpoint, call: CallContext): Promise<Listing> {
  const { protocolVersion, capabilities, instructions } = await server.describe(call);
  if (!isJsonObject(capabilities['tools']))
    throw new GatewayError(
      'Validation',
      'The MCP server does not declare the tools capability. A target needs a server that offers tools.',
    );
  const warnings: string[] = [];
  const optional = async (
    capability: string,
    method: string,
    member: string,
  ): Promise<readonly JsonObject[]> => {
    if (!isJsonObject(capabilities[capability])) return [];
    try {
      return await listAll(server, method, member, call);
    } catch (thrown) {
      if (!(thrown instanceof RelayedError)) throw thrown;
      warnings.push(`${method} failed (${thrown.code}): ${thrown.message.slice(0, 200)}`);
      return [];
    }
  };
  return {
    source: showEndpoint(endpoint),
    protocolVersion,
    format: `MCP ${protocolVersion}`,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    tools: await listAll(server, 'tools/list', 'tools', call),
    prompts: await optional('prompts', 'prompts/list', 'prompts'),
    resources: await optional('resources', 'resources/list', 'resources'),
    resourceTemplates: await optional('resources', 'resources/templates/list', 'resourceTemplates'),
    warnings,
  };
}

function explain(thrown: unknown, isWithoutCredential: boolean): unknown {
  const start = 'The MCP server could not be asked for its tools: ';
  if (thrown instanceof RelayedError)
    return new GatewayError(
      'UpstreamInvalid',
      `${start}it answered with error ${thrown.code}, ${thrown.message.slice(0, 500)}`,
      {
        cause: thrown,
      },
    );
  if (!(thrown instanceof GatewayError) || thrown.code === 'Validation') return thrown;
  const cure =
    isWithoutCredential && thrown.details.reason === CREDENTIAL_REFUSED
      ? ' If it is protected by OAuth, its address is all that is needed: gatewright add mcp, or a credential provider that is known by the server (docs/mcp-servers.md).'
      : '';
  return new GatewayError(thrown.code, `${start}${thrown.message}${cure}`, {
    ...thrown.details,
    cause: thrown,
  });
}

/** `{"tools":[…]}`, as `tools/list` would give it. */
async function readSchema(given: JsonObject, endpoint: Endpoint, ctx: DiscoverContext): Promise<Listing> {
  const { inlinePayload, s3 } = given;
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  const text =
    typeof inlinePayload === 'string'
      ? inlinePayload
      : typeof uri === 'string'
        ? await ctx.readSource(uri, ctx.signal)
        : undefined;
  if (text === undefined) throw invalidField(SCHEMA, 'needs the schema: as inlinePayload, or as s3.uri.');
  let value: JsonValue;
  try {
    value = parseStrictJson(Buffer.from(text), { lossless: true, maxValues: MAX_SCHEMA_VALUES });
  } catch (cause) {
    const reason = cause instanceof GatewayError ? cause.message : '';
    throw new GatewayError('Validation', `The tool schema is not valid JSON. ${reason}`, { cause });
  }
  const tools = isJsonObject(value) ? value['tools'] : undefined;
  if (!Array.isArray(tools) || !tools.every((tool: unknown) => isJsonObject(tool)))
    throw new GatewayError(
      'Validation',
      'The tool schema must be a JSON object with a list of objects “tools”.',
    );
  return {
    source: typeof uri === 'string' && typeof inlinePayload !== 'string' ? uri : 'inline',
    protocolVersion: '',
    format: 'MCP tool schema',
    capabilities: { tools: {} },
    tools,
    warnings: [`The tools are those of the schema; ${showEndpoint(endpoint)} was not asked.`],
  };
}
