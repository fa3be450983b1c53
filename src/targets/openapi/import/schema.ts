// Converts one Schema Object of any edition to JSON Schema 2020-12. Other schemas are not pulled in: a `$ref`
// becomes `#/$defs/Name`, named by the definitions around it. Knows nothing of operations.

import type { JsonValue } from '../../../core/json.ts';
import type { Dialect } from './versions.ts';
import type { Located, References } from './references.ts';
import type { PatternCheck } from './patterns.ts';
import type { Work } from './work.ts';
import {
  emptyObject,
  entriesOf,
  isRaw,
  listMember,
  member,
  proseMember,
  textMember,
  type Raw,
  type Schema,
} from './raw.ts';
import { isSchema, textsMember } from './raw.ts';
import { copyKeywords, copyValues, enumType, type KeywordContext } from './schema-keywords.ts';
import { readType } from './schema-types.ts';
import { keepsOneOf, tagBranches } from './alternatives.ts';
import { isCircularAlternative, withoutCircle } from './circles.ts';
import { hiddenProperties } from './hidden.ts';

/** What converting needs to know of the import around it. */
export interface SchemaContext extends KeywordContext {
  readonly dialect: Dialect;
  readonly references: References;
  readonly isUsablePattern: PatternCheck;
  /** Requests lose readOnly properties, responses writeOnly ones. */
  readonly direction: 'request' | 'response';
  readonly work: Work;
  /** Takes a schema among the definitions and returns its name there. */
  refer(target: Located): string;
}

const MAX_DEPTH = 40;
const SCHEMA_MAPS = ['patternProperties', 'dependentSchemas'] as const;
const SINGLE_SCHEMAS = [
  'then',
  'else',
  'contains',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contentSchema',
] as const;

/** Converts a schema; `base` is the pointer that its local references start from. Never throws on odd input. */
export function convertSchema(raw: unknown, base: string, context: SchemaContext, depth = 0): Schema {
  context.work.spend(1);
  if (raw === false) return Object.assign(emptyObject(), { not: emptyObject() });
  if (!isRaw(raw)) return emptyObject();
  if (depth > MAX_DEPTH) {
    context.note(`schemas nested deeper than ${MAX_DEPTH} levels were left open`);
    return emptyObject();
  }
  const here =
    textMember(raw, '$id') === undefined
      ? base
      : ((context.references.resolve(textMember(raw, '$id') ?? '', base) as Partial<Located>).pointer ??
        base);
  const nullable = member(raw, 'nullable') === true || member(raw, 'x-nullable') === true;
  const ref = member(raw, '$ref') ?? member(raw, '$dynamicRef') ?? member(raw, '$recursiveRef');
  if (typeof ref === 'string') return convertReference(raw, ref, here, nullable, context, depth);
  const reading = readType(member(raw, 'type'));
  if (reading.unknown !== undefined) context.note(`type "${reading.unknown}" is unknown and was left out`);
  const types = inferTypes(raw, reading.types);
  const composed = ['allOf', 'anyOf', 'oneOf', 'not', 'if'].some(
    (keyword) => member(raw, keyword) !== undefined,
  );
  const widen = nullable && !composed && types.length > 0 && !types.includes('null');
  const out = emptyObject();
  const finalTypes = widen ? [...types, 'null'] : types;
  if (finalTypes.length > 0)
    out['type'] = finalTypes.length === 1 ? (finalTypes[0] as string) : [...finalTypes];
  copyKeywords(raw, { ...reading, types }, out, context);
  copyValues(raw, finalTypes, nullable && !composed, out, context);
  convertObject(raw, here, out, context, depth);
  convertArray(raw, here, out, types.includes('array'), context, depth);
  convertCompositions(raw, here, out, context, depth);
  return nullable && composed ? orNull(out) : out;
}

/** Any of the schema's values, or null. The texts stay on the outside, where a reader looks first. */
function orNull(schema: Schema): Schema {
  const outer = emptyObject();
  for (const keyword of ['title', 'description', 'deprecated', 'default'] as const) {
    if (schema[keyword] === undefined) continue;
    outer[keyword] = schema[keyword];
    delete schema[keyword];
  }
  outer['anyOf'] = [schema, { type: 'null' }];
  return outer;
}

function convertReference(
  raw: Raw,
  ref: string,
  base: string,
  nullable: boolean,
  context: SchemaContext,
  depth: number,
): Schema {
  const target = context.references.resolve(ref, base);
  const out = emptyObject();
  const description = proseMember(raw, 'description');
  const siblings = Object.keys(raw).filter(
    (key) => key !== '$ref' && key !== '$dynamicRef' && key !== '$recursiveRef' && !key.startsWith('x-'),
  );
  if (context.jsonSchema && siblings.some((key) => key !== 'description' && key !== 'summary')) {
    const { $ref: _, $dynamicRef: __, $recursiveRef: ___, ...rest } = raw;
    Object.assign(out, convertSchema(rest, base, context, depth + 1));
  } else if (description !== undefined) out['description'] = description;
  const end = 'missing' in target ? target : context.references.follow(target.node, target.base);
  if ('missing' in target || 'missing' in end) {
    context.note(`${'missing' in end ? end.missing : ''}; any value is accepted there`);
    return out;
  }
  out['$ref'] = `#/$defs/${context.refer(target)}`;
  return nullable ? orNull(out) : out;
}

function inferTypes(raw: Raw, types: readonly string[]): readonly string[] {
  if (types.length > 0 || member(raw, 'type') !== undefined) return types;
  if (isRaw(member(raw, 'properties'))) return ['object'];
  if (isRaw(member(raw, 'items'))) return ['array'];
  const values = enumType(raw);
  return values === undefined ? types : [values];
}

function convertObject(raw: Raw, base: string, out: Schema, context: SchemaContext, depth: number): void {
  const required = new Set(textsMember(raw, 'required'));
  const hidden = hiddenProperties(raw, base, context);
  const properties = member(raw, 'properties');
  if (isRaw(properties)) {
    const converted = emptyObject();
    for (const [name, property] of Object.entries(properties)) {
      if (hidden.has(name)) continue;
      // Draft 3: `required: true` stood on the property itself.
      if (member(property, 'required') === true) required.add(name);
      converted[name] = convertSchema(property, base, context, depth + 1);
    }
    out['properties'] = converted;
  }
  const left = [...required].filter((name) => !hidden.has(name));
  if (left.length > 0) out['required'] = left;
  // The count was made with the properties that were taken away.
  if (hidden.size > 0) delete out['minProperties'];
  const additional = member(raw, 'additionalProperties');
  if (typeof additional === 'boolean') out['additionalProperties'] = additional;
  else if (isRaw(additional))
    out['additionalProperties'] = convertSchema(additional, base, context, depth + 1);
  const dependent = emptyObject();
  const schemas = emptyObject();
  for (const keyword of ['dependentRequired', 'dependencies'])
    for (const [name, value] of entriesOf(member(raw, keyword))) {
      if (Array.isArray(value))
        dependent[name] = [...new Set(value.filter((item) => typeof item === 'string'))];
      else if (keyword === 'dependencies' && isRaw(value))
        schemas[name] = convertSchema(value, base, context, depth + 1);
    }
  for (const keyword of SCHEMA_MAPS)
    for (const [name, value] of entriesOf(member(raw, keyword))) {
      if (keyword === 'dependentSchemas') schemas[name] = convertSchema(value, base, context, depth + 1);
      else if (context.isUsablePattern(name)) {
        const patterns = (out[keyword] ??= emptyObject()) as Schema;
        patterns[name] = convertSchema(value, base, context, depth + 1);
      } else context.note('a pattern that cannot be checked safely was left out');
    }
  if (Object.keys(dependent).length > 0) out['dependentRequired'] = dependent;
  if (Object.keys(schemas).length > 0) out['dependentSchemas'] = schemas;
}

function convertArray(
  raw: Raw,
  base: string,
  out: Schema,
  isArray: boolean,
  context: SchemaContext,
  depth: number,
): void {
  const items = member(raw, 'items');
  const tuple = Array.isArray(items) ? (items as unknown[]) : listMember(raw, 'prefixItems');
  if (tuple.length > 0)
    out['prefixItems'] = tuple.map((item) => convertSchema(item, base, context, depth + 1));
  const rest = Array.isArray(items) ? member(raw, 'additionalItems') : items;
  if (isRaw(rest)) out['items'] = convertSchema(rest, base, context, depth + 1);
  else if (rest === false) out['items'] = false;
  // Some clients refuse an array that does not say what is in it.
  else if (isArray || out['prefixItems'] !== undefined) out['items'] = emptyObject();
}

function convertCompositions(
  raw: Raw,
  base: string,
  out: Schema,
  context: SchemaContext,
  depth: number,
): void {
  const isConditional = convertConditions(raw, base, out, context, depth);
  for (const keyword of SINGLE_SCHEMAS) {
    if (!isConditional && (keyword === 'then' || keyword === 'else')) continue;
    const value = member(raw, keyword);
    if (typeof value === 'boolean' && keyword.startsWith('unevaluated')) out[keyword] = value;
    else if (isRaw(value) || value === false) out[keyword] = convertSchema(value, base, context, depth + 1);
  }
  for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const) {
    const branches = listMember(raw, keyword);
    if (branches.length === 0) continue;
    const parts =
      keyword === 'allOf'
        ? branches.map((part) => withoutCircle(part, base, [raw], context))
        : branches.map((branch) => (isCircularAlternative(branch, base, raw, context) ? {} : branch));
    const converted = parts.map((part) => convertSchema(part, base, context, depth + 1));
    if (keyword === 'allOf') {
      out['allOf'] = converted;
      continue;
    }
    const tagged = tagBranches(raw, branches, converted, base, context);
    // Formats and discriminators tell branches apart for the API, but not for a validator: with `oneOf` it would
    // refuse what the API takes. `anyOf` says the same wherever the branches exclude each other.
    const kept = keyword === 'oneOf' && keepsOneOf(tagged) ? 'oneOf' : 'anyOf';
    if (out[kept] === undefined) out[kept] = tagged;
    else out['allOf'] = [...((out['allOf'] as JsonValue[] | undefined) ?? []), { [kept]: tagged }];
  }
}

/**
 * Converts `not` and `if`. Elsewhere leaving something out makes a schema accept more; here it would make it accept
 * less, so a part that cannot be kept whole is left out entirely. True when an `if` was kept.
 */
function convertConditions(
  raw: Raw,
  base: string,
  out: Schema,
  context: SchemaContext,
  depth: number,
): boolean {
  for (const keyword of ['not', 'if'] as const) {
    const value = member(raw, keyword);
    if (!isRaw(value)) continue;
    const losses: string[] = [];
    const noting = { ...context, note: (reason: string) => losses.push(reason) };
    const converted = convertSchema(value, base, noting, depth + 1);
    if (losses.length === 0 && !isOpen(converted)) out[keyword] = converted;
    else if (losses.length > 0) context.note(`a condition (${keyword}) was left out: ${losses[0]}`);
  }
  return out['if'] !== undefined;
}

/** True when a converted schema says nothing at all about a value. */
export function isOpen(schema: JsonValue | undefined): boolean {
  return (
    schema === true ||
    (isSchema(schema) && Object.keys(schema).every((key) => key === 'description' || key === 'title'))
  );
}
