// What every imported tool has to satisfy for the clients that are out there to accept it. Used by the corpus and
// by property tests; gives the faults as texts instead of throwing at the first.

import { Ajv2020 } from 'ajv/dist/2020.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/core/json.ts';
import type { CatalogueEntry } from '../src/core/tool.ts';

const MAX_SCHEMA = 64 * 1024;
const TOP_LEVEL_UNIONS = ['oneOf', 'anyOf', 'allOf', 'enum', 'not', 'if', '$ref'];
const MAPS = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs']);
const VALUES = new Set(['enum', 'const', 'default', 'dependentRequired']);

export type FaultKind =
  | 'name'
  | 'key'
  | 'root'
  | 'union'
  | 'dangling'
  | 'nullable'
  | 'items'
  | 'description'
  | 'meta'
  | 'size'
  | 'plan';

export interface Fault {
  readonly kind: FaultKind;
  readonly text: string;
}

/** Creates the check; compiling the meta-schema is what takes time. */
export function createToolRules(): (entry: CatalogueEntry) => Fault[] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
  const isSchema = ajv.getSchema('https://json-schema.org/draft/2020-12/schema');
  if (isSchema === undefined) throw new Error('ajv has no 2020-12 meta-schema');

  return (entry) => {
    const faults: Fault[] = [];
    const fault = (kind: FaultKind, text: string): void => {
      faults.push({ kind, text: `${entry.name}: ${text}` });
    };
    if (!/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(entry.name)) fault('name', 'bad name');
    const definition = JSON.parse(entry.definition) as JsonObject;
    const description = definition['description'];
    if (typeof description !== 'string' || description === '' || description.length > 1024)
      fault('description', 'missing or too long');
    for (const side of ['inputSchema', 'outputSchema'] as const) {
      const schema = definition[side];
      if (schema === undefined && side === 'outputSchema') continue;
      if (!isJsonObject(schema) || schema['type'] !== 'object') {
        fault('root', `${side} is not type object`);
        continue;
      }
      const union = TOP_LEVEL_UNIONS.find((keyword) => schema[keyword] !== undefined);
      if (union !== undefined) fault('union', `${side} has ${union} at its root`);
      if (JSON.stringify(schema).length > MAX_SCHEMA) fault('size', `${side} is too large`);
      if (isSchema(schema) !== true) fault('meta', `${side}: ${JSON.stringify(isSchema.errors?.[0])}`);
      walk(schema, schema, (kind, text) => {
        fault(kind, `${side}: ${text}`);
      });
    }
    checkKeysAndPlan(definition['inputSchema'] as JsonObject, JSON.parse(entry.plan) as JsonObject, fault);
    return faults;
  };
}

function checkKeysAndPlan(
  input: JsonObject,
  plan: JsonObject,
  fault: (kind: FaultKind, text: string) => void,
): void {
  const properties = input['properties'];
  const keys = isJsonObject(properties) ? Object.keys(properties) : [];
  for (const key of keys) if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(key)) fault('key', `bad key ${key}`);
  const body = (plan['body'] ?? {}) as JsonObject;
  const used = [
    ...(plan['parameters'] as JsonObject[]).map((parameter) => parameter['argument'] as string),
    ...((body['properties'] ?? []) as [string, string][]).map(([argument]) => argument),
    ...(typeof body['argument'] === 'string' ? [body['argument']] : []),
  ];
  if (new Set(used).size !== used.length) fault('plan', 'two parameters share an argument');
  if (used.toSorted().join('\n') !== keys.toSorted().join('\n')) fault('plan', 'arguments and plan differ');
  const required = (input['required'] ?? []) as string[];
  if (required.some((name) => !keys.includes(name))) fault('plan', 'a required argument is not there');
  const inPath = [...(plan['path'] as string).matchAll(/\{([^{}]+)\}/g)].map((match) => match[1]);
  const pathNames = (plan['parameters'] as JsonObject[])
    .filter((each) => each['in'] === 'path')
    .map((each) => each['name']);
  if (new Set(inPath).size !== pathNames.length || inPath.some((name) => !pathNames.includes(name)))
    fault('plan', `path ${plan['path'] as string} has other variables than the plan`);
}

function walk(
  node: JsonValue | undefined,
  root: JsonObject,
  fault: (kind: FaultKind, text: string) => void,
): void {
  if (Array.isArray(node)) for (const item of node as JsonValue[]) walk(item, root, fault);
  if (!isJsonObject(node)) return;
  const type = node['type'];
  const types = Array.isArray(type) ? (type as string[]) : [type];
  if (types.includes('array') && node['items'] === undefined)
    fault('items', 'an array does not say what is in it');
  if (node['nullable'] !== undefined) fault('nullable', 'nullable left in');
  const ref = node['$ref'];
  if (ref !== undefined) {
    const name = typeof ref === 'string' && ref.startsWith('#/$defs/') ? ref.slice(8) : undefined;
    const definitions = root['$defs'];
    if (name === undefined || !isJsonObject(definitions) || !Object.hasOwn(definitions, name))
      fault('dangling', `reference ${JSON.stringify(ref)} leads nowhere`);
  }
  for (const [keyword, value] of Object.entries(node)) {
    if (VALUES.has(keyword)) continue;
    if (MAPS.has(keyword) && isJsonObject(value))
      for (const sub of Object.values(value)) walk(sub, root, fault);
    else walk(value, root, fault);
  }
}
