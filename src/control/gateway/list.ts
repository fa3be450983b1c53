// ListGateways.

import { mayTouch } from '../../core/access.ts';
import { isJsonObject } from '../../core/json.ts';
import type { Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { renderGatewaySummary } from './load.ts';

/** Handles ListGateways. */
export const listGateways: Handler = async (input, ctx) => {
  const page = await listPage(ctx.store, 'gateway', '', input, renderGatewaySummary);
  // A key that is limited to some gateways does not hear of others.
  const items = page.items.filter(
    (item) => !isJsonObject(item) || mayTouch(ctx.caller, item['gatewayId'] as string),
  );
  return { ...page, items };
};
