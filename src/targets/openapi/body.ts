// Request bodies: arguments → bytes and their media type, for each kind of body a plan can have
// (OAS Request Body and Media Type Objects). Form and multipart encodings live in their own files.

import { invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import { parseFile } from './file-argument.ts';
import { encodeForm } from './form.ts';
import { encodeMultipart, type MultipartProperty } from './multipart.ts';
import type { BodyKind, BodyPlan } from './plan.ts';
import { guardText } from './query.ts';

export interface RequestBody {
  readonly contentType: string;
  readonly content: string | Uint8Array;
}

// For documents that say `*/*`: the media type of what is really sent.
const FALLBACK_TYPES: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  text: 'text/plain',
  binary: 'application/octet-stream',
};

/** Writes the body, or undefined when none of its arguments is given. @throws GatewayError Validation. */
export function buildBody(plan: BodyPlan, args: JsonObject): RequestBody | undefined {
  const contentType = plan.contentType.includes('*') ? FALLBACK_TYPES[plan.kind] : plan.contentType;
  if (plan.argument !== undefined) {
    const value = args[plan.argument];
    if (value === undefined) {
      if (plan.required) throw invalidField(plan.argument, 'is required: it is the body of the request.');
      return undefined;
    }
    return write(plan, contentType, plan.argument, value);
  }
  const properties: MultipartProperty[] = [];
  for (const [argument, name] of plan.properties ?? []) {
    const value = args[argument];
    if (value !== undefined) properties.push({ argument, name, value });
  }
  // A required body whose properties are all optional is an empty object, not a missing body.
  if (properties.length === 0 && !plan.required) return undefined;
  return writeProperties(plan, contentType, properties);
}

function write(plan: BodyPlan, contentType: string, argument: string, value: JsonValue): RequestBody {
  switch (plan.kind) {
    case 'json':
      return { contentType, content: stringifyLossless(value) };
    case 'text':
      guardText(argument, value);
      return { contentType, content: typeof value === 'string' ? value : stringifyLossless(value) };
    case 'binary': {
      const file = parseFile(argument, value);
      const own = plan.contentType.includes('*') ? file.contentType : undefined;
      return { contentType: own ?? contentType, content: file.bytes };
    }
    default:
      if (plan.kind === 'form' && typeof value === 'string') {
        guardText(argument, value);
        return { contentType, content: value };
      }
      return writeProperties(plan, contentType, propertiesOf(plan, argument, value));
  }
}

function propertiesOf(plan: BodyPlan, argument: string, value: JsonValue): MultipartProperty[] {
  if (isJsonObject(value))
    return Object.entries(value).flatMap(([name, member]) =>
      member === undefined ? [] : [{ argument: `${argument}.${name}`, name, value: member }],
    );
  if (plan.kind === 'multipart' && Array.isArray(value))
    return value.map((item: JsonValue, at) => ({
      argument: `${argument}[${at}]`,
      name: String(at),
      value: item,
    }));
  throw invalidField(argument, 'must be an object: its members are the fields of a form.');
}

function writeProperties(
  plan: BodyPlan,
  contentType: string,
  properties: readonly MultipartProperty[],
): RequestBody {
  if (plan.kind === 'form') {
    for (const { argument, value } of properties) guardText(argument, value);
    const pairs = properties.map(({ name, value }) => [name, value] as const);
    return { contentType, content: encodeForm(pairs, plan.encoding ?? {}) };
  }
  if (plan.kind === 'multipart') {
    for (const { argument, value } of properties) if (typeof value === 'string') guardText(argument, value);
    const body = encodeMultipart(contentType, properties, plan.encoding ?? {});
    return { contentType: body.contentType, content: body.bytes };
  }
  // fromEntries defines members, it does not assign them: `__proto__` is one like any other here (T-110).
  const object = Object.fromEntries(properties.map(({ name, value }) => [name, value]));
  return { contentType, content: stringifyLossless(object) };
}
