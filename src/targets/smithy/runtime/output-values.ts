// Simple values that the runtime read from an answer → JSON; each is held against the type that the model has for it.

import { NumericValue } from '@smithy/core/serde';
import type { JsonValue } from '../../../core/json.ts';
import type { PlanShape } from '../plan.ts';
import { renderTimestamp } from './timestamps.ts';

/** The answer does not fit the model, at the path in the message. */
export class UnfitAnswer extends Error {}

export const MAX_DEPTH = 200;

/** The JSON of a value of a simple shape. @throws UnfitAnswer */
export function renderSimple(shape: PlanShape, value: unknown, path: string): JsonValue {
  switch (shape.type) {
    case 'string':
    case 'enum':
      if (typeof value === 'string') return value;
      if (isJsonText(value)) return value.toString();
      throw new UnfitAnswer(`${path}: is no string`);
    case 'boolean':
      if (typeof value !== 'boolean') throw new UnfitAnswer(`${path}: is neither true nor false`);
      return value;
    case 'blob':
      if (!(value instanceof Uint8Array)) throw new UnfitAnswer(`${path}: is no binary value`);
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    case 'timestamp':
      if (!(value instanceof Date) || Number.isNaN(value.getTime()))
        throw new UnfitAnswer(`${path}: is no time`);
      return renderTimestamp(value);
    case 'float':
    case 'double':
      return renderDouble(value, path);
    case 'bigDecimal':
      return renderDecimal(value, path);
    case 'document':
      return renderDocument(value, path, 0);
    default:
      return renderInteger(value, path);
  }
}

function renderDouble(value: unknown, path: string): JsonValue {
  const number =
    typeof value === 'bigint' || value instanceof NumericValue
      ? Number(String(value instanceof NumericValue ? value.string : value))
      : value;
  if (typeof number !== 'number') throw new UnfitAnswer(`${path}: is no number`);
  return Number.isFinite(number) ? number : String(number);
}

function renderDecimal(value: unknown, path: string): JsonValue {
  const text =
    value instanceof NumericValue
      ? value.string
      : typeof value === 'number' || typeof value === 'bigint'
        ? String(value)
        : '';
  if (!/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text))
    throw new UnfitAnswer(`${path}: is no decimal number`);
  // As a number where a double holds it, digit by digit.
  return text.replaceAll(/[^\d]/g, '').length <= 15 ? Number(text) : text;
}

function renderInteger(value: unknown, path: string): JsonValue {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  // Written digit by digit where results become text (lib/lossless-json.ts).
  if (typeof value === 'bigint') return asJson(value);
  throw new UnfitAnswer(`${path}: is no whole number`);
}

function asJson(value: bigint): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : (value as unknown as JsonValue);
}

/** The JSON of a value of any shape. @throws UnfitAnswer */
export function renderDocument(value: unknown, path: string, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw new UnfitAnswer(`${path}: is nested too deeply`);
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return asJson(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  // Not `instanceof`: the runtime takes any object with such members for one of its decimals.
  if (Object.getPrototypeOf(value) === NumericValue.prototype) return renderDecimal(value, path);
  if (value instanceof Date) return renderTimestamp(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (isJsonText(value)) return value.toString();
  if (Array.isArray(value)) return (value as unknown[]).map((item) => renderDocument(item, path, depth + 1));
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') throw new UnfitAnswer(`${path}: is no JSON`);
  const out: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) put(out, key, renderDocument(item, path, depth + 1));
  return out;
}

/** Texts that hold JSON are objects of the runtime's own: strings that can be read. */
function isJsonText(value: unknown): value is { toString(): string } {
  return typeof value === 'object' && value !== null && 'deserializeJSON' in value && 'toJSON' in value;
}

/** Adds a member; one called `__proto__` is a member, too. */
export function put(target: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
  else target[name] = value;
}
