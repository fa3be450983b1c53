// One shape as it was written → its entry of the JSON AST, names resolved. Members whose targets are left out get that of
// the resource they are for; those of a mixin become traits that are applied to the mixed-in member.

import type { JsonObject, JsonValue } from '../../../core/json.ts';
import { isIdlObject, ShapeReference } from './nodes.ts';
import type { IdlNode } from './nodes.ts';
import { toJson, traitsOf } from './resolve.ts';
import type { Resolve } from './resolve.ts';
import type { RawMember, RawOperation, RawShape } from './shapes.ts';
import type { IdlFile } from './statements.ts';

/** What members of enums target. */
const UNIT = 'smithy.api#Unit';

/** What has to be known of the other shapes. */
export interface Assembly {
  readonly resolverOf: (file: IdlFile) => Resolve;
  readonly shapeOf: (id: string) => { readonly shape: RawShape; readonly file: IdlFile } | undefined;
  readonly isListTrait: (id: string) => boolean;
}

type Entry = readonly [id: string, shape: JsonObject];

/** The shape's entry, and an `apply` entry for each mixed-in member that it gives traits. */
export function assembleShape(
  id: string,
  shape: RawShape,
  file: IdlFile,
  assembly: Assembly,
): readonly Entry[] {
  const resolve = assembly.resolverOf(file);
  const applied: Entry[] = [];
  const traits = traitsOf(shape.traits, resolve, assembly.isListTrait);
  const entry: JsonObject = {
    type: shape.type,
    ...(shape.mixins.length === 0
      ? {}
      : { mixins: shape.mixins.map((mixin) => ({ target: resolve(mixin) })) }),
    ...membersOf(id, shape, resolve, assembly, applied),
    ...(shape.properties === undefined ? {} : propertiesOf(shape, resolve)),
    ...(shape.operation === undefined ? {} : operationOf(shape.operation, resolve, file.namespace)),
    ...(Object.keys(traits).length === 0 ? {} : { traits }),
  };
  return [[id, entry], ...applied];
}

function membersOf(
  id: string,
  shape: RawShape,
  resolve: Resolve,
  assembly: Assembly,
  applied: Entry[],
): JsonObject {
  if (shape.members === undefined) return {};
  const isEnum = shape.type === 'enum' || shape.type === 'intEnum';
  const members: [string, JsonObject][] = [];
  for (const member of shape.members) {
    const traits = memberTraits(member, shape, resolve, assembly);
    const target = isEnum
      ? UNIT
      : member.target === undefined
        ? targetOfResource(shape, member.name, resolve, assembly)
        : resolve(member.target);
    const own = Object.keys(traits).length === 0 ? {} : { traits };
    if (target !== undefined) members.push([member.name, { target, ...own }]);
    else if (Object.keys(traits).length > 0)
      applied.push([`${id}$${member.name}`, { type: 'apply', traits }]);
  }
  if (shape.type !== 'list' && shape.type !== 'set' && shape.type !== 'map')
    return members.length === 0 ? {} : { members: Object.fromEntries(members) };
  // Lists and maps have their members beside their type.
  return Object.fromEntries(members);
}

/** `= value` is the value of an enum's member, and the default of any other. */
function memberTraits(
  { name, traits, assigned }: RawMember,
  shape: RawShape,
  resolve: Resolve,
  assembly: Assembly,
): JsonObject {
  const given = traitsOf(traits, resolve, assembly.isListTrait);
  if (shape.type !== 'enum' && shape.type !== 'intEnum')
    return assigned === undefined ? given : { ...given, 'smithy.api#default': toJson(assigned, resolve) };
  if (assigned !== undefined) return { ...given, 'smithy.api#enumValue': toJson(assigned, resolve) };
  const isNamed = given['smithy.api#enumValue'] !== undefined || isMixedIn(name, shape, resolve, assembly);
  return shape.type === 'enum' && !isNamed ? { ...given, 'smithy.api#enumValue': name } : given;
}

/** Whether a mixin of the shape, or of a mixin, has a member of this name: then the value is there. */
function isMixedIn(
  name: string,
  { mixins }: RawShape,
  resolve: Resolve,
  assembly: Assembly,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  return mixins.some((mixin) => {
    const id = resolve(mixin);
    const found = seen.has(id) ? undefined : assembly.shapeOf(id);
    if (!found) return false;
    if (found.shape.members?.some((member) => member.name === name)) return true;
    const resolveThere = assembly.resolverOf(found.file);
    return isMixedIn(name, found.shape, resolveThere, assembly, new Set([...seen, id]));
  });
}

/** The target of an elided member that the bound resource has as an identifier or property. */
function targetOfResource(
  { resource }: RawShape,
  name: string,
  resolve: Resolve,
  { shapeOf, resolverOf }: Assembly,
): string | undefined {
  const bound = resource === undefined ? undefined : shapeOf(resolve(resource));
  if (!bound) return undefined;
  for (const property of ['identifiers', 'properties']) {
    const held = bound.shape.properties?.members.find(([key]) => key === property)?.[1];
    const found = isIdlObject(held) ? held.members.find(([key]) => key === name)?.[1] : undefined;
    const id = idOf(found);
    if (id !== undefined) return resolverOf(bound.file)(id);
  }
  return undefined;
}

function idOf(node: IdlNode | undefined): string | undefined {
  if (node instanceof ShapeReference) return node.id;
  return typeof node === 'string' ? node : undefined;
}

/** What is left out is the unit type, or a mixin's. */
function operationOf(
  { input, output, errors }: RawOperation,
  resolve: Resolve,
  namespace: string,
): JsonObject {
  const targetOf = (side: string | RawShape): JsonObject => ({
    target: typeof side === 'string' ? resolve(side) : `${namespace}#${side.name}`,
  });
  return {
    ...(input === undefined ? {} : { input: targetOf(input) }),
    ...(output === undefined ? {} : { output: targetOf(output) }),
    ...(errors.length === 0 ? {} : { errors: errors.map((id) => ({ target: resolve(id) })) }),
  };
}

/** Properties of services and resources that refer to shapes. */
const ONE = new Set(['put', 'create', 'read', 'update', 'delete', 'list']);
const MANY = new Set(['operations', 'collectionOperations', 'resources', 'errors']);
const NAMED = new Set(['identifiers', 'properties']);

function propertiesOf({ properties }: RawShape, resolve: Resolve): JsonObject {
  const reference = (node: IdlNode): JsonValue => {
    const id = idOf(node);
    return id === undefined ? toJson(node, resolve) : { target: resolve(id) };
  };
  const entries = (properties?.members ?? []).map(([key, node]): [string, JsonValue] => {
    if (ONE.has(key)) return [key, reference(node)];
    if (MANY.has(key) && Array.isArray(node)) return [key, (node as readonly IdlNode[]).map(reference)];
    if (NAMED.has(key) && isIdlObject(node))
      return [key, Object.fromEntries(node.members.map(([name, target]) => [name, reference(target)]))];
    return [key, toJson(node, resolve)];
  });
  return Object.fromEntries(entries);
}
