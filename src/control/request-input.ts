// A received request → the input of its operation: labels of the path, parameters of the query, members of the
// body, in one object. Nothing is checked here but that it can be read.

import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { shapeOf } from './model/model.ts';
import type { Member, ShapeRef } from './model/shape.ts';
import { validationFailure } from './validate.ts';

/** Schemas that are given inline have more than messages do. */
const MAX_VALUES = 500_000;

/** @throws GatewayError Malformed, TooLarge or Validation. */
export function readInput(
  route: {
    readonly operation: { readonly input: ShapeRef };
    readonly labels: Readonly<Record<string, string>>;
  },
  query: string,
  body: Uint8Array,
): JsonObject {
  const shape = shapeOf(route.operation.input);
  const members = 'members' in shape ? Object.entries(shape.members) : [];
  const fromBody = readBody(body);
  for (const [name, member] of members)
    if (member.in && Object.hasOwn(fromBody, name))
      throw validationFailure([{ name, message: `Member travels in the ${member.in}, not in the body` }]);
  const parameters = readQuery(query);
  const fromQuery = members.flatMap(([name, member]): [string, JsonValue][] => {
    const values = member.in === 'query' ? parameters.get(name) : undefined;
    return values ? [[name, queryValue(name, member, values)]] : [];
  });
  return { ...fromBody, ...Object.fromEntries(fromQuery), ...route.labels };
}

function readBody(body: Uint8Array): JsonObject {
  if (body.byteLength === 0) return {};
  const value = parseStrictJson(body, { maxValues: MAX_VALUES });
  if (!isJsonObject(value)) throw new GatewayError('Malformed', 'The body must be a JSON object.');
  return value;
}

/** Parameters as they were signed: `+` is a plus sign, and each name and value is decoded once. */
function readQuery(query: string): ReadonlyMap<string, readonly string[]> {
  const parameters = new Map<string, string[]>();
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const equals = pair.indexOf('=');
    const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    try {
      const values = parameters.get(decodeURIComponent(name)) ?? [];
      values.push(decodeURIComponent(value));
      parameters.set(decodeURIComponent(name), values);
    } catch {
      throw new GatewayError('Malformed', 'The query string is not properly encoded.');
    }
  }
  return parameters;
}

function queryValue(name: string, member: Member, values: readonly string[]): JsonValue {
  const shape = shapeOf(member.shape);
  if (shape.type === 'list') return values;
  const [value = ''] = values;
  if (values.length > 1) throw validationFailure([{ name, message: 'Member must come once' }]);
  return shape.type === 'integer' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}
