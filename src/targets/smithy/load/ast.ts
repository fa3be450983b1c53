// Smithy's JSON AST (1.0 and 2.0) → shapes. Each definition is read on its own: what is wrong with one becomes a fault
// that names it, and the others are kept. Merges several documents; mixins are mixins.ts's matter.

import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import {
  AGGREGATE_TYPES,
  SERVICE_TYPES,
  SIMPLE_TYPES,
  type Member,
  type ModelFault,
  type Shape,
  type ShapeType,
  type Traits,
} from '../model.ts';

/** A shape as it is written, before its mixins are mixed in. */
export interface DraftShape extends Shape {
  readonly mixins: readonly string[];
}

/** What the documents say, unconnected. */
export interface Draft {
  readonly version: string;
  readonly shapes: Map<string, DraftShape>;
  /** Target of an `apply` (a shape id, or `shape$member`) → traits. */
  readonly applied: Map<string, Traits>;
  readonly faults: ModelFault[];
}

const TYPES: ReadonlySet<string> = new Set([...SIMPLE_TYPES, ...AGGREGATE_TYPES, ...SERVICE_TYPES]);
const SHAPE_ID = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*#[A-Za-z_][A-Za-z0-9_]*$/;
const MEMBER_ID = /^[A-Za-z_][A-Za-z0-9_.]*#[A-Za-z_][A-Za-z0-9_]*\$[A-Za-z_][A-Za-z0-9_]*$/;
/** Of the type-specific members, those that hold members. */
const SINGLE_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  list: ['member'],
  map: ['key', 'value'],
};

/** Reads one document's `shapes` into a draft. */
export function readAst(ast: JsonObject, draft: Draft): void {
  const shapes = ast['shapes'];
  if (!isJsonObject(shapes)) return;
  for (const [id, definition] of Object.entries(shapes)) {
    if (isJsonObject(definition) && definition['type'] === 'apply') {
      apply(id, definition, draft);
      continue;
    }
    const shape = readShape(id, definition, draft);
    if (shape === undefined) continue;
    const before = draft.shapes.get(id);
    if (before !== undefined && JSON.stringify(before.properties) !== JSON.stringify(shape.properties))
      draft.faults.push({ shape: id, reason: 'is defined twice, differently; the first definition counts' });
    else if (before === undefined) draft.shapes.set(id, shape);
  }
}

function apply(id: string, definition: JsonObject, draft: Draft): void {
  if (!SHAPE_ID.test(id) && !MEMBER_ID.test(id)) {
    draft.faults.push({ shape: id, reason: 'traits are applied to what is no shape id' });
    return;
  }
  draft.applied.set(id, { ...draft.applied.get(id), ...readTraits(definition['traits']) });
}

function readShape(id: string, definition: JsonValue | undefined, draft: Draft): DraftShape | undefined {
  const fault = (reason: string): undefined => {
    draft.faults.push({ shape: id, reason });
    return undefined;
  };
  if (!SHAPE_ID.test(id)) return fault('is no absolute shape id');
  if (!isJsonObject(definition)) return fault('its definition is not an object');
  const written = definition['type'];
  if (typeof written !== 'string') return fault('has no type');
  // Smithy 1.0's sets are lists whose items differ.
  const type = written === 'set' ? 'list' : written;
  if (!TYPES.has(type)) return fault(`is of type ${written}, which is not known`);
  return {
    id,
    type: type as ShapeType,
    traits: {
      ...readTraits(definition['traits']),
      ...(written === 'set' ? { 'smithy.api#uniqueItems': {} } : {}),
    },
    members: readMembers(id, type, definition, draft),
    properties: definition,
    mixins: readIds(definition['mixins']),
  };
}

function readMembers(id: string, type: string, definition: JsonObject, draft: Draft): Map<string, Member> {
  const members = new Map<string, Member>();
  const put = (name: string, value: JsonValue | undefined): void => {
    const target = isJsonObject(value) ? value['target'] : undefined;
    if (!isJsonObject(value) || typeof target !== 'string' || !SHAPE_ID.test(target))
      draft.faults.push({ shape: `${id}$${name}`, reason: 'the member has no target' });
    else members.set(name, { target, traits: readTraits(value['traits']) });
  };
  for (const name of SINGLE_MEMBERS[type] ?? [])
    if (definition[name] !== undefined) put(name, definition[name]);
  const written = definition['members'];
  if (isJsonObject(written)) for (const [name, value] of Object.entries(written)) put(name, value);
  return members;
}

/** A trait map; what is no object has no traits. */
export function readTraits(value: JsonValue | undefined): Traits {
  if (!isJsonObject(value)) return {};
  const traits: Record<string, JsonValue> = {};
  for (const [id, node] of Object.entries(value))
    if (node !== undefined && SHAPE_ID.test(id)) traits[id] = node;
  return traits;
}

/** The ids in a list of `{ target }`. */
export function readIds(value: JsonValue | undefined): string[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly JsonValue[]).flatMap((entry) => {
    const target = isJsonObject(entry) ? entry['target'] : entry;
    return typeof target === 'string' ? [target] : [];
  });
}
