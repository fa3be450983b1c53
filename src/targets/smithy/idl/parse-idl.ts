// Smithy IDL text → the JSON AST that Smithy's own tools make of it (Smithy 2.0, "JSON AST"): the one form that the rest
// of this folder's neighbours know. Several files are one model.

import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject, JsonValue } from '../../../core/json.ts';
import { assembleShape } from './assemble.ts';
import type { Assembly } from './assemble.ts';
import { createResolver, toJson, traitsOf } from './resolve.ts';
import { readFile } from './statements.ts';
import type { IdlFile, IdlProblem } from './statements.ts';
import type { RawShape } from './shapes.ts';

export interface ParsedIdl {
  /** `{ smithy, metadata?, shapes }`. */
  readonly ast: JsonObject;
  /** Statements that were left out, and why. */
  readonly faults: readonly IdlProblem[];
}

/** Reads the files of a model. Nothing is thrown: what cannot be read is a fault, and the rest is there. */
export function parseIdl(files: readonly { readonly name: string; readonly text: string }[]): ParsedIdl {
  const read = files.map(({ name, text }) => readFile(name, text));
  const faults = read.flatMap(({ problems }) => problems);
  const everyShape = read.flatMap((file) =>
    file.shapes.flatMap(withInline).map((shape) => ({ file, shape, id: `${file.namespace}#${shape.name}` })),
  );
  const known = new Map(everyShape.map(({ id, shape, file }) => [id, { shape, file }]));
  const ids = new Set(known.keys());
  const resolvers = new Map(read.map((file) => [file, createResolver(file, ids)]));
  const assembly: Assembly = {
    resolverOf: (file) => resolvers.get(file) ?? ((id) => id),
    shapeOf: (id) => known.get(id),
    isListTrait: (id) => ['list', 'set'].includes(known.get(id)?.shape.type ?? ''),
  };
  const shapes = new Map<string, JsonObject>();
  for (const { file, shape, id } of everyShape)
    for (const [name, made] of assembleShape(id, shape, file, assembly)) {
      const before = shapes.get(name);
      // The same words twice are no contradiction (Smithy 2.0, "Merging models").
      if (before && JSON.stringify(before) !== JSON.stringify(made))
        faults.push(file.problemAt(shape.offset, `the shape ${id} is defined twice, and differently`));
      else shapes.set(name, made);
    }
  for (const file of read) applyTraits(file, shapes, assembly, faults);
  const metadata = metadataOf(read, assembly);
  return {
    ast: {
      smithy: read.every(isVersion1) ? '1.0' : '2.0',
      ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
      shapes: Object.fromEntries(shapes),
    },
    faults,
  };
}

/** A shape and the inputs and outputs that are written inside it. */
function withInline(shape: RawShape): readonly RawShape[] {
  const { input, output } = shape.operation ?? {};
  return [shape, input, output].filter((one): one is RawShape => typeof one === 'object');
}

/** Files without `$version` are 1.0. */
function isVersion1({ control }: IdlFile): boolean {
  const version = control.get('version');
  return version === undefined || (typeof version === 'string' && /^1(\.|$)/.test(version));
}

/** Traits that are applied from outside: to a shape or member of these files, else as an `apply` entry. */
function applyTraits(
  file: IdlFile,
  shapes: Map<string, JsonObject>,
  { resolverOf, isListTrait }: Assembly,
  faults: IdlProblem[],
): void {
  const resolve = resolverOf(file);
  const withTraits = (shape: JsonObject, traits: IdlFile['applies'][number]['traits']): JsonObject => ({
    ...shape,
    traits: traitsOf(traits, resolve, isListTrait, isJsonObject(shape['traits']) ? shape['traits'] : {}),
  });
  for (const { target, traits, offset } of file.applies) {
    const id = resolve(target);
    const [shapeId = '', member] = id.split('$');
    const shape = shapes.get(shapeId);
    const members = isJsonObject(shape?.['members']) ? shape['members'] : {};
    const own = member === undefined ? undefined : members[member];
    if (shape && member === undefined) shapes.set(id, withTraits(shape, traits));
    else if (shape && member !== undefined && isJsonObject(own))
      shapes.set(shapeId, { ...shape, members: { ...members, [member]: withTraits(own, traits) } });
    else if (shape && member !== undefined && isJsonObject(shape[member]))
      shapes.set(shapeId, { ...shape, [member]: withTraits(shape[member], traits) });
    else if (shape && !Array.isArray(shape['mixins']))
      faults.push(file.problemAt(offset, `there is no member ${id} to apply traits to`));
    else shapes.set(id, withTraits(shapes.get(id) ?? { type: 'apply' }, traits));
  }
}

/** Lists under one key are joined (Smithy 2.0, "Merging metadata"). */
function metadataOf(files: readonly IdlFile[], { resolverOf }: Assembly): JsonObject {
  const metadata = new Map<string, JsonValue>();
  for (const file of files)
    for (const [key, node] of file.metadata) {
      const value = toJson(node, resolverOf(file));
      const before = metadata.get(key);
      metadata.set(
        key,
        Array.isArray(before) && Array.isArray(value)
          ? [...(before as readonly JsonValue[]), ...(value as readonly JsonValue[])]
          : value,
      );
    }
  return Object.fromEntries(metadata);
}
