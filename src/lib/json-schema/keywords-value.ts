// Keywords that look at one value as a whole: type, enum, const, numbers, strings (JSON Schema Validation §6.1–6.3).
// `format` is an annotation and not asserted (§7.2.1). A keyword with a malformed value is left out.

import { fail, spend, type Check } from './check.ts';
import { canonicalText, isEqual, isMultipleOf } from './equality.ts';
import { lazily, type PatternCompiler } from './pattern.ts';

type Schema = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  // Integers beyond 2^53 come as BigInt from the lossless reader.
  number: (value) => typeof value === 'number' || typeof value === 'bigint',
  integer: (value) => Number.isInteger(value) || typeof value === 'bigint',
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** The check of `type`, which runs before all others. */
export function compileType({ type }: Schema): Check | undefined {
  const names: readonly unknown[] = Array.isArray(type) ? type : [type];
  const tests = names.map((name) =>
    typeof name === 'string' && Object.hasOwn(TYPES, name) ? TYPES[name] : undefined,
  );
  if (tests.length === 0 || tests.includes(undefined)) return undefined;
  const message = (value: unknown): string => `must be ${names.join(' or ')}, but is ${typeName(value)}`;
  const [only, ...others] = tests as ((value: unknown) => boolean)[];
  if (only !== undefined && others.length === 0)
    return (value, run) => only(value) || fail(run, message(value));
  return (value, run) => tests.some((test) => test?.(value)) || fail(run, message(value));
}

/** The checks of all other keywords for single values. */
export function compileValueKeywords(schema: Schema, patterns: PatternCompiler): Check[] {
  const checks: Check[] = [];
  if (Array.isArray(schema['enum'])) checks.push(compileEnum(schema['enum']));
  if (Object.hasOwn(schema, 'const')) checks.push(compileConst(schema['const']));
  compileNumbers(schema, checks);
  compileStrings(schema, patterns, checks);
  return checks;
}

function compileEnum(allowed: readonly unknown[]): Check {
  const scalars = new Set(allowed.filter((item) => typeof item !== 'object' || item === null));
  const structures = new Set(
    allowed.filter((item) => typeof item === 'object' && item !== null).map(canonicalText),
  );
  const listed = allowed.slice(0, 20).map((item) => JSON.stringify(item));
  const message = `must be one of ${listed.join(', ')}${allowed.length > 20 ? ', …' : ''}`;
  return (value, run) => {
    if (typeof value !== 'object' || value === null) return scalars.has(value) || fail(run, message);
    return (structures.size > 0 && structures.has(canonicalText(value))) || fail(run, message);
  };
}

function compileConst(expected: unknown): Check {
  const message = `must be ${JSON.stringify(expected)}`;
  return (value, run) => isEqual(value, expected) || fail(run, message);
}

function compileNumbers(schema: Schema, checks: Check[]): void {
  const add = (keyword: string, passes: (value: number, limit: number) => boolean, words: string): void => {
    const limit = schema[keyword];
    if (typeof limit !== 'number' || (keyword === 'multipleOf' && limit <= 0)) return;
    const message = `${words} ${limit}`;
    checks.push((value, run) => {
      // Limits are doubles themselves: to compare against them, a double of the long integer is close enough.
      const number = typeof value === 'bigint' ? Number(value) : value;
      return typeof number !== 'number' || passes(number, limit) || fail(run, message);
    });
  };
  add('minimum', (value, limit) => value >= limit, 'must be at least');
  add('maximum', (value, limit) => value <= limit, 'must be at most');
  add('exclusiveMinimum', (value, limit) => value > limit, 'must be more than');
  add('exclusiveMaximum', (value, limit) => value < limit, 'must be less than');
  add('multipleOf', (value, limit) => isMultipleOf(value, limit), 'must be a multiple of');
}

function compileStrings(schema: Schema, patterns: PatternCompiler, checks: Check[]): void {
  const { minLength, maxLength, pattern } = schema;
  if (typeof minLength === 'number' && minLength > 0)
    checks.push(
      (value, run) =>
        typeof value !== 'string' ||
        hasAtLeast(value, minLength) ||
        fail(run, `must have at least ${minLength} characters`),
    );
  if (typeof maxLength === 'number')
    checks.push(
      (value, run) =>
        typeof value !== 'string' ||
        value.length <= maxLength ||
        countCodePoints(value) <= maxLength ||
        fail(run, `must have at most ${maxLength} characters`),
    );
  if (typeof pattern === 'string') checks.push(compilePattern(pattern, patterns));
}

function compilePattern(pattern: string, patterns: PatternCompiler): Check {
  const compiled = lazily(patterns, pattern);
  return (value, run) => {
    if (typeof value !== 'string') return true;
    const known = compiled(run);
    if (known === undefined) return true;
    spend(run, known.costOn(value));
    return known.matches(value) || fail(run, `must match the pattern ${pattern}`);
  };
}

// A code point takes one or two units, so most lengths are decided without counting.
function hasAtLeast(value: string, minimum: number): boolean {
  if (value.length < minimum) return false;
  return value.length >= minimum * 2 || countCodePoints(value) >= minimum;
}

function countCodePoints(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at += 1) {
    if ((value.codePointAt(at) ?? 0) > 0xff_ff) at += 1;
    count += 1;
  }
  return count;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
