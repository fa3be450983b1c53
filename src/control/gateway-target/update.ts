// UpdateGatewayTarget: a full replacement of the configuration. The tools served so far stay until the new
// ones are ready.

import { GatewayError } from '../../core/errors.ts';
import type { Handler } from '../context.ts';
import { loadGateway } from '../gateway/load.ts';
import { present } from '../context.ts';
import { validationFailure } from '../validate.ts';
import { beginStatus } from './authorization.ts';
import { loadTarget, renderTarget } from './load.ts';
import { storePayload } from './payload.ts';
import { checkTarget, requireProviders, targetSettings } from './settings.ts';
import type { TargetInput } from './settings.ts';

/** Handles UpdateGatewayTarget. */
export const updateGatewayTarget: Handler = async (json, ctx) => {
  const input = json as TargetInput & { readonly targetId: string };
  const updated = await ctx.store.transaction(async (tx) => {
    const gateway = await loadGateway(tx, input.gatewayIdentifier);
    const row = await loadTarget(tx, gateway.id, input.targetId);
    const { status, tags, live, lastSynchronizedAt } = row.document;
    if (status === 'DELETING' || status.endsWith('_PENDING_AUTH'))
      throw new GatewayError('Conflict', `Target ${row.id} is in status ${status} and cannot be updated`);
    if (input.name !== undefined && input.name !== row.name)
      throw validationFailure([{ name: 'name', message: 'Member cannot be changed after creation' }]);
    checkTarget(input, gateway, ctx);
    await requireProviders(tx, input, ctx);
    return tx.replace('gateway-target', row, {
      ...(await storePayload(tx, row.id, input.targetConfiguration)),
      ...targetSettings(input),
      ...present({ live, lastSynchronizedAt }),
      ...(await beginStatus(
        tx,
        { gatewayId: gateway.id, targetId: row.id },
        'UPDATING',
        { ...targetSettings(input), targetConfiguration: input.targetConfiguration },
        ctx,
      )),
      statusReasons: [],
      tags,
    });
  });
  ctx.wake('gateway-target', updated.id);
  return renderTarget(updated, ctx);
};
