// The search tool as MCP clients meet it: listed first, called in both eras, over all targets, under every kind of name,
// within its limits; and what callers who may see different tools learn of each other's, which is nothing.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openApp } from '../src/app.ts';
import type { McpServices } from '../src/mcp/endpoint.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import { openIssuer } from './support/issuer.ts';
import { legacy, modern } from './support/mcp-client.ts';
import { SEARCH, callSearch, fillerTools, found, toolTarget } from './support/search.ts';
import { describeApi } from './support/upstream.ts';

const SEMANTIC = { searchType: 'SEMANTIC' };
const WORDS = { 'gatewright:search-embedder': 'words' };
const ERAS = ['modern', 'legacy'] as const;

const MAIL = [
  {
    name: 'send_mail',
    description: 'Sends an e-mail to a person',
    parameters: { to: 'Address of the recipient' },
  },
  { name: 'list_mails', description: 'Lists the newest e-mails of a mailbox' },
];
const TRAVEL = [
  { name: 'bookFlight', description: 'Books a seat on a plane' },
  { name: 'findHotels', description: 'Hotels near a place, with prices' },
  ...fillerTools(30),
];

let app: TestApp;
let gateway: TestGateway;
beforeAll(async () => {
  app = await openTestApp();
  gateway = await app.gateway({
    mcp: SEMANTIC,
    tags: WORDS,
    servers: { mail: toolTarget(MAIL), travel: toolTarget(TRAVEL) },
    targets: {
      weather: describeApi('http://127.0.0.1:9', {
        currentWeather: { description: 'The weather at a place now', query: { city: { type: 'string' } } },
      }),
    },
  });
});
afterAll(() => app.close());

const ask = (era: (typeof ERAS)[number], url: string, method: string, params: JsonObject = {}) =>
  era === 'modern' ? modern(url, method, params) : legacy(url, method, params);

/** Every page of `tools/list`. */
async function pages(url: string, era: (typeof ERAS)[number]): Promise<string[][]> {
  const all: string[][] = [];
  let cursor: string | undefined;
  do {
    const { json } = await ask(era, url, 'tools/list', cursor === undefined ? {} : { cursor });
    all.push((json.result?.tools ?? []).map(({ name }) => name));
    cursor = json.result?.nextCursor;
  } while (cursor !== undefined);
  return all;
}

describe.each(ERAS)('a client of the %s era', (era) => {
  it('is shown the tool first, on the page of the first target, as AgentCore describes it', async () => {
    const listed = await pages(gateway.url, era);
    expect(listed.map((page) => page[0])).toEqual([SEARCH, expect.anything(), expect.anything()]);
    expect(listed.flat().filter((name) => name === SEARCH)).toEqual([SEARCH]);
    expect(listed[0]?.length).toBeGreaterThan(1);
    const { json } = await ask(era, gateway.url, 'tools/list');
    expect(json.result?.tools?.[0]).toEqual({
      name: SEARCH,
      description: expect.stringContaining('trimmed down list of tools'),
      inputSchema: {
        type: 'object',
        properties: { query: { type: 'string', description: expect.any(String) } },
        required: ['query'],
      },
    });
  });

  it('gets whole definitions in structured content and as text, at most ten, from all kinds of target', async () => {
    const { json } = await callSearch(gateway.url, 'what is the weather in Berlin', era);
    const { result } = json;
    const tools = result?.structuredContent?.['tools'] as JsonObject[];
    expect(JSON.parse(result?.content?.[0]?.text ?? '')).toEqual({ tools });
    expect(result?.isError).toBe(false);
    expect(tools).toHaveLength(10);
    expect(tools[0]).toMatchObject({
      name: 'weather___currentWeather',
      inputSchema: { properties: { city: { type: 'string' } } },
    });
    expect((await found(gateway.url, 'mail to a friend', era))[0]).toBe('mail___send_mail');
    expect((await found(gateway.url, 'reserve an airplane seat', era))[0]).toBe('travel___bookFlight');
  });

  it('finds what it can call', async () => {
    const [name] = await found(gateway.url, 'hotel prices', era);
    const { json } = await ask(era, gateway.url, 'tools/call', { name: name ?? '', arguments: {} });
    // There is no server behind this target: the call arrives there and fails.
    expect(json.result?.isError).toBe(true);
  });
});

describe('the search tool', () => {
  it('is not there without searchType', async () => {
    const { url } = await app.gateway({ servers: { mail: toolTarget(MAIL) } });
    expect((await pages(url, 'modern')).flat()).not.toContain(SEARCH);
    const { json } = await callSearch(url, 'mail');
    expect(json.error).toMatchObject({ code: -32602, message: `Unknown tool: ${SEARCH}` });
  });

  it('is there on a gateway without tools, on a single page, and with bare names', async () => {
    const empty = await app.gateway({ mcp: SEMANTIC, tags: WORDS });
    expect(await pages(empty.url, 'modern')).toEqual([[SEARCH]]);
    expect(await found(empty.url, 'anything')).toEqual([]);
    const single = await app.gateway({
      mcp: { ...SEMANTIC, disableMcpListToolsPagination: true },
      tags: { ...WORDS, 'gatewright:tool-names': 'bare' },
      servers: { one: toolTarget(MAIL), two: toolTarget([{ name: SEARCH, description: 'An impostor' }]) },
    });
    const [page] = await pages(single.url, 'legacy');
    expect(page?.slice(0, 3)).toEqual([SEARCH, 'send_mail', 'list_mails']);
    expect(new Set(page).size).toBe(page?.length);
    expect((await found(single.url, 'e-mail to a person'))[0]).toBe('send_mail');
  });

  it('knows at once what has changed', async () => {
    const changing = await app.gateway({ mcp: SEMANTIC, tags: WORDS, servers: { mail: toolTarget(MAIL) } });
    const { items } = await app.app.control.invoke('ListGatewayTargets', { gatewayIdentifier: changing.id });
    const [target] = items as JsonObject[];
    await app.app.control.invoke('UpdateGatewayTarget', {
      gatewayIdentifier: changing.id,
      targetId: target?.['targetId'],
      name: 'mail',
      targetConfiguration: {
        mcp: { mcpServer: toolTarget([{ name: 'brew', description: 'Makes coffee' }]) },
      },
    });
    await app.app.control.settled();
    expect(await found(changing.url, 'coffee')).toEqual(['mail___brew']);
    await app.app.control.invoke('DeleteGatewayTarget', {
      gatewayIdentifier: changing.id,
      targetId: target?.['targetId'],
    });
    await app.app.control.settled();
    expect(await found(changing.url, 'coffee')).toEqual([]);
  });

  it('finds tools of targets with dynamic listing where the gateway takes that', async () => {
    const fixture = await openFixtureServer({ eras: 'modern' });
    try {
      const { url } = await app.gateway({
        mcp: SEMANTIC,
        tags: { ...WORDS, 'gatewright:search-dynamic-targets': 'true' },
        servers: { live: { endpoint: fixture.url, listingMode: 'DYNAMIC' } },
      });
      const [first, ...rest] = (await pages(url, 'modern')).flat();
      expect(first).toBe(SEARCH);
      expect(rest).toEqual(expect.arrayContaining(await found(url, 'echo a text')));
      expect(await found(url, 'echo a text')).not.toEqual([]);
    } finally {
      await fixture.close();
    }
  });

  it.each([
    ['no query', undefined],
    ['a number', 7],
    ['null', null],
    ['a list', ['mail']],
    ['too long a text', 'x'.repeat(4_097)],
  ])('refuses %s', async (_what, query) => {
    // As with every other tool: a result that the model can read, before 2025-11-25 an error.
    const { json } = await callSearch(gateway.url, query);
    expect(json.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('query') }],
    });
    const before = await callSearch(gateway.url, query, 'legacy');
    expect(before.json.error).toMatchObject({ code: -32602, message: expect.stringContaining('query') });
  });

  it.each([
    ['nothing', ''],
    ['spaces', ' \n\t '],
    ['signs only', '!!! ??? ((( [[[ "\'` \\ /'],
    ['a regular expression', '(a+)+$ ^(?:.*)*'],
    ['control characters', '\u0000\u0007\u001b[31m'],
    ['half a surrogate pair', '\ud800 mail'],
    ['one word many times', 'mail '.repeat(800)],
    ['a long word', 'm'.repeat(4_000)],
    ['emoji', '📧✈️🏨'],
    ['names of JavaScript', '__proto__ constructor toString hasOwnProperty'],
    ['a statement', "'; DROP TABLE gateway; --"],
    ['combining marks', `e${'\u0301'.repeat(3_000)}`],
  ])('answers %s', async (_what, query) => {
    for (const era of ERAS) {
      const { status, json } = await callSearch(gateway.url, query, era);
      expect(status).toBe(200);
      expect(json.result?.isError).toBe(false);
      const tools = json.result?.structuredContent?.['tools'];
      expect(Array.isArray(tools) && tools.length <= 10).toBe(true);
    }
  });

  it('finds nothing for what is no question', async () => {
    expect(await found(gateway.url, 'qwrtz plmok vbnxz')).toEqual([]);
  });

  it('lets each caller search so often, and no more', async () => {
    const limited = await app.gateway({
      mcp: SEMANTIC,
      tags: { ...WORDS, 'gatewright:search-rate': '1' },
      servers: { mail: toolTarget(MAIL) },
    });
    const answers = [];
    for (let at = 0; at < 12; at += 1) answers.push(await callSearch(limited.url, `mail ${at}`));
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
    expect(answers.at(-1)?.json.error).toMatchObject({ code: -32003 });
    // Calls of other tools and searches of other gateways go on.
    expect((await modern(limited.url, 'tools/list')).status).toBe(200);
    expect((await callSearch(gateway.url, 'mail')).status).toBe(200);
  });
});

it('two gateways know nothing of each other', async () => {
  const other = await app.gateway({
    mcp: SEMANTIC,
    tags: WORDS,
    servers: { secret: toolTarget([{ name: 'launch_rocket', description: 'Launches the rocket' }]) },
  });
  expect(await found(other.url, 'mail')).toEqual(['secret___launch_rocket']);
  expect((await found(gateway.url, 'launch the rocket')).join()).not.toContain('rocket');
});

describe('two callers who may see different tools', () => {
  it('learn nothing of each other’s, by search, list or error', async () => {
    const issuer = await openIssuer();
    // Who is called ada may see mail, everybody else travel.
    const mayListOf: McpServices['mayListOf'] =
      (_snapshot, { id }) =>
      (name) =>
        name.startsWith(id === 'ada' ? 'mail' : 'travel');
    const guarded = await openTestApp({}, (config, log) => openApp(config, log, { mayListOf }));
    try {
      const { url } = await guarded.gateway({
        mcp: SEMANTIC,
        tags: WORDS,
        jwt: { discoveryUrl: issuer.discoveryUrl, allowedClients: ['client'] },
        servers: { mail: toolTarget(MAIL), travel: toolTarget(TRAVEL) },
      });
      const callers = await Promise.all(
        ['ada', 'bob'].map(async (sub) => ({
          headers: { authorization: `Bearer ${await issuer.token({ sub, client_id: 'client' })}` },
          own: sub === 'ada' ? /mail/ : /travel|bookFlight/,
          others: sub === 'ada' ? /travel|[Ff]light|[Hh]otel|lever/ : /mail|recipient/,
        })),
      );
      for (const { headers, own, others } of callers) {
        const send = (method: string, params: JsonObject = {}) => modern(url, method, params, headers);
        const seen: string[] = [];
        for (const query of ['e-mails of a mailbox', 'book a flight', 'send', 'travel', 'list', '']) {
          const { text } = await send('tools/call', { name: SEARCH, arguments: { query } });
          seen.push(text);
        }
        const list = await send('tools/list');
        expect(list.json.result?.nextCursor).toBeUndefined();
        expect(list.text).toContain(SEARCH);
        seen.push(list.text);
        for (const text of seen) expect(text).not.toMatch(others);
        expect(seen.join()).toMatch(own);
        for (const name of [
          'mail___send_mail',
          'send_mail',
          'travel___bookFlight',
          'bookFlight',
          'nothing',
        ]) {
          const { json, text } = await send('tools/call', { name, arguments: {} });
          if (own.test(name)) continue;
          expect(json.error?.message).toBe(`Unknown tool: ${name}`);
          expect(text.replaceAll(name, '')).not.toMatch(others);
        }
      }
    } finally {
      await guarded.close();
      await issuer.close();
    }
  });
});
