// What the house tells of its requests while they run: figures, and spans of traces (W3C Trace Context). Implemented in
// telemetry/; everybody else knows these shapes only.

/** One request to the data plane, as far as it is known when it begins. */
export interface ObservedRequest {
  readonly requestId: string;
  readonly gatewayId: string;
  readonly httpMethod: string;
  readonly path: string;
  /** The caller's headers `traceparent` and `tracestate`, as they came. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** What came of it. */
export interface ObservedOutcome {
  readonly status: number;
  /** Milliseconds: the whole request, and the part of it that its target took. */
  readonly ms: number;
  readonly targetMs?: number;
  readonly bytesOut: number;
  /** JSON-RPC method, name of the tool, error code. */
  readonly method?: string;
  readonly version?: string;
  readonly tool?: string;
  readonly targetId?: string;
  readonly code?: number;
  /** A result with `isError: true`. */
  readonly isError?: boolean;
}

export interface Observation {
  /** The trace that the request is part of; absent where there is none. */
  readonly trace?: Trace;
  /** Its id, and that of the span of this request where there is one, for the log. */
  readonly traceId?: string;
  readonly spanId?: string;
  end(outcome: ObservedOutcome): void;
}

/** A trace to be continued by the requests that leave. */
export interface Trace {
  /** Begins the span of one outbound request. */
  outbound(request: { readonly method: string; readonly url: URL }): OutboundSpan;
}

export interface OutboundSpan {
  /** Headers that hand the trace on. */
  readonly headers: Readonly<Record<string, string>>;
  end(outcome: { readonly status?: number; readonly errorType?: string }): void;
}

export interface RequestObserver {
  begin(request: ObservedRequest): Observation;
}
