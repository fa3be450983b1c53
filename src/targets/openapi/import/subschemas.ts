// Walking a converted schema: which keywords hold schemas, so that a property called `default` or `$ref` is never
// mistaken for the keyword. All that reshapes schemas goes through here.

import type { JsonObject, JsonValue } from '../../../core/json.ts';
import { emptyObject, isSchema, type Schema } from './raw.ts';

const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas']);
const LISTS: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const SINGLES: ReadonlySet<string> = new Set([
  'items',
  'additionalProperties',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contentSchema',
]);

/** Start of the references that converted schemas hold. */
export const DEFINITION_PREFIX = '#/$defs/';

/** A copy with every schema directly inside replaced. `keyword` says where it stands. */
export function mapSubschemas(
  schema: JsonObject,
  change: (sub: JsonObject, keyword: string) => JsonObject,
): Schema {
  const out = emptyObject();
  for (const [keyword, value] of Object.entries(schema)) {
    if (MAPS.has(keyword) && isSchema(value)) {
      const map = emptyObject();
      for (const [name, sub] of Object.entries(value)) map[name] = isSchema(sub) ? change(sub, keyword) : sub;
      out[keyword] = map;
    } else if (LISTS.has(keyword) && Array.isArray(value))
      out[keyword] = (value as JsonValue[]).map((sub) => (isSchema(sub) ? change(sub, keyword) : sub));
    else if (SINGLES.has(keyword) && isSchema(value)) out[keyword] = change(value, keyword);
    else out[keyword] = value;
  }
  return out;
}

/** Calls `visit` for every schema directly inside. */
export function eachSubschema(schema: JsonObject, visit: (sub: JsonObject) => void): void {
  for (const [keyword, value] of Object.entries(schema)) {
    if (MAPS.has(keyword) && isSchema(value)) {
      for (const sub of Object.values(value)) if (isSchema(sub)) visit(sub);
    } else if (LISTS.has(keyword) && Array.isArray(value)) {
      for (const sub of value as JsonValue[]) if (isSchema(sub)) visit(sub);
    } else if (SINGLES.has(keyword) && isSchema(value)) visit(value);
  }
}

/** The definition a schema refers to, if it does. */
export function definitionOf(schema: JsonObject): string | undefined {
  const ref = schema['$ref'];
  return typeof ref === 'string' && ref.startsWith(DEFINITION_PREFIX)
    ? ref.slice(DEFINITION_PREFIX.length)
    : undefined;
}

/** How often each definition is referred to from within a schema. */
export function countReferences(schema: JsonObject, counts = new Map<string, number>()): Map<string, number> {
  const name = definitionOf(schema);
  if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  eachSubschema(schema, (sub) => countReferences(sub, counts));
  return counts;
}

/** The same schema without the texts that a validator does not need; descriptions keep `keep` characters at the top. */
export function withoutTexts(schema: JsonObject, nested: number, top: number = nested, depth = 0): Schema {
  const out = mapSubschemas(schema, (sub) => withoutTexts(sub, nested, top, depth + 1));
  delete out['title'];
  if (depth > 1) delete out['default'];
  const description = out['description'];
  const room = depth <= 1 ? top : nested;
  if (typeof description === 'string' && description.length > room) {
    if (room < 20) delete out['description'];
    else out['description'] = `${description.slice(0, room - 1).trimEnd()}…`;
  }
  return out;
}

/** What remains of a schema when its inside is left open: its type. */
export function openSchema(schema: JsonObject): Schema {
  const out = emptyObject();
  const type = schema['type'];
  if (type !== undefined) out['type'] = type;
  if (type === 'array' || (Array.isArray(type) && type.includes('array'))) out['items'] = emptyObject();
  if (typeof schema['description'] === 'string' && schema['description'].length <= 200)
    out['description'] = schema['description'];
  return out;
}

/**
 * The schema without the keywords that accept less when what is inside them accepts more. Needed wherever parts
 * are left open.
 */
export function loosenSchema(schema: JsonObject): Schema {
  const out = emptyObject();
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'oneOf') out['anyOf'] = schema['anyOf'] ?? value;
    else if (!/^(not|if|then|else|maxContains|unevaluated.*)$/.test(keyword)) out[keyword] = value;
  }
  return out;
}

/** The schema down to `depth` levels; what is below is left open. References are replaced through `refer`. */
export function cutSchema(schema: JsonObject, depth: number, refer: (name: string) => JsonObject): Schema {
  const name = definitionOf(schema);
  if (name !== undefined) return Object.assign(openSchema(refer(name)), openSchema(schema));
  if (depth <= 0) return openSchema(schema);
  const out = mapSubschemas(loosenSchema(schema), (sub) => cutSchema(sub, depth - 1, refer));
  if (depth === 1 && Array.isArray(out['enum']) && out['enum'].length > 50) delete out['enum'];
  return out;
}
