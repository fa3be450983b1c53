// The `type` of a schema: what documents write there, and the 2020-12 types it stands for. Also the plain values
// (`enum`, `default`, `const`) that have to agree with it.

import type { JsonValue } from '../../../core/json.ts';

/** The types of JSON Schema, with what a loose type name says besides. */
export interface TypeReading {
  readonly types: readonly string[];
  readonly format?: string;
  /** The value is a file or other bytes. */
  readonly bytes?: boolean;
  /** A type was written that nobody can make sense of. */
  readonly unknown?: string;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ...['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'].map(
    (name) => [name, name] as const,
  ),
  ['str', 'string'],
  ['text', 'string'],
  ['char', 'string'],
  ['int', 'integer'],
  ['int32', 'integer'],
  ['int64', 'integer'],
  ['long', 'integer'],
  ['short', 'integer'],
  ['float', 'number'],
  ['double', 'number'],
  ['decimal', 'number'],
  ['numeric', 'number'],
  ['bool', 'boolean'],
  ['dict', 'object'],
  ['map', 'object'],
  ['hash', 'object'],
  ['json', 'object'],
  ['list', 'array'],
  ['nil', 'null'],
  ['none', 'null'],
]);

const STRING_FORMATS: ReadonlyMap<string, string> = new Map([
  ['date', 'date'],
  ['datetime', 'date-time'],
  ['date-time', 'date-time'],
  ['timestamp', 'date-time'],
  ['time', 'time'],
  ['uuid', 'uuid'],
  ['guid', 'uuid'],
  ['email', 'email'],
  ['uri', 'uri'],
  ['url', 'uri'],
  ['password', 'password'],
]);

/** Reads a `type` member, whatever stands in it. */
export function readType(written: unknown): TypeReading {
  const types: string[] = [];
  let format: string | undefined;
  let bytes = false;
  let unknown: string | undefined;
  for (const word of Array.isArray(written) ? (written as unknown[]) : [written]) {
    if (word === undefined) continue;
    const name = word === null ? 'null' : typeof word === 'string' ? word.trim().toLowerCase() : '?';
    const known = TYPES.get(name);
    const stringFormat = STRING_FORMATS.get(name);
    let type = known;
    if (stringFormat !== undefined) [type, format] = ['string', stringFormat];
    if (name === 'file' || name === 'binary' || name === 'byte') [type, bytes] = ['string', true];
    if (name === 'any' || name === 'mixed' || name === '*') return { types: [] };
    if (type === undefined) unknown = typeof word === 'string' ? word.slice(0, 40) : typeof word;
    else if (!types.includes(type)) types.push(type);
  }
  // A type nobody knows beside known ones leaves the schema open.
  if (unknown !== undefined) return { types: [], unknown };
  return { types, ...(format === undefined ? {} : { format }), ...(bytes ? { bytes } : {}) };
}

/** The JSON Schema type of a value; whole numbers count as integers. */
export function typeOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** True when a value is of one of the types; no types means any. */
export function isOfType(value: JsonValue, types: readonly string[]): boolean {
  if (types.length === 0) return true;
  const type = typeOf(value);
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

/**
 * The value as one of the types: YAML reads `yes` lists and numbers unlike their author meant them, so `1` becomes
 * `"1"` in a list of strings. Undefined when it cannot be.
 */
export function coerce(value: JsonValue, types: readonly string[]): JsonValue | undefined {
  if (isOfType(value, types)) return value;
  if (types.includes('string') && (typeof value === 'number' || typeof value === 'boolean'))
    return String(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (types.includes('boolean') && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (/^-?\d+(\.\d+)?$/.test(text) && isOfType(Number(text), types)) return Number(text);
  return undefined;
}
