// Figures of this process as Prometheus reads them (prom-client): AgentCore's own of its gateways, those that OpenTelemetry
// names for MCP, and those of the process. The number of series is bounded, whatever tools there are.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ObservedOutcome } from '../core/observation.ts';

/** Sets of labels that one kind of figure may have; requests beyond are counted together. */
const MAX_SERIES = 2_000;
const OTHER = '_other';
/** OpenTelemetry's buckets for MCP operations, seconds (semantic conventions, `mcp.server.operation.duration`). */
const SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];
const THROTTLED = 429;
const FIRST_USER_ERROR = 400;
const FIRST_SYSTEM_ERROR = 500;

/** A figure that is asked for when somebody looks. */
export interface Gauged {
  readonly name: string;
  readonly help: string;
  /** Values by label; without labels the label is ''. */
  readonly read: () => number | ReadonlyMap<string, number>;
  readonly label?: string;
}

export interface Metrics {
  /** Counts one request to a gateway. */
  record(gatewayId: string, outcome: ObservedOutcome): void;
  /** Adds figures that others keep. */
  gauge(figure: Gauged): void;
  /** Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
  readonly registry: Registry;
}

const LABELS = ['gateway_id', 'target_id', 'tool', 'method'] as const;

/** The figures of one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string): Counter<(typeof LABELS)[number]> =>
    new Counter({ name, help, labelNames: LABELS, registers: [registry] });
  const invocations = counter(
    'gatewright_invocations_total',
    'Requests to gateways (AgentCore: Invocations)',
  );
  const throttles = counter(
    'gatewright_throttles_total',
    'Requests answered with 429 (AgentCore: Throttles)',
  );
  const userErrors = counter(
    'gatewright_user_errors_total',
    'Requests answered with 4xx (AgentCore: UserErrors)',
  );
  const systemErrors = counter(
    'gatewright_system_errors_total',
    'Requests answered with 5xx (AgentCore: SystemErrors)',
  );
  const toolErrors = counter('gatewright_tool_errors_total', 'Tool results with isError: true');
  const duration = new Histogram({
    name: 'mcp_server_operation_duration_seconds',
    help: 'Time of requests to gateways (AgentCore: Latency)',
    labelNames: ['gateway_id', 'mcp_method_name'] as const,
    buckets: SECONDS,
    registers: [registry],
  });
  const targetDuration = new Histogram({
    name: 'mcp_client_operation_duration_seconds',
    help: 'Time that targets took (AgentCore: TargetExecutionTime)',
    labelNames: ['gateway_id', 'target_id'] as const,
    buckets: SECONDS,
    registers: [registry],
  });
  const series = createSeries();
  return Object.freeze({
    record(gatewayId: string, outcome: ObservedOutcome): void {
      const { status, method = '', ms, targetMs } = outcome;
      const labels = series.labelsOf(gatewayId, outcome);
      invocations.inc(labels);
      if (status >= FIRST_SYSTEM_ERROR) systemErrors.inc(labels);
      else if (status === THROTTLED) throttles.inc(labels);
      else if (status >= FIRST_USER_ERROR) userErrors.inc(labels);
      if (outcome.isError === true) toolErrors.inc(labels);
      duration.observe(series.pair('gateway_id', labels.gateway_id, 'mcp_method_name', method), ms / 1000);
      if (targetMs !== undefined)
        targetDuration.observe(
          series.pair('gateway_id', labels.gateway_id, 'target_id', labels.target_id),
          targetMs / 1000,
        );
    },
    gauge({ name, help, read, label }: Gauged): void {
      const gauge = new Gauge({
        name,
        help,
        labelNames: label === undefined ? [] : [label],
        registers: [registry],
        collect() {
          const value = read();
          gauge.reset();
          if (typeof value === 'number') gauge.set(value);
          else for (const [key, one] of value) gauge.set({ [label ?? '']: key }, one);
        },
      });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    registry,
  });
}

type Labels = Record<(typeof LABELS)[number], string>;

/** Sets of labels, each made once: what comes from callers cannot make more of them than there is room for. */
function createSeries() {
  const known = new Map<string, Labels>();
  const pairs = new Map<string, Record<string, string>>();
  const others = new Map<string, Labels>();
  return {
    labelsOf(gatewayId: string, { targetId = '', tool = '', method = '', status }: ObservedOutcome): Labels {
      // Only what a gateway knows is a name; a caller may send any (404, unknown method).
      const isKnown = status < FIRST_USER_ERROR || targetId !== '';
      const key = isKnown ? `${gatewayId} ${targetId} ${method} ${tool}` : '';
      let labels = known.get(key);
      if (labels) return labels;
      if (!isKnown || known.size >= MAX_SERIES) return this.other(isKnown ? gatewayId : OTHER);
      labels = { gateway_id: gatewayId, target_id: targetId, tool, method };
      known.set(key, labels);
      return labels;
    },
    other(gatewayId: string): Labels {
      const id = others.has(gatewayId) || others.size < MAX_SERIES ? gatewayId : OTHER;
      let labels = others.get(id);
      if (!labels) {
        labels = { gateway_id: id, target_id: OTHER, tool: OTHER, method: OTHER };
        others.set(id, labels);
      }
      return labels;
    },
    pair(first: string, one: string, second: string, two: string): Record<string, string> {
      const value = pairs.size < MAX_SERIES || pairs.has(`${first} ${one} ${second} ${two}`) ? two : OTHER;
      const key = `${first} ${one} ${second} ${value}`;
      let made = pairs.get(key);
      if (!made) {
        made = { [first]: one, [second]: value };
        pairs.set(key, made);
      }
      return made;
    },
  };
}
