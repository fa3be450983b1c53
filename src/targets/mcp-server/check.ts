// What the published shapes cannot say of an MCP server's configuration. Pure and quick.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';

const MEMBER = 'targetConfiguration.mcp.mcpServer';
const STDIO = /^stdio:([A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/;
/** RFC 3986: what may stand in a URL at all. */
const URL_TEXT = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

/** Where the server is: a URL, or the name of a program that the operator configured. */
export type Endpoint = { readonly url: URL } | { readonly program: string };

/** Reads `endpoint`; undefined when it is none. */
export function parseEndpoint(endpoint: unknown): Endpoint | undefined {
  if (typeof endpoint !== 'string') return undefined;
  const program = STDIO.exec(endpoint)?.[1];
  if (program !== undefined) return { program };
  return faultOfUrl(endpoint) === undefined ? { url: new URL(endpoint) } : undefined;
}

/** The endpoint as reports may show it: a query may hold a key. */
export function showEndpoint(endpoint: Endpoint): string {
  return 'program' in endpoint
    ? `stdio:${endpoint.program}`
    : `${endpoint.url.origin}${endpoint.url.pathname}`;
}

/** Faults of `targetConfiguration.mcp.mcpServer`. */
export function checkMcpServer(config: JsonObject): readonly FieldFault[] {
  return [...checkEndpoint(config['endpoint']), ...checkSchema(config)];
}

function checkEndpoint(endpoint: unknown): readonly FieldFault[] {
  const message =
    typeof endpoint !== 'string' || endpoint.trim() === ''
      ? 'is required: it is the address of the MCP server.'
      : endpoint.startsWith('stdio:')
        ? STDIO.test(endpoint)
          ? undefined
          : 'must name a program that the operator configured, as stdio:<name>.'
        : faultOfUrl(endpoint);
  return message === undefined ? [] : [{ name: `${MEMBER}.endpoint`, message }];
}

function faultOfUrl(endpoint: string): string | undefined {
  const path = /^https?:\/\/[^/?#]*([^?#]*)/i.exec(endpoint)?.[1];
  if (path === undefined || !URL.canParse(endpoint))
    return 'must be the https:// URL of an MCP server, or stdio:<name>.';
  if (/\/arn:aws/i.test(path))
    return 'must be URL-encoded: write the ARN in its path with %3A for each “:” and %2F for each “/”.';
  if (!URL_TEXT.test(endpoint))
    return 'must be URL-encoded: it holds characters, or a “%”, that cannot stand in a URL.';
  const url = new URL(endpoint);
  if (url.username !== '' || url.password !== '')
    return 'must not hold a user name or password: use a credential provider.';
  if (endpoint.includes('#')) return 'must not have a fragment (#…).';
  // Dot segments and the like: what is asked for has to be what was written.
  if (url.pathname !== (path === '' ? '/' : path)) return 'must have a path without “.” and “..” segments.';
  return undefined;
}

function checkSchema(config: JsonObject): readonly FieldFault[] {
  const { mcpToolSchema, listingMode } = config;
  if (mcpToolSchema === undefined) return [];
  if (listingMode === 'DYNAMIC')
    return [
      {
        name: `${MEMBER}.mcpToolSchema`,
        message: 'cannot be combined with listingMode DYNAMIC, which asks the server itself.',
      },
    ];
  const { inlinePayload, s3 } = isJsonObject(mcpToolSchema) ? mcpToolSchema : {};
  const uri = isJsonObject(s3) ? s3['uri'] : undefined;
  const texts = [inlinePayload, uri].filter((text) => typeof text === 'string' && text.trim() !== '');
  return texts.length > 0
    ? []
    : [{ name: `${MEMBER}.mcpToolSchema`, message: 'needs the schema: as inlinePayload, or as s3.uri.' }];
}
