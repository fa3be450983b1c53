// Results in the form of the era: from 2026-07-28 on each carries `resultType` and says who answered.

import type { JsonObject } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import { META_SERVER_INFO } from './message.ts';
import { SERVER_INFO } from './server-info.ts';

/** Members that every modern result has, as JSON text to be put before the others. */
export const MODERN_MEMBERS = `"resultType":"complete","_meta":${JSON.stringify({ [META_SERVER_INFO]: SERVER_INFO })}`;

/** JSON text of a result. */
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
