// ListGateways.

import type { Handler } from '../context.ts';
import { listPage } from '../page.ts';
import { renderGatewaySummary } from './load.ts';

/** Handles ListGateways. */
export const listGateways: Handler = (input, ctx) =>
  listPage(ctx.store, 'gateway', '', input, renderGatewaySummary);
