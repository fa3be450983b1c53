import { expect, test } from 'vitest';
import { OTHER, createSeriesTable } from './series.ts';

const outcome = (tool: string) => ({
  status: 200,
  ms: 1,
  bytesOut: 1,
  targetId: 'T',
  method: 'tools/call',
  tool,
});

test('a gateway of very many tools does not take the names of others, and nothing is left uncounted', () => {
  const table = createSeriesTable();
  for (let at = 0; at < 5_000; at += 1) table.record('large', outcome(`tool-${at}`));
  table.record('small', outcome('find'));
  const all = [...table.all()];
  expect(all.filter(({ gatewayId }) => gatewayId === 'large')).toHaveLength(1_001);
  expect(all.find(({ gatewayId, tool }) => gatewayId === 'large' && tool === OTHER)?.invocations).toBe(4_000);
  expect(all.find(({ gatewayId }) => gatewayId === 'small')).toMatchObject({ tool: 'find', invocations: 1 });
});

test('very many gateways are counted too, in a table that does not grow for ever', () => {
  const table = createSeriesTable();
  for (let at = 0; at < 10_000; at += 1) table.record(`gateway-${at}`, outcome('find'));
  const all = [...table.all()];
  expect(all.length).toBeLessThanOrEqual(4_001);
  expect(all.reduce((sum, { invocations }) => sum + invocations, 0)).toBe(10_000);
});
