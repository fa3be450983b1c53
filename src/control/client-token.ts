// Idempotency of create operations: a repeated `clientToken` gives the resource it made the first time and
// changes nothing. Kept for a day, then swept.

import { createHash } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { Store, StoreTransaction } from '../stores/store.ts';

const KEPT_MS = 24 * 60 * 60 * 1000;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Id of the resource that this token made before; otherwise runs `create` and remembers the id it gives.
 * @throws GatewayError Validation (IdempotentParameterMismatchException) when the token came with another input.
 */
export async function onceForToken(
  tx: StoreTransaction,
  operation: string,
  input: JsonObject,
  now: number,
  create: () => Promise<string>,
): Promise<string> {
  const { clientToken, ...parameters } = input;
  if (typeof clientToken !== 'string') return create();
  const id = sha256(`${operation}\n${clientToken}`);
  const requestHash = sha256(canonical(parameters));
  const known = await tx.get('client-token', id);
  if (known && known.createdAt > now - KEPT_MS) {
    if (known.document.requestHash !== requestHash)
      throw new GatewayError(
        'Validation',
        'This clientToken was used before in a request with other parameters. Use a new token for a new request.',
        { reason: 'IdempotentParameterMismatchException' },
      );
    return known.document.resourceId;
  }
  if (known) await tx.remove('client-token', id);
  const resourceId = await create();
  await tx.create('client-token', { id, name: id, document: { requestHash, resourceId } });
  return resourceId;
}

/** Removes tokens older than a day. */
export async function sweepClientTokens(store: Store, now: number): Promise<void> {
  for (;;) {
    const { rows } = await store.list('client-token', undefined, { limit: 100 });
    const expired = rows.filter((row) => row.createdAt <= now - KEPT_MS);
    if (expired.length === 0) return;
    await store.transaction(async (tx) => {
      for (const row of expired) await tx.remove('client-token', row.id);
    });
  }
}

/** JSON text that does not depend on the order of members. */
function canonical(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(canonical).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(',')}}`;
}
