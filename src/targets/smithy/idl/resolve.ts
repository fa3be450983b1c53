// What names of one file mean: shapes it uses, shapes of its own namespace in whichever file, then the prelude
// (Smithy 2.0, "Relative shape ID resolution"). And values with the names in them replaced.

import type { JsonObject, JsonValue } from '../../../core/json.ts';
import { isIdlObject, ShapeReference } from './nodes.ts';
import type { IdlNode } from './nodes.ts';
import { LIST_TRAITS, PRELUDE } from './prelude.ts';
import type { IdlFile } from './statements.ts';
import type { RawTrait } from './traits.ts';

/** Absolute id of a name as written in one file. */
export type Resolve = (id: string) => string;

/** @param known absolute ids of the shapes of all files */
export function createResolver(
  { namespace, uses }: Pick<IdlFile, 'namespace' | 'uses'>,
  known: ReadonlySet<string>,
): Resolve {
  const used = new Map(uses.map((id) => [id.slice(id.indexOf('#') + 1), id]));
  return (id) => {
    if (id.includes('#')) return id;
    const [name = '', member] = id.split('$');
    const own = `${namespace}#${name}`;
    const found = used.get(name) ?? (!known.has(own) && PRELUDE.has(name) ? `smithy.api#${name}` : own);
    return member === undefined ? found : `${found}$${member}`;
  };
}

/** The JSON form of a value. */
export function toJson(node: IdlNode, resolve: Resolve): JsonValue {
  if (node instanceof ShapeReference) return resolve(node.id);
  if (Array.isArray(node)) return (node as readonly IdlNode[]).map((item) => toJson(item, resolve));
  if (!isIdlObject(node)) return node as JsonValue;
  return Object.fromEntries(node.members.map(([key, value]) => [key, toJson(value, resolve)]));
}

/**
 * Traits by absolute id. A trait given twice has its lists joined; of other values the last one stands.
 * @param isListTrait whether a trait of the model's own has a list as its value
 */
export function traitsOf(
  traits: readonly RawTrait[],
  resolve: Resolve,
  isListTrait: (id: string) => boolean,
  before: JsonObject = {},
): JsonObject {
  const found = new Map(Object.entries(before));
  for (const { id, value } of traits) {
    const absolute = resolve(id);
    const empty: JsonValue = LIST_TRAITS.has(absolute) || isListTrait(absolute) ? [] : {};
    const given = value === undefined ? empty : toJson(value, resolve);
    const earlier = found.get(absolute);
    found.set(
      absolute,
      Array.isArray(earlier) && Array.isArray(given)
        ? [...(earlier as readonly JsonValue[]), ...(given as readonly JsonValue[])]
        : given,
    );
  }
  return Object.fromEntries(found);
}
