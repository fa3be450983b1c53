// Figures of this process as Prometheus reads them (prom-client): AgentCore's own of its gateways, those that OpenTelemetry
// names for MCP, and those of the process.

import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metric, MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import type { ObservedOutcome } from '../core/observation.ts';
import { SECONDS } from '../core/times.ts';
import type { Times } from '../core/times.ts';
import { createSeriesTable } from './series.ts';
import type { Series, SeriesTable } from './series.ts';

type Reading = number | ReadonlyMap<string, number>;

/** A figure that is asked for when somebody looks. */
export interface Gauged {
  readonly name: string;
  readonly help: string;
  /** Values by label, or one without a label. */
  readonly read: () => Reading | Promise<Reading>;
  readonly label?: string;
  /** It counts, and only grows while the process lives: its name ends in `_total`. */
  readonly isCounter?: boolean;
  /** How the figures of several workers become one. Default: their sum. */
  readonly together?: 'sum' | 'max';
}

export interface Metrics {
  /** Counts one request to a gateway. */
  record(gatewayId: string, outcome: ObservedOutcome): void;
  /** Adds figures that others keep. */
  gauge(figure: Gauged): void;
  readonly contentType: string;
  readonly registry: Registry;
}

const LABELS = ['gateway_id', 'target_id', 'tool', 'method'] as const;
type Count = 'invocations' | 'throttles' | 'userErrors' | 'systemErrors' | 'toolErrors';

const COUNTS: readonly (readonly [count: Count, name: string, help: string])[] = [
  ['invocations', 'gatewright_invocations_total', 'Requests to gateways (AgentCore: Invocations)'],
  ['throttles', 'gatewright_throttles_total', 'Requests answered with 429 (AgentCore: Throttles)'],
  ['userErrors', 'gatewright_user_errors_total', 'Requests answered with 4xx (AgentCore: UserErrors)'],
  ['systemErrors', 'gatewright_system_errors_total', 'Requests answered with 5xx (AgentCore: SystemErrors)'],
  ['toolErrors', 'gatewright_tool_errors_total', 'Tool results with isError: true'],
];

/** The figures of one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const table = createSeriesTable();
  for (const [count, name, help] of COUNTS) registerCount(registry, table, count, name, help);
  registerTimes(registry, {
    name: 'mcp_server_operation_duration_seconds',
    help: 'Time of requests to gateways (AgentCore: Latency)',
    rows: () => [...table.all()].map((series) => ({ labels: serverLabels(series), times: series.times })),
  });
  registerTimes(registry, {
    name: 'mcp_client_operation_duration_seconds',
    help: 'Time that targets took (AgentCore: TargetExecutionTime)',
    rows: () =>
      [...table.all()].map((series) => ({ labels: clientLabels(series), times: series.targetTimes })),
  });
  return Object.freeze({
    record: (gatewayId: string, outcome: ObservedOutcome) => table.record(gatewayId, outcome),
    gauge: (figure: Gauged) => registerGauge(registry, figure),
    contentType: registry.contentType,
    registry,
  });
}

const serverLabels = ({ gatewayId, method }: Series): Record<string, string> => ({
  gateway_id: gatewayId,
  mcp_method_name: method,
});

const clientLabels = ({ gatewayId, targetId }: Series): Record<string, string> => ({
  gateway_id: gatewayId,
  target_id: targetId,
});

function registerCount(
  registry: Registry,
  table: SeriesTable,
  count: Count,
  name: string,
  help: string,
): void {
  const counter = new Counter({
    name,
    help,
    labelNames: LABELS,
    registers: [registry],
    collect() {
      counter.reset();
      for (const { gatewayId, targetId, tool, method, [count]: value } of table.all())
        if (value > 0) counter.inc({ gateway_id: gatewayId, target_id: targetId, tool, method }, value);
    },
  });
}

interface TimesOf {
  readonly name: string;
  readonly help: string;
  readonly rows: () => readonly { readonly labels: Record<string, string>; readonly times: Times }[];
}

/** A histogram whose counts are kept elsewhere: the library has no way to set them. */
export function registerTimes(registry: Registry, { name, help, rows }: TimesOf): void {
  const metric = {
    name,
    help,
    get(): MetricObjectWithValues<MetricValueWithName<string>> {
      const merged = new Map<string, { labels: Record<string, string>; times: Times }>();
      for (const { labels, times } of rows()) {
        if (times.count === 0) continue;
        const key = JSON.stringify(labels);
        const sum = merged.get(key)?.times;
        merged.set(key, { labels, times: sum ? addUp(sum, times) : times });
      }
      const values = [...merged.values()].flatMap(({ labels, times }) => valuesOf(name, labels, times));
      // What the library's own histograms say of themselves.
      return {
        name,
        help,
        type: 'histogram',
        aggregator: 'sum',
        values,
      } as unknown as MetricObjectWithValues<MetricValueWithName<string>>;
    },
    reset: () => undefined,
  };
  registry.registerMetric(metric as unknown as Metric);
}

function addUp(one: Times, other: Times): Times {
  return {
    buckets: one.buckets.map((count, index) => count + (other.buckets[index] ?? 0)),
    count: one.count + other.count,
    sum: one.sum + other.sum,
  };
}

/** Buckets count all that took no longer than their bound. */
function valuesOf(
  name: string,
  labels: Record<string, string>,
  { buckets, count, sum }: Times,
): MetricValueWithName<string>[] {
  let below = 0;
  const bounded = [...SECONDS, '+Inf'].map((bound, index) => {
    below += buckets[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le: bound, ...labels }, value: below };
  });
  return [
    ...bounded,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

function registerGauge(registry: Registry, figure: Gauged): void {
  const { name, help, read, label, together = 'sum' } = figure;
  const labelNames = label === undefined ? [] : [label];
  const described = { name, help, aggregator: together, labelNames, registers: [registry], collect };
  const shown = figure.isCounter === true ? new Counter(described) : new Gauge(described);
  async function collect(): Promise<void> {
    const value = await read();
    shown.reset();
    if (typeof value === 'number') shown.inc(value);
    else for (const [key, one] of value) shown.inc({ [label ?? '']: key }, one);
  }
}
