// Counts of requests by what they were about, kept as plain numbers: the hot path adds to them, and the metrics library is
// asked for its text only when somebody looks. The number of series is bounded, whatever tools and callers there are.

import type { ObservedOutcome } from '../core/observation.ts';
import { newTimes, observe } from '../core/times.ts';
import type { Times } from '../core/times.ts';

/** Sets of labels that are kept apart: of all gateways, and of one, whose tools must not crowd out those of others. */
const MAX_SERIES = 2_000;
const MAX_OF_GATEWAY = 1_000;
export const OTHER = '_other';
const THROTTLED = 429;
/** JSON-RPC: there is no such method. Its name is whatever the caller made up. */
const METHOD_NOT_FOUND = -32601;
const FIRST_USER_ERROR = 400;
const FIRST_SYSTEM_ERROR = 500;

export interface Series {
  readonly gatewayId: string;
  readonly targetId: string;
  readonly tool: string;
  readonly method: string;
  invocations: number;
  throttles: number;
  userErrors: number;
  systemErrors: number;
  toolErrors: number;
  readonly times: Times;
  readonly targetTimes: Times;
}

export interface SeriesTable {
  record(gatewayId: string, outcome: ObservedOutcome): void;
  all(): Iterable<Series>;
}

/** A table that is empty. */
export function createSeriesTable(): SeriesTable {
  const known = new Map<string, Series>();
  const perGateway = new Map<string, number>();
  function seriesOf(
    gatewayId: string,
    { targetId = '', tool = '', method = '', status, code }: ObservedOutcome,
  ): Series {
    // Only what a gateway knows is a name; a caller may send any (404, unknown method).
    const isKnown = (status < FIRST_USER_ERROR && code !== METHOD_NOT_FOUND) || targetId !== '';
    if (!isKnown) return add(OTHER, OTHER, OTHER, OTHER);
    const key = `${gatewayId} ${targetId} ${method} ${tool}`;
    const found = known.get(key);
    if (found) return found;
    const ofGateway = perGateway.get(gatewayId) ?? 0;
    if (known.size >= MAX_SERIES || ofGateway >= MAX_OF_GATEWAY)
      return add(known.size < 2 * MAX_SERIES ? gatewayId : OTHER, OTHER, OTHER, OTHER);
    perGateway.set(gatewayId, ofGateway + 1);
    return add(gatewayId, targetId, method, tool);
  }
  function add(gatewayId: string, targetId: string, method: string, tool: string): Series {
    const key = `${gatewayId} ${targetId} ${method} ${tool}`;
    let series = known.get(key);
    if (!series) {
      series = {
        gatewayId,
        targetId,
        tool,
        method,
        invocations: 0,
        throttles: 0,
        userErrors: 0,
        systemErrors: 0,
        toolErrors: 0,
        times: newTimes(),
        targetTimes: newTimes(),
      };
      known.set(key, series);
    }
    return series;
  }
  return {
    record(gatewayId, outcome) {
      const series = seriesOf(gatewayId, outcome);
      const { status, targetMs } = outcome;
      series.invocations += 1;
      if (status >= FIRST_SYSTEM_ERROR) series.systemErrors += 1;
      else if (status === THROTTLED) series.throttles += 1;
      else if (status >= FIRST_USER_ERROR) series.userErrors += 1;
      if (outcome.isError === true) series.toolErrors += 1;
      observe(series.times, outcome.ms / 1000);
      if (targetMs !== undefined) observe(series.targetTimes, targetMs / 1000);
    },
    all: () => known.values(),
  };
}
