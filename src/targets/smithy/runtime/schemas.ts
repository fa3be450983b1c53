// Shapes of a plan → the schemas that the AWS runtime packages (@smithy/core, @aws-sdk/core) serialise by. They are
// made when first asked for, so that an operation costs nothing before its first call. Knows no protocol but for how
// it wants long integers.

import { operation as makeOperation } from '@smithy/core/schema';
import type { OperationSchema } from '@smithy/types';
import { isJsonObject, type JsonValue } from '../../../core/json.ts';
import { shapeName, shapeNamespace, trait, type Traits } from '../model.ts';
import type { OperationPlan, PlanMember, PlanShape, ProtocolName } from '../plan.ts';

/** A schema in the runtime's static notation: a number, `unit`, or `[kind, namespace, name, traits, …]`. */
export type RuntimeSchema = unknown;

export interface RuntimeSchemas {
  readonly operation: OperationSchema;
  schemaOf(id: string): RuntimeSchema;
}

const UNIT = 'smithy.api#Unit';
const EMPTY: RuntimeSchema = [3, 'smithy.api', 'Unit', 0, [], []];
const STRING = 0;
const NUMBER = 1;
const BOOLEAN = 2;
const TIMESTAMP = 4;
const DOCUMENT = 15;
const BIG_INTEGER = 17;
const BIG_DECIMAL = 19;
const BLOB = 21;
const TIMESTAMP_FORMATS: Readonly<Record<string, number>> = {
  'date-time': 5,
  'http-date': 6,
  'epoch-seconds': 7,
};

/** Traits that are on or off. */
const FLAGS = [
  'httpLabel',
  'httpPayload',
  'httpQueryParams',
  'httpResponseCode',
  'sparse',
  'xmlAttribute',
  'xmlFlattened',
];
const TEXTS = ['httpHeader', 'httpPrefixHeaders', 'httpQuery', 'jsonName', 'mediaType', 'xmlName'];

/** Prepares the schemas of one operation. */
export function createSchemas(plan: OperationPlan, protocol: ProtocolName): RuntimeSchemas {
  const made = new Map<string, RuntimeSchema>();
  const long = longSchema(protocol);

  const schemaOf = (id: string): RuntimeSchema => {
    const known = made.get(id);
    if (known !== undefined) return known;
    const shape = plan.shapes[id];
    const schema = id === UNIT ? EMPTY : shape === undefined ? DOCUMENT : make(id, shape);
    made.set(id, schema);
    return schema;
  };

  /** What is no input or output; as a member it is a structure without members. */
  const messageOf = (id: string): RuntimeSchema => (id === UNIT ? 'unit' : schemaOf(id));

  const make = (id: string, shape: PlanShape): RuntimeSchema => {
    const simple = simpleSchema(shape.type, shape.traits ?? {}, long);
    if (simple !== undefined) return withOwnTraits(id, shape, simple);
    const traits = runtimeTraits(shape.traits ?? {});
    const head = [shapeNamespace(id), shapeName(id), traits];
    const members = shape.members ?? [];
    if (shape.type === 'list') return [1, ...head, valueSchema(members, 'member', traits)];
    if (shape.type === 'map')
      return [2, ...head, valueSchema(members, 'key', {}), valueSchema(members, 'value', traits)];
    const kind = shape.type === 'union' ? 4 : 'error' in traits ? -3 : 3;
    return [kind, ...head, members.map(({ name }) => name), members.map(memberSchema)];
  };

  const memberSchema = (member: PlanMember): RuntimeSchema => {
    const traits = runtimeTraits(member.traits ?? {});
    const shape = plan.shapes[member.target];
    const format = trait(member.traits ?? {}, 'timestampFormat');
    const reference =
      shape?.type === 'timestamp' && typeof format === 'string'
        ? (TIMESTAMP_FORMATS[format] ?? TIMESTAMP)
        : referTo(member.target, shape);
    return [reference, traits];
  };

  /** Aggregates by a thunk, since they may lead back to where they are used. */
  const referTo = (id: string, shape: PlanShape | undefined): RuntimeSchema =>
    shape?.members === undefined ? schemaOf(id) : () => schemaOf(id);

  const valueSchema = (
    members: readonly PlanMember[],
    name: string,
    traits: Readonly<Record<string, unknown>>,
  ): RuntimeSchema => {
    const member = members.find((candidate) => candidate.name === name);
    if (member === undefined) return DOCUMENT;
    const [reference, own] = memberSchema(member) as [RuntimeSchema, Record<string, unknown>];
    return [reference, 'sparse' in traits ? { ...own, sparse: 1 } : own];
  };

  type Parts = Parameters<typeof makeOperation>;
  return {
    schemaOf,
    operation: makeOperation(
      shapeNamespace(plan.operation),
      shapeName(plan.operation),
      operationTraits(plan.traits ?? {}),
      messageOf(plan.input) as Parts[3],
      messageOf(plan.output) as Parts[4],
    ),
  };
}

/** Long integers reach the runtime so that no digit is lost, in the notation that the protocol's codec leaves alone. */
function longSchema(protocol: ProtocolName): number {
  if (protocol === 'rpcv2Cbor') return NUMBER;
  // Its codec writes big integers as texts, and longs are numbers.
  return protocol === 'rpcv2Json' ? DOCUMENT : BIG_INTEGER;
}

function simpleSchema(type: PlanShape['type'], traits: Traits, long: number): number | undefined {
  switch (type) {
    case 'string':
    case 'enum':
      return STRING;
    case 'byte':
    case 'short':
    case 'integer':
    case 'intEnum':
    case 'float':
    case 'double':
      return NUMBER;
    case 'long':
      return long;
    case 'boolean':
      return BOOLEAN;
    case 'blob':
      return BLOB;
    case 'document':
      return DOCUMENT;
    case 'bigInteger':
      return BIG_INTEGER;
    case 'bigDecimal':
      return BIG_DECIMAL;
    case 'timestamp': {
      const format = trait(traits, 'timestampFormat');
      return typeof format === 'string' ? (TIMESTAMP_FORMATS[format] ?? TIMESTAMP) : TIMESTAMP;
    }
    default:
      return undefined;
  }
}

function withOwnTraits(id: string, shape: PlanShape, simple: number): RuntimeSchema {
  const traits = runtimeTraits(shape.traits ?? {});
  if (Object.keys(traits).length === 0) return simple;
  return [0, shapeNamespace(id), shapeName(id), traits, simple];
}

/** Traits under the names the runtime knows them by. */
function runtimeTraits(traits: Traits): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const name of FLAGS) if (trait(traits, name) !== undefined) out[name] = 1;
  for (const name of TEXTS) {
    const value = trait(traits, name);
    if (typeof value === 'string') out[name] = value;
  }
  const namespace = trait(traits, 'xmlNamespace');
  if (isJsonObject(namespace)) out['xmlNamespace'] = [textOf(namespace['prefix']), textOf(namespace['uri'])];
  const error = trait(traits, 'error');
  if (error !== undefined) out['error'] = error;
  const queryName = traits['aws.protocols#ec2QueryName'];
  if (typeof queryName === 'string') out['ec2QueryName'] = queryName;
  return out;
}

function operationTraits(traits: Traits): Record<string, unknown> {
  const http = trait(traits, 'http');
  return isJsonObject(http) ? { http: [http['method'], http['uri'], http['code'] ?? 200] } : {};
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
