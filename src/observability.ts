// Part of the composition root: figures and traces, put together. No logic of its own.

import type { Config } from './config.ts';
import { isLoopback } from './config.ts';
import type { RequestObserver } from './core/observation.ts';
import { SERVER_INFO } from './core/server-info.ts';
import type { MetricsPage } from './edge/web.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createObserver } from './telemetry/observer.ts';
import { registerFigures } from './telemetry/room-metrics.ts';
import type { Tracing, TracingOptions } from './telemetry/tracing.ts';
import { figuresOf } from './watched-rooms.ts';
import type { WatchedRooms } from './watched-rooms.ts';
import { createMetricsText } from './worker-metrics.ts';

export interface Observability {
  readonly observer: RequestObserver;
  /** What the listener at an address shows; undefined where figures may not be shown to whoever reaches it. */
  page(host: string, isAdmin: boolean): MetricsPage | undefined;
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
  const page = createMetricsText(metrics.registry);
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
      return { contentType: metrics.contentType, text: () => page.text(), ...(token ? { token } : {}) };
    },
    watch(rooms) {
      for (const figure of figuresOf(rooms)) metrics.gauge(figure);
      registerFigures(metrics.registry, rooms.figures);
    },
    async close() {
      await Promise.all([tracing?.close(), page.close()]);
    },
  };
}
