// Results in the form of the era: from 2026-07-28 on each carries `resultType` and says who answered; before, neither
// is known, and structured content is always an object (MCP 2025-06-18).

import type { JsonObject } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { META_SERVER_INFO } from '../core/relay.ts';
import { SERVER_INFO } from '../core/server-info.ts';
import { parseLossless, stringifyLossless } from '../lib/lossless-json.ts';

/** Members that every modern result has, as JSON text to be put before the others. */
export const MODERN_MEMBERS = `"resultType":"complete","_meta":${JSON.stringify({ [META_SERVER_INFO]: SERVER_INFO })}`;

/** JSON text of a result of our own. */
export function finishResult(result: object, isModern: boolean): string {
  if (!isModern) return stringifyLossless(result);
  const meta = (result as JsonObject)['_meta'];
  const text = stringifyLossless(result);
  // What every result has is put before the members as text; only a result with a `_meta` of its own is merged.
  if (!isJsonObject(meta))
    return text === '{}' ? `{${MODERN_MEMBERS}}` : `{${MODERN_MEMBERS},${text.slice(1)}`;
  return stringifyLossless({
    resultType: 'complete',
    ...result,
    _meta: { ...meta, [META_SERVER_INFO]: SERVER_INFO },
  });
}

/**
 * JSON text of a result that a target's server gave, in the canonical form. Who answers the client is this gateway;
 * everything that this version does not know stays as it is.
 */
export function finishRelayed(result: JsonObject, isModern: boolean): string {
  const { _meta, ...members } = result;
  const given = isJsonObject(_meta) ? _meta : {};
  if (isModern)
    return stringifyLossless({ ...members, _meta: { ...given, [META_SERVER_INFO]: SERVER_INFO } });
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, ...plain } = members;
  const { [META_SERVER_INFO]: _server, ...meta } = given;
  const { structuredContent } = plain;
  return stringifyLossless({
    ...plain,
    ...(structuredContent === undefined || isJsonObject(structuredContent)
      ? {}
      : { structuredContent: { result: structuredContent } }),
    ...(Object.keys(meta).length > 0 ? { _meta: meta } : {}),
  });
}

/** JSON text of a tool's definition for a client of one era, from the text of the other. */
export function toolTextFor(text: string, isModern: boolean): string {
  if (isModern) return text.includes('"execution":') ? withoutExecution(text) : text;
  return text.includes('"outputSchema":') ? withObjectOutput(text) : text;
}

/** `execution` belongs to the tasks of 2025-11-25, which are not those of 2026-07-28. */
function withoutExecution(text: string): string {
  const { execution: _execution, ...rest } = parseLossless(text) as JsonObject;
  return stringifyLossless(rest);
}

/**
 * Output schemas of earlier revisions describe an object: one that never does is that object's `result`, as the content
 * is in `finishRelayed`. Of one that may, or whose references would point elsewhere, nothing is said.
 */
function withObjectOutput(text: string): string {
  const { outputSchema, ...tool } = parseLossless(text) as JsonObject;
  if (!isJsonObject(outputSchema) || outputSchema['type'] === 'object') return text;
  if (typeof outputSchema['type'] !== 'string' || FOREIGN_REF.test(stringifyLossless(outputSchema)))
    return stringifyLossless(tool);
  const { $schema, $defs, ...inner } = outputSchema;
  const wrapped = {
    ...($schema === undefined ? {} : { $schema }),
    ...($defs === undefined ? {} : { $defs }),
    type: 'object',
    properties: { result: inner },
    required: ['result'],
  };
  return stringifyLossless({ ...tool, outputSchema: wrapped });
}

/** A reference to anything but the definitions, which stay where they are. */
const FOREIGN_REF = /"\$(?:ref|dynamicRef)":"(?!#\/\$defs\/)/;
