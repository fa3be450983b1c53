// The parameters of an operation: those of its path and its own, through references, without those that a
// credential or the protocol fills. Swagger 2.0's body and form parameters are handed on to the body's reader.

import type { CredentialPlacement } from '../../../core/outbound.ts';
import type { ParameterPlan } from '../plan.ts';
import { readCollectionFormat, readStyle, type ParameterPlace } from './parameter-style.ts';
import type { PathReading } from './path.ts';
import {
  entriesOf,
  isRaw,
  listMember,
  member,
  proseMember,
  textMember,
  type Raw,
  type Schema,
} from './raw.ts';
import { convertSchema, type SchemaContext } from './schema.ts';
import { isPlacedAt } from './security.ts';

/** A parameter before it has its argument. */
export interface ReadParameter extends Omit<ParameterPlan, 'argument'> {
  readonly schema: Schema;
}

export interface ParametersReading {
  readonly parameters: readonly ReadParameter[];
  /** Swagger 2.0: the `in: body` parameter and the `in: formData` ones. */
  readonly bodyParameter?: Raw;
  readonly formFields: readonly Raw[];
  /** What the document fixes the Accept header to, where it declares one. */
  readonly accept?: string;
}

/** What decides about the parameters besides the document. */
export interface ParameterRules {
  readonly path: PathReading;
  /** What the target's credential fills when this operation is called. */
  readonly filled: CredentialPlacement | undefined;
}

const NEVER = /^(accept|content-type)$/i;
const FRAMING =
  /^(host|content-length|content-encoding|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|cookie|forwarded|via|proxy-.*|sec-.*|x-forwarded-.*|x-amz-(security-token|date|credential|signature|signedheaders|algorithm|content-sha256))$/i;
const PLACES: ReadonlySet<string> = new Set(['path', 'query', 'header', 'cookie', 'querystring']);

/** The names of the path parameters that a path item and an operation declare, before anything is decided. */
export function declaredPathNames(
  pathItem: unknown,
  operation: unknown,
  context: SchemaContext,
): Set<string> {
  const names = new Set<string>();
  for (const parameter of declared(pathItem, operation, context, () => undefined))
    if (member(parameter, 'in') === 'path') names.add(textMember(parameter, 'name') ?? '');
  return names;
}

/** Reads the parameters of an operation. What is left out is noted. */
export function readParameters(
  pathItem: unknown,
  operation: unknown,
  context: SchemaContext,
  rules: ParameterRules,
): ParametersReading {
  const parameters: ReadParameter[] = [];
  const formFields: Raw[] = [];
  let bodyParameter: Raw | undefined;
  let accept: string | undefined;
  const fixed = new Set(rules.path.query.map(([key]) => key));
  const fromPathQuery = new Map(rules.path.queryVariables.map(([key, variable]) => [variable, key]));
  const inTemplate = new Map(rules.path.variables.map((variable) => [variable.name, variable]));

  for (const parameter of declared(pathItem, operation, context, context.note)) {
    const place = textMember(parameter, 'in')?.trim().toLowerCase() ?? '';
    const name = textMember(parameter, 'name') ?? (place === 'querystring' ? 'querystring' : undefined);
    if (place === 'header' && name?.toLowerCase() === 'accept') accept = onlyValue(parameter);
    if (place === 'body') bodyParameter = parameter;
    else if (place === 'formdata' && name !== undefined) formFields.push(parameter);
    else if (name === undefined || !PLACES.has(place))
      context.note('a parameter without a name or a known place was left out');
    else {
      const why = reasonToDrop(place, name, rules, fixed);
      if (why !== undefined) {
        if (why !== '') context.note(`${place} parameter ${name} is no argument: ${why}`);
        continue;
      }
      const key = fromPathQuery.get(name);
      if (key !== undefined && (place === 'path' || place === 'query')) {
        fromPathQuery.delete(name);
        parameters.push(readOne(parameter, key, 'query', context));
        continue;
      }
      if (place === 'path' && !inTemplate.has(name)) {
        context.note(`path parameter ${name} is not in the path and was left out`);
        continue;
      }
      const read = readOne(parameter, name, place as ParameterPlace, context);
      const variable = place === 'path' ? inTemplate.get(name) : undefined;
      parameters.push(
        variable === undefined
          ? read
          : withVariable(read, variable, member(parameter, 'style') !== undefined),
      );
      if (place === 'path') inTemplate.delete(name);
    }
  }
  for (const variable of inTemplate.values()) {
    context.note(`path variable ${variable.name} is not declared; taken as a required string`);
    const plain: ReadParameter = {
      name: variable.name,
      in: 'path',
      style: 'simple',
      explode: false,
      required: true,
      schema: { type: 'string' },
    };
    parameters.push(withVariable(plain, variable, false));
  }
  for (const key of fromPathQuery.values())
    parameters.push({
      name: key,
      in: 'query',
      style: 'form',
      explode: true,
      required: true,
      schema: { type: 'string' },
    });
  return {
    parameters,
    formFields,
    ...(bodyParameter === undefined ? {} : { bodyParameter }),
    ...(accept === undefined ? {} : { accept }),
  };
}

/** The one text that a parameter may hold, if there is only one. */
function onlyValue(parameter: Raw): string | undefined {
  const schema = member(parameter, 'schema') ?? parameter;
  const [value, ...others] = listMember(schema, 'enum');
  return typeof value === 'string' && others.length === 0 ? value : textMember(schema, 'const');
}

/** Path-level parameters, overridden by the operation's own of the same place and name. */
function declared(
  pathItem: unknown,
  operation: unknown,
  context: SchemaContext,
  note: (reason: string) => void,
): Raw[] {
  const found = new Map<string, Raw>();
  for (const parameter of [...parameterList(pathItem), ...parameterList(operation)]) {
    const end = context.references.follow(parameter);
    if ('missing' in end || !isRaw(end.node)) {
      note(
        'missing' in end
          ? `a parameter was left out: ${end.missing}`
          : 'a parameter that is no object was left out',
      );
      continue;
    }
    const place = (textMember(end.node, 'in') ?? '').toLowerCase();
    const name = textMember(end.node, 'name') ?? '';
    found.set(
      place === 'body' ? 'body' : `${place}:${place === 'header' ? name.toLowerCase() : name}`,
      end.node,
    );
  }
  return [...found.values()];
}

/** A list; some documents write a mapping by name. */
function parameterList(node: unknown): readonly unknown[] {
  const list = member(node, 'parameters');
  return Array.isArray(list) ? list : entriesOf(list).map(([, parameter]) => parameter);
}

/** Why a parameter is no argument; `''` when that goes without saying. */
function reasonToDrop(
  place: string,
  name: string,
  rules: ParameterRules,
  fixed: ReadonlySet<string>,
): string | undefined {
  if (place === 'header') {
    if (NEVER.test(name)) return '';
    if (FRAMING.test(name)) return 'the gateway sets this header itself';
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return 'its name is no header name';
  }
  if (rules.filled !== undefined && isPlacedAt(rules.filled, place, name)) return 'the credential fills it';
  return place === 'query' && fixed.has(name) ? 'the path sets it' : undefined;
}

function readOne(parameter: Raw, name: string, place: ParameterPlace, context: SchemaContext): ReadParameter {
  const [content] = entriesOf(member(parameter, 'content'));
  const reading =
    context.dialect.version === '2.0' || member(parameter, 'collectionFormat') !== undefined
      ? readCollectionFormat(parameter, place)
      : readStyle(parameter, place);
  if ('mended' in reading && reading.mended !== undefined)
    context.note(`parameter ${name}: ${reading.mended}`);
  const schema = parameterSchema(parameter, content?.[1], context);
  const description = proseMember(parameter, 'description');
  if (description !== undefined) schema['description'] = description;
  if (member(parameter, 'deprecated') === true) schema['deprecated'] = true;
  return {
    name,
    in: place,
    style: reading.style,
    explode: reading.explode,
    ...(member(parameter, 'allowReserved') === true ? { allowReserved: true } : {}),
    ...(place === 'path' || member(parameter, 'required') === true ? { required: true } : {}),
    ...(content === undefined ? {} : { contentType: content[0] }),
    ...(place === 'path' && member(parameter, 'x-multi-segment') === true ? { multiSegment: true } : {}),
    schema,
  };
}

/** Converts a parameter's schema; in Swagger 2.0 (and in documents that mix editions) it is the parameter itself. */
export function parameterSchema(parameter: Raw, media: unknown, context: SchemaContext): Schema {
  const own = member(media, 'schema') ?? member(parameter, 'schema');
  if (own !== undefined && own !== null) return convertSchema(own, '', context);
  if (media !== undefined) return convertSchema({}, '', context);
  const { description: _, title: __, $ref: ___, properties: ____, ...rest } = parameter;
  const bare =
    member(rest, 'type') === undefined &&
    member(rest, 'items') === undefined &&
    member(rest, 'enum') === undefined;
  return convertSchema(bare ? { ...rest, type: 'string' } : rest, '', context);
}

function withVariable(
  parameter: ReadParameter,
  variable: PathReading['variables'][number],
  hasStyle: boolean,
): ReadParameter {
  const type = parameter.schema['type'];
  const isPlain = type !== 'array' && type !== 'object' && parameter.schema['$ref'] === undefined;
  return {
    ...parameter,
    ...(variable.style !== undefined && !hasStyle ? { style: variable.style } : {}),
    ...(variable.explode === true ? { explode: true } : {}),
    ...(variable.multiSegment === true && isPlain ? { multiSegment: true } : {}),
  };
}
