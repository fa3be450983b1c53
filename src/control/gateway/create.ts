// CreateGateway: checks, one transaction, and the answer with the URL while the status is still CREATING.

import { GatewayError } from '../../core/errors.ts';
import { newGatewayId } from '../../core/ids.ts';
import type { Tags } from '../../core/resources.ts';
import { onceForToken } from '../client-token.ts';
import type { Handler } from '../context.ts';
import { checkQuota } from '../quota.ts';
import { checkTags } from '../tag/check.ts';
import { createGatewayIdentity } from '../workload-identity/workload-identity.ts';
import { loadGateway, renderGateway } from './load.ts';
import { checkGateway, gatewaySettings } from './settings.ts';
import type { GatewayInput } from './settings.ts';

/** Handles CreateGateway. */
export const createGateway: Handler = async (json, ctx) => {
  const input = json as GatewayInput & { readonly tags?: Tags };
  checkGateway(input, ctx);
  const tags = input.tags ?? {};
  checkTags(tags, 'gateway', ctx);
  const row = await ctx.store.transaction(async (tx) => {
    const id = await onceForToken(tx, 'CreateGateway', input, ctx.clock.now(), async () => {
      if (await tx.find('gateway', '', input.name))
        throw new GatewayError('Conflict', `A gateway with name ${input.name} already exists`);
      await checkQuota(tx, 'gateway', ctx.quotas.gateways, 'gateways');
      const created = await tx.create('gateway', {
        id: newGatewayId(input.name),
        name: input.name,
        document: { status: 'CREATING', statusReasons: [], ...gatewaySettings(input), tags },
      });
      await createGatewayIdentity(tx, created.id);
      return created.id;
    });
    return loadGateway(tx, id);
  });
  ctx.wake('gateway', row.id);
  return renderGateway(row, ctx);
};
