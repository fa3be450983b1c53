// Traces of requests (OpenTelemetry): a SERVER span for each request to a gateway, a CLIENT span for each request that
// leaves for it, sent to a collector by OTLP over HTTP through the egress door. Loaded only where a collector is configured.

import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  createTraceState,
  trace as traces,
} from '@opentelemetry/api';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Log } from '../core/call.ts';
import type { Observation, ObservedOutcome, ObservedRequest, Trace } from '../core/observation.ts';
import type { Egress, OutboundRequest } from '../core/outbound.ts';
import type { Secret } from '../lib/secret.ts';
import { headersOf, parseTraceContext } from './trace-context.ts';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;
const TRACES_PATH = '/v1/traces';
const FIRST_ERROR = 400;

export interface TracingOptions {
  /** Base address of the collector; `/v1/traces` is added (OTLP/HTTP). */
  readonly endpoint: URL;
  /** For example the collector's key. */
  readonly headers: Readonly<Record<string, Secret>>;
  readonly serviceName: string;
  /** 0 to 1, of the traces that are decided about here. */
  readonly ratio: number;
  /** Whether callers decide about those that they have begun. */
  readonly followsCallers: boolean;
  readonly egress: Pick<Egress, 'request'>;
  readonly log: Log;
  readonly region: string;
  readonly accountId: string;
  readonly version: string;
  /** ARN and name of a gateway, for AgentCore's attributes. */
  readonly gatewayOf: (gatewayId: string) => { readonly arn: string; readonly name: string } | undefined;
}

export interface Tracing {
  begin(request: ObservedRequest): Required<Observation>;
  /** Sends what is there. */
  close(): Promise<void>;
}

/** Makes spans, and sends them in the background. */
export function createTracing(options: TracingOptions): Tracing {
  const sampler = new TraceIdRatioBasedSampler(options.ratio);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': options.serviceName,
      'service.version': options.version,
      'cloud.region': options.region,
      'cloud.account.id': options.accountId,
    }),
    sampler: options.followsCallers ? new ParentBasedSampler({ root: sampler }) : sampler,
    spanProcessors: [new BatchSpanProcessor({ exporter: createExporter(options) })],
  });
  const tracer = provider.getTracer('gatewright', options.version);
  return {
    begin(request) {
      const span = tracer.startSpan(
        request.path,
        { kind: SpanKind.SERVER, attributes: attributesOf(request, options) },
        callersContext(request),
      );
      const { traceId, spanId } = span.spanContext();
      return {
        trace: { outbound: (outbound) => beginOutbound(tracer, span, outbound) },
        traceId,
        spanId,
        end(outcome) {
          describe(span, outcome);
          span.end();
        },
      };
    },
    close: () => provider.shutdown().catch(() => undefined),
  };
}

function callersContext({ traceparent, tracestate }: ObservedRequest): Context {
  const context = parseTraceContext(traceparent, tracestate);
  if (!context) return ROOT_CONTEXT;
  const { traceId, spanId, flags, tracestate: state } = context;
  return traces.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  });
}

/** AgentCore's attributes (its observability page), and OpenTelemetry's of HTTP. */
function attributesOf(
  { requestId, gatewayId, httpMethod, path }: ObservedRequest,
  { region, accountId, gatewayOf }: TracingOptions,
): Attributes {
  const gateway = gatewayOf(gatewayId);
  return {
    'aws.operation.name': 'InvokeGateway',
    'aws.request.id': requestId,
    'aws.account.id': accountId,
    'aws.region': region,
    'aws.resource.type': 'AWS::BedrockAgentCore::Gateway',
    'aws.xray.origin': 'AWS::BedrockAgentCore::Gateway',
    'gateway.id': gatewayId,
    ...(gateway ? { 'aws.resource.arn': gateway.arn, 'gateway.name': gateway.name } : {}),
    'http.method': httpMethod,
    'http.request.method': httpMethod,
    'url.path': path,
  };
}

function describe(span: Span, outcome: ObservedOutcome): void {
  const { status, ms, targetMs, method, version, tool, code, isError } = outcome;
  span.updateName([method, tool].filter(Boolean).join(' ') || 'mcp');
  const errorType =
    code !== undefined
      ? String(code)
      : isError === true
        ? 'tool_error'
        : status >= FIRST_ERROR
          ? String(status)
          : undefined;
  span.setAttributes({
    'http.response.status_code': status,
    latency_ms: ms,
    overhead_latency_ms: ms - (targetMs ?? 0),
    ...(method === undefined ? {} : { 'mcp.method.name': method }),
    ...(version === undefined ? {} : { 'mcp.protocol.version': version }),
    ...(tool === undefined ? {} : { 'tool.name': tool, 'gen_ai.tool.name': tool }),
    ...(code === undefined ? {} : { 'jsonrpc.error.code': code, 'rpc.jsonrpc.error_code': code }),
    ...(errorType === undefined ? {} : { error_type: errorType, 'error.type': errorType }),
  });
  if (errorType !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
}

function beginOutbound(
  tracer: Tracer,
  parent: Span,
  { method, url }: Pick<OutboundRequest, 'method' | 'url'>,
): ReturnType<Trace['outbound']> {
  const span = tracer.startSpan(
    method,
    {
      kind: SpanKind.CLIENT,
      // Never the query: it may hold a key.
      attributes: {
        'http.request.method': method,
        'server.address': url.hostname,
        'url.scheme': url.protocol.slice(0, -1),
        'url.path': url.pathname,
        ...(url.port === '' ? {} : { 'server.port': Number(url.port) }),
      },
    },
    traces.setSpan(ROOT_CONTEXT, parent),
  );
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const tracestate = traceState?.serialize();
  return {
    headers: headersOf({ traceId, spanId, flags: traceFlags, ...(tracestate ? { tracestate } : {}) }),
    end({ status, errorType }) {
      const type = errorType ?? (status !== undefined && status >= FIRST_ERROR ? String(status) : undefined);
      if (status !== undefined) span.setAttribute('http.response.status_code', status);
      if (type !== undefined) {
        span.setAttribute('error.type', type);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

const revealed = (headers: TracingOptions['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));

/** What cannot be sent is dropped, and said once until it can be again. */
function createExporter({ endpoint, headers, egress, log }: TracingOptions): SpanExporter {
  const url = new URL(`${endpoint.pathname.replace(/\/$/, '')}${TRACES_PATH}`, endpoint);
  let isLost = false;
  const sending = new Set<Promise<void>>();
  async function send(spans: readonly ReadableSpan[]): Promise<void> {
    const body = JsonTraceSerializer.serializeRequest([...spans]);
    if (!body) return;
    const { status } = await egress.request(
      { method: 'POST', url, headers: { ...revealed(headers), 'content-type': 'application/json' }, body },
      { timeoutMs: TIMEOUT_MS, maxResponseBytes: MAX_ANSWER },
    );
    if (status >= FIRST_ERROR) throw new Error(`the collector answered ${status}`);
  }
  /** OpenTelemetry's codes: 0 is success, 1 failure. */
  async function outcomeOf(spans: readonly ReadableSpan[]): Promise<0 | 1> {
    try {
      await send(spans);
      isLost = false;
      return 0;
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      if (!isLost) log.warn({ reason, spans: spans.length }, 'traces cannot be sent and are dropped');
      isLost = true;
      return 1;
    }
  }
  async function exportSpans(spans: readonly ReadableSpan[], done: (result: { code: 0 | 1 }) => void) {
    done({ code: await outcomeOf(spans) });
  }
  return {
    export(spans, done) {
      const sent = exportSpans(spans, done);
      sending.add(sent);
      void sent.then(() => sending.delete(sent));
    },
    forceFlush: () => Promise.all(sending).then(() => undefined),
    shutdown: () => Promise.all(sending).then(() => undefined),
  };
}
