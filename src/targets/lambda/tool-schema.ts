// The tools of a Lambda target as the operator wrote them (AgentCore's ToolSchema): a list of `{name, description,
// inputSchema, outputSchema}`, inline or in a file. AgentCore takes five members of a schema; here all of JSON Schema.

import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { checkSchema } from './schema-check.ts';

/** MCP 2025-11-25, tools, "Tool Names"; some clients refuse anything longer or with other characters. */
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
const FAULTS_SHOWN = 8;
/** Deepest nesting of a schema file (JSON levels): a schema's own limit and the list around it. */
const MAX_FILE_DEPTH = 200;
const MAX_FILE_VALUES = 2_000_000;

/** One tool as written. */
export interface WrittenTool {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly annotations?: JsonObject;
  readonly _meta?: JsonObject;
}

/** Members of a tool that are handed on as they are: AgentCore's, and those that MCP has besides. */
const OBJECT_MEMBERS = ['annotations', '_meta'] as const;
const TEXT_MEMBERS = ['title', 'description'] as const;

/** Reads a list of tools. Fault names are places below the list, such as `2.member.inputSchema.type`. */
export function readTools(list: JsonValue): {
  readonly tools: readonly WrittenTool[];
  readonly faults: readonly FieldFault[];
} {
  if (!Array.isArray(list) || list.length === 0)
    return { tools: [], faults: [{ name: '', message: 'Member must be a list of at least one tool' }] };
  const faults: FieldFault[] = [];
  const tools: WrittenTool[] = [];
  const names = new Map<string, number>();
  for (const [index, item] of (list as readonly JsonValue[]).entries()) {
    const place = `${index + 1}.member`;
    if (!isJsonObject(item)) {
      faults.push({ name: place, message: 'Member must be a tool: an object with name and inputSchema' });
      continue;
    }
    faults.push(...faultsOfTool(item, place));
    const name = String(item['name']);
    const first = names.get(name);
    if (first !== undefined)
      faults.push({
        name: `${place}.name`,
        message: `Member must be unique, and tool ${first + 1} has it too`,
      });
    else names.set(name, index);
    tools.push(item as JsonObject & WrittenTool);
  }
  return { tools, faults };
}

function faultsOfTool(item: JsonObject, place: string): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  const { name, inputSchema, outputSchema } = item;
  if (typeof name !== 'string' || !TOOL_NAME.test(name))
    faults.push({
      name: `${place}.name`,
      message: `Member must satisfy regular expression pattern: ${TOOL_NAME.source.slice(1, -1)}`,
    });
  for (const member of TEXT_MEMBERS)
    if (item[member] !== undefined && typeof item[member] !== 'string')
      faults.push({ name: `${place}.${member}`, message: 'Member must be a text' });
  for (const member of OBJECT_MEMBERS)
    if (item[member] !== undefined && !isJsonObject(item[member]))
      faults.push({ name: `${place}.${member}`, message: 'Member must be an object' });
  if (inputSchema === undefined)
    faults.push({ name: `${place}.inputSchema`, message: 'Member must not be null' });
  else faults.push(...checkSchema(inputSchema, `${place}.inputSchema`, 'object'));
  if (outputSchema !== undefined) faults.push(...checkSchema(outputSchema, `${place}.outputSchema`));
  return faults;
}

/**
 * Reads a schema file: the list itself, or an object with the list as its member `tools` (as MCP's tools/list gives it).
 * @throws GatewayError Validation that names the file, the places and what is wrong there
 */
export function readToolFile(text: string, source: string): readonly WrittenTool[] {
  const value = parse(text, source);
  const list = isJsonObject(value) && value['tools'] !== undefined ? value['tools'] : value;
  const { tools, faults } = readTools(list);
  if (faults.length === 0) return tools;
  const shown = faults.slice(0, FAULTS_SHOWN).map(({ name, message }) => `${name || 'file'}: ${message}`);
  const more = faults.length > FAULTS_SHOWN ? ` (and ${faults.length - FAULTS_SHOWN} more)` : '';
  throw new GatewayError(
    'Validation',
    `The tool schema ${source} cannot be used: ${shown.join('; ')}${more}.`,
  );
}

function parse(text: string, source: string): JsonValue {
  try {
    return parseStrictJson(Buffer.from(text), { maxDepth: MAX_FILE_DEPTH, maxValues: MAX_FILE_VALUES });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new GatewayError('Validation', `The tool schema ${source} is not JSON: ${why}`, { cause: thrown });
  }
}
