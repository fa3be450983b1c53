// The search tutorial of AgentCore’s samples: 317 tools in five targets, four of which have the same ones; each question
// has to be answered with the right tool first, from the beginning and when all vectors are there.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import { legacy } from './support/mcp-client.ts';
import { SEARCH, embedded, found, toolTarget } from './support/search.ts';
import { CALCULATOR_TOOLS, RESTAURANT_TOOLS } from './support/tutorial-tools.ts';

const QUESTIONS = [
  ['find me 3 credit research tools', /^Calc\w+___credit_research_report$/],
  ['find equity trading tools', /^Calc\w+___\w*equity_trade/],
  ['tools for multiplying two numbers', /^Calc\w+___multiply_numbers$/],
  ['tools for simply adding two numbers', /^Calc\w+___add_numbers$/],
  ['tools for booking a restaurant reservation', /^FoodTools___create_booking$/],
] as const;

let app: TestApp;
let gateway: TestGateway;
beforeAll(async () => {
  app = await openTestApp();
  gateway = await app.gateway({
    name: 'gateway-search-tutorial',
    mcp: { searchType: 'SEMANTIC', supportedVersions: ['2025-03-26'] },
    servers: {
      FoodTools: toolTarget(RESTAURANT_TOOLS),
      CalcTools: toolTarget(CALCULATOR_TOOLS),
      Calc2: toolTarget(CALCULATOR_TOOLS),
      Calc3: toolTarget(CALCULATOR_TOOLS),
      Calc4: toolTarget(CALCULATOR_TOOLS),
    },
  });
});
afterAll(() => app.close());

it('lists 317 tools in pages, and the search tool before them', async () => {
  const tools: JsonObject[] = [];
  let cursor: string | undefined;
  do {
    const { json } = await legacy(gateway.url, 'tools/list', cursor === undefined ? {} : { cursor });
    tools.push(...((json.result?.tools ?? []) as unknown as JsonObject[]));
    cursor = json.result?.nextCursor;
  } while (cursor !== undefined);
  expect(tools[0]?.['name']).toBe(SEARCH);
  expect(tools).toHaveLength(318);
  for (const tool of tools) {
    expect(typeof tool['description']).toBe('string');
    expect(tool['inputSchema']).toBeTypeOf('object');
  }
});

it.each(QUESTIONS)('“%s” by words alone', async (query, right) => {
  expect((await found(gateway.url, query, 'legacy'))[0]).toMatch(right);
});

it('“…” with the sentence encoder', async () => {
  await embedded(app, gateway.id);
  for (const [query, right] of QUESTIONS)
    expect((await found(gateway.url, query, 'legacy'))[0]).toMatch(right);
  const { legs } = await app.app.control.invoke('SearchGatewayTools', {
    gatewayIdentifier: gateway.id,
    query: 'add',
  });
  expect(legs).toHaveLength(3);
});

it('tells the operator why a tool was found', async () => {
  const { items } = await app.app.control.invoke('SearchGatewayTools', {
    gatewayIdentifier: gateway.id,
    query: 'convert temperature',
    maxResults: 3,
  });
  const [first, ...rest] = items as JsonObject[];
  expect(rest).toHaveLength(2);
  expect(first).toMatchObject({
    name: expect.stringMatching(/___convert_temperature$/),
    description: 'Converts a temperature between scales',
    matches: [
      { term: 'convert', fields: expect.arrayContaining(['name', 'description']) },
      { term: 'temperatur', fields: ['name', 'description'] },
    ],
  });
  const { score, lexical, words, sentence } = first as Record<string, number>;
  expect((lexical ?? 0) + (words ?? 0) + (sentence ?? 0)).toBeCloseTo(score ?? Number.NaN, 6);
});
