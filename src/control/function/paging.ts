// Pages of lists of the Lambda API: an opaque marker that says behind which item to go on.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';

/** The largest page, whatever is asked for, as the service has it. */
const MAX_PAGE = 50;

/** One page of items that are in order; each has a key that is its own. */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  input: JsonObject,
): { readonly items: readonly T[]; readonly NextMarker?: string } {
  const { Marker: marker, MaxItems: max } = input;
  const limit = Math.min(typeof max === 'number' ? max : MAX_PAGE, MAX_PAGE);
  const start = marker === undefined ? 0 : startOf(items, keyOf, marker);
  const page = items.slice(start, start + limit);
  const last = page.at(-1);
  const isMore = start + limit < items.length;
  return isMore && last !== undefined
    ? { items: page, NextMarker: Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') }
    : { items: page };
}

/** Behind the item of the marker; where it is gone meanwhile, behind what was before it. */
function startOf<T>(items: readonly T[], keyOf: (item: T) => string, marker: JsonValue): number {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(String(marker), 'base64url').toString('utf8'));
  } catch {
    key = undefined;
  }
  if (typeof key !== 'string')
    throw new GatewayError('Validation', 'Marker: this is not the NextMarker of a page of this list.');
  const at = items.findIndex((item) => keyOf(item) === key);
  if (at >= 0) return at + 1;
  const after = key;
  const next = items.findIndex((item) => keyOf(item) > after);
  return next < 0 ? items.length : next;
}
