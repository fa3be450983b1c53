// What rooms count (core/figures.ts), as Prometheus reads it: every series from the beginning, so that a rate can be taken
// of the first failure too.

import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import { COUNTS, TIMES } from '../core/figures.ts';
import type { CountName, Figures } from '../core/figures.ts';
import { registerTimes } from './metrics.ts';

/** Adds all of them to a registry. */
export function registerFigures(registry: Registry, figures: Figures): void {
  for (const name of Object.keys(COUNTS)) registerCounter(registry, name as CountName, figures);
  for (const [key, { name, help }] of Object.entries(TIMES))
    registerTimes(registry, {
      name,
      help,
      rows: () => [{ labels: {}, times: figures.times[key as keyof typeof TIMES] }],
    });
}

function registerCounter(registry: Registry, key: CountName, figures: Figures): void {
  const { name, help, labels } = COUNTS[key];
  const counter = new Counter({
    name,
    help,
    labelNames: Object.keys(labels),
    registers: [registry],
    collect() {
      counter.reset();
      for (const series of figures.series(key)) counter.inc({ ...series.labels }, series.value);
    },
  });
}
