// SynchronizeGatewayTargets: reads the source of one target again. Refused while the target is being created or
// updated: its source is being read anyway, and pollers must not see SYNCHRONIZING on a fresh target.

import { GatewayError } from '../../core/errors.ts';
import type { TargetStatus } from '../../core/resources.ts';
import type { Handler } from '../context.ts';
import { loadGateway } from '../gateway/load.ts';
import { validationFailure } from '../validate.ts';
import { beginStatus } from './authorization.ts';
import { loadTarget, renderTarget } from './load.ts';
import { hasStaticTools } from './mcp-server.ts';

const SYNCHRONIZABLE: readonly TargetStatus[] = [
  'READY',
  'FAILED',
  'UPDATE_UNSUCCESSFUL',
  'SYNCHRONIZE_UNSUCCESSFUL',
];

/** Handles SynchronizeGatewayTargets. */
export const synchronizeGatewayTargets: Handler = async (input, ctx) => {
  const [targetId = ''] = input['targetIdList'] as readonly string[];
  const row = await ctx.store.transaction(async (tx) => {
    const gateway = await loadGateway(tx, input['gatewayIdentifier'] as string);
    const row = await loadTarget(tx, gateway.id, targetId);
    const { status, targetConfiguration } = row.document;
    if (hasStaticTools(targetConfiguration))
      throw validationFailure([
        {
          name: 'targetIdList',
          message: `Target ${row.id} has an mcpToolSchema, which fixes its tools; it cannot be synchronized`,
        },
      ]);
    if (status === 'SYNCHRONIZING') return row;
    if (!SYNCHRONIZABLE.includes(status))
      throw new GatewayError(
        'Conflict',
        `Target ${row.id} is in status ${status} and cannot be synchronized`,
      );
    const at = { gatewayId: gateway.id, targetId: row.id };
    const begun = await beginStatus(tx, at, 'SYNCHRONIZING', row.document, ctx);
    return tx.replace('gateway-target', row, { ...row.document, ...begun, statusReasons: [] });
  });
  ctx.wake('gateway-target', row.id);
  return { targets: [await renderTarget(row, ctx)] };
};
