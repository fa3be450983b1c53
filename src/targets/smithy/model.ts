// A Smithy model as the rest of this folder knows it: shapes by absolute id, members in their order, traits as data.
// Made by load/; what one operation needs of it travels in its plan (plan.ts). Smithy 2.0, "The Smithy model".

import type { JsonObject, JsonValue } from '../../core/json.ts';

/** Trait id → value, as in the JSON AST; annotation traits are `{}`. */
export type Traits = Readonly<Record<string, JsonValue>>;

export const SIMPLE_TYPES = [
  'blob',
  'boolean',
  'string',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'bigInteger',
  'bigDecimal',
  'timestamp',
  'document',
  'enum',
  'intEnum',
] as const;
export const AGGREGATE_TYPES = ['list', 'map', 'structure', 'union'] as const;
export const SERVICE_TYPES = ['service', 'operation', 'resource'] as const;

export type ShapeType =
  | (typeof SIMPLE_TYPES)[number]
  | (typeof AGGREGATE_TYPES)[number]
  | (typeof SERVICE_TYPES)[number];

export interface Member {
  /** Absolute id of the shape it holds. */
  readonly target: string;
  readonly traits: Traits;
}

export interface Shape {
  /** Absolute id, `namespace#Name`. */
  readonly id: string;
  readonly type: ShapeType;
  readonly traits: Traits;
  /** Of structures and unions; a list has `member`, a map `key` and `value`, an enum its values. */
  readonly members: ReadonlyMap<string, Member>;
  /** What services, operations and resources have besides: the AST's own members, word for word. */
  readonly properties: JsonObject;
}

/** Something wrong with one shape; the rest of the model is served. */
export interface ModelFault {
  readonly shape: string;
  readonly reason: string;
}

export interface Model {
  /** `1.0`, `2.0`, … as the document says. */
  readonly version: string;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly faults: readonly ModelFault[];
}

/** The name in an absolute shape id. */
export function shapeName(id: string): string {
  return id.slice(id.indexOf('#') + 1);
}

/** The namespace of an absolute shape id. */
export function shapeNamespace(id: string): string {
  return id.slice(0, Math.max(0, id.indexOf('#')));
}

/** A trait of the prelude (`smithy.api`) by its short name. */
export function trait(traits: Traits, name: string): JsonValue | undefined {
  const id = `smithy.api#${name}`;
  return Object.hasOwn(traits, id) ? traits[id] : undefined;
}

/** The text of a trait of the prelude, when it is one. */
export function textTrait(traits: Traits, name: string): string | undefined {
  const value = trait(traits, name);
  return typeof value === 'string' ? value : undefined;
}
