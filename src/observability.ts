// Part of the composition root: figures and traces, put together. No logic of its own.

import type { Config } from './config.ts';
import { isLoopback } from './config.ts';
import type { Figures } from './core/figures.ts';
import type { Overload } from './edge/overload.ts';
import type { Identity } from './identity/identity.ts';
import type { ToolSearch } from './search/tool-search.ts';
import type { Snapshots } from './snapshot/snapshots.ts';
import type { TargetGuards } from './upstream/target-guard.ts';
import type { RequestObserver } from './core/observation.ts';
import { SERVER_INFO } from './core/server-info.ts';
import type { MetricsPage } from './edge/web.ts';
import { createMetrics } from './telemetry/metrics.ts';
import type { Gauged } from './telemetry/metrics.ts';
import { createObserver } from './telemetry/observer.ts';
import { registerFigures } from './telemetry/room-metrics.ts';
import type { Tracing, TracingOptions } from './telemetry/tracing.ts';
import { createMetricsText } from './worker-metrics.ts';

/** Whatever keeps figures of its own. */
export interface WatchedRooms {
  readonly guards: Pick<TargetGuards, 'figures'>;
  readonly overload: Pick<Overload, 'inFlight' | 'shed'>;
  readonly snapshots: Pick<Snapshots, 'figures'>;
  readonly identity: Pick<Identity, 'figures'>;
  readonly search: Pick<ToolSearch, 'figures'>;
  /** What all of them count. */
  readonly figures: Figures;
}

export interface Observability {
  readonly observer: RequestObserver;
  /** What the listener at an address shows; undefined where figures may not be shown to whoever reaches it. */
  page(host: string, isAdmin: boolean): MetricsPage | undefined;
  gauge(figure: Gauged): void;
  /** Adds the figures of the rooms that calls go through. */
  watch(rooms: WatchedRooms): void;
  close(): Promise<void>;
}

/** Nothing leaves before something is observed. */
export async function openObservability(
  config: Config,
  services: Pick<TracingOptions, 'egress' | 'log' | 'gatewayOf'>,
): Promise<Observability> {
  const metrics = createMetrics();
  const text = createMetricsText(metrics.registry);
  const { region, accountId, tracing: settings, metricsToken: token } = config;
  let tracing: Tracing | undefined;
  if (settings) {
    // Loaded only where a collector is configured.
    const { createTracing } = await import('./telemetry/tracing.ts');
    tracing = createTracing({ ...services, ...settings, region, accountId, version: SERVER_INFO.version });
  }
  return {
    observer: createObserver(metrics, tracing),
    page(host, isAdmin) {
      if (!token && !isAdmin && !isLoopback(host)) return undefined;
      return { contentType: metrics.contentType, text, ...(token ? { token } : {}) };
    },
    gauge: (figure) => metrics.gauge(figure),
    watch(rooms) {
      for (const figure of figuresOf(rooms)) metrics.gauge(figure);
      registerFigures(metrics.registry, rooms.figures);
    },
    close: async () => tracing?.close(),
  };
}

function figuresOf({ guards, overload, snapshots, identity, search }: WatchedRooms): readonly Gauged[] {
  const label = 'target_id';
  return [
    {
      name: 'gatewright_requests_in_flight',
      help: 'Requests to gateways under way',
      read: () => overload.inFlight,
    },
    {
      name: 'gatewright_requests_shed',
      help: 'Requests turned away because of overload',
      read: () => overload.shed,
    },
    {
      name: 'gatewright_target_calls_in_flight',
      help: 'Calls of a target under way',
      label,
      read: () => guards.figures().running,
    },
    {
      name: 'gatewright_target_calls_waiting',
      help: 'Calls of a target in line',
      label,
      read: () => guards.figures().waiting,
    },
    {
      name: 'gatewright_target_circuit_open',
      help: '1 while a target rests after failures in a row',
      together: 'max',
      label,
      read: () => guards.figures().resting,
    },
    {
      name: 'gatewright_gateways',
      help: 'Gateways that are served',
      together: 'max',
      read: () => snapshots.figures().gateways,
    },
    {
      name: 'gatewright_tools',
      help: 'Tools that are served',
      together: 'max',
      read: () => snapshots.figures().tools,
    },
    {
      name: 'gatewright_snapshot_age_seconds',
      help: 'Since the store was last seen to have nothing newer',
      together: 'max',
      read: () => snapshots.figures().ageSeconds,
    },
    {
      name: 'gatewright_token_cache_entries',
      help: 'Access tokens for targets in memory',
      read: () => identity.figures().tokens,
    },
    {
      name: 'gatewright_jwks_age_seconds',
      help: 'Since the signing keys of a gateway’s identity provider were fetched',
      together: 'max',
      label: 'gateway_id',
      read: () => snapshots.figures().keysAgeSeconds,
    },
    {
      name: 'gatewright_search_tools',
      help: 'Tools in the search indexes of gateways',
      together: 'max',
      read: () => search.figures().tools,
    },
    {
      name: 'gatewright_search_embedded_tools',
      help: 'Tools in them that have a vector of the present model',
      together: 'max',
      read: () => search.figures().embedded,
    },
    {
      name: 'gatewright_search_index_bytes',
      help: 'Memory that the search indexes take',
      read: () => search.figures().indexBytes,
    },
  ];
}
