// `x-mcp-header` (MCP 2026-07-28, tools, "Custom headers"): which arguments of a tool are repeated as `Mcp-Param-*`
// headers, whether a tool's annotations are valid, and the headers of one call. Knows no wire.

import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { encodeHeaderValue } from './header-value.ts';

const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
/** Deepest schema that is searched; below it an annotation counts as misplaced. */
const MAX_DEPTH = 64;

/** One argument that is repeated in a header. */
export interface ToolHeader {
  readonly name: string;
  /** Member names from the arguments down. */
  readonly path: readonly string[];
}

/** What a tool's input schema asks for: headers, or the reason why the tool must not be offered. */
export type ToolHeaders =
  | { readonly headers: readonly ToolHeader[]; readonly fault?: undefined }
  | { readonly fault: string };

/** Reads the annotations of an input schema. */
export function readToolHeaders(inputSchema: JsonValue | undefined): ToolHeaders {
  const headers: ToolHeader[] = [];
  const names = new Set<string>();
  let fault: string | undefined;

  const readAnnotation = (schema: JsonObject, path: readonly string[] | undefined): void => {
    const name = schema[ANNOTATION];
    if (name === undefined) return;
    const reason = faultOf(name, schema, path, names);
    if (reason !== undefined || typeof name !== 'string' || path === undefined) fault ??= reason;
    else {
      names.add(name.toLowerCase());
      headers.push({ name, path });
    }
  };
  /** `path` is undefined where a value cannot be found by a chain of `properties`. */
  const visit = (schema: JsonValue | undefined, path: readonly string[] | undefined, depth: number): void => {
    if (fault !== undefined) return;
    if (depth > MAX_DEPTH) {
      if (JSON.stringify(schema)?.includes(`"${ANNOTATION}"`)) fault = `${ANNOTATION} stands too deep`;
      return;
    }
    if (Array.isArray(schema)) for (const item of schema) visit(item as JsonValue, undefined, depth + 1);
    if (!isJsonObject(schema)) return;
    if (depth > 0) readAnnotation(schema, path);
    for (const [keyword, value] of Object.entries(schema))
      if (keyword === 'properties' && isJsonObject(value))
        for (const [name, property] of Object.entries(value))
          visit(property, path && [...path, name], depth + 1);
      else if (SCHEMA_MAPS.has(keyword) && isJsonObject(value))
        for (const member of Object.values(value)) visit(member, undefined, depth + 1);
      else if (!DATA.has(keyword)) visit(value, undefined, depth + 1);
  };
  visit(inputSchema, [], 0);
  return fault === undefined ? { headers } : { fault };
}

/** Keywords whose members are schemas under names of the author's choice. */
const SCHEMA_MAPS: ReadonlySet<string> = new Set([
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);
/** Keywords that hold values, not schemas. */
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'required', 'type']);

function faultOf(
  name: JsonValue,
  schema: JsonObject,
  path: readonly string[] | undefined,
  names: ReadonlySet<string>,
): string | undefined {
  if (typeof name !== 'string' || !TOKEN.test(name)) return `${ANNOTATION} is not a header name`;
  if (path === undefined) return `${ANNOTATION} “${name}” is not on a plain property`;
  if (!TYPES.has(schema['type']))
    return `${ANNOTATION} “${name}” is on a property that is no string, integer or boolean`;
  if (names.has(name.toLowerCase())) return `${ANNOTATION} “${name}” is there twice`;
  return undefined;
}

/** The `Mcp-Param-*` headers of one call, for the arguments that are there. */
export function paramHeaders(
  headers: readonly ToolHeader[],
  args: JsonValue | undefined,
): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const { name, path } of headers) {
    let value: JsonValue | bigint | undefined = args;
    for (const member of path)
      value = isJsonObject(value) && Object.hasOwn(value, member) ? value[member] : undefined;
    const text = textOf(value);
    if (text !== undefined) fields[`mcp-param-${name.toLowerCase()}`] = encodeHeaderValue(text);
  }
  return fields;
}

/** Values of other types than a header can have are left to the server, which will refuse the argument. */
function textOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isSafeInteger(value) ? value.toFixed(0) : String(value);
    default:
      return undefined;
  }
}

/** The plan of a tool in the catalogue: its headers, as JSON text. */
export function formatPlan(headers: readonly ToolHeader[]): string {
  return headers.length === 0 ? '{}' : JSON.stringify({ headers });
}

/** Reads a plan that `formatPlan` wrote. */
export function parsePlan(plan: string): readonly ToolHeader[] {
  if (plan === '{}') return [];
  return (JSON.parse(plan) as { readonly headers?: readonly ToolHeader[] }).headers ?? [];
}
