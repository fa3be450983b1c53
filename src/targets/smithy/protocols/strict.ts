// Readers that refuse what the runtime's take for an empty structure: a list where a structure is meant, text where
// elements are. Otherwise an answer of another kind would pass as one without members.

import { NormalizedSchema } from '@smithy/core/schema';

type Schema = Parameters<typeof NormalizedSchema.of>[0];

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|^NaN$|^[-+]?Infinity$/;

interface JsonReader {
  _readStruct(schema: NormalizedSchema, record: unknown): unknown;
}

interface XmlReader {
  readSchema(schema: Schema, value: unknown): unknown;
}

/** Makes a JSON reader of the runtime's strict. */
export function makeJsonStrict(reader: object): void {
  const strict = reader as JsonReader;
  const read = strict._readStruct.bind(reader);
  strict._readStruct = (schema, record) => {
    if (Array.isArray(record)) throw new TypeError(`${nameOf(schema)}: is a list, not an object`);
    return read(schema, record);
  };
}

/** Makes an XML reader of the runtime's strict. */
export function makeXmlStrict(reader: object): void {
  const strict = reader as XmlReader;
  const read = strict.readSchema.bind(reader);
  strict.readSchema = (schema, value) => {
    if (typeof value === 'string' && value.trim() !== '') {
      const normalized = NormalizedSchema.of(schema);
      const isFlat = normalized.getMergedTraits().xmlFlattened === 1;
      const isStructure =
        normalized.isStructSchema() && Object.keys(normalized.getMemberSchemas()).length > 0;
      if (isStructure || normalized.isMapSchema() || (normalized.isListSchema() && !isFlat))
        throw new TypeError(`${nameOf(normalized)}: is text, where elements are meant`);
      if (normalized.isNumericSchema() && !NUMBER.test(value.trim()))
        throw new TypeError(`${nameOf(normalized)}: is no number`);
      if (normalized.isBooleanSchema() && !/^(true|false)$/i.test(value.trim()))
        throw new TypeError(`${nameOf(normalized)}: is neither true nor false`);
    }
    return read(schema, value);
  };
}

function nameOf(schema: NormalizedSchema): string {
  return schema.isMemberSchema() ? schema.getMemberName() : (schema.getName() ?? 'the answer');
}
