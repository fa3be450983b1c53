// Takes an object schema apart into its properties, through references and `allOf`, so that they can become
// members of a tool's arguments. Whatever cannot be taken apart without changing its meaning is refused.

import { emptyObject, isRaw, listMember, member, type Raw, type Schema, textsMember } from './raw.ts';
import { readType } from './schema-types.ts';
import { withoutCircle } from './circles.ts';
import { hiddenProperties } from './hidden.ts';
import { convertSchema, type SchemaContext } from './schema.ts';

/** An object schema taken apart. */
export interface FlatObject {
  readonly properties: ReadonlyMap<string, Schema>;
  readonly required: ReadonlySet<string>;
  /** Schema of further members, when the document allows them in so many words. */
  readonly additional?: Schema | true;
  /** The document allows no other members. */
  readonly closed: boolean;
}

/** Keywords that tie properties together, or allow other values than objects. */
const TIES = [
  'oneOf',
  'anyOf',
  'not',
  'if',
  'enum',
  'const',
  'patternProperties',
  'propertyNames',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'items',
  'prefixItems',
  'contains',
  '$dynamicRef',
  '$recursiveRef',
];
const MAX_PARTS = 60;

interface Parts {
  readonly properties: Map<string, Schema[]>;
  readonly required: Set<string>;
  readonly hidden: Set<string>;
  typed: boolean;
  additional?: Schema | true;
  closed: boolean;
  count: number;
}

/** Takes a schema apart, or gives undefined when its value has to stay in one piece. */
export function flattenObject(raw: unknown, base: string, context: SchemaContext): FlatObject | undefined {
  const parts: Parts = {
    properties: new Map(),
    required: new Set(),
    hidden: new Set(),
    typed: false,
    closed: false,
    count: 0,
  };
  if (!collect(raw, base, context, parts, [])) return undefined;
  if (!parts.typed && parts.properties.size === 0) return undefined;
  const properties = new Map<string, Schema>();
  for (const [name, schemas] of parts.properties) {
    const [first] = schemas;
    if (first === undefined || parts.hidden.has(name)) continue;
    properties.set(name, schemas.length === 1 ? first : merge(schemas));
  }
  if (context.direction === 'request') addUndescribed(parts, properties, context);
  return {
    properties,
    required: new Set([...parts.required].filter((name) => !parts.hidden.has(name))),
    ...(parts.additional === undefined ? {} : { additional: parts.additional }),
    closed: parts.closed,
  };
}

/** Required but described nowhere: the API asks for it, and any value will do. */
function addUndescribed(parts: Parts, properties: Map<string, Schema>, context: SchemaContext): void {
  for (const name of parts.required) {
    if (parts.properties.has(name)) continue;
    const shown = JSON.stringify(name.slice(0, 80));
    if (parts.closed) context.note(`property ${shown} is required but not allowed; it was left out`);
    else {
      context.note(`property ${shown} is required but not described; any value is accepted`);
      properties.set(name, emptyObject());
    }
  }
}

function collect(
  raw: unknown,
  base: string,
  context: SchemaContext,
  parts: Parts,
  trail: readonly unknown[],
): boolean {
  context.work.spend(1);
  if (raw === true) return true;
  if (!isRaw(raw) || trail.includes(raw) || (parts.count += 1) > MAX_PARTS) return false;
  const inside = [...trail, raw];
  const ref = member(raw, '$ref');
  if (typeof ref === 'string') {
    const target = context.references.resolve(ref, base);
    if ('missing' in target || member(raw, 'nullable') === true) return false;
    if (!collect(target.node, target.base, context, parts, inside)) return false;
    if (!context.jsonSchema) return true;
    const { $ref: _, ...siblings } = raw;
    return (
      Object.keys(siblings).every((key) => key === 'description' || key === 'summary') ||
      collect(siblings, base, context, parts, inside)
    );
  }
  if (member(raw, 'nullable') === true || member(raw, 'x-nullable') === true) return false;
  if (TIES.some((keyword) => !isSingleAlternative(raw, keyword) && member(raw, keyword) !== undefined))
    return false;
  const reading = readType(member(raw, 'type'));
  if (reading.types.some((type) => type !== 'object') || reading.unknown !== undefined) return false;
  if (reading.types.length > 0 || isRaw(member(raw, 'properties'))) parts.typed = true;
  for (const keyword of ['additionalProperties', 'unevaluatedProperties']) {
    const additional = member(raw, keyword);
    if (additional === false) parts.closed = true;
    else if (additional === true) parts.additional = true;
    else if (isRaw(additional)) parts.additional = convertSchema(additional, base, context);
  }
  collectProperties(raw, base, context, parts);
  for (const keyword of ['allOf', 'anyOf', 'oneOf'])
    for (const part of listMember(raw, keyword))
      if (!collect(withoutCircle(part, base, inside, context), base, context, parts, inside)) return false;
  return true;
}

/** `anyOf` or `oneOf` with one branch is an `allOf`; generators write them. */
function isSingleAlternative(raw: Raw, keyword: string): boolean {
  return (keyword === 'oneOf' || keyword === 'anyOf') && listMember(raw, keyword).length <= 1;
}

function collectProperties(raw: Raw, base: string, context: SchemaContext, parts: Parts): void {
  for (const name of hiddenProperties({ properties: member(raw, 'properties') }, base, context))
    parts.hidden.add(name);
  for (const name of textsMember(raw, 'required')) parts.required.add(name);
  const properties = member(raw, 'properties');
  if (!isRaw(properties)) return;
  for (const [name, property] of Object.entries(properties)) {
    if (member(property, 'required') === true) parts.required.add(name);
    const list = parts.properties.get(name) ?? [];
    list.push(convertSchema(property, base, context));
    parts.properties.set(name, list);
  }
}

/** A property that several parts describe has to satisfy them all. */
function merge(schemas: readonly Schema[]): Schema {
  const distinct = new Map(schemas.map((schema) => [JSON.stringify(schema), schema]));
  const [only] = distinct.values();
  if (only !== undefined && distinct.size === 1) return only;
  const parts = [...distinct.values()];
  // `{}` beside a real schema says nothing.
  const telling = parts.filter((schema) =>
    Object.keys(schema).some((key) => key !== 'description' && key !== 'title'),
  );
  const description = parts.findLast((schema) => schema['description'] !== undefined)?.['description'];
  const out = emptyObject();
  if (telling.length <= 1) Object.assign(out, telling[0] ?? parts[0]);
  else out['allOf'] = telling;
  if (description !== undefined && out['description'] === undefined) out['description'] = description;
  return out;
}
