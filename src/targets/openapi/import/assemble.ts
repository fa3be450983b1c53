// Puts a tool's schema together: its root and only the definitions it needs, within a size a model can read.
// What is used once is put in place; what does not fit is first told with fewer words, then left open.

import type { JsonObject } from '../../../core/json.ts';
import type { Definitions, DefinitionText, Terseness } from './definitions.ts';
import { emptyObject, type Schema } from './raw.ts';
import {
  countReferences,
  cutSchema,
  definitionOf,
  DEFINITION_PREFIX,
  loosenSchema,
  mapSubschemas,
  openSchema,
  withoutTexts,
} from './subschemas.ts';

/** Sizes in characters of JSON: above `soft` a schema is shortened, above `hard` it is not made. */
export interface SchemaBudget {
  readonly soft: number;
  readonly hard: number;
}

/** A schema that stands on its own, or undefined when even its outline is too large. */
export interface Assembled {
  readonly schema: JsonObject;
  readonly shortened: boolean;
}

const MAX_INLINE_DEPTH = 6;
/** A definition no longer than this is put in place however often it is used. */
const TINY = 80;

/** Assembles; notes made when the included definitions were converted go to `notes`. */
export function assembleSchema(
  root: JsonObject,
  definitions: Definitions,
  budget: SchemaBudget,
  notes: Set<string>,
): Assembled | undefined {
  for (const terseness of [0, 1, 2] as const) {
    const outline =
      terseness === 0 ? root : withoutTexts(root, terseness === 1 ? 120 : 0, terseness === 1 ? 400 : 160);
    const room = budget.soft - JSON.stringify(outline).length;
    if (room < 0) continue;
    const closure = closureOf(outline, definitions, terseness, room, terseness === 2);
    if (closure === undefined) continue;
    const schema = join(outline, closure, definitions, terseness);
    if (JSON.stringify(schema).length > budget.hard) continue;
    for (const name of closure.keys()) for (const note of definitions.notes(name)) notes.add(note);
    return { schema, shortened: terseness > 0 };
  }
  return cutDown(root, definitions, budget);
}

/** The outline alone is too large: leave its inside open, level by level. */
function cutDown(root: JsonObject, definitions: Definitions, budget: SchemaBudget): Assembled | undefined {
  const refer = (name: string): JsonObject => definitions.get(name, 2).schema;
  for (const depth of [6, 4, 3, 2, 1]) {
    const schema = cutSchema(withoutTexts(root, 0, depth > 2 ? 120 : 0), depth, refer);
    const size = JSON.stringify(schema).length;
    if (size <= budget.soft || (depth === 1 && size <= budget.hard)) return { schema, shortened: true };
  }
  return undefined;
}

/**
 * The definitions reachable from the outline, nearest first. When they do not all fit: undefined, or with
 * `partial` those that do.
 */
function closureOf(
  outline: JsonObject,
  definitions: Definitions,
  terseness: Terseness,
  room: number,
  partial: boolean,
): Map<string, DefinitionText> | undefined {
  const closure = new Map<string, DefinitionText>();
  const seen = new Set<string>();
  const queue = [...countReferences(outline).keys()];
  let left = room;
  for (let index = 0; index < queue.length; index += 1) {
    const name = queue[index] as string;
    if (seen.has(name)) continue;
    seen.add(name);
    const text = definitions.get(name, terseness);
    const cost = text.size + name.length + 4;
    if (cost > left) {
      if (partial) continue;
      return undefined;
    }
    left -= cost;
    closure.set(name, text);
    for (const next of text.references.keys()) if (!seen.has(next)) queue.push(next);
  }
  return closure;
}

function join(
  outline: JsonObject,
  closure: ReadonlyMap<string, DefinitionText>,
  definitions: Definitions,
  terseness: Terseness,
): JsonObject {
  const uses = countReferences(outline);
  for (const text of closure.values())
    for (const [name, count] of text.references) uses.set(name, (uses.get(name) ?? 0) + count);
  const kept = new Set<string>();
  const isPartial = [...uses.keys()].some((name) => !closure.has(name));

  const place = (whole: JsonObject, depth: number): Schema => {
    const schema = isPartial ? loosenSchema(whole) : whole;
    const name = definitionOf(schema);
    if (name === undefined) return mapSubschemas(schema, (sub) => place(sub, depth));
    const text = closure.get(name);
    const { $ref: _, ...siblings } = schema;
    if (text === undefined)
      return Object.assign(openSchema(definitions.get(name, terseness).schema), siblings);
    const plain = Object.keys(siblings).every(
      (key) => key === 'description' || key === 'title' || key === 'deprecated',
    );
    const once = uses.get(name) === 1 || (text.size <= TINY && text.references.size === 0);
    if (plain && once && depth < MAX_INLINE_DEPTH)
      return Object.assign(place(text.schema, depth + 1), siblings);
    kept.add(name);
    const out = mapSubschemas(schema, (sub) => place(sub, depth));
    return Object.assign(out, { $ref: DEFINITION_PREFIX + name });
  };

  const schema = place(outline, 0);
  const placed = emptyObject();
  // Placing one definition may keep others; a Set is walked to its growing end.
  for (const name of kept) placed[name] = place((closure.get(name) as DefinitionText).schema, 0);
  if (kept.size > 0) schema['$defs'] = placed;
  return schema;
}
