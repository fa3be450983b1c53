// Makes an output schema describe rather than police. A client throws a whole answer away when it does not
// conform, and real answers leave members out, add others and hold nulls: so only names and types stay.

import type { JsonObject, JsonValue } from '../../../core/json.ts';
import { emptyObject, isSchema, type Schema } from './raw.ts';
import { mapSubschemas } from './subschemas.ts';

const KEPT: ReadonlySet<string> = new Set([
  '$ref',
  'type',
  'title',
  'description',
  'deprecated',
  'properties',
  'items',
  'allOf',
  'anyOf',
  'additionalProperties',
]);

/** The relaxed schema: every type may also be null, nothing is required, nothing is forbidden. */
export function relaxSchema(schema: JsonObject): Schema {
  const kept = emptyObject();
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'oneOf' && schema['anyOf'] === undefined) kept['anyOf'] = value;
    else if (keyword === 'additionalProperties' && (!isSchema(value) || schema['properties'] !== undefined))
      continue;
    else if (keyword === 'items' && (!isSchema(value) || schema['prefixItems'] !== undefined))
      kept['items'] = emptyObject();
    else if (KEPT.has(keyword)) kept[keyword] = value;
  }
  const out = mapSubschemas(kept, relaxSchema);
  if (out['type'] !== undefined) {
    const type = withNull(out['type']);
    if (type === undefined) delete out['type'];
    else out['type'] = type;
  }
  const branches = out['anyOf'];
  if (
    Array.isArray(branches) &&
    (branches as JsonValue[]).some((branch) => isSchema(branch) && isUntyped(branch))
  )
    delete out['anyOf'];
  return out;
}

function isUntyped(schema: JsonObject): boolean {
  return ['type', '$ref', 'allOf', 'anyOf'].every((keyword) => schema[keyword] === undefined);
}

function withNull(type: JsonValue): JsonValue | undefined {
  const types = (Array.isArray(type) ? type : [type]) as string[];
  if (types.every((name) => name === 'null')) return undefined;
  return types.includes('null') ? types : [...types, 'null'];
}
