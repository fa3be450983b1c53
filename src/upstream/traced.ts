// The egress door as part of a trace: a request that belongs to one carries its context on, and is a span of it.

import { toGatewayError } from '../core/errors.ts';
import type { OutboundSpan } from '../core/observation.ts';
import type { OutboundRequest } from '../core/outbound.ts';
import type { EgressClient } from './client.ts';

/** The same client, for requests that name the trace they belong to. */
export function withTraces(client: EgressClient): EgressClient {
  return {
    ...client,
    request(request, options) {
      const { trace } = options;
      if (!trace) return client.request(request, options);
      const span = trace.outbound(request);
      return ended(span, client.request(withContext(request, span), options));
    },
    stream(request, options) {
      const { trace } = options;
      if (!trace) return client.stream(request, options);
      const span = trace.outbound(request);
      return ended(span, client.stream(withContext(request, span), options));
    },
    close: () => client.close(),
  };
}

/** Ends the span with the head of the answer: a stream may go on for long. */
async function ended<T extends { readonly status: number }>(
  span: OutboundSpan,
  answer: Promise<T>,
): Promise<T> {
  try {
    const found = await answer;
    span.end({ status: found.status });
    return found;
  } catch (thrown) {
    span.end({ errorType: toGatewayError(thrown).code });
    throw thrown;
  }
}

/** What the request itself has set stays; whoever reads the trace needs no signature over it. */
function withContext(request: OutboundRequest, { headers }: OutboundSpan): OutboundRequest {
  const has = Object.keys(request.headers).some((name) => name.toLowerCase() === 'traceparent');
  return has ? request : { ...request, headers: { ...request.headers, ...headers } };
}
