// The answer of an operation: which media types to ask for, and what the success answer looks like when it is
// JSON. Output schemas describe and never police (see relax.ts).

import type { JsonObject } from '../../../core/json.ts';
import { mediaList } from './body.ts';
import { flattenObject } from './flatten.ts';
import { essence, isJson, preferMedia } from './media.ts';
import { emptyObject, entriesOf, isRaw, listMember, member, type Schema } from './raw.ts';
import { relaxSchema } from './relax.ts';
import { readType } from './schema-types.ts';
import { convertSchema, type SchemaContext } from './schema.ts';

/** What the document says of the answer. */
export interface ResponseReading {
  readonly accept: string;
  /** Schema of structured answers, not yet with its definitions, and the member that wraps them (`''`: none). */
  readonly output?: { readonly schema: JsonObject; readonly structured: string };
}

const SUCCESS = ['200', '201', '202', '203', '206', '2XX', '2xx'];

/** Reads the success answers of an operation. */
export function readResponse(root: unknown, operation: unknown, context: SchemaContext): ResponseReading {
  const answers = successAnswers(operation, context);
  const media = answers.flatMap((answer) => mediaOf(root, operation, answer, context));
  const types = [
    ...new Map(preferMedia(media).map(([type]) => [essence(type), type.trim()] as const)).values(),
  ].filter((type) => /^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+(\s*;[\w\s=.+"-]*)?$/.test(type));
  const accept = acceptOf(types);
  const schemas = answers
    .map(
      (answer) =>
        preferMedia(mediaOf(root, operation, answer, context)).find(
          ([type]) => isJson(type) || type === '*/*',
        )?.[1],
    )
    .filter((schema) => schema !== undefined && schema !== null);
  const [first, ...others] = schemas;
  if (first === undefined) return { accept };
  const shape = shapeOf(first, context);
  if (shape === undefined || others.some((other) => shapeOf(other, context) !== shape)) return { accept };
  const output = shape === 'object' ? objectOutput(first, context) : arrayOutput(first, context);
  return { accept, ...(output === undefined ? {} : { output }) };
}

function acceptOf(types: readonly string[]): string {
  const named = types.filter((type) => type !== '*/*');
  const json = named.filter(isJson);
  const first = (json.length > 0 ? json : named).slice(0, 4);
  return [...(first.length > 0 ? first : ['application/json']), '*/*;q=0.1'].join(', ');
}

function successAnswers(operation: unknown, context: SchemaContext): unknown[] {
  const responses = member(operation, 'responses');
  const found = SUCCESS.map((status) => member(responses, status)).filter((answer) => answer !== undefined);
  const answers = found.length > 0 ? found : [member(responses, 'default')];
  return answers.map((answer) => {
    const end = context.references.follow(answer);
    return 'missing' in end ? undefined : end.node;
  });
}

/** Media types of one answer with their schemas. */
function mediaOf(
  root: unknown,
  operation: unknown,
  answer: unknown,
  context: SchemaContext,
): [string, unknown][] {
  if (context.dialect.version === '2.0') {
    const produces = mediaList(operation, root, 'produces');
    return (produces.length > 0 ? produces : ['application/json']).map((type) => [
      type,
      member(answer, 'schema'),
    ]);
  }
  return entriesOf(member(answer, 'content')).map(([type, media]) => {
    const end = context.references.follow(media);
    return [type, 'missing' in end ? undefined : member(end.node, 'schema')];
  });
}

/** Whether a schema describes objects or arrays; undefined for anything else. */
function shapeOf(
  schema: unknown,
  context: SchemaContext,
  base = '',
  depth = 0,
): 'object' | 'array' | undefined {
  const found = context.references.follow(schema, base);
  if ('missing' in found || !isRaw(found.node) || depth > 8) return undefined;
  const types = readType(member(found.node, 'type')).types.filter((type) => type !== 'null');
  if (types.length > 1) return undefined;
  if (
    types[0] === 'array' ||
    (types.length === 0 && isRaw(member(found.node, 'items')) && !isRaw(member(found.node, 'properties')))
  )
    return 'array';
  if (types[0] === 'object' || isRaw(member(found.node, 'properties'))) return 'object';
  if (types.length > 0) return undefined;
  for (const part of listMember(found.node, 'allOf')) {
    const shape = shapeOf(part, context, found.base, depth + 1);
    if (shape !== undefined) return shape;
  }
  return undefined;
}

function objectOutput(schema: unknown, context: SchemaContext): ResponseReading['output'] {
  const flat = flattenObject(withoutNull(schema, context), '', context);
  if (
    flat === undefined ||
    (flat.properties.size === 0 && (flat.additional === undefined || flat.additional === true))
  )
    return undefined;
  const out = emptyObject();
  out['type'] = 'object';
  const properties = emptyObject();
  for (const [name, property] of flat.properties) properties[name] = relaxSchema(property);
  if (flat.properties.size > 0) out['properties'] = properties;
  else if (
    flat.additional !== undefined &&
    flat.additional !== true &&
    Object.keys(flat.additional).length > 0
  )
    out['additionalProperties'] = relaxSchema(flat.additional);
  return { schema: out, structured: '' };
}

/** An object that may be null is still an object when it is there. */
function withoutNull(schema: unknown, context: SchemaContext): unknown {
  const end = context.references.follow(schema);
  if ('missing' in end || !isRaw(end.node) || end.base !== '') return schema;
  const type = member(end.node, 'type');
  const isNullable =
    member(end.node, 'nullable') === true || member(end.node, 'x-nullable') === true || Array.isArray(type);
  return isNullable ? { ...end.node, nullable: false, 'x-nullable': false, type: 'object' } : schema;
}

function arrayOutput(schema: unknown, context: SchemaContext): ResponseReading['output'] {
  const result: Schema = relaxSchema(convertSchema(schema, '', context));
  const out = emptyObject();
  out['type'] = 'object';
  out['properties'] = { result };
  out['required'] = ['result'];
  return { schema: out, structured: 'result' };
}
