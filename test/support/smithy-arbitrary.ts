// Inputs of operations, generated from the model as it is written: every kind of value, at every place a protocol can put
// one. The values are the tools' JSON; `toSdkInput` makes of them what the official clients take.

import fc from 'fast-check';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.ts';
import type { Ast } from './smithy-values.ts';

interface Place {
  /** Bound to a header, a label or the query: characters are limited. */
  readonly isBound: boolean;
  readonly depth: number;
}

const SIMPLE: Readonly<Record<string, string>> = {
  'smithy.api#String': 'string',
  'smithy.api#Blob': 'blob',
  'smithy.api#Boolean': 'boolean',
  'smithy.api#PrimitiveBoolean': 'boolean',
  'smithy.api#Byte': 'byte',
  'smithy.api#Short': 'short',
  'smithy.api#Integer': 'integer',
  'smithy.api#PrimitiveInteger': 'integer',
  'smithy.api#Long': 'long',
  'smithy.api#PrimitiveLong': 'long',
  'smithy.api#Float': 'float',
  'smithy.api#Double': 'double',
  'smithy.api#PrimitiveDouble': 'double',
  'smithy.api#Timestamp': 'timestamp',
  'smithy.api#BigInteger': 'bigInteger',
  'smithy.api#BigDecimal': 'bigDecimal',
  'smithy.api#Document': 'document',
};
const MAX_DEPTH = 5;

const boundText = fc
  .array(fc.constantFrom(...'abcXYZ0189-_.~ !$&()*+,;=:@/%'.split('')), { minLength: 1, maxLength: 12 })
  .map((characters) => characters.join('').trim() || 'x')
  // Dot segments are refused on purpose, and a comma ends an item of a list in a header.
  .map((text) => (/^\.+$/.test(text) || text.includes('..') ? 'dots' : text));
const freeText = fc.oneof(
  boundText,
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map(xmlSafe),
);

/** Without what XML cannot carry: control characters, lone surrogates, and white space that readers may change. */
function xmlSafe(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.toWellFormed().replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\ufffd-\uffff]/g, '·');
}

export interface ArbitraryOptions {
  /** Members at the top that are never given. */
  readonly without?: ReadonlySet<string>;
  /** Values of members at the top. */
  readonly fixed?: Readonly<Record<string, JsonValue>>;
}

/** Inputs for the shape of an operation's input. */
export function inputs(ast: Ast, id: string, options: ArbitraryOptions = {}): fc.Arbitrary<JsonObject> {
  return structure(ast, id, { isBound: false, depth: 0 }, options) as fc.Arbitrary<JsonObject>;
}

function structure(ast: Ast, id: string, place: Place, options: ArbitraryOptions): fc.Arbitrary<JsonValue> {
  const members = Object.entries(ast.shapes[id]?.members ?? {}).filter(
    ([name]) => options.without?.has(name) !== true,
  );
  const record: Record<string, fc.Arbitrary<JsonValue>> = {};
  const required: string[] = [];
  for (const [name, member] of members) {
    const traits = member.traits ?? {};
    const fixed = options.fixed?.[name];
    const isBound = ['httpHeader', 'httpLabel', 'httpQuery', 'httpPrefixHeaders', 'httpQueryParams'].some(
      (binding) => traits[`smithy.api#${binding}`] !== undefined,
    );
    const inner = { isBound: isBound || place.isBound, depth: place.depth + 1 };
    const isRecursive = place.depth >= MAX_DEPTH && isAggregate(ast, member.target);
    // What clients fill in by themselves is always given, so that it does not depend on who fills it in.
    const isNeeded = ['required', 'idempotencyToken'].some(
      (each) => traits[`smithy.api#${each}`] !== undefined,
    );
    if (isRecursive && !isNeeded) continue;
    record[name] = fixed === undefined ? value(ast, member.target, inner) : fc.constant(fixed);
    if (isNeeded) required.push(name);
  }
  return fc.record(record, { requiredKeys: required, noNullPrototype: true });
}

function value(ast: Ast, id: string, place: Place): fc.Arbitrary<JsonValue> {
  const shape = ast.shapes[id];
  if (id === 'smithy.api#Unit') return fc.constant({});
  switch (shape?.type ?? SIMPLE[id]) {
    case 'structure':
      return structure(ast, id, place, {});
    case 'union': {
      const members = Object.entries(shape?.members ?? {});
      const usable =
        place.depth < MAX_DEPTH ? members : members.filter(([, { target }]) => !isAggregate(ast, target));
      return fc.oneof(
        ...(usable.length === 0 ? members : usable).map(([name, { target }]) =>
          value(ast, target, { ...place, depth: place.depth + 1 }).map((inner) => ({ [name]: inner })),
        ),
      );
    }
    case 'list':
    case 'set':
      return fc.array(value(ast, shape?.member?.target ?? '', { ...place, depth: place.depth + 1 }), {
        minLength: 1,
        maxLength: place.depth < MAX_DEPTH ? 3 : 1,
      });
    case 'map':
      return fc.dictionary(
        place.isBound ? fc.constantFrom('one', 'two-2', 'three') : fc.constantFrom('a', 'b c', 'é', 'x/y'),
        value(ast, shape?.value?.target ?? '', { ...place, depth: place.depth + 1 }),
        {
          minKeys: 1,
          maxKeys: 2,
          noNullPrototype: true,
        },
      );
    case 'enum':
    case 'intEnum': {
      const values = Object.entries(shape?.members ?? {}).map(([name, member]) => {
        const written = member.traits?.['smithy.api#enumValue'];
        return typeof written === 'string' || typeof written === 'number' ? written : name;
      });
      return fc.constantFrom(...values);
    }
    case 'boolean':
      return fc.boolean();
    case 'blob':
      return fc
        .uint8Array({ minLength: 1, maxLength: 12 })
        .map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'timestamp':
      // Whole seconds: an HTTP date has no more.
      return fc
        .integer({ min: 0, max: 4_000_000_000 })
        .map((seconds) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'));
    case 'byte':
    case 'short':
      return fc.integer({ min: -100, max: 100 });
    case 'integer':
      return fc.integer();
    case 'long':
      return fc.maxSafeInteger();
    case 'bigInteger':
      return fc
        .bigInt({ min: -(10n ** 40n), max: 10n ** 40n })
        .map(
          (integer) =>
            (Number.isSafeInteger(Number(integer)) ? Number(integer) : integer) as unknown as JsonValue,
        );
    case 'bigDecimal':
      return fc
        .tuple(fc.bigInt({ min: 10n ** 16n, max: 10n ** 30n }), fc.integer({ min: 1, max: 999 }))
        .map(([whole, part]) => `${whole}.${part}`);
    case 'document':
      return (
        fc
          .jsonValue({ maxDepth: 3, noUnicodeString: false })
          .filter((document) => document !== null)
          // As it is in JSON, where zero has no sign.
          .map((document) => JSON.parse(JSON.stringify(document)) as JsonValue)
      );
    case 'float':
    case 'double':
      return fc.integer({ min: -1_000_000, max: 1_000_000 }).map((number) => number / 8);
    default:
      return place.isBound ? boundText : freeText;
  }
}

function isAggregate(ast: Ast, id: string): boolean {
  return ['structure', 'union', 'list', 'set', 'map'].includes(ast.shapes[id]?.type ?? '');
}

/** The same input as an official client takes it: bytes and dates. */
export function toSdkInput(ast: Ast, id: string, json: JsonValue): unknown {
  const shape = ast.shapes[id];
  switch (shape?.type ?? SIMPLE[id]) {
    case 'timestamp':
      return new Date(json as string);
    case 'blob':
      return Buffer.from(json as string, 'base64');
    case 'list':
    case 'set':
      return (json as JsonValue[]).map((item) => toSdkInput(ast, shape?.member?.target ?? '', item));
    case 'map':
      return isJsonObject(json) ? mapped(json, () => shape?.value?.target ?? '', ast) : json;
    case 'structure':
    case 'union':
      return isJsonObject(json) ? mapped(json, (name) => shape?.members?.[name]?.target ?? '', ast) : json;
    default:
      return json;
  }
}

function mapped(json: JsonObject, targetOf: (name: string) => string, ast: Ast): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(json).map(([name, item]) => [name, toSdkInput(ast, targetOf(name), item ?? null)]),
  );
}
