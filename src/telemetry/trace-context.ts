// The context that requests of one trace carry (W3C Trace Context, level 1): read from the caller's headers, and handed on
// unchanged where this process makes no spans of its own.

import type { Trace } from '../core/observation.ts';

/** `version "-" trace-id "-" parent-id "-" flags`; later versions may be longer (§3.2). */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const NOTHING = /^0+$/;
/** §3.3: longer ones may be dropped. */
const MAX_TRACESTATE = 512;
const PRINTABLE = /^[\x20-\x7e]+$/;

export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly tracestate?: string;
}

/** Undefined for what is no trace context. */
export function parseTraceContext(
  traceparent: string | undefined,
  tracestate?: string,
): TraceContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return undefined;
  const isState =
    tracestate !== undefined && tracestate.length <= MAX_TRACESTATE && PRINTABLE.test(tracestate);
  return { traceId, spanId, flags: Number.parseInt(flags, 16), ...(isState ? { tracestate } : {}) };
}

/** The headers of a context. */
export function headersOf({ traceId, spanId, flags, tracestate }: TraceContext): Record<string, string> {
  return {
    traceparent: `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`,
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** Hands the caller's context on, without spans of one's own. */
export function passingTrace(context: TraceContext): Trace {
  const headers = headersOf(context);
  return { outbound: () => ({ headers, end: () => undefined }) };
}
