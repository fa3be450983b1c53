// The vocabulary of the model: what a shape and an operation are, as data that router, validation, rendering,
// command line and documentation walk. Names and constraints are those of the AgentCore control API; where
// this service takes more than AWS does, the shape says so in `widened`.

/** Limits that come from the configuration, by the name a shape refers to them. */
export interface ModelLimits {
  readonly maxSchemaBytes: number;
}

export type ShapeRef = string | Shape;

export type Shape =
  | StringShape
  | { readonly type: 'integer' | 'double'; readonly min?: number; readonly max?: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'timestamp'; readonly format: 'iso8601' | 'epoch-seconds' }
  /** Any JSON value. */
  | { readonly type: 'document' }
  | ListShape
  | MapShape
  | StructureShape;

export interface StructureShape {
  readonly type: 'structure' | 'union';
  readonly members: Readonly<Record<string, Member>>;
  /** How it takes more than AWS's: any JSON object passes as it is, and whoever reads it checks it. */
  readonly widened?: string;
}

export interface StringShape {
  readonly type: 'string';
  /** Length in Unicode code points. */
  readonly min?: number;
  readonly max?: number;
  /** Length in UTF-8 bytes, set by the configuration. */
  readonly maxBytes?: keyof ModelLimits;
  /** The whole value has to match. */
  readonly pattern?: string;
  readonly values?: readonly string[];
  /** Never echoed in messages. */
  readonly sensitive?: true;
  /** How this shape takes more than AWS's. */
  readonly widened?: string;
}

export interface ListShape {
  readonly type: 'list';
  readonly member: ShapeRef;
  readonly min?: number;
  readonly max?: number;
}

export interface MapShape {
  readonly type: 'map';
  readonly key: ShapeRef;
  readonly value: ShapeRef;
  readonly min?: number;
  readonly max?: number;
}

export interface Member {
  readonly shape: ShapeRef;
  readonly required?: true;
  /** Where in the request it travels; in the body unless said. */
  readonly in?: 'path' | 'query';
  readonly idempotencyToken?: true;
}

/** One operation of the control plane. `input` and `output` name structures among the shapes. */
export interface OperationModel {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Labels in braces are input members bound to the path. */
  readonly uri: string;
  readonly status: number;
  readonly input: string;
  readonly output: string;
  readonly doc: string;
  /** True when it changes nothing. */
  readonly readonly?: true;
  /** True when AWS has no such operation. */
  readonly extension?: true;
}

export type Shapes = Readonly<Record<string, Shape>>;

/** A member that has to be there. */
export const must = (shape: ShapeRef): Member => ({ shape, required: true });

/** A label of the path. */
export const label = (shape: ShapeRef): Member => ({ shape, required: true, in: 'path' });

/** A parameter of the query string. */
export const query = (shape: ShapeRef): Member => ({ shape, in: 'query' });

type Members = Readonly<Record<string, Member | ShapeRef>>;

function membersOf(members: Members): Readonly<Record<string, Member>> {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [
      name,
      typeof member === 'string' || 'type' in member ? { shape: member } : member,
    ]),
  );
}

export const structure = (members: Members, more: Pick<StructureShape, 'widened'> = {}): Shape => ({
  type: 'structure',
  members: membersOf(members),
  ...more,
});

/** Exactly one of the members. */
export const union = (members: Members): Shape => ({ type: 'union', members: membersOf(members) });

export const text = (constraints: Omit<StringShape, 'type'> = {}): StringShape => ({
  type: 'string',
  ...constraints,
});

/** A text of a bounded length. */
export const sized = (
  min: number,
  max: number,
  more: Omit<StringShape, 'type' | 'min' | 'max'> = {},
): StringShape => ({
  type: 'string',
  min,
  max,
  ...more,
});

export const choice = (...values: readonly string[]): StringShape => ({ type: 'string', values });

export const list = (member: ShapeRef, min?: number, max?: number): ListShape => ({
  type: 'list',
  member,
  ...(min === undefined ? {} : { min }),
  ...(max === undefined ? {} : { max }),
});

export const map = (key: ShapeRef, value: ShapeRef, min?: number, max?: number): MapShape => ({
  type: 'map',
  key,
  value,
  ...(min === undefined ? {} : { min }),
  ...(max === undefined ? {} : { max }),
});

export const whole = (min: number, max: number): Shape => ({ type: 'integer', min, max });

export const isoTime: Shape = { type: 'timestamp', format: 'iso8601' };
export const epochTime: Shape = { type: 'timestamp', format: 'epoch-seconds' };
export const flag: Shape = { type: 'boolean' };
