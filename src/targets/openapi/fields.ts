// Header and cookie parameters: arguments → header fields (OAS `style: simple` in headers, `form` and `cookie` in
// cookies; RFC 9110 §5.5, RFC 6265 §4.1).

import { invalidField } from '../../core/errors.ts';
import { isFieldValue, isSettableField } from '../../core/header-fields.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { isJsonMediaType, serialiseContent } from './content.ts';
import { encodeReserved, encodeStrict } from '../../lib/percent.ts';
import type { ParameterPlan } from './plan.ts';
import { explodedNames, serialise } from './serialise.ts';
import { guardText } from './query.ts';

/** Gives the header fields for some arguments, names in lower case. @throws GatewayError Validation. */
export type BuildFields = (args: JsonObject) => Record<string, string>;

/** Prepares the header and cookie parameters of one operation. */
export function prepareFields(parameters: readonly ParameterPlan[]): BuildFields {
  const headers = parameters.filter(({ in: place, name }) => place === 'header' && isSettableField(name));
  const cookies = parameters.filter(({ in: place }) => place === 'cookie');
  const cookieNames = new Set(cookies.map(({ name }) => name));
  return (args) => {
    const fields: Record<string, string> = {};
    for (const parameter of headers) {
      const text = writeParameter(parameter, args, writeHeader);
      if (text !== undefined) fields[parameter.name.toLowerCase()] = text;
    }
    const pairs: string[] = fields['cookie'] === undefined ? [] : [fields['cookie']];
    for (const parameter of cookies) {
      guardCookieNames(parameter, args[parameter.argument], cookieNames);
      const text = writeParameter(parameter, args, writeCookie);
      if (text !== undefined && text !== '') pairs.push(text);
    }
    if (pairs.length > 0) fields['cookie'] = pairs.join('; ');
    return fields;
  };
}

function writeParameter(
  parameter: ParameterPlan,
  args: JsonObject,
  write: (parameter: ParameterPlan, value: JsonValue) => string | undefined,
): string | undefined {
  const value = args[parameter.argument];
  if (value === undefined) {
    if (parameter.required === true) throw invalidField(parameter.argument, 'is required.');
    return undefined;
  }
  guardText(parameter.argument, value);
  const text = write(parameter, value);
  if (text !== undefined && !isFieldValue(text))
    throw invalidField(
      parameter.argument,
      `must fit into an HTTP header: no line breaks, other control characters, or characters outside Latin-1.`,
    );
  return text;
}

// OAS 3.2 "Serializing Headers and Cookies": header values are not percent-encoded.
function writeHeader({ name, explode, contentType }: ParameterPlan, value: JsonValue): string | undefined {
  if (contentType !== undefined) return asciiJson(serialiseContent(value, contentType), contentType);
  return serialise(value, { name, style: 'simple', explode, encode: verbatim })?.trim();
}

function writeCookie(parameter: ParameterPlan, value: JsonValue): string | undefined {
  const { argument, name, style, explode, contentType, allowReserved } = parameter;
  if (contentType !== undefined) return `${name}=${encodeStrict(serialiseContent(value, contentType))}`;
  if (style !== 'cookie') {
    const encode = allowReserved === true ? (text: string) => encodeReserved(text, 'cookie') : encodeStrict;
    return serialise(value, { name, style, explode, encode, encodeName: encodeStrict });
  }
  // `style: cookie` escapes nothing, so what cannot stand in a cookie is refused instead.
  const checked = (text: string): string => {
    if (/[;"\\\s]|[^\u0020-\u007e]/.test(text))
      throw invalidField(
        argument,
        'must not hold characters that cannot stand in a cookie; escape them first.',
      );
    return text;
  };
  return serialise(value, { name, style, explode, encode: checked, encodeName: cookieName(argument) });
}

// Names of cookies are tokens and are not encoded; names inside an exploded object are the caller's.
function cookieName(argument: string): (name: string) => string {
  return (name) => {
    if (!/^[^\s;=,"\\\u007f-\uffff]+$/.test(name))
      throw invalidField(argument, `has no cookie name: ${name}`);
    return name;
  };
}

function guardCookieNames(
  parameter: ParameterPlan,
  value: JsonValue | undefined,
  names: ReadonlySet<string>,
): void {
  if (value === undefined || parameter.contentType !== undefined) return;
  for (const name of explodedNames(value, parameter))
    if (names.has(name) && name !== parameter.name)
      throw invalidField(parameter.argument, `must not have a member ${name}: that is another cookie.`);
}

function asciiJson(text: string, contentType: string): string {
  if (!isJsonMediaType(contentType)) return text;
  return text.replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function verbatim(text: string): string {
  return text;
}
