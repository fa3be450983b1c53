// Pages of a list: an opaque token that only fits the list it came from.

import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { ResourceKind } from '../core/resources.ts';
import type { Row, StoreReader } from '../stores/store.ts';
import { validationFailure } from './validate.ts';

const DEFAULT_PAGE = 100;

/** One page of a kind's rows, rendered, as the list operations answer it. */
export async function listPage<K extends ResourceKind>(
  reader: StoreReader,
  kind: K,
  parentId: string,
  input: JsonObject,
  render: (row: Row<K>) => JsonObject,
  defaultPage = DEFAULT_PAGE,
): Promise<{ readonly items: readonly JsonValue[]; readonly nextToken?: string }> {
  const list = `${kind}/${parentId}`;
  const limit = typeof input['maxResults'] === 'number' ? input['maxResults'] : defaultPage;
  const token = input['nextToken'];
  const page = await reader.list(kind, parentId, {
    limit,
    ...(typeof token === 'string' ? { after: positionOf(token, list) } : {}),
  });
  const items = page.rows.map(render);
  return page.next === undefined ? { items } : { items, nextToken: tokenOf(page.next, list) };
}

const checksum = (position: string, list: string): string =>
  createHash('sha256').update(`${list}\n${position}`).digest('base64url').slice(0, 12);

const tokenOf = (position: string, list: string): string =>
  Buffer.from(`${checksum(position, list)}${position}`).toString('base64url');

function positionOf(token: string, list: string): string {
  const position = Buffer.from(token, 'base64url').toString('utf8').slice(12);
  if (tokenOf(position, list) !== token)
    throw validationFailure([
      { name: 'nextToken', message: 'Member must be the nextToken of a page of this list' },
    ]);
  return position;
}
