// `oneOf` and `anyOf`: when exclusive alternatives can stay exclusive, and how a discriminator's mapping is
// written into the branches as plain JSON Schema.

import type { JsonValue } from '../../../core/json.ts';
import { emptyObject, entriesOf, isRaw, member, type Raw, type Schema, textMember } from './raw.ts';
import type { References } from './references.ts';

/** True when no value can match two branches by accident: different types, different constants, or `required` alone. */
export function keepsOneOf(branches: readonly Schema[]): boolean {
  if (
    branches.every((branch) =>
      Object.keys(branch).every((key) => key === 'required' || key === 'description'),
    )
  )
    return true;
  const types = new Set<string>();
  for (const branch of branches) {
    const type = branch['type'];
    if (type === undefined) return false;
    for (const name of Array.isArray(type) ? (type as string[]) : [type as string]) {
      const key = name === 'integer' ? 'number' : name;
      if (types.has(key)) return false;
      types.add(key);
    }
  }
  return true;
}

/**
 * Adds to each branch the value its discriminator property must have, where the document's mapping says so and
 * the branch itself does not.
 */
export function tagBranches(
  raw: Raw,
  branches: readonly unknown[],
  converted: readonly Schema[],
  base: string,
  context: { readonly references: References; readonly direction: 'request' | 'response' },
): Schema[] {
  const discriminator = member(raw, 'discriminator');
  const property = textMember(discriminator, 'propertyName');
  const mapping = entriesOf(member(discriminator, 'mapping'));
  if (property === undefined || mapping.length === 0 || context.direction === 'response')
    return [...converted];
  const values = new Map<string, string[]>();
  for (const [value, target] of mapping) {
    if (typeof target !== 'string') continue;
    const found = context.references.resolve(target, base);
    if ('missing' in found) continue;
    values.set(found.pointer, [...(values.get(found.pointer) ?? []), value]);
  }
  return converted.map((schema, index) => {
    const ref = member(branches[index], '$ref');
    const found = typeof ref === 'string' ? context.references.resolve(ref, base) : undefined;
    if (found === undefined || 'missing' in found || schema['$ref'] === undefined) return schema;
    const names = values.get(found.pointer);
    if (names === undefined || saysItself(found.node, property)) return schema;
    const tag: JsonValue = names.length === 1 ? { const: names[0] as string } : { enum: names };
    const properties = emptyObject();
    properties[property] = tag;
    return Object.assign(schema, { properties });
  });
}

function saysItself(target: unknown, property: string): boolean {
  const own = member(member(target, 'properties'), property);
  return (
    isRaw(own) && (Object.hasOwn(own, 'const') || Object.hasOwn(own, 'enum') || Object.hasOwn(own, '$ref'))
  );
}
