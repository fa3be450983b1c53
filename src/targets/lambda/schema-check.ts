// Whether a JSON value is a JSON Schema (2020-12) that can be served: keywords of the right kinds, references that lead
// somewhere inside it, nesting that clients and validators bear. What it does not know it leaves alone.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';

const TYPES: readonly unknown[] = ['string', 'number', 'object', 'array', 'boolean', 'integer', 'null'];
const MAX_DEPTH = 40;
const MAX_FAULTS = 20;
const LOCAL_REFERENCE = /^#(?:$|\/|[A-Za-z_])/;

type Kind = 'schema' | 'schemas' | 'schema map' | 'texts' | 'text' | 'number' | 'values' | 'flag';

/** Keywords of JSON Schema 2020-12 by what their values are; the rest are annotations, or take any value. */
const KEYWORDS: ReadonlyMap<string, Kind> = new Map(
  Object.entries({
    'schema map': 'properties patternProperties $defs definitions dependentSchemas',
    schema:
      'items additionalProperties propertyNames contains not if then else unevaluatedItems unevaluatedProperties',
    schemas: 'allOf anyOf oneOf prefixItems',
    texts: 'required',
    values: 'enum examples',
    text: 'title description pattern format $ref',
    number:
      'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems minProperties maxProperties',
    flag: 'uniqueItems deprecated readOnly writeOnly',
  } satisfies Record<Kind, string>).flatMap(([kind, keywords]) =>
    keywords.split(' ').map((keyword) => [keyword, kind as Kind] as const),
  ),
);

interface Walk {
  readonly root: JsonValue;
  readonly faults: FieldFault[];
}

/** Faults of a schema, with their places below `path`. `rootType`: what the schema itself has to describe. */
export function checkSchema(schema: JsonValue, path: string, rootType?: 'object'): readonly FieldFault[] {
  const walk: Walk = { root: schema, faults: [] };
  if (rootType === undefined || (isJsonObject(schema) && schema['type'] === rootType))
    visit(walk, schema, path, 0);
  else if (isJsonObject(schema))
    report(
      walk,
      `${path}.type`,
      `Member must be "${rootType}": the arguments of a tool are the members of an object`,
    );
  else report(walk, path, 'Member must be a JSON Schema, an object');
  return walk.faults;
}

function report({ faults }: Walk, name: string, message: string): void {
  if (faults.length < MAX_FAULTS) faults.push({ name, message });
}

function visit(walk: Walk, schema: JsonValue, path: string, depth: number): void {
  if (typeof schema === 'boolean') return;
  if (!isJsonObject(schema)) return report(walk, path, 'Member must be a JSON Schema, an object');
  if (depth > MAX_DEPTH) return report(walk, path, `Schemas can be nested ${MAX_DEPTH} deep at most`);
  checkTypes(walk, schema, path);
  for (const [keyword, value] of Object.entries(schema)) {
    const kind = KEYWORDS.get(keyword);
    if (kind !== undefined && value !== undefined)
      visitKeyword(walk, kind, value, `${path}.${keyword}`, depth);
  }
  const reference = schema['$ref'];
  if (typeof reference === 'string' && !leadsSomewhere(walk.root, reference))
    report(walk, `${path}.$ref`, 'Member must refer to a place inside this schema that exists (#/$defs/…)');
}

function checkTypes(walk: Walk, { type }: JsonObject, path: string): void {
  if (type === undefined) return;
  const types = Array.isArray(type) ? (type as readonly unknown[]) : [type];
  if (types.length === 0 || types.some((one) => !TYPES.includes(one)))
    report(walk, `${path}.type`, `Member must satisfy enum value set: [${TYPES.join(', ')}]`);
}

function visitKeyword(walk: Walk, kind: Kind, value: JsonValue, path: string, depth: number): void {
  switch (kind) {
    case 'schema':
      return visit(walk, value, path, depth + 1);
    case 'schemas':
      if (!Array.isArray(value) || value.length === 0)
        return report(walk, path, 'Member must be a list of schemas');
      for (const [index, one] of (value as readonly JsonValue[]).entries())
        visit(walk, one, `${path}.${index + 1}.member`, depth + 1);
      return;
    case 'schema map':
      if (!isJsonObject(value)) return report(walk, path, 'Member must be a map of schemas');
      for (const [name, one] of Object.entries(value))
        if (one !== undefined) visit(walk, one, `${path}.${name.slice(0, 100)}`, depth + 1);
      return;
    default:
      if (!isOfKind(kind, value)) report(walk, path, `Member must be ${MEANINGS[kind]}`);
  }
}

const MEANINGS = Object.freeze({
  texts: 'a list of texts',
  values: 'a list of values',
  text: 'a text',
  number: 'a number',
  flag: 'true or false',
});

function isOfKind(kind: keyof typeof MEANINGS, value: JsonValue): boolean {
  switch (kind) {
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'values':
      return Array.isArray(value);
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint';
    default:
      return typeof value === 'boolean';
  }
}

/** JSON Pointers are followed; anchors, and references to other documents below an `$id`, are not looked for. */
function leadsSomewhere(root: JsonValue, reference: string): boolean {
  if (!LOCAL_REFERENCE.test(reference)) return false;
  if (!reference.startsWith('#/')) return true;
  let place: JsonValue | undefined = root;
  for (const segment of reference.slice(2).split('/')) {
    const key = decode(segment).replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(place)) place = (place as readonly JsonValue[])[Number(key)];
    else place = isJsonObject(place) && Object.hasOwn(place, key) ? place[key] : undefined;
  }
  return place !== undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
