// Servers of 2026-07-28 that ask for what they may not ask for, answer with what is no more, or never stop talking.

import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { modernParts } from './support/mcp-client.ts';
import { messagesOf, postModern } from './support/mcp-stream.ts';
import { modernScript, openScriptedServer } from './support/mcp-target.ts';
import type { Script, ScriptedServer } from './support/mcp-target.ts';

let app: TestApp;
let server: ScriptedServer;
let url: string;
let answer: Script;

const LISTS: Readonly<Record<string, JsonObject>> = {
  'server/discover': {
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
  },
  'tools/list': { tools: [{ name: 'tool', inputSchema: { type: 'object' } }] },
  'prompts/list': { prompts: [{ name: 'prompt' }] },
  'resources/list': { resources: [] },
  'resources/templates/list': { resourceTemplates: [{ name: 't', uriTemplate: 'test://{x}' }] },
};

beforeAll(async () => {
  app = await openTestApp();
  server = await openScriptedServer((asked) => {
    const list = LISTS[asked.message.method ?? ''];
    if (list) return asked.result({ resultType: 'complete', ...list, ttlMs: 0, cacheScope: 'private' });
    return modernScript((given) => answer(given))(asked);
  });
  ({ url } = await app.gateway({
    mcp: { streamingConfiguration: { enableResponseStreaming: true } },
    servers: { target: server.url },
  }));
}, 60_000);
afterAll(async () => {
  await app.close();
  await server.close();
});

const REQUESTS: Readonly<Record<string, JsonObject>> = {
  'tools/call': { name: 'target___tool', arguments: {} },
  'prompts/get': { name: 'target___prompt' },
  'resources/read': { uri: 'test://1' },
  'completion/complete': {
    ref: { type: 'ref/prompt', name: 'target___prompt' },
    argument: { name: 'a', value: '' },
  },
};

async function send(
  method: string,
  capabilities: JsonObject = {},
  more: JsonObject = {},
): Promise<JsonObject> {
  const meta = { 'io.modelcontextprotocol/clientCapabilities': capabilities };
  const sent = await postModern(url, method, { ...REQUESTS[method], ...more }, { meta });
  return (await messagesOf(sent)).at(-1) ?? {};
}

const asking = (...questions: readonly JsonObject[]): JsonObject => ({
  resultType: 'input_required',
  inputRequests: Object.fromEntries(questions.map((question, index) => [`q${index}`, question])),
});
const FORM = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'm', requestedSchema: { type: 'object' } },
};
const VISIT = {
  method: 'elicitation/create',
  params: { mode: 'url', url: 'https://example.com', message: 'm' },
};
const SAMPLE = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };

describe('questions', () => {
  test.each<[what: string, JsonObject, JsonObject]>([
    ['a form for a client without forms', {}, asking(FORM)],
    ['a visit for a client with forms only', { elicitation: {} }, asking(FORM, VISIT)],
    ['a sample for a client that has none', { elicitation: {} }, asking(SAMPLE)],
    [
      'of a method that is no question',
      { elicitation: {}, sampling: {} },
      asking({ method: 'tools/call', params: {} }),
    ],
    ['of no method', { elicitation: {} }, asking({})],
    ['none, and no state', { elicitation: {} }, asking()],
    ['that are no object', { elicitation: {} }, { resultType: 'input_required', inputRequests: [FORM] }],
  ])('%s', async (_what, capabilities, result) => {
    answer = (asked) => asked.result(result);
    for (const method of ['tools/call', 'prompts/get', 'resources/read'])
      expect(JSON.stringify(await send(method, capabilities)), method).not.toContain('"inputRequests"');
  });

  test('those that may be asked are, and not by a method that asks nothing', async () => {
    answer = (asked) => asked.result(asking(FORM));
    for (const method of ['tools/call', 'prompts/get', 'resources/read'])
      expect(await send(method, { elicitation: {} }), method).toMatchObject({
        result: { resultType: 'input_required', inputRequests: { q0: FORM } },
      });
    expect(await send('completion/complete', { elicitation: {} })).not.toHaveProperty('result');
  });

  test('a state that could not come back is not given out', async () => {
    answer = (asked) => asked.result({ ...asking(FORM), requestState: 'x'.repeat(2 * 1024 * 1024) });
    expect(JSON.stringify(await send('tools/call', { elicitation: {} })).length).toBeLessThan(10_000);
    const long = 's'.repeat(200 * 1024);
    answer = (asked) =>
      asked.message.params?.['requestState'] === long
        ? asked.result({ resultType: 'complete', content: [{ type: 'text', text: 'same' }] })
        : asked.result({ ...asking(FORM), requestState: long });
    const { requestState } = (await send('tools/call', { elicitation: {} }))['result'] as JsonObject;
    const retry = { requestState: requestState ?? null, inputResponses: { q0: { action: 'decline' } } };
    expect(JSON.stringify(await send('tools/call', { elicitation: {} }, retry))).toContain('same');
  });
});

test('the second round of a resource that nobody listed goes to the server that asked', async () => {
  const other = await openScriptedServer((asked) => {
    const list = LISTS[asked.message.method ?? ''];
    if (list) return asked.result({ resultType: 'complete', ...list, ttlMs: 0, cacheScope: 'private' });
    return asked.error(-32_602, 'Resource not found');
  });
  const { url: both } = await app.gateway({ servers: { other: other.url, target: server.url } });
  answer = (asked) =>
    asked.message.params?.['requestState'] === 'own'
      ? asked.result({ resultType: 'complete', contents: [{ uri: 'test://1', text: 'read' }] })
      : asked.result({ ...asking(FORM), requestState: 'own' });
  const read = async (more: JsonObject): Promise<JsonObject> => {
    const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const sent = await postModern(both, 'resources/read', { uri: 'test://1', ...more }, { meta });
    return (await messagesOf(sent)).at(-1) ?? {};
  };
  const { requestState } = (await read({}))['result'] as JsonObject;
  const retry = { requestState: requestState ?? null, inputResponses: { q0: { action: 'decline' } } };
  expect(await read(retry)).toMatchObject({ result: { contents: [{ text: 'read' }] } });
  await other.close();
});

test.each([-32_002, -32_042])('the error %i is not one of 2026-07-28', async (code) => {
  answer = (asked) => asked.error(code, 'old', 200, { uri: 'test://1' });
  for (const method of Object.keys(REQUESTS)) {
    const { error } = await send(method);
    expect((error as JsonObject)['code'], method).not.toBe(code);
  }
});

test('a server that never stops talking is slowed down by a client that does not listen', async () => {
  let written = 0;
  answer = (asked) => {
    asked.response.writeHead(200, { 'content-type': 'text/event-stream' });
    const meta = asked.message.params?.['_meta'] as JsonObject | undefined;
    const params = {
      progressToken: meta?.['progressToken'] ?? null,
      progress: 1,
      message: 'x'.repeat(32 * 1024),
    };
    const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })}\n\n`;
    const pour = (): void => {
      while (!asked.response.destroyed && asked.response.write(event)) written += event.length;
    };
    asked.response.on('drain', pour);
    pour();
  };
  const { body, headers } = modernParts('tools/call', REQUESTS['tools/call'] ?? {}, 1);
  (body.params['_meta'] as Record<string, unknown>)['progressToken'] = 1;
  let call: ClientRequest | undefined;
  await new Promise<void>((resolve) => {
    call = request(
      url,
      {
        method: 'POST',
        headers: {
          ...(headers as Record<string, string>),
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
      },
      (response) => {
        response.pause();
        resolve();
      },
    );
    call.on('error', () => undefined);
    call.end(JSON.stringify(body));
  });
  let before = -1;
  await vi.waitFor(
    () => {
      const now = written;
      const isStill = now === before;
      before = now;
      expect(isStill).toBe(true);
    },
    { timeout: 30_000, interval: 500 },
  );
  const stalled = server.requests.at(-1);
  call?.destroy();
  await stalled?.abandoned;
});
