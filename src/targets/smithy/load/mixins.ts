// Mixins and apply statements → shapes that stand on their own (Smithy 2.0, "Mixins"). A shape whose mixins go round in
// circles or are missing is left out with the reason; nothing here recurses without an end.

import type { JsonObject, JsonValue } from '../../../core/json.ts';
import type { Member, Shape, Traits } from '../model.ts';
import { trait } from '../model.ts';
import type { Draft, DraftShape } from './ast.ts';

/** Lists that services, operations and resources take over from their mixins, with their own entries behind. */
const INHERITED_LISTS = ['operations', 'resources', 'errors', 'collectionOperations'];
const MAX_DEPTH = 200;
const NOT_INHERITED: ReadonlySet<string> = new Set([
  'type',
  'traits',
  'mixins',
  'members',
  ...INHERITED_LISTS,
]);

/** Flattens all shapes; those that are mixins themselves are left out, and applied traits are on what they name. */
export function flatten(draft: Draft): Map<string, Shape> {
  const done = new Map<string, Shape | undefined>();
  const open = new Set<string>();

  const visit = (shape: DraftShape): Shape | undefined => {
    if (done.has(shape.id)) return done.get(shape.id);
    if (open.has(shape.id)) {
      draft.faults.push({ shape: shape.id, reason: 'its mixins go round in a circle' });
      return undefined;
    }
    if (open.size >= MAX_DEPTH) {
      draft.faults.push({ shape: shape.id, reason: `its mixins are nested more than ${MAX_DEPTH} deep` });
      return undefined;
    }
    open.add(shape.id);
    const flat = mix(shape);
    open.delete(shape.id);
    done.set(shape.id, flat);
    return flat;
  };

  const mix = (shape: DraftShape): Shape | undefined => {
    let traits: Traits = {};
    const members = new Map<string, Member>();
    let properties: JsonObject = {};
    for (const id of shape.mixins) {
      const source = draft.shapes.get(id);
      const mixin = source === undefined ? undefined : visit(source);
      if (mixin === undefined) {
        const reason = source === undefined ? 'is not in the model' : 'cannot be used';
        draft.faults.push({ shape: shape.id, reason: `its mixin ${id} ${reason}` });
        return undefined;
      }
      traits = { ...traits, ...inherited(mixin.traits) };
      for (const [name, member] of mixin.members) members.set(name, join(members.get(name), member));
      properties = joinProperties(properties, mixin.properties);
    }
    for (const [name, member] of shape.members) members.set(name, join(members.get(name), member));
    for (const [name, member] of members) {
      const more = draft.applied.get(`${shape.id}$${name}`);
      if (more !== undefined) members.set(name, { ...member, traits: { ...member.traits, ...more } });
    }
    return Object.freeze({
      id: shape.id,
      type: shape.type,
      traits: { ...traits, ...shape.traits, ...draft.applied.get(shape.id) },
      members,
      properties: joinProperties(properties, shape.properties),
    });
  };

  for (const shape of draft.shapes.values()) visit(shape);
  reportLostTraits(draft, done);
  const shapes = new Map<string, Shape>();
  for (const [id, shape] of done)
    if (shape !== undefined && trait(shape.traits, 'mixin') === undefined) shapes.set(id, shape);
  return shapes;
}

/** A mixin's traits but for the mixin trait itself and those it keeps to itself. */
function inherited(traits: Traits): Traits {
  const mixin = trait(traits, 'mixin');
  const local =
    typeof mixin === 'object' && mixin !== null && 'localTraits' in mixin ? mixin.localTraits : [];
  const kept = new Set<JsonValue>(Array.isArray(local) ? (local as JsonValue[]) : []);
  return Object.fromEntries(
    Object.entries(traits).filter(([id]) => id !== 'smithy.api#mixin' && !kept.has(id)),
  );
}

function join(before: Member | undefined, own: Member): Member {
  if (before === undefined) return own;
  return { target: own.target, traits: { ...before.traits, ...own.traits } };
}

function joinProperties(before: JsonObject, own: JsonObject): JsonObject {
  const joined: Record<string, JsonValue | undefined> = {};
  for (const source of [before, own])
    for (const [name, value] of Object.entries(source)) {
      const earlier = joined[name];
      if (INHERITED_LISTS.includes(name) && Array.isArray(earlier) && Array.isArray(value))
        joined[name] = union(earlier as JsonValue[], value as JsonValue[]);
      else if (!NOT_INHERITED.has(name) || INHERITED_LISTS.includes(name)) joined[name] = value;
    }
  return joined;
}

/** Both lists, each entry once: mixins of mixins may bring the same ones over and over. */
function union(one: readonly JsonValue[], other: readonly JsonValue[]): JsonValue[] {
  return [...new Map([...one, ...other].map((entry) => [JSON.stringify(entry), entry])).values()];
}

function reportLostTraits(draft: Draft, done: ReadonlyMap<string, Shape | undefined>): void {
  for (const id of draft.applied.keys()) {
    const [shape = '', member] = id.split('$');
    const target = done.get(shape);
    const isThere = member === undefined ? done.has(shape) : target?.members.has(member) === true;
    if (!isThere && !shape.startsWith('smithy.api#'))
      draft.faults.push({ shape: id, reason: 'traits are applied to it, but it is not in the model' });
  }
}
