// Makes an output schema describe rather than police. A client throws a whole answer away when it does not
// conform, and real answers leave members out, add others and hold nulls: so only names and loose types stay.

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

/** The relaxed schema: the declared type stands first, null and its usual stand-ins follow; nothing is required. */
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
    const type = widen(out['type']);
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

/** What answers hold where a document promises a scalar: numbers as text, text that is a number, nothing. */
const LOOSE: Readonly<Record<string, readonly string[]>> = {
  string: ['number'],
  integer: ['number', 'string'],
  number: ['string'],
  boolean: ['number', 'string'],
};

function widen(type: JsonValue): JsonValue | undefined {
  const types = (Array.isArray(type) ? type : [type]) as string[];
  if (types.every((name) => name === 'null')) return undefined;
  return [
    ...new Set([
      ...types.filter((name) => name !== 'null'),
      ...types.flatMap((name) => LOOSE[name] ?? []),
      'null',
    ]),
  ];
}
