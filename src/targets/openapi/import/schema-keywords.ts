// The keywords of a schema that hold no other schemas: each is checked against what JSON Schema 2020-12 allows
// and mended or left out. Whatever a document writes, what comes out passes the meta-schema.

import type { JsonValue } from '../../../core/json.ts';
import type { PatternCheck } from './patterns.ts';
import { copyValue, member, proseMember, textMember, type Raw, type Schema } from './raw.ts';
import { coerce, type TypeReading } from './schema-types.ts';

/** What the keyword readers need to know of the import around them. */
export interface KeywordContext {
  readonly isUsablePattern: PatternCheck;
  /** 3.1 and later: the document's schemas are JSON Schema. */
  readonly jsonSchema: boolean;
  readonly note: (reason: string) => void;
}

const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'] as const;
const CONTAINS_COUNTS = ['minContains', 'maxContains'] as const;

/** Writes title, description, numbers, lengths, pattern, format and encodings of `raw` to `out`. */
export function copyKeywords(raw: Raw, reading: TypeReading, out: Schema, context: KeywordContext): void {
  for (const keyword of ['title', 'description'] as const) {
    const text = proseMember(raw, keyword);
    if (text !== undefined) out[keyword] = text;
  }
  if (member(raw, 'deprecated') === true) out['deprecated'] = true;
  for (const keyword of COUNTS) copyCount(raw, keyword, out);
  if (context.jsonSchema) for (const keyword of CONTAINS_COUNTS) copyCount(raw, keyword, out);
  if (member(raw, 'uniqueItems') === true) out['uniqueItems'] = true;
  copyBounds(raw, out);
  const pattern = member(raw, 'pattern');
  if (typeof pattern === 'string') {
    if (context.isUsablePattern(pattern)) out['pattern'] = pattern;
    else context.note('a pattern that cannot be checked safely was left out');
  }
  copyFormat(raw, reading, out);
}

function copyFormat(raw: Raw, reading: TypeReading, out: Schema): void {
  const format = textMember(raw, 'format') ?? reading.format;
  const isText = reading.types.length === 0 || reading.types.includes('string');
  if (reading.bytes === true || (isText && format !== undefined && /^(binary|byte|base64)$/i.test(format)))
    out['contentEncoding'] = 'base64';
  else if (format !== undefined) out['format'] = format;
  for (const keyword of ['contentEncoding', 'contentMediaType'] as const) {
    const value = textMember(raw, keyword);
    if (value !== undefined) out[keyword] = value;
  }
}

function copyCount(raw: Raw, keyword: string, out: Schema): void {
  const value = numberMember(raw, keyword);
  if (value !== undefined && Number.isInteger(value) && value >= 0) out[keyword] = value;
}

function copyBounds(raw: Raw, out: Schema): void {
  for (const [keyword, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    const bound = numberMember(raw, keyword);
    const flag = member(raw, exclusive);
    const number = numberMember(raw, exclusive);
    if (number !== undefined) out[exclusive] = number;
    // Draft 4 and OpenAPI 3.0: `exclusiveMinimum: true` beside the bound.
    if (bound !== undefined) out[flag === true ? exclusive : keyword] = bound;
  }
  const step = numberMember(raw, 'multipleOf');
  if (step !== undefined && step > 0) out['multipleOf'] = step;
}

function numberMember(raw: Raw, key: string): number | undefined {
  const value = member(raw, key);
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' && /^\s*[-+]?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

/** Writes `enum`, `const` and `default`, in agreement with the types. `nullable` adds null to an `enum`. */
export function copyValues(
  raw: Raw,
  types: readonly string[],
  nullable: boolean,
  out: Schema,
  context: KeywordContext,
): void {
  const list = member(raw, 'enum');
  if (Array.isArray(list) && list.length > 0) {
    const values = enumValues(list as unknown[], types);
    if (nullable && !values.includes(null)) values.push(null);
    if (values.length > 0 && !(nullable && values.length === 1)) out['enum'] = values;
    else context.note('an enum without a value of its type was left out');
  }
  if (Object.hasOwn(raw, 'const')) {
    const value = copyValue(raw['const']);
    if (value !== undefined) out['const'] = value;
  }
  if (Object.hasOwn(raw, 'default')) {
    const value = copyValue(raw['default']);
    const fitting = value === undefined ? undefined : coerce(value, types);
    if (fitting !== undefined && JSON.stringify(fitting).length <= 2000) out['default'] = fitting;
  }
}

function enumValues(list: readonly unknown[], types: readonly string[]): JsonValue[] {
  const seen = new Set<string>();
  const values: JsonValue[] = [];
  for (const item of list) {
    const copied = copyValue(item);
    const value = copied === undefined ? undefined : coerce(copied, types);
    if (value === undefined) continue;
    const key = JSON.stringify(value);
    if (!seen.has(key)) values.push(value);
    seen.add(key);
  }
  return values;
}

/** The types that the values of an `enum` without `type` share, when it is one and a plain one. */
export function enumType(raw: Raw): string | undefined {
  const list = member(raw, 'enum');
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const kinds = new Set((list as unknown[]).map((item) => typeof item));
  const [kind] = kinds;
  return kinds.size === 1 && (kind === 'string' || kind === 'boolean') ? kind : undefined;
}
