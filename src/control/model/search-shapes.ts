// Shapes of the operations on the tool search. They are this service’s own: AWS has none.

import { label, list, must, sized, structure, text, whole } from './shape.ts';
import type { Shape, Shapes } from './shape.ts';

const number: Shape = { type: 'double' };
const count = whole(0, Number.MAX_SAFE_INTEGER);

/** Shapes reachable from the search operations. */
export const SEARCH_SHAPES: Shapes = {
  SearchGatewayToolsRequest: structure({
    gatewayIdentifier: label('GatewayIdentifier'),
    query: must(sized(1, 4096)),
    maxResults: whole(1, 100),
  }),
  SearchGatewayToolsResponse: structure({
    items: must(list('ToolSearchHit')),
    legs: must(list(text())),
  }),
  ToolSearchHit: structure({
    name: must(text()),
    description: must(text()),
    score: must(number),
    lexical: must(number),
    words: must(number),
    sentence: must(number),
    matches: must(list(structure({ term: must(text()), fields: must(list(text())) }))),
  }),
  GatewaySearchMetricsResponse: structure({
    gatewayId: must('GatewayId'),
    tools: must(count),
    embedded: must(count),
    model: must(text()),
    indexBytes: must(count),
    buildMs: must(number),
    queries: must(count),
    withoutModel: must(count),
    refused: must(count),
    p50Ms: must(number),
    p95Ms: must(number),
  }),
};
