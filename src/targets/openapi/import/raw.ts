// Reading members of a document that anybody may have written. Only own members count, so that a key such as
// `__proto__` or `constructor` is a name like any other. Knows nothing of OpenAPI.

import { plainText } from '../../../lib/plain-text.ts';
import type { JsonObject, JsonValue } from '../../../core/json.ts';

/** An object of the document; what its members hold is unknown. */
export type Raw = Readonly<Record<string, unknown>>;

/** A schema under construction. Made without a prototype, so any key can be assigned. */
export type Schema = { [keyword: string]: JsonValue | undefined };

/** True for an object of the document: not null, not an array. */
export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An empty object that takes any key. */
export function emptyObject(): Schema {
  return Object.create(null) as Schema;
}

/** The own member of an object, or undefined. */
export function member(node: unknown, key: string): unknown {
  return isRaw(node) && Object.hasOwn(node, key) ? node[key] : undefined;
}

/** The own member when it is a string that is not blank. */
export function textMember(node: unknown, key: string): string | undefined {
  const value = member(node, key);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** The own member when it is an array, else no items. */
export function listMember(node: unknown, key: string): readonly unknown[] {
  const value = member(node, key);
  return Array.isArray(value) ? value : [];
}

/** The own members of an object-valued member, else none. */
export function entriesOf(value: unknown): [string, unknown][] {
  return isRaw(value) ? Object.entries(value) : [];
}

/** The strings among the items of an array-valued member. */
export function textsMember(node: unknown, key: string): string[] {
  return listMember(node, key).filter((item): item is string => typeof item === 'string');
}

/**
 * A deep copy of a plain value, or undefined when it is deeper or larger than a schema's values ever need to be.
 */
export function copyValue(value: unknown, allowance = { items: 20_000 }, depth = 0): JsonValue | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (depth > 24 || (allowance.items -= 1) < 0) return undefined;
  if (Array.isArray(value)) {
    const copy: JsonValue[] = [];
    for (const item of value) {
      const part = copyValue(item, allowance, depth + 1);
      if (part === undefined) return undefined;
      copy.push(part);
    }
    return copy;
  }
  if (!isRaw(value)) return undefined;
  const copy = emptyObject();
  for (const [key, item] of Object.entries(value)) {
    const part = copyValue(item, allowance, depth + 1);
    if (part === undefined) return undefined;
    copy[key] = part;
  }
  return copy;
}

/** True when a value is a schema object (not a boolean schema, not a list). */
export function isSchema(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that people read, as plain text: documents often write their descriptions in HTML. */
export function proseMember(node: unknown, name: string): string | undefined {
  const text = textMember(node, name);
  return text === undefined ? undefined : plainText(text);
}
