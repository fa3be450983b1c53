import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createSums } from './worker-metrics.ts';

/** What a worker tells. */
async function figures(counted: Record<string, number>, level: number, times: readonly number[]) {
  const registry = new Registry();
  const counter = new Counter({
    name: 'calls_total',
    help: 'x',
    labelNames: ['tool'],
    registers: [registry],
  });
  for (const [tool, count] of Object.entries(counted)) counter.inc({ tool }, count);
  new Gauge({ name: 'level', help: 'x', registers: [registry] }).set(level);
  const histogram = new Histogram({ name: 'seconds', help: 'x', buckets: [1, 2], registers: [registry] });
  for (const time of times) histogram.observe(time);
  return registry.getMetricsAsJSON();
}

test('counts and times of workers that have ended stay, levels do not', async () => {
  const sums = createSums();
  sums.told(1, await figures({ a: 2, b: 1 }, 5, [0.5]));
  sums.told(2, await figures({ a: 1 }, 7, [1.5]));
  sums.ended(1);
  sums.told(3, await figures({ a: 10, c: 1 }, 1, [3]));
  sums.ended(3);
  sums.ended(4);
  const text = await sums.text();
  expect(text).toContain('calls_total{tool="a"} 13\n');
  expect(text).toContain('calls_total{tool="b"} 1\n');
  expect(text).toContain('calls_total{tool="c"} 1\n');
  expect(text).toContain('level 7\n');
  expect(text).toContain('seconds_bucket{le="1"} 1\n');
  expect(text).toContain('seconds_bucket{le="2"} 2\n');
  expect(text).toContain('seconds_bucket{le="+Inf"} 3\n');
  expect(text).toContain('seconds_sum 5\n');
  expect(text).toContain('seconds_count 3\n');
});

test('figures that are told again take the place of those from before', async () => {
  const sums = createSums();
  let heard = 0;
  const stop = sums.next(1, () => (heard += 1));
  sums.told(1, await figures({ a: 2 }, 1, []));
  stop();
  sums.told(1, await figures({ a: 3 }, 1, []));
  expect(await sums.text()).toContain('calls_total{tool="a"} 3\n');
  expect(heard).toBe(1);
});
