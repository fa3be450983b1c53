// One observer of requests: what begins and ends goes to the figures, and to the spans where there are any.

import type { Observation, ObservedOutcome, ObservedRequest, RequestObserver } from '../core/observation.ts';
import type { Metrics } from './metrics.ts';
import { parseTraceContext, passingTrace } from './trace-context.ts';
import type { Tracing } from './tracing.ts';

/** Tells both. Without tracing the caller's trace is handed on as it is. */
export function createObserver(metrics: Metrics, tracing: Tracing | undefined): RequestObserver {
  return {
    begin(request: ObservedRequest): Observation {
      const { gatewayId } = request;
      if (tracing) {
        const spans = tracing.begin(request);
        return {
          trace: spans.trace,
          traceId: spans.traceId,
          spanId: spans.spanId,
          end(outcome: ObservedOutcome): void {
            metrics.record(gatewayId, outcome);
            spans.end(outcome);
          },
        };
      }
      const context = parseTraceContext(request.traceparent, request.tracestate);
      return {
        ...(context ? { trace: passingTrace(context), traceId: context.traceId } : {}),
        end: (outcome) => metrics.record(gatewayId, outcome),
      };
    },
  };
}
