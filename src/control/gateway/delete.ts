// DeleteGateway: only when every target is gone or going. The reconciler does the rest.

import { GatewayError } from '../../core/errors.ts';
import type { Handler } from '../context.ts';
import { everyRow } from '../context.ts';
import { loadGateway } from './load.ts';

/** Handles DeleteGateway. */
export const deleteGateway: Handler = async (input, ctx) => {
  const row = await ctx.store.transaction(async (tx) => {
    const row = await loadGateway(tx, input['gatewayIdentifier'] as string);
    if (row.document.status === 'DELETING') return row;
    const names: string[] = [];
    for await (const target of everyRow(tx, 'gateway-target', row.id))
      if (target.document.status !== 'DELETING') names.push(target.name);
    if (names.length > 0)
      throw new GatewayError(
        'Conflict',
        `Gateway ${row.id} has ${names.length} target(s): ${names.slice(0, 10).join(', ')}` +
          `${names.length > 10 ? ', …' : ''}. Delete them first.`,
      );
    return tx.replace('gateway', row, { ...row.document, status: 'DELETING', statusReasons: [] });
  });
  ctx.wake('gateway', row.id);
  return { gatewayId: row.id, status: row.document.status };
};
