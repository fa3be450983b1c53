// GetGateway.

import type { Handler } from '../context.ts';
import { loadGateway, renderGateway } from './load.ts';

/** Handles GetGateway. */
export const getGateway: Handler = async (input, ctx) =>
  renderGateway(await loadGateway(ctx.store, input['gatewayIdentifier'] as string), ctx);
