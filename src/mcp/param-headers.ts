// `Mcp-Param-*` headers (MCP 2026-07-28): a tool's schema can ask with `x-mcp-header` that an argument is repeated in a
// header, so that intermediaries can route on it. What they routed on must be what is called.

import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { SnapshotTool } from '../snapshot/snapshot.ts';
import { decodeHeader, mismatch, single } from './era.ts';
import type { Headers } from './era.ts';

const MARK = '"x-mcp-header"';

interface MirroredParam {
  /** Header in lower case. */
  readonly header: string;
  readonly path: readonly string[];
}

const mirrored = new WeakMap<SnapshotTool, readonly MirroredParam[]>();

/** @throws ProtocolError −32020 when a header is missing, unreadable or says something else than its argument */
export function checkParamHeaders(tool: SnapshotTool, args: JsonObject, headers: Headers): void {
  if (!tool.server || !tool.text.includes(MARK)) return;
  let params = mirrored.get(tool);
  if (!params) mirrored.set(tool, (params = collect(tool.definition().inputSchema, [])));
  check(params, args, headers);
}

/** The same for a tool that is known only from what a list showed of it. @throws ProtocolError −32020 */
export function checkShownHeaders(text: string, args: JsonObject, headers: Headers): void {
  if (!text.includes(MARK)) return;
  const { inputSchema } = JSON.parse(text) as { readonly inputSchema?: JsonObject };
  check(collect(inputSchema ?? {}, []), args, headers);
}

function check(params: readonly MirroredParam[], args: JsonObject, headers: Headers): void {
  for (const { header, path } of params) {
    const value = valueAt(args, path);
    const sent = single(headers, header);
    // An argument that is not there, or null, has no header; one that is sent all the same says something else.
    if (value === undefined || value === null) {
      if (sent !== undefined) throw mismatch(`the ${header} header has no argument to repeat`);
      continue;
    }
    if (sent === undefined) throw mismatch(`the ${header} header is missing`);
    if (!isSame(decodeHeader(sent, header), value))
      throw mismatch(`the ${header} header differs from its argument`);
  }
}

/** Annotated properties, reached through `properties` only; what clients must refuse was left out when it was listed. */
function collect(schema: JsonObject, path: readonly string[]): MirroredParam[] {
  const { properties } = schema;
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).flatMap(([name, property]) => {
    if (!isJsonObject(property)) return [];
    const own = property['x-mcp-header'];
    const here =
      typeof own === 'string' ? [{ header: `mcp-param-${own.toLowerCase()}`, path: [...path, name] }] : [];
    return [...here, ...collect(property, [...path, name])];
  });
}

function valueAt(args: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = args;
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Numbers are compared as numbers: `42.0` repeats 42. */
function isSame(sent: string, value: JsonValue): boolean {
  if (typeof value === 'string') return sent === value;
  if (typeof value === 'boolean') return sent === String(value);
  if (typeof value === 'number') return /^-?\d+(\.\d+)?$/.test(sent) && Number(sent) === value;
  return typeof value === 'bigint' && sent === String(value);
}
