// A tool's arguments (JSON) → the values that the runtime serialises: bytes from base64, dates from ISO 8601, exact
// numbers, defaults and idempotency tokens filled in. What cannot be such a value is refused with its path.

import { createHash } from 'node:crypto';
import { NumericValue } from '@smithy/core/serde';
import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import { trait } from '../model.ts';
import { argumentName, type OperationPlan, type PlanMember, type PlanShape } from '../plan.ts';
import { parseTimestamp } from './timestamps.ts';

export type RuntimeInput = Record<string, unknown>;

const INTEGER_LIMITS: Readonly<Record<string, number>> = {
  byte: 2 ** 7,
  short: 2 ** 15,
  integer: 2 ** 31,
  intEnum: 2 ** 31,
};
const LONG_LIMIT = 2n ** 63n;
const SPECIAL: ReadonlySet<JsonValue | undefined> = new Set(['NaN', 'Infinity', '-Infinity']);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const MAX_DIGITS = 4_000;

/** The argument that stands for a member. */
export function argumentOf(member: string): string {
  return argumentName(member, (text) => createHash('sha256').update(text).digest('hex'));
}

/**
 * Makes the runtime's input of the arguments.
 * @param newToken a fresh idempotency token
 * @throws GatewayError Validation naming the argument at fault
 */
export function readArguments(plan: OperationPlan, args: JsonObject, newToken: () => string): RuntimeInput {
  const shape = plan.shapes[plan.input];
  if (shape?.members === undefined) return {};
  const input = emptyInput();
  for (const member of shape.members) {
    const name = argumentOf(member.name);
    const given = Object.hasOwn(args, name) ? args[name] : undefined;
    if (given !== undefined && given !== null) set(input, member.name, read(plan, member, given, name));
    else if (trait(member.traits ?? {}, 'idempotencyToken') !== undefined) input[member.name] = newToken();
  }
  return input;
}

function read(plan: OperationPlan, member: PlanMember, value: JsonValue, path: string): unknown {
  const shape = plan.shapes[member.target];
  if (shape === undefined) return member.target === 'smithy.api#Unit' ? {} : value;
  switch (shape.type) {
    case 'structure':
      return readStructure(plan, shape, value, path);
    case 'union':
      return readUnion(plan, shape, value, path);
    case 'list':
      return readList(plan, shape, value, path);
    case 'map':
      return readMap(plan, shape, value, path);
    default:
      return readSimple(shape, value, path);
  }
}

function readStructure(plan: OperationPlan, shape: PlanShape, value: JsonValue, path: string): RuntimeInput {
  if (!isJsonObject(value)) throw unfit(path, 'an object');
  const out = emptyInput();
  for (const member of shape.members ?? []) {
    const name = argumentOf(member.name);
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given !== undefined && given !== null)
      set(out, member.name, read(plan, member, given, `${path}.${name}`));
    else if (!isAwsModel(plan)) {
      const filled = defaultOf(plan, member);
      if (filled !== undefined && trait(member.traits ?? {}, 'clientOptional') === undefined)
        set(out, member.name, read(plan, member, filled, `${path}.${name}`));
    }
  }
  return out;
}

function readUnion(plan: OperationPlan, shape: PlanShape, value: JsonValue, path: string): RuntimeInput {
  if (!isJsonObject(value)) throw unfit(path, 'an object with one member');
  const given = (shape.members ?? []).filter((member) => {
    const name = argumentOf(member.name);
    return Object.hasOwn(value, name) && value[name] !== undefined && value[name] !== null;
  });
  const [member] = given;
  if (member === undefined || given.length > 1)
    throw unfit(
      path,
      `an object with exactly one of ${(shape.members ?? []).map(({ name }) => name).join(', ')}`,
    );
  const name = argumentOf(member.name);
  const out = emptyInput();
  set(out, member.name, read(plan, member, value[name] ?? null, `${path}.${name}`));
  return out;
}

function readList(plan: OperationPlan, shape: PlanShape, value: JsonValue, path: string): unknown[] {
  if (!Array.isArray(value)) throw unfit(path, 'a list');
  const member = shape.members?.[0];
  if (member === undefined) return [...(value as unknown[])];
  const isSparse = trait(shape.traits ?? {}, 'sparse') !== undefined;
  return (value as readonly JsonValue[]).map((item, index) => {
    if (item !== null) return read(plan, member, item, `${path}[${index}]`);
    if (isSparse) return null;
    throw unfit(`${path}[${index}]`, 'a value: null is not allowed in this list');
  });
}

function readMap(plan: OperationPlan, shape: PlanShape, value: JsonValue, path: string): RuntimeInput {
  if (!isJsonObject(value)) throw unfit(path, 'an object');
  const member = shape.members?.find(({ name }) => name === 'value');
  const isSparse = trait(shape.traits ?? {}, 'sparse') !== undefined;
  const out: RuntimeInput = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || member === undefined) continue;
    if (item !== null) set(out, key, read(plan, member, item, `${path}.${key}`));
    else if (isSparse) set(out, key, null);
    else throw unfit(`${path}.${key}`, 'a value: null is not allowed in this map');
  }
  return out;
}

function readSimple(shape: PlanShape, value: JsonValue, path: string): unknown {
  switch (shape.type) {
    case 'string':
    case 'enum':
      if (typeof value !== 'string') throw unfit(path, 'a string');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw unfit(path, 'true or false');
      return value;
    case 'blob':
      return readBlob(value, path);
    case 'timestamp': {
      const time = parseTimestamp(value);
      if (time === undefined)
        throw unfit(path, 'a time: ISO 8601 such as 2024-02-29T12:30:00Z, or seconds since 1970');
      return time;
    }
    case 'float':
    case 'double':
      if (SPECIAL.has(value)) return Number(value);
      if (typeof value === 'bigint') return Number(value);
      if (typeof value !== 'number') throw unfit(path, 'a number');
      return value;
    case 'bigDecimal':
      return readDecimal(value, path);
    case 'document':
      return value;
    default:
      return readInteger(shape.type, value, path);
  }
}

function readInteger(type: PlanShape['type'], value: unknown, path: string): number | bigint {
  const integer =
    typeof value === 'bigint'
      ? value
      : typeof value === 'number' && Number.isInteger(value)
        ? BigInt(value)
        : type === 'bigInteger' &&
            typeof value === 'string' &&
            /^-?\d+$/.test(value) &&
            value.length <= MAX_DIGITS
          ? BigInt(value)
          : undefined;
  if (integer === undefined) throw unfit(path, 'a whole number');
  if (type === 'bigInteger') return integer;
  const limit = type === 'long' ? LONG_LIMIT : BigInt(INTEGER_LIMITS[type] ?? 2 ** 31);
  if (integer < -limit || integer >= limit)
    throw unfit(path, `a whole number from ${-limit} to ${limit - 1n}`);
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

function readDecimal(value: unknown, path: string): NumericValue {
  const text =
    typeof value === 'string'
      ? value
      : typeof value === 'number' || typeof value === 'bigint'
        ? String(value)
        : '';
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d{1,4})?$/.test(text) || text.length > MAX_DIGITS)
    throw unfit(path, 'a decimal number, as a number or as a string');
  return new NumericValue(text, 'bigDecimal');
}

/** Base64, or `{ text }` for bytes that are text. */
function readBlob(value: JsonValue, path: string): Uint8Array {
  if (isJsonObject(value) && typeof value['text'] === 'string') return Buffer.from(value['text'], 'utf8');
  if (typeof value !== 'string') throw unfit(path, 'base64 in a string');
  const text = value.replaceAll(/[\s]+/g, '');
  const unpadded = text.replace(/=+$/, '');
  if (!BASE64.test(text) || unpadded.length % 4 === 1) throw unfit(path, 'base64 in a string');
  return Buffer.from(text, 'base64');
}

/**
 * Models of AWS's own services give numbers and flags a default of zero where to leave them out means something else, so
 * AWS's clients send none of these defaults.
 */
function isAwsModel({ operation }: OperationPlan): boolean {
  return operation.startsWith('com.amazonaws.');
}

/** The default that a client fills in for a member that is not given. */
export function defaultOf(plan: Pick<OperationPlan, 'shapes'>, member: PlanMember): JsonValue | undefined {
  const own = trait(member.traits ?? {}, 'default');
  if (own !== undefined) return own ?? undefined;
  const inherited = trait(plan.shapes[member.target]?.traits ?? {}, 'default');
  return inherited ?? undefined;
}

/** Without a prototype: a member called `constructor` that is not given is not there. */
function emptyInput(): RuntimeInput {
  return Object.create(null) as RuntimeInput;
}

/** Members called `__proto__` are members, too. */
function set(target: RuntimeInput, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
  else target[name] = value;
}

function unfit(path: string, wanted: string): GatewayError {
  return new GatewayError('Validation', `${path}: must be ${wanted}.`, {
    fields: [{ name: path, message: `must be ${wanted}` }],
  });
}
