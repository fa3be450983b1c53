// How many resources of a kind an account may have.

import { GatewayError } from '../core/errors.ts';
import type { ResourceKind } from '../core/resources.ts';
import type { StoreReader } from '../stores/store.ts';

/** @throws GatewayError QuotaExceeded when there are `limit` already; `things` names them in the message. */
export async function checkQuota(
  tx: StoreReader,
  kind: ResourceKind,
  limit: number,
  things: string,
): Promise<void> {
  if ((await tx.count(kind)) >= limit)
    throw new GatewayError('QuotaExceeded', `You have reached the limit of ${limit} ${things}`);
}
