// ListGatewayTargets.

import type { Handler } from '../context.ts';
import { loadGateway } from '../gateway/load.ts';
import { listPage } from '../page.ts';
import { renderTargetSummary } from './load.ts';

/** Handles ListGatewayTargets. */
export const listGatewayTargets: Handler = async (input, ctx) => {
  const gateway = await loadGateway(ctx.store, input['gatewayIdentifier'] as string);
  return listPage(ctx.store, 'gateway-target', gateway.id, input, (row) => renderTargetSummary(row, ctx));
};
