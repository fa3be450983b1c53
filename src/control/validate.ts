// Walks an input along its shape and collects everything wrong with it, worded as the AWS service words it.
// Knows shapes only: no operation, no stored resource. Values of sensitive shapes never get into a message,
// and of other values no more than a short, escaped beginning.

import { GatewayError } from '../core/errors.ts';
import type { FieldFault } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { shapeOf } from './model/model.ts';
import type {
  ListShape,
  MapShape,
  ModelLimits,
  Shape,
  ShapeRef,
  StringShape,
  StructureShape,
} from './model/shape.ts';

/** Beyond this many faults an input is not looked at any further. */
const MAX_FAULTS = 50;
const MAX_ECHO = 100;

/** Gives back the input with only members the shape has, absent and `null` ones left out. */
export type Validate = (shape: ShapeRef, input: JsonObject) => JsonObject;

interface Finding extends FieldFault {
  /** What is shown of the value, if it may be. */
  readonly echo?: string;
}

type Patterns = Map<string, RegExp>;

interface Walk {
  readonly limits: ModelLimits;
  readonly patterns: Patterns;
  readonly findings: Finding[];
}

/** A validator that compiles each pattern once. Its function throws GatewayError Validation with all faults. */
export function createValidator(limits: ModelLimits): Validate {
  const patterns: Patterns = new Map();
  return (shape, input) => {
    const walk: Walk = { limits, patterns, findings: [] };
    const clean = visit(walk, shapeOf(shape), input, '');
    if (walk.findings.length > 0) throw failure(walk.findings);
    return clean as JsonObject;
  };
}

/** One ValidationException for faults that were found elsewhere. */
export function validationFailure(faults: readonly FieldFault[]): GatewayError {
  return failure(faults);
}

function failure(findings: readonly Finding[]): GatewayError {
  const sentences = findings.map(
    ({ name, message, echo }) =>
      `Value ${echo === undefined ? '' : `'${echo}' `}at '${name}' failed to satisfy constraint: ${message}`,
  );
  const count = `${findings.length} validation error${findings.length === 1 ? '' : 's'} detected`;
  return new GatewayError('Validation', `${count}: ${sentences.join('; ')}`, {
    reason: 'FieldValidationFailed',
    fields: findings.map(({ name, message }) => ({ name, message })),
  });
}

function report(walk: Walk, name: string, message: string, echo?: string): undefined {
  if (walk.findings.length < MAX_FAULTS)
    walk.findings.push({ name, message, ...(echo === undefined ? {} : { echo: shorten(echo) }) });
  return undefined;
}

/** At most a hundred characters, control characters and quotes escaped. */
function shorten(value: string): string {
  const escaped = JSON.stringify(value.slice(0, MAX_ECHO + 1).toWellFormed()).slice(1, -1);
  const printable = escaped.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
  return printable.length > MAX_ECHO ? `${printable.slice(0, MAX_ECHO)}…` : printable;
}

const at = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function visit(walk: Walk, shape: Shape, value: JsonValue, path: string): JsonValue | undefined {
  if (walk.findings.length >= MAX_FAULTS) return undefined;
  switch (shape.type) {
    case 'string':
      return visitString(walk, shape, value, path);
    case 'integer':
      if (!Number.isSafeInteger(value)) return report(walk, path, 'Member must be an integer');
      return visitRange(walk, shape, value as number, path);
    case 'double':
      if (typeof value !== 'number' || !Number.isFinite(value))
        return report(walk, path, 'Member must be a number');
      return visitRange(walk, shape, value, path);
    case 'boolean':
      return typeof value === 'boolean' ? value : report(walk, path, 'Member must be true or false');
    case 'timestamp':
      return typeof value === 'number' || typeof value === 'string'
        ? value
        : report(walk, path, 'Member must be a timestamp');
    case 'document':
      return value;
    case 'list':
      return visitList(walk, shape, value, path);
    case 'map':
      return visitMap(walk, shape, value, path);
    default:
      return visitMembers(walk, shape, value, path);
  }
}

function visitString(walk: Walk, shape: StringShape, value: JsonValue, path: string): JsonValue | undefined {
  if (typeof value !== 'string') return report(walk, path, 'Member must be a string');
  const fail = (message: string) => report(walk, path, message, shape.sensitive ? undefined : value);
  const maxBytes = shape.maxBytes && walk.limits[shape.maxBytes];
  if (maxBytes !== undefined && (value.length > maxBytes || Buffer.byteLength(value) > maxBytes))
    return report(walk, path, `Member must have length less than or equal to ${maxBytes} bytes`);
  if (shape.values && !shape.values.includes(value))
    return fail(`Member must satisfy enum value set: [${shape.values.join(', ')}]`);
  if (!hasLength(value, shape, fail)) return undefined;
  if (shape.pattern !== undefined && !compiled(walk.patterns, shape.pattern).test(value))
    return fail(`Member must satisfy regular expression pattern: ${shape.pattern}`);
  return value;
}

/** Checked before any pattern runs, so that patterns only ever see texts of bounded length. */
function hasLength(value: string, { min, max }: StringShape, fail: (message: string) => undefined): boolean {
  if (min === undefined && max === undefined) return true;
  const length = codePoints(value);
  if (min !== undefined && length < min) fail(`Member must have length greater than or equal to ${min}`);
  else if (max !== undefined && length > max) fail(`Member must have length less than or equal to ${max}`);
  else return true;
  return false;
}

const codePoints = (value: string): number =>
  value.length - (value.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0);

function compiled(patterns: Patterns, pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known) return known;
  const made = new RegExp(`^(?:${pattern})$`);
  patterns.set(pattern, made);
  return made;
}

function visitRange(
  walk: Walk,
  { min, max }: { readonly min?: number; readonly max?: number },
  value: number,
  path: string,
): number | undefined {
  if (min !== undefined && value < min)
    return report(walk, path, `Member must be greater than or equal to ${min}`, String(value));
  if (max !== undefined && value > max)
    return report(walk, path, `Member must be less than or equal to ${max}`, String(value));
  return value;
}

function hasSize(walk: Walk, shape: ListShape | MapShape, size: number, path: string): boolean {
  if (shape.min !== undefined && size < shape.min)
    report(walk, path, `Member must have length greater than or equal to ${shape.min}`);
  else if (shape.max !== undefined && size > shape.max)
    report(walk, path, `Member must have length less than or equal to ${shape.max}`);
  else return true;
  return false;
}

function visitList(walk: Walk, shape: ListShape, value: JsonValue, path: string): JsonValue | undefined {
  if (!Array.isArray(value)) return report(walk, path, 'Member must be a list');
  const items = value as readonly JsonValue[];
  if (!hasSize(walk, shape, items.length, path)) return undefined;
  const member = shapeOf(shape.member);
  return items.map((item, index) => {
    const place = `${path}.${index + 1}.member`;
    return (
      (item === null ? report(walk, place, 'Member must not be null') : visit(walk, member, item, place)) ??
      null
    );
  });
}

function visitMap(walk: Walk, shape: MapShape, value: JsonValue, path: string): JsonValue | undefined {
  if (!isJsonObject(value)) return report(walk, path, 'Member must be a map');
  const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  if (!hasSize(walk, shape, entries.length, path)) return undefined;
  const [keys, values] = [shapeOf(shape.key), shapeOf(shape.value)];
  // fromEntries makes own members whatever the name, `__proto__` included.
  return Object.fromEntries(
    entries.map(([key, item]) => {
      visit(walk, keys, key, at(path, `${shorten(key)}.key`));
      return [key, visit(walk, values, item as JsonValue, at(path, `${shorten(key)}.value`)) ?? null];
    }),
  );
}

function visitMembers(
  walk: Walk,
  shape: StructureShape,
  value: JsonValue,
  path: string,
): JsonValue | undefined {
  if (!isJsonObject(value)) return report(walk, path === '' ? 'body' : path, 'Member must be an object');
  if (shape.widened !== undefined) return value;
  const known = Object.keys(shape.members);
  const given = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
  for (const [name] of given)
    if (!Object.hasOwn(shape.members, name))
      report(
        walk,
        at(path, shorten(name)),
        `Member is not known here; the members are ${known.length === 0 ? 'none' : known.join(', ')}`,
      );
  if (shape.type === 'union' && given.length !== 1)
    report(walk, path, `Member must have exactly one of the members ${known.join(', ')}`);
  const clean: [string, JsonValue][] = [];
  for (const [name, member] of Object.entries(shape.members)) {
    const item = Object.hasOwn(value, name) ? value[name] : undefined;
    if (item === undefined || item === null) {
      if (member.required) report(walk, at(path, name), 'Member must not be null');
      continue;
    }
    const visited = visit(walk, shapeOf(member.shape), item, at(path, name));
    if (visited !== undefined) clean.push([name, visited]);
  }
  return Object.fromEntries(clean);
}
