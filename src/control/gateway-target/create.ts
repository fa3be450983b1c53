// CreateGatewayTarget: checks, one transaction, and the answer; the reconciler makes the tools.
// The gateway may still be CREATING: published examples do not wait between the two calls.

import { GatewayError } from '../../core/errors.ts';
import { newTargetId } from '../../core/ids.ts';
import type { StoreTransaction } from '../../stores/store.ts';
import { onceForToken } from '../client-token.ts';
import type { ControlContext, Handler } from '../context.ts';
import { loadGateway } from '../gateway/load.ts';
import { beginStatus } from './authorization.ts';
import { loadTarget, renderTarget } from './load.ts';
import { storePayload } from './payload.ts';
import { checkTarget, requireProviders, targetSettings } from './settings.ts';
import type { TargetInput } from './settings.ts';

/** Handles CreateGatewayTarget. */
export const createGatewayTarget: Handler = async (json, ctx) => {
  const input = json as TargetInput;
  const row = await ctx.store.transaction(async (tx) => {
    const gateway = await loadGateway(tx, input.gatewayIdentifier);
    const { status } = gateway.document;
    if (status === 'DELETING' || status === 'FAILED')
      throw new GatewayError(
        'Conflict',
        `Gateway ${gateway.id} is in status ${status} and cannot take a target`,
      );
    checkTarget(input, gateway, ctx);
    const id = await onceForToken(tx, 'CreateGatewayTarget', input, ctx.clock.now(), () =>
      insert(tx, input, ctx),
    );
    return loadTarget(tx, gateway.id, id);
  });
  ctx.wake('gateway-target', row.id);
  return renderTarget(row, ctx);
};

async function insert(tx: StoreTransaction, input: TargetInput, ctx: ControlContext): Promise<string> {
  const id = newTargetId();
  const name = input.name ?? `target-${id.toLowerCase()}`;
  if (await tx.find('gateway-target', input.gatewayIdentifier, name))
    throw new GatewayError('Conflict', `A target with name ${name} already exists on this gateway`);
  const limit = ctx.quotas.targetsPerGateway;
  if ((await tx.count('gateway-target', input.gatewayIdentifier)) >= limit)
    throw new GatewayError('QuotaExceeded', `This gateway has reached the limit of ${limit} targets`);
  await requireProviders(tx, input, ctx);
  await tx.create('gateway-target', {
    id,
    parentId: input.gatewayIdentifier,
    name,
    document: {
      ...(await beginStatus(
        tx,
        { gatewayId: input.gatewayIdentifier, targetId: id },
        'CREATING',
        { ...targetSettings(input), targetConfiguration: input.targetConfiguration },
        ctx,
      )),
      statusReasons: [],
      ...(await storePayload(tx, id, input.targetConfiguration)),
      ...targetSettings(input),
      tags: {},
    },
  });
  return id;
}
