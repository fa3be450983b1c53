// The schemas of a document that others refer to, converted once each and kept with their names. One set for
// requests and one for responses, because readOnly and writeOnly make them differ.

import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../core/json.ts';
import { parsePointer, type Located, type References } from './references.ts';
import { convertSchema, type SchemaContext } from './schema.ts';
import type { PatternCheck } from './patterns.ts';
import { countReferences, withoutTexts } from './subschemas.ts';
import type { Dialect } from './versions.ts';
import type { Work } from './work.ts';

/** A definition in one degree of wordiness. */
export interface DefinitionText {
  readonly schema: JsonObject;
  readonly references: ReadonlyMap<string, number>;
  readonly size: number;
}

/** How much of the texts is kept: 0 all, 1 short, 2 none. */
export type Terseness = 0 | 1 | 2;

export interface Definitions {
  /** For converting schemas outside the definitions; its notes go to the current sink. */
  readonly context: SchemaContext;
  /** Sends the notes of conversions to come to another list. */
  noteTo(sink: Set<string>): void;
  /** A definition by name, and the notes made when it was converted. */
  get(name: string, terseness: Terseness): DefinitionText;
  notes(name: string): ReadonlySet<string>;
}

interface Held {
  readonly target: Located;
  readonly notes: Set<string>;
  readonly texts: (DefinitionText | undefined)[];
}

/** Creates an empty set. `finish` is applied to each definition after conversion. */
export function createDefinitions(options: {
  readonly dialect: Dialect;
  readonly references: References;
  readonly direction: 'request' | 'response';
  readonly work: Work;
  readonly isUsablePattern: PatternCheck;
  readonly finish: (schema: JsonObject) => JsonObject;
}): Definitions {
  const held = new Map<string, Held>();
  const names = new Map<string, string>();
  let sink = new Set<string>();

  const context: SchemaContext = {
    ...options,
    jsonSchema: options.dialect.jsonSchema,
    note: (reason) => sink.add(reason),
    refer(target) {
      const end = options.references.follow(target.node, target.base);
      const place = 'missing' in end || end.pointer === '' ? target : end;
      const before = names.get(place.pointer);
      if (before !== undefined) return before;
      const name = definitionName(place.pointer, held);
      names.set(place.pointer, name);
      held.set(name, { target: place, notes: new Set(), texts: [] });
      return name;
    },
  };

  function find(name: string): Held {
    const found = held.get(name);
    if (found === undefined) throw new Error(`definition ${name} was never referred to`);
    return found;
  }

  return {
    context,
    noteTo(next) {
      sink = next;
    },
    get(name, terseness) {
      const definition = find(name);
      const known = definition.texts[terseness];
      if (known !== undefined) return known;
      const schema = terseness === 0 ? convert(definition) : strip(this.get(name, 0).schema, terseness);
      const text = { schema, references: countReferences(schema), size: JSON.stringify(schema).length };
      definition.texts[terseness] = text;
      return text;
    },
    notes: (name) => find(name).notes,
  };

  function convert(definition: Held): JsonObject {
    const outer = sink;
    sink = definition.notes;
    try {
      return options.finish(convertSchema(definition.target.node, definition.target.base, context));
    } finally {
      sink = outer;
    }
  }
}

function strip(schema: JsonObject, terseness: Terseness): JsonObject {
  return withoutTexts(schema, terseness === 1 ? 120 : 0);
}

/** `#/components/schemas/Pet` is `Pet`; other places are named by their whole path. */
export function definitionName(pointer: string, taken: { has(name: string): boolean }): string {
  const tokens = parsePointer(pointer);
  const own =
    /^\/(components\/schemas|definitions)\/[^/]+$/.test(pointer) ||
    /\/(\$defs|definitions)\/[^/]+$/.test(pointer);
  const words = own ? tokens.slice(-1) : tokens;
  const wish = words.join('_');
  const clean = wish.replaceAll(/[^A-Za-z0-9_.-]+/g, '_').slice(0, 100) || 'Schema';
  const hash = createHash('sha256').update(pointer).digest('hex').slice(0, 8);
  // `__proto__` is a fine name in a document, but no member name to hand to a client.
  const name =
    clean.length === wish.length && clean !== '__proto__' ? clean : `${clean.slice(0, 91)}_${hash}`;
  return taken.has(name) ? `${name.slice(0, 91)}_${hash}` : name;
}
