// JSON read so that no digit is lost and nothing hostile costs more than its size; everything else of the JSON
// protocols is the runtime's.

import { JsonCodec2 } from '@smithy/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import { NumericValue } from '@smithy/core/serde';
import { parseLossless } from '../../../lib/lossless-json.ts';
import { makeJsonStrict } from './strict.ts';

type JsonSettings = ConstructorParameters<typeof JsonCodec2>[0];
type Schema = Parameters<typeof NormalizedSchema.of>[0];

/** The settings of each family, as its specification has them (timestamps: seconds since 1970). */
export const JSON_SETTINGS: Readonly<Record<'rpc' | 'rest' | 'rpcV2', JsonSettings>> = {
  rpc: { timestampFormat: { useTrait: true, default: 7 }, jsonName: false },
  rest: { timestampFormat: { useTrait: true, default: 7 }, jsonName: true, httpBindings: true },
  rpcV2: { timestampFormat: { useTrait: false, default: 7 }, jsonName: false, bigNumberAsString: true },
};

/** The runtime's codec with a parser of our own. */
export class LosslessJsonCodec extends JsonCodec2 {
  override createDeserializer(): ReturnType<JsonCodec2['createDeserializer']> {
    const deserializer = super.createDeserializer() as ReturnType<JsonCodec2['createDeserializer']> & {
      readObject(schema: Schema, value: unknown): unknown;
    };
    makeJsonStrict(deserializer);
    const read = (schema: Schema, data: unknown): Promise<unknown> => {
      const text = textOf(data);
      if (text.trim() === '') return Promise.resolve({});
      const value = needsExactNumbers(schema) ? parseExact(text) : parseLossless(text);
      if (NormalizedSchema.of(schema).isStructSchema() && (typeof value !== 'object' || Array.isArray(value)))
        throw new TypeError('it is no JSON object');
      return Promise.resolve(deserializer.readObject(schema, value));
    };
    return Object.assign(deserializer, { read });
  }
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  if (data instanceof Uint8Array)
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8');
  return '';
}

const exactness = new WeakMap<object, boolean>();

/** Whether a schema has decimals that a double may not hold. */
function needsExactNumbers(schema: Schema): boolean {
  const raw: unknown = NormalizedSchema.of(schema).getSchema();
  if (typeof raw !== 'object' || raw === null) return holdsDecimals(NormalizedSchema.of(schema), new Set());
  const known = exactness.get(raw);
  if (known !== undefined) return known;
  const found = holdsDecimals(NormalizedSchema.of(schema), new Set());
  exactness.set(raw, found);
  return found;
}

function holdsDecimals(schema: NormalizedSchema, seen: Set<unknown>): boolean {
  if (schema.isBigDecimalSchema()) return true;
  const raw: unknown = schema.getSchema();
  if (typeof raw !== 'object' || seen.has(raw)) return false;
  seen.add(raw);
  if (schema.isStructSchema())
    return [...schema.structIterator()].some(([, member]) => holdsDecimals(member, seen));
  return (schema.isListSchema() || schema.isMapSchema()) && holdsDecimals(schema.getValueSchema(), seen);
}

/** JSON whose numbers keep their text where a double does not hold them. @throws SyntaxError */
function parseExact(text: string): unknown {
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
    if (/^-?\d{1,400}$/.test(source)) return BigInt(source);
    return new NumericValue(source, 'bigDecimal');
  };
  return JSON.parse(text, revive);
}
