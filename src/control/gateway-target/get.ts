// GetGatewayTarget.

import type { Handler } from '../context.ts';
import { loadTarget, renderTarget } from './load.ts';

/** Handles GetGatewayTarget. */
export const getGatewayTarget: Handler = async (input, ctx) =>
  renderTarget(
    await loadTarget(ctx.store, input['gatewayIdentifier'] as string, input['targetId'] as string),
    ctx,
  );
