// From what a server lists to what is stored: tools, prompts, resources and templates as the server wrote them, unknown
// members included, and a report of what had to be left out. Pure.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Catalogue, CatalogueEntry, ImportNote, ServerCatalogue } from '../../core/tool.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import { formatPlan, readToolHeaders } from './tool-headers.ts';

/** MCP 2025-11-25, tools, "Tool names"; the slash is in use although the specification leaves it out. */
const TOOL_NAME = /^[A-Za-z0-9_.\-/]{1,128}$/;
const MAX_PROMPT_NAME = 256;
const MAX_URI = 8_192;

/** What a server offers, as it listed it. */
export interface Listing {
  readonly source: string;
  readonly protocolVersion: string;
  readonly format: string;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
  readonly tools: readonly JsonObject[];
  readonly prompts?: readonly JsonObject[];
  readonly resources?: readonly JsonObject[];
  readonly resourceTemplates?: readonly JsonObject[];
  readonly warnings?: readonly string[];
}

/** The catalogue of a listing. */
export function toCatalogue(listing: Listing): Catalogue {
  const notes: ImportNote[] = [];
  const skip = (operation: string, reason: string): void =>
    void notes.push({ operation, outcome: 'skipped', reasons: [reason] });

  const entries = keep(listing.tools, 'tool', 'name', skip, (name, tool): CatalogueEntry | string => {
    if (!TOOL_NAME.test(name)) return 'its name is not 1 to 128 letters, digits, “_”, “-”, “.” or “/”';
    const { name: _name, ...definition } = tool;
    const schema = definition['inputSchema'];
    if (!isJsonObject(schema)) return 'it has no inputSchema that is an object';
    if (schema['type'] !== undefined && schema['type'] !== 'object')
      return 'its inputSchema is not of type object';
    const read = readToolHeaders(schema);
    if (read.fault !== undefined) return read.fault;
    return { name, definition: stringifyLossless(definition), plan: formatPlan(read.headers) };
  });
  const prompts = keep(listing.prompts, 'prompt', 'name', skip, (name, prompt) => {
    if (name.length > MAX_PROMPT_NAME) return `its name is longer than ${MAX_PROMPT_NAME} characters`;
    const { name: _name, ...definition } = prompt;
    // Never empty: definitions are put together with a name as text.
    const whole = Object.keys(definition).length === 0 ? { arguments: [] } : definition;
    return { name, definition: stringifyLossless(whole) };
  });
  const resources = keep(listing.resources, 'resource', 'uri', skip, (uri, resource) =>
    uri.length > MAX_URI ? 'its URI is too long' : { uri, definition: stringifyLossless(resource) },
  );
  const resourceTemplates = keep(
    listing.resourceTemplates,
    'resource template',
    'uriTemplate',
    skip,
    (uriTemplate, template) =>
      uriTemplate.length > MAX_URI
        ? 'its URI template is too long'
        : { uriTemplate, definition: stringifyLossless(template) },
  );
  const server: ServerCatalogue = {
    protocolVersion: listing.protocolVersion,
    capabilities: listing.capabilities,
    ...(listing.instructions === undefined ? {} : { instructions: listing.instructions }),
    prompts,
    resources,
    resourceTemplates,
  };
  return {
    entries,
    server,
    report: {
      source: listing.source,
      format: listing.format,
      operations: listing.tools.length,
      tools: entries.length,
      skipped: listing.tools.length - entries.length,
      notes,
      warnings: listing.warnings ?? [],
    },
  };
}

/** What can be kept of a list: each under its key, which is there and which nothing else has. */
function keep<T>(
  items: readonly JsonObject[] | undefined,
  kind: string,
  key: string,
  skip: (operation: string, reason: string) => void,
  read: (key: string, item: JsonObject) => T | string,
): T[] {
  const seen = new Set<string>();
  return (items ?? []).flatMap((item) => {
    const name = item[key];
    const shown = `${kind} ${typeof name === 'string' ? printable(name) : '(unnamed)'}`;
    const kept =
      typeof name !== 'string' || name === '' || /\p{Cc}/u.test(name)
        ? `it has no valid ${key}`
        : seen.has(name)
          ? `another ${kind} before it has the same ${key}`
          : read(name, item);
    if (typeof kept === 'string') {
      skip(shown, kept);
      return [];
    }
    seen.add(String(name));
    return [kept];
  });
}

function printable(text: string): string {
  return text.slice(0, 128).replace(/\p{Cc}|[\u2028\u2029]/gu, '?');
}
