// SearchGatewayTools and GetGatewaySearchMetrics (ours, not AWS’s): the search as its operator sees it.

import { GatewayError } from '../../core/errors.ts';
import type { Handler } from '../context.ts';
import { loadGateway } from './load.ts';

const DEFAULT_RESULTS = 10;

/** Handles SearchGatewayTools. */
export const searchGatewayTools: Handler = async (input, ctx) => {
  const { id } = await loadGateway(ctx.store, input['gatewayIdentifier'] as string);
  const { hits, legs } = await ctx.search.search(id, {
    query: input['query'] as string,
    limit: (input['maxResults'] as number | undefined) ?? DEFAULT_RESULTS,
    explain: true,
  });
  const items = hits.map(({ explanation, ...hit }) => ({
    ...hit,
    description: explanation?.description ?? '',
    matches: (explanation?.matches ?? []).map(({ term, fields }) => ({ term, fields: [...fields] })),
  }));
  return { items, legs: [...legs] };
};

/** Handles GetGatewaySearchMetrics. */
export const getGatewaySearchMetrics: Handler = async (input, ctx) => {
  const { id } = await loadGateway(ctx.store, input['gatewayIdentifier'] as string);
  const metrics = ctx.search.metrics(id);
  if (!metrics)
    throw new GatewayError(
      'NotFound',
      'This gateway is not searched: its protocolConfiguration.mcp.searchType is not SEMANTIC.',
    );
  return { gatewayId: id, ...metrics };
};
