// The JSON Schema (2020-12) of an operation's input or output. Input schemas are strict, since a misspelt argument must
// not be dropped silently; output schemas describe and never police, since services grow. What is used more than once
// or leads back to itself stands in `$defs`; what would be too large is told with fewer words, then left open.

import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../core/json.ts';
import { shapeName, shapeNamespace, trait, type Member, type Model, type Shape } from '../model.ts';
import { argumentOf } from '../runtime/input.ts';
import { constraintsOf, type PatternCheck } from './constraints.ts';
import {
  bytesOrText,
  convertSimple,
  enumSize,
  LONG_ENUM,
  openSchema,
  type Detail,
  type Schema,
  type Side,
} from './simple-schema.ts';
import { documentationOf } from './texts.ts';

export interface SchemaOptions {
  readonly side: Side;
  readonly isPattern: PatternCheck;
  /** Members of the root that are not shown. */
  readonly hidden?: ReadonlySet<string>;
  /** Members of the root that need not be given although the model requires them. */
  readonly optional?: ReadonlySet<string>;
}

export interface RenderedSchema {
  readonly schema: JsonObject;
  /** Texts were left out, or the inside of large parts was left open. */
  readonly shortened: boolean;
}

interface Extent {
  /** How often each shape is used. */
  readonly uses: ReadonlyMap<string, number>;
  /** How far from the root each is. */
  readonly distance: ReadonlyMap<string, number>;
}

/** `"x":{"type":"…"}` */
const LEAST_MEMBER = 16;
const SOFT: Readonly<Record<Side, number>> = { input: 32 * 1024, output: 16 * 1024 };
const DETAILS: readonly Detail[] = [
  { top: 500, nested: 300, depth: Infinity },
  { top: 300, nested: 100, depth: Infinity },
  { top: 160, nested: 0, depth: Infinity },
  { top: 80, nested: 0, depth: 6 },
  { top: 80, nested: 0, depth: 4 },
  { top: 60, nested: 0, depth: 3 },
  { top: 0, nested: 0, depth: 2 },
  { top: 0, nested: 0, depth: 1 },
  { top: 0, nested: 0, depth: 0 },
];
/** What is larger is not made. */
const HARD = 64 * 1024;
const MAX_INLINE_DEPTH = 5;
const DEFINED: ReadonlySet<string> = new Set(['structure', 'union', 'list', 'map']);

/** The schema of a structure, within a size that models can read; undefined when even its outline is too large. */
export function renderSchema(model: Model, root: string, options: SchemaOptions): RenderedSchema | undefined {
  const extent = survey(model, root, options);
  const soft = SOFT[options.side];
  let last: JsonObject = { type: 'object' };
  for (const [index, detail] of DETAILS.entries()) {
    // What cannot fit is not tried.
    if (index < DETAILS.length - 1 && leastSize(model, extent, detail.depth) > soft) continue;
    last = renderWith(model, root, options, detail, extent);
    if (JSON.stringify(last).length <= soft) return { schema: last, shortened: index > 1 };
  }
  return JSON.stringify(last).length <= HARD ? { schema: last, shortened: true } : undefined;
}

/** Characters that the members of all shapes up to a depth take at the least. */
function leastSize(model: Model, { distance }: Extent, depth: number): number {
  let size = 0;
  for (const [id, far] of distance) {
    const shape = far <= depth ? model.shapes.get(id) : undefined;
    if (shape?.type === 'structure' || shape?.type === 'union') size += shape.members.size * LEAST_MEMBER;
  }
  return size;
}

function renderWith(
  model: Model,
  root: string,
  options: SchemaOptions,
  detail: Detail,
  { uses, distance }: Extent,
): JsonObject {
  const definitions = new Map<string, { readonly name: string; schema?: Schema }>();
  const names = new Set<string>();

  /** Reference to a shape's definition, made when it is first met. */
  const refer = (shape: Shape): Schema => {
    let definition = definitions.get(shape.id);
    if (definition === undefined) {
      definition = { name: definitionName(shape.id, names) };
      definitions.set(shape.id, definition);
      definition.schema = convert(shape, MAX_INLINE_DEPTH);
    }
    return { $ref: `#/$defs/${definition.name}` };
  };

  const place = (shape: Shape | undefined, depth: number): Schema => {
    if (shape === undefined) return {};
    const isShared = (uses.get(shape.id) ?? 0) > 1;
    const isLarge = DEFINED.has(shape.type) ? shape.members.size > 0 : isLongEnum(shape);
    const mustRefer = isShared || (depth >= MAX_INLINE_DEPTH && DEFINED.has(shape.type));
    if (!isLarge || !mustRefer || isTooDeep(shape)) return convert(shape, depth);
    return refer(shape);
  };

  const isLongEnum = (shape: Shape): boolean => options.side === 'input' && enumSize(shape) > LONG_ENUM;

  const isTooDeep = (shape: Shape): boolean =>
    DEFINED.has(shape.type) && (distance.get(shape.id) ?? 0) > detail.depth;

  const convert = (shape: Shape, depth: number): Schema => {
    if (isTooDeep(shape)) return openSchema(shape);
    switch (shape.type) {
      case 'structure':
        return convertStructure(shape, depth, false);
      case 'union':
        return convertUnion(shape, depth);
      case 'list': {
        const member = shape.members.get('member');
        return {
          type: 'array',
          items: member === undefined ? {} : sparse(shape, placeMember(member, depth)),
          ...constraintsOf(shape, {}, options),
        };
      }
      case 'map': {
        const value = shape.members.get('value');
        const names = keyConstraints(shape);
        return {
          type: 'object',
          ...(names === undefined ? {} : { propertyNames: names }),
          ...(value === undefined ? {} : { additionalProperties: sparse(shape, placeMember(value, depth)) }),
          ...constraintsOf(shape, {}, options),
        };
      }
      default:
        return convertSimple(shape, {}, options, detail);
    }
  };

  /** What the keys of a map have to be, where that is not any text. */
  const keyConstraints = (shape: Shape): Schema | undefined => {
    const key = shape.members.get('key');
    const target = key === undefined ? undefined : model.shapes.get(key.target);
    if (key === undefined || target === undefined) return undefined;
    const constraints = constraintsOf(target, key.traits, options);
    return Object.keys(constraints).length === 0 ? undefined : constraints;
  };

  /** A member of a list or map, with its own constraints. */
  const placeMember = (member: Member, depth: number): Schema => {
    const shape = model.shapes.get(member.target);
    if (shape !== undefined && !DEFINED.has(shape.type) && Object.keys(member.traits).length > 0)
      return convertSimple(shape, member.traits, options, detail);
    return place(shape, depth + 1);
  };

  const property = (member: Member, depth: number): Schema => {
    const shape = model.shapes.get(member.target);
    const isAggregate = shape !== undefined && DEFINED.has(shape.type);
    const isPlain = shape === undefined || isAggregate || isLongEnum(shape);
    const schema = isPlain ? place(shape, depth + 1) : convertSimple(shape, member.traits, options, detail);
    const length = depth === 0 ? detail.top : detail.nested;
    const text =
      documentationOf(member.traits, length) ??
      (shape === undefined ? undefined : documentationOf(shape.traits, length));
    // What is mostly text need not be encoded, where there is room to say so.
    const isBytes = depth === 0 && options.side === 'input' && shape?.type === 'blob';
    const told: Schema = isBytes ? bytesOrText() : { ...schema };
    if (isAggregate) Object.assign(told, constraintsOf(shape, member.traits, options));
    if (text !== undefined) told['description'] = text;
    if (trait(member.traits, 'deprecated') !== undefined) told['deprecated'] = true;
    return told;
  };

  const convertStructure = (shape: Shape, depth: number, isRoot: boolean): Schema => {
    const properties: Schema = {};
    const required: string[] = [];
    for (const [name, member] of shape.members) {
      if (isHidden(name, member, isRoot)) continue;
      const key = options.side === 'input' ? argumentOf(name) : name;
      define(properties, key, property(member, isRoot ? 0 : depth + 1));
      if (options.side === 'input' && mustBeGiven(name, member, isRoot)) required.push(key);
    }
    return {
      type: 'object',
      properties,
      ...(required.length === 0 ? {} : { required }),
      ...(options.side === 'input' ? { additionalProperties: false } : {}),
    };
  };

  const isHidden = (name: string, member: Member, isRoot: boolean): boolean =>
    (isRoot && options.hidden?.has(name) === true) ||
    (options.side === 'input' && trait(member.traits, 'internal') !== undefined);

  const mustBeGiven = (name: string, member: Member, isRoot: boolean): boolean => {
    if (trait(member.traits, 'required') === undefined || (isRoot && options.optional?.has(name) === true))
      return false;
    if (isRoot && trait(member.traits, 'idempotencyToken') !== undefined) return false;
    const shape = model.shapes.get(member.target);
    const filled = trait(member.traits, 'default') ?? trait(shape?.traits ?? {}, 'default');
    return filled === undefined || filled === null || isRoot;
  };

  const convertUnion = (shape: Shape, depth: number): Schema => {
    const alternatives: Schema[] = [];
    const properties: Schema = {};
    for (const [name, member] of shape.members) {
      const key = options.side === 'input' ? argumentOf(name) : name;
      const schema = property(member, depth + 1);
      define(properties, key, schema);
      const own: Schema = {};
      define(own, key, schema);
      alternatives.push({ type: 'object', properties: own, required: [key], additionalProperties: false });
    }
    // Exactly one member; a newer service may answer with one that the model does not have yet.
    if (options.side === 'output') return { type: 'object', properties };
    return alternatives.length === 0 ? { type: 'object' } : { type: 'object', oneOf: alternatives };
  };

  const sparse = (shape: Shape, schema: Schema): Schema =>
    trait(shape.traits, 'sparse') === undefined || Object.keys(schema).length === 0
      ? schema
      : { anyOf: [schema, { type: 'null' }] };

  const shape = model.shapes.get(root);
  const schema = shape === undefined ? { type: 'object', properties: {} } : convertStructure(shape, 0, true);
  const placed: Schema = {};
  for (const { name, schema: made } of definitions.values()) placed[name] = made ?? {};
  return definitions.size === 0 ? schema : { ...schema, $defs: placed };
}

/** How often each shape is used, and how far from the root it is. */
function survey(model: Model, root: string, { hidden }: SchemaOptions): Extent {
  const uses = new Map<string, number>();
  const distance = new Map<string, number>([[root, 0]]);
  // A Map is walked to its growing end.
  for (const [id, depth] of distance) {
    const shape = model.shapes.get(id);
    if (shape === undefined || shape.type === 'enum' || shape.type === 'intEnum') continue;
    for (const [name, { target }] of shape.members) {
      if (id === root && hidden?.has(name) === true) continue;
      uses.set(target, (uses.get(target) ?? 0) + (target === root ? 2 : 1));
      if (!distance.has(target)) distance.set(target, depth + 1);
    }
  }
  return { uses, distance };
}

/** The shape's own name, or one with a hash where several namespaces have it. */
function definitionName(id: string, names: Set<string>): string {
  const own = shapeName(id);
  const name = names.has(own)
    ? `${own}_${createHash('sha256').update(shapeNamespace(id)).digest('hex').slice(0, 8)}`
    : own;
  names.add(name);
  return name;
}

function define(target: Schema, name: string, value: Schema): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
  else target[name] = value;
}
