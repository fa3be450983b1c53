// The shapes every Smithy model may use without defining them (`smithy.api`, the prelude of Smithy 2.0 and 1.0).

import type { Shape, ShapeType } from '../model.ts';

const SIMPLE: Readonly<Record<string, ShapeType>> = {
  String: 'string',
  Blob: 'blob',
  BigInteger: 'bigInteger',
  BigDecimal: 'bigDecimal',
  Timestamp: 'timestamp',
  Document: 'document',
  Boolean: 'boolean',
  PrimitiveBoolean: 'boolean',
  Byte: 'byte',
  PrimitiveByte: 'byte',
  Short: 'short',
  PrimitiveShort: 'short',
  Integer: 'integer',
  PrimitiveInteger: 'integer',
  Long: 'long',
  PrimitiveLong: 'long',
  Float: 'float',
  PrimitiveFloat: 'float',
  Double: 'double',
  PrimitiveDouble: 'double',
};

/** Id of the shape that stands for no input or no output. */
export const UNIT = 'smithy.api#Unit';

/** The prelude's shapes by id. */
export function preludeShapes(): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  const put = (name: string, type: ShapeType): void => {
    const id = `smithy.api#${name}`;
    shapes.set(id, { id, type, traits: {}, members: new Map(), properties: {} });
  };
  for (const [name, type] of Object.entries(SIMPLE)) put(name, type);
  put('Unit', 'structure');
  return shapes;
}
