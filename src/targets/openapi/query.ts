// The query of the URL: fixed pairs of the document and the query parameters, with no way for a value to add a pair
// of its own (T-94). OAS Parameter Object `in: query` and, from 3.2, `in: querystring`.

import { invalidField } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import { isFormMediaType, serialiseContent } from './content.ts';
import { encodeReserved, encodeStrict } from '../../lib/percent.ts';
import type { OperationPlan, ParameterPlan } from './plan.ts';
import { explodedNames, serialise } from './serialise.ts';

/** Gives the query for some arguments, percent-encoded, without `?`; '' for none. @throws GatewayError Validation. */
export type BuildQuery = (args: JsonObject) => string;

/** Prepares the query of one operation. */
export function prepareQuery(plan: Pick<OperationPlan, 'query' | 'parameters'>): BuildQuery {
  const fixedPairs = plan.query ?? [];
  const fixed = fixedPairs.map(([name, value]) => `${encodeStrict(name)}=${encodeStrict(value)}`);
  const parameters = plan.parameters.filter(({ in: place }) => place === 'query' || place === 'querystring');
  const taken = new Set([
    ...fixedPairs.map(([name]) => name),
    ...parameters.filter(({ in: place }) => place === 'query').map(({ name }) => name),
  ]);
  return (args) => {
    const parts = [...fixed];
    for (const parameter of parameters) {
      const value = args[parameter.argument];
      if (value === undefined) {
        if (parameter.required === true) throw invalidField(parameter.argument, 'is required.');
        continue;
      }
      guardText(parameter.argument, value);
      guardNames(parameter, value, taken);
      const text = write(parameter, value);
      if (text !== undefined && text !== '') parts.push(text);
    }
    return parts.join('&');
  };
}

function write(parameter: ParameterPlan, value: JsonValue): string | undefined {
  const { name, style, explode, contentType, allowReserved } = parameter;
  if (parameter.in === 'querystring') {
    const text = serialiseContent(value, contentType ?? 'application/x-www-form-urlencoded');
    return contentType === undefined || isFormMediaType(contentType) ? text : encodeStrict(text);
  }
  if (contentType !== undefined)
    return `${encodeStrict(name)}=${encodeStrict(serialiseContent(value, contentType))}`;
  const encode = allowReserved === true ? (text: string) => encodeReserved(text, 'query') : encodeStrict;
  return serialise(value, { name, style, explode, encode, encodeName: encodeStrict });
}

/** Refuses lone surrogates, which have no UTF-8 form (T-122). */
export function guardText(argument: string, value: JsonValue): void {
  // Inside JSON text a lone surrogate is always written as an escape (well-formed JSON.stringify).
  const broken =
    typeof value === 'string'
      ? !value.isWellFormed()
      : typeof value === 'object' && hasLoneSurrogate(stringifyLossless(value));
  if (broken) throw invalidField(argument, 'must be well-formed Unicode: it holds half a surrogate pair.');
}

function hasLoneSurrogate(json: string): boolean {
  return json.includes('\\ud') && /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(json);
}

// An exploded object brings its own names along. It must not speak for another parameter or a fixed pair.
function guardNames(parameter: ParameterPlan, value: JsonValue, taken: ReadonlySet<string>): void {
  const names =
    parameter.in === 'querystring'
      ? explodedNames(value, {
          style: 'form',
          explode: parameter.contentType === undefined || isFormMediaType(parameter.contentType),
        })
      : parameter.contentType === undefined
        ? explodedNames(value, parameter)
        : [];
  for (const name of names)
    if (taken.has(name) && name !== parameter.name)
      throw invalidField(
        parameter.argument,
        `must not have a member ${name}: that is another query parameter.`,
      );
}
