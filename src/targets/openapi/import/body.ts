// The body of a request: which media type, and whether its properties become arguments of their own or the whole
// body is the one argument `body`. Flat where nothing is lost by it, since models fill flat objects better.

import type { BodyKind, BodyPlan, PropertyEncoding } from '../plan.ts';
import { fieldEncoding, isFile, readEncoding } from './encoding.ts';
import { flattenObject } from './flatten.ts';
import { essence, isXml, kindOf, preferMedia } from './media.ts';
import { parameterSchema, type ParametersReading } from './parameters.ts';
import {
  emptyObject,
  entriesOf,
  isRaw,
  member,
  type Raw,
  type Schema,
  textMember,
  textsMember,
} from './raw.ts';
import { convertSchema, isOpen, type SchemaContext } from './schema.ts';

/** A body before its properties have their arguments. */
export interface ReadBody {
  readonly plan: Pick<BodyPlan, 'kind' | 'contentType' | 'required' | 'encoding'>;
  /** The properties, by name on the wire … */
  readonly properties?: ReadonlyMap<string, Schema>;
  /** … of which these are required; or the schema of the whole body. */
  readonly required?: ReadonlySet<string>;
  readonly whole?: Schema;
}

/** Reads the body of an operation, if it has one. `inOnePiece` keeps it whole and open. */
export function readBody(
  root: unknown,
  operation: unknown,
  parameters: ParametersReading,
  context: SchemaContext,
  inOnePiece = false,
): ReadBody | undefined {
  if (context.dialect.version === '2.0') {
    if (parameters.bodyParameter !== undefined)
      return swaggerBody(root, operation, parameters.bodyParameter, context, inOnePiece);
    return parameters.formFields.length === 0
      ? undefined
      : swaggerForm(root, operation, parameters.formFields, context);
  }
  const written = member(operation, 'requestBody');
  if (written === undefined || written === null) return undefined;
  const found = context.references.follow(written);
  if ('missing' in found || !isRaw(found.node)) {
    context.note(`the request body was left out: ${'missing' in found ? found.missing : 'it is no object'}`);
    return undefined;
  }
  const media = preferMedia(entriesOf(member(found.node, 'content')));
  const [chosen, ...others] = media;
  if (chosen === undefined) return undefined;
  const dropped = others.map(([type]) => type).filter((type) => kindOf(type) !== kindOf(chosen[0]));
  if (dropped.length > 0)
    context.note(`the body is sent as ${chosen[0]}, not as ${dropped.slice(0, 4).join(', ')}`);
  const holder = context.references.follow(chosen[1]);
  const mediaType = 'missing' in holder ? undefined : holder.node;
  const items = member(mediaType, 'itemSchema');
  // 3.2: the parts or lines of a sequence are described one by one.
  const schema = member(mediaType, 'schema') ?? (items === undefined ? undefined : { type: 'array', items });
  if (member(mediaType, 'prefixEncoding') !== undefined)
    context.note('prefixEncoding is not supported: each part is written by its own value');
  return layOut(
    schema,
    chosen[0],
    member(found.node, 'required') === true,
    textMember(found.node, 'description'),
    mediaType,
    context,
    inOnePiece,
  );
}

function layOut(
  schema: unknown,
  mediaType: string,
  required: boolean,
  description: string | undefined,
  media: unknown,
  context: SchemaContext,
  inOnePiece: boolean,
): ReadBody | undefined {
  const isBytes = /\*/.test(mediaType) && isFile(resolved(schema, context));
  const kind = isBytes ? 'binary' : kindOf(mediaType);
  const contentType = isBytes ? 'application/octet-stream' : contentTypeOf(mediaType);
  const plan = { kind, contentType, required };
  if (inOnePiece) return { plan, whole: describeBody(emptyObject(), description, contentType) };
  if (kind === 'text' || kind === 'binary')
    return { plan, whole: textOrBytes(kind, schema, contentType, description, context) };
  const flat = flattenObject(schema, '', context);
  const fields = kind === 'json' ? undefined : readEncoding(schema, media, kind, context);
  const encoded = {
    ...plan,
    ...(fields === undefined || Object.keys(fields).length === 0 ? {} : { encoding: fields }),
  };
  // `{}` is all that could be sent, and it need not be: generators write such bodies even for GET.
  if (!required && flat?.closed === true && flat.properties.size === 0 && flat.additional === undefined)
    return undefined;
  const isExact =
    flat !== undefined &&
    flat.properties.size > 0 &&
    flat.additional === undefined &&
    (required || flat.required.size === 0);
  if (isExact)
    return { plan: encoded, properties: flat.properties, required: required ? flat.required : new Set() };
  const whole = schema === undefined || schema === null ? emptyObject() : convertSchema(schema, '', context);
  // A form is made of named fields whatever the document says of it.
  if (kind !== 'json' && isOpen(whole)) whole['type'] = 'object';
  return { plan: encoded, whole: describeBody(whole, description, contentType) };
}

function resolved(schema: unknown, context: SchemaContext): unknown {
  const found = context.references.follow(schema);
  return 'missing' in found ? undefined : found.node;
}

function textOrBytes(
  kind: BodyKind,
  schema: unknown,
  contentType: string,
  description: string | undefined,
  context: SchemaContext,
): Schema {
  const own =
    isRaw(schema) && kind === 'text' && !isXml(contentType)
      ? convertSchema(schema, '', context)
      : emptyObject();
  const out = own['type'] === 'string' ? own : emptyObject();
  out['type'] = 'string';
  delete out['contentEncoding'];
  if (kind === 'binary') out['contentEncoding'] = 'base64';
  const form = kind === 'binary' ? 'base64' : isXml(contentType) ? 'XML text' : 'text';
  return describeBody(out, description, contentType, form);
}

function describeBody(
  schema: Schema,
  description: string | undefined,
  contentType: string,
  form = '',
): Schema {
  const own = typeof schema['description'] === 'string' ? schema['description'] : undefined;
  const text = description ?? own ?? 'The request body';
  const plain = essence(contentType) === 'application/json' && form === '';
  schema['description'] = plain
    ? text
    : `${text.replace(/[.\s]+$/, '')} (${form === '' ? '' : `${form}, `}${contentType}).`;
  return schema;
}

function contentTypeOf(mediaType: string): string {
  const type = mediaType.trim();
  if (/[\r\n]/.test(type) || !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+/.test(type))
    return /\*/.test(type) && /^(text)\//.test(type)
      ? 'text/plain'
      : /^(image|audio|video)\//.test(type)
        ? 'application/octet-stream'
        : 'application/json';
  return type;
}

function swaggerBody(
  root: unknown,
  operation: unknown,
  parameter: Raw,
  context: SchemaContext,
  inOnePiece: boolean,
): ReadBody | undefined {
  const consumes = mediaList(operation, root, 'consumes');
  const [chosen] = preferMedia(
    consumes
      .filter((type) => !/^(multipart\/|application\/x-www-form-urlencoded)/i.test(type))
      .map((type) => [type, type] as const),
  );
  // Swagger documents list XML and JSON out of habit: JSON is preferred by the order above.
  const mediaType = chosen?.[0] ?? consumes[0] ?? 'application/json';
  const required = member(parameter, 'required') === true;
  return layOut(
    member(parameter, 'schema'),
    mediaType,
    required,
    textMember(parameter, 'description'),
    undefined,
    context,
    inOnePiece,
  );
}

function swaggerForm(
  root: unknown,
  operation: unknown,
  fields: readonly Raw[],
  context: SchemaContext,
): ReadBody {
  const consumes = mediaList(operation, root, 'consumes').map(essence);
  const hasFile = fields.some((field) => textMember(field, 'type')?.toLowerCase() === 'file');
  const multipart =
    hasFile ||
    (consumes.includes('multipart/form-data') && !consumes.includes('application/x-www-form-urlencoded'));
  const properties = new Map<string, Schema>();
  const required = new Set<string>();
  const encoding = emptyObject() as Record<string, PropertyEncoding>;
  for (const field of fields) {
    const name = textMember(field, 'name') as string;
    const schema = parameterSchema(field, undefined, context);
    const description = textMember(field, 'description');
    if (description !== undefined) schema['description'] = description;
    properties.set(name, schema);
    if (member(field, 'required') === true) required.add(name);
    const own = fieldEncoding(field, multipart);
    if (own !== undefined) encoding[name] = own;
  }
  return {
    plan: {
      kind: multipart ? 'multipart' : 'form',
      contentType: multipart ? 'multipart/form-data' : 'application/x-www-form-urlencoded',
      required: required.size > 0,
      ...(Object.keys(encoding).length === 0 ? {} : { encoding }),
    },
    properties,
    required,
  };
}

/** `consumes` or `produces`: the operation's own, else the document's. */
export function mediaList(operation: unknown, root: unknown, key: string): string[] {
  const own = member(operation, key);
  return Array.isArray(own) ? textsMember(operation, key) : textsMember(root, key);
}
