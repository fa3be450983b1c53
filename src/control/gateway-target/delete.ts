// DeleteGatewayTarget: marks it; the reconciler hides its tools and removes what belongs to it.

import { GatewayError } from '../../core/errors.ts';
import type { Handler } from '../context.ts';
import { loadGateway } from '../gateway/load.ts';
import { loadTarget } from './load.ts';

/** Handles DeleteGatewayTarget. */
export const deleteGatewayTarget: Handler = async (input, ctx) => {
  const row = await ctx.store.transaction(async (tx) => {
    const gateway = await loadGateway(tx, input['gatewayIdentifier'] as string);
    const row = await loadTarget(tx, gateway.id, input['targetId'] as string);
    const { status } = row.document;
    if (status === 'DELETING') return row;
    if (status.endsWith('_PENDING_AUTH'))
      throw new GatewayError('Conflict', `Target ${row.id} is in status ${status} and cannot be deleted`);
    return tx.replace('gateway-target', row, { ...row.document, status: 'DELETING', statusReasons: [] });
  });
  ctx.wake('gateway-target', row.id);
  return { gatewayArn: ctx.arns.gateway(row.parentId), targetId: row.id, status: row.document.status };
};
