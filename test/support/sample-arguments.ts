// Makes arguments from a tool's input schema: required members, and none, every second or all optional ones. The same schema
// always gives the same arguments. Knows JSON Schema as far as real documents use it; not part of the product.

import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.ts';
import { compileSchema } from '../../src/lib/json-schema/compile.ts';
import { sampleFromPattern } from './sample-pattern.ts';

const MAX_DEPTH = 6;
const MAX_BRANCHES = 24;

const FORMATS: Readonly<Record<string, string>> = {
  date: '2024-02-29',
  'date-time': '2024-02-29T12:30:00Z',
  time: '12:30:00Z',
  duration: 'P1D',
  uuid: '3f2b8a0e-5c1d-4e6f-8a9b-0c1d2e3f4a5b',
  email: 'someone@example.com',
  'idn-email': 'someone@example.com',
  uri: 'https://example.com/a',
  url: 'https://example.com/a',
  'uri-reference': '/a',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  byte: 'aGVsbG8=',
  binary: 'aGVsbG8=',
  regex: '^a$',
  'json-pointer': '/a',
};

/** Which optional members are given. */
export type OptionalMembers = 'none' | 'some' | 'all';

interface Sampling {
  readonly root: JsonObject;
  readonly optional: OptionalMembers;
}

/** Arguments for a tool with that input schema. */
export function sampleArguments(inputSchema: JsonObject, optional: OptionalMembers = 'some'): JsonObject {
  const sampled = sample(inputSchema, { root: inputSchema, optional }, 0);
  return isJsonObject(sampled) ? sampled : {};
}

function sample(schema: JsonValue | undefined, sampling: Sampling, depth: number): JsonValue {
  if (depth >= MAX_DEPTH && takesNull(schema)) return null;
  return (
    sampleAlternative(schema, sampling, depth) ?? sampleNode(flatten(schema, sampling, 0), sampling, depth)
  );
}

/**
 * A value that matches exactly one of the schema's alternatives, where there is one: tools say `anyOf` where their
 * document says `oneOf`, and an API may hold the caller to that.
 */
function sampleAlternative(
  schema: JsonValue | undefined,
  sampling: Sampling,
  depth: number,
): JsonValue | undefined {
  if (!isJsonObject(schema) || depth > 3) return undefined;
  const keyword = ['oneOf', 'anyOf'].find((each) => Array.isArray(schema[each]));
  if (keyword === undefined) {
    const target = typeof schema['$ref'] === 'string' ? resolve(schema['$ref'], sampling.root) : undefined;
    return target === undefined || Object.keys(schema).some((key) => key === 'properties' || key === 'allOf')
      ? undefined
      : sampleAlternative(target, sampling, depth + 1);
  }
  const { [keyword]: branches, ...rest } = schema;
  const all = (branches as readonly JsonValue[]).slice(0, MAX_BRANCHES);
  if (all.length < 2) return undefined;
  const { $defs } = sampling.root;
  const matchers = all.map((branch) => {
    if (!isJsonObject(branch)) return compileSchema(branch);
    // Beside a reference stands what a discriminator says, which validators of the document do not read.
    const { properties, ...others } = branch;
    const own = branch['$ref'] === undefined && properties !== undefined ? { properties } : {};
    return compileSchema({ ...others, ...own, ...($defs === undefined ? {} : { $defs }) });
  });
  const whole = compileSchema({ ...schema, ...($defs === undefined ? {} : { $defs }) });
  for (const branch of all) {
    const node = flatten({ ...rest, allOf: [...listed(rest['allOf']), branch] }, sampling, 0);
    if (node['type'] === 'null') continue;
    for (const optional of new Set([sampling.optional, 'none', 'all'] as const)) {
      const value = sampleNode(node, { ...sampling, optional }, depth);
      if (whole(value).length === 0 && matchers.filter((match) => match(value).length === 0).length === 1)
        return value;
    }
  }
  return undefined;
}

function sampleNode(node: JsonObject, sampling: Sampling, depth: number): JsonValue {
  if (node['const'] !== undefined) return node['const'];
  const choices = node['enum'];
  if (Array.isArray(choices)) return (choices as JsonValue[]).find((choice) => choice !== null) ?? null;
  switch (typeOf(node)) {
    case 'object':
      return sampleObject(node, sampling, depth);
    case 'array':
      return sampleArray(node, sampling, depth);
    case 'integer':
    case 'number':
      return sampleNumber(node);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return sampleString(node);
  }
}

/** The schema with references followed, allOf merged and the first alternative chosen. */
function flatten(schema: JsonValue | undefined, sampling: Sampling, hops: number): JsonObject {
  if (!isJsonObject(schema) || hops > 12) return {};
  const { $ref, allOf, anyOf, oneOf, ...own } = schema;
  let node: JsonObject = own;
  if (typeof $ref === 'string') node = merge(flatten(resolve($ref, sampling.root), sampling, hops + 1), node);
  if (Array.isArray(allOf))
    for (const part of allOf as JsonValue[]) node = merge(node, flatten(part, sampling, hops + 1));
  for (const alternatives of [anyOf, oneOf])
    if (Array.isArray(alternatives)) {
      const parts = (alternatives as JsonValue[]).map((part) => flatten(part, sampling, hops + 1));
      node = merge(node, parts.find((part) => part['type'] !== 'null') ?? {});
    }
  return node;
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const names = [...listOf(left['required']), ...listOf(right['required'])];
  const properties = { ...objectOf(left['properties']), ...objectOf(right['properties']) };
  return {
    ...left,
    ...right,
    ...(names.length === 0 ? {} : { required: names }),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
  };
}

function sampleObject(node: JsonObject, sampling: Sampling, depth: number): JsonObject {
  const properties = objectOf(node['properties']);
  const required = new Set(listOf(node['required']));
  const most = typeof node['maxProperties'] === 'number' ? node['maxProperties'] : Number.POSITIVE_INFINITY;
  const out: Record<string, JsonValue> = {};
  for (const [at, [name, property]] of Object.entries(properties).entries()) {
    const isChosen = sampling.optional === 'all' || (sampling.optional === 'some' && at % 2 === 0);
    const isWanted = isChosen && depth < 3 && Object.keys(out).length < most;
    if (!required.has(name) && (!isWanted || isUnknownObject(property, sampling, 0))) continue;
    if (depth < MAX_DEPTH + 6) out[name] = sample(property, sampling, depth + 1);
  }
  for (const name of required) if (!Object.hasOwn(out, name)) out[name] = 'x';
  const least = typeof node['minProperties'] === 'number' ? node['minProperties'] : 0;
  for (const [name, property] of Object.entries(properties))
    if (Object.keys(out).length < least) out[name] ??= sample(property, sampling, depth + 1);
  for (let at = 0; Object.keys(out).length < least && at < 10; at += 1)
    out[`key${at}`] = sample(node['additionalProperties'], sampling, depth + 1);
  return out;
}

function sampleArray(node: JsonObject, sampling: Sampling, depth: number): JsonValue[] {
  const least = typeof node['minItems'] === 'number' ? node['minItems'] : 0;
  const most = typeof node['maxItems'] === 'number' ? node['maxItems'] : Number.POSITIVE_INFINITY;
  // Two, so that it shows how lists are written; one where they must differ.
  const wanted = depth >= MAX_DEPTH ? 0 : node['uniqueItems'] === true ? 1 : 2;
  const count = Math.max(least, Math.min(wanted, most));
  return Array.from({ length: Math.min(count, 20) }, (_, at) => {
    const item = sample(node['items'], sampling, depth + 1);
    if (at === 0 || node['uniqueItems'] !== true) return item;
    const choices = flatten(node['items'], sampling, 0)['enum'];
    if (Array.isArray(choices)) return (choices as JsonValue[])[at] ?? item;
    return typeof item === 'number' ? item + at : typeof item === 'string' ? `${item}${at}` : item;
  });
}

function sampleNumber(node: JsonObject): number {
  const number = (name: string): number | undefined =>
    typeof node[name] === 'number' ? node[name] : undefined;
  const step = number('multipleOf') ?? 1;
  const above = number('exclusiveMinimum');
  const below = number('exclusiveMaximum');
  const low = Math.max(number('minimum') ?? Number.NEGATIVE_INFINITY, above ?? Number.NEGATIVE_INFINITY);
  const high = Math.min(number('maximum') ?? Number.POSITIVE_INFINITY, below ?? Number.POSITIVE_INFINITY);
  if (low === Number.NEGATIVE_INFINITY)
    return high >= step ? step : Math.floor(high / step) * step - (high === below ? step : 0);
  let value = Math.ceil(low / step) * step;
  if (value === above) value += step;
  return value <= high && value !== below ? value : typeOf(node) === 'number' ? (low + high) / 2 : low;
}

function sampleString(node: JsonObject): string {
  const least = typeof node['minLength'] === 'number' ? node['minLength'] : 0;
  const most = typeof node['maxLength'] === 'number' ? node['maxLength'] : Number.POSITIVE_INFINITY;
  const { format, pattern, contentEncoding } = node;
  if (typeof pattern === 'string') {
    const found = sampleFromPattern(pattern, least, most);
    if (found !== undefined) return found;
  }
  if (contentEncoding === 'base64') return 'aGVsbG8=';
  if (typeof format === 'string' && Object.hasOwn(FORMATS, format)) {
    const text = FORMATS[format] ?? '';
    if (text.length >= least && text.length <= most) return text;
  }
  return 'sample'.padEnd(least, 'x').slice(0, Math.max(1, Math.min(most, 10_000)));
}

function typeOf(node: JsonObject): string {
  const { type } = node;
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return listOf(type as JsonValue[]).find((name) => name !== 'null') ?? 'null';
  if (node['properties'] !== undefined || node['additionalProperties'] !== undefined) return 'object';
  if (node['items'] !== undefined) return 'array';
  if (node['minimum'] !== undefined || node['maximum'] !== undefined) return 'number';
  return 'string';
}

function resolve(reference: string, root: JsonObject): JsonValue | undefined {
  let node: JsonValue | undefined = root;
  for (const token of decodeURIComponent(reference).replace(/^#\/?/, '').split('/')) {
    if (token === '') continue;
    node = isJsonObject(node) ? node[token.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  }
  return node;
}

function takesNull(schema: JsonValue | undefined): boolean {
  return (
    isJsonObject(schema) &&
    [...listed(schema['anyOf']), ...listed(schema['oneOf'])].some(
      (branch) => isJsonObject(branch) && branch['type'] === 'null',
    )
  );
}

/** An object of which the tool says nothing, as in schemas that were shortened: what the API wants there is unknown. */
function isUnknownObject(schema: JsonValue | undefined, sampling: Sampling, depth: number): boolean {
  const node = flatten(schema, sampling, 0);
  if (typeOf(node) === 'array') return depth < 4 && isUnknownObject(node['items'], sampling, depth + 1);
  return (
    typeOf(node) === 'object' &&
    node['properties'] === undefined &&
    !isJsonObject(node['additionalProperties'])
  );
}

function listed(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

function listOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? (value as JsonValue[]).filter((item) => typeof item === 'string') : [];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
