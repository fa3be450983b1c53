// Path templates: arguments → the path of the URL, so that a value can never leave its place (T-93, OAS "Path
// Templating"). A template is read once per plan. Knows nothing of queries, headers and servers.

import { GatewayError, invalidField } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { serialiseContent } from './content.ts';
import { encodeLiteral, encodeReserved, encodeStrict } from '../../lib/percent.ts';
import type { ParameterPlan } from './plan.ts';
import { serialise } from './serialise.ts';

/** Gives the path for some arguments, percent-encoded, beginning with `/`. @throws GatewayError Validation. */
export type BuildPath = (args: JsonObject) => string;

type Part = { readonly literal: string } | { readonly parameter: ParameterPlan };

/** Reads a template with its path parameters. @throws GatewayError Validation where they do not fit together. */
export function preparePath(template: string, parameters: readonly ParameterPlan[]): BuildPath {
  const parts = readTemplate(template, parameters);
  const mayHoldSlashes = parts.some((part) => 'parameter' in part && part.parameter.multiSegment === true);
  const segmentCount = template.split('/').length;
  return (args) => {
    const path = parts
      .map((part) =>
        'literal' in part ? part.literal : expand(part.parameter, args[part.parameter.argument]),
      )
      .join('');
    // Post-condition: whatever the values were, the template's segments are all there and none is a dot segment.
    const segments = path.split('/');
    const misfit = mayHoldSlashes ? segments.length < segmentCount : segments.length !== segmentCount;
    if (misfit || segments.some(isDotSegment)) throw leavesTemplate(template, parameters);
    return path;
  };
}

function readTemplate(template: string, parameters: readonly ParameterPlan[]): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of template.matchAll(/\{([^{}]*)\}/g)) {
    if (match.index > end) parts.push({ literal: encodeLiteral(template.slice(end, match.index)) });
    const expression = match[1] ?? '';
    // `{+path}`, `{;id*}`: RFC 6570 operators that some documents carry over; the parameter has the bare name.
    const bare = expression.replace(/^[+#./;?&]/, '').replace(/\*$/, '');
    const parameter = parameters.find(
      ({ in: place, name }) => place === 'path' && (name === expression || name === bare),
    );
    if (!parameter)
      throw new GatewayError(
        'Validation',
        `The path ${template} names {${expression}}, but the document declares no such path parameter.`,
      );
    parts.push({ parameter });
    end = match.index + match[0].length;
  }
  if (end < template.length) parts.push({ literal: encodeLiteral(template.slice(end)) });
  return parts;
}

function expand(parameter: ParameterPlan, value: JsonValue | undefined): string {
  const { argument, name, style, explode, contentType, multiSegment, allowReserved } = parameter;
  if (value === undefined) throw invalidField(argument, 'is required: it is a part of the path.');
  guardPathValue(argument, value);
  const encodeText = (text: string): string =>
    allowReserved === true ? encodeReserved(text, 'path') : encodeStrict(text);
  const encode =
    multiSegment === true ? (text: string) => text.split('/').map(encodeText).join('/') : encodeText;
  const text =
    contentType === undefined
      ? serialise(value, { name, style, explode, encode, encodeName: encodeStrict })
      : encode(serialiseContent(value, contentType));
  if (text === undefined || text === '')
    throw invalidField(argument, 'must not be empty: it is a part of the path.');
  return text;
}

/** Refuses values that a proxy or server on the way could read as another path. */
export function guardPathValue(argument: string, value: JsonValue): void {
  if (typeof value === 'string') {
    const fault = faultOf(value);
    if (fault !== undefined) throw invalidField(argument, fault);
  } else if (Array.isArray(value)) for (const item of value) guardPathValue(argument, item);
  else if (isJsonObject(value))
    for (const [key, member] of Object.entries(value)) {
      guardPathValue(argument, key);
      if (member !== undefined) guardPathValue(argument, member);
    }
}

function faultOf(text: string): string | undefined {
  if (!text.isWellFormed()) return 'must be well-formed Unicode: it holds half a surrogate pair.';
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return 'must not hold control characters.';
  if (/%(?:25)*(?:2f|5c)/i.test(text))
    return 'must not hold %2F or %5C: give the value itself, the gateway encodes it.';
  // Once as it is, and decoded: servers exist that decode `%252e` twice, or split on `\`, or cut `..;x` at `;`.
  for (const form of [text, decode(text), decode(decode(text))]) {
    // oxlint-disable-next-line no-control-regex -- as above
    if (/[\u0000-\u001f\u007f]/.test(form)) return 'must not hold percent-encoded control characters.';
    if (form.split(/[/\\]/).some((segment) => /^\.{1,2}$/.test(segment.replace(/;.*$/s, ''))))
      return 'must not be or contain a path segment `.` or `..`.';
  }
  return undefined;
}

function decode(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** True for segments that a URL parser removes: `.`, `..` and their encoded forms. */
function isDotSegment(segment: string): boolean {
  return /^(?:\.|%2e){1,2}(?:;|$)/i.test(segment);
}

function leavesTemplate(template: string, parameters: readonly ParameterPlan[]): GatewayError {
  const argument = parameters.find(({ in: place }) => place === 'path')?.argument ?? template;
  return invalidField(argument, `does not fit into the path ${template}.`);
}
