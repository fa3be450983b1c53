// Headers and query parameters that a target's `metadataConfiguration` lets through: to the target and back, for API
// and MCP-server targets, for documents and streams, and nothing besides.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { modernParts } from './support/mcp-client.ts';
import { describeApi, openUpstream } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

const METADATA = {
  allowedRequestHeaders: ['X-Correlation-Id', 'x-tenant-id'],
  allowedResponseHeaders: ['X-Rate-Limit-Remaining', 'x-odd'],
  allowedQueryParameters: ['version', 'environment'],
};
const ANSWER = {
  'x-rate-limit-remaining': '41',
  'x-odd': 'Grüße',
  'x-not-listed': 'stays',
  'set-cookie': 'stays=too',
  server: 'stays as well',
};

let app: TestApp;
let upstream: Upstream;
let url: string;

beforeAll(async () => {
  app = await openTestApp();
  upstream = await openUpstream();
  upstream.on(
    '/echo',
    (_request, response) =>
      void response.writeHead(200, { ...ANSWER, 'content-type': 'application/json' }).end('{"ok":true}'),
  );
  upstream.on('/mcp', ({ body }, response) => {
    const { id, method } = JSON.parse(body) as { id: number; method: string };
    const isCall = method === 'tools/call';
    const result = isCall
      ? { resultType: 'complete', content: [] }
      : { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, resultType: 'complete' };
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result });
    if (!isCall) return void response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    const progress = JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 'none of ours', progress: 1 },
    });
    response.writeHead(200, { ...ANSWER, 'content-type': 'text/event-stream' });
    return void response.end(`data: ${progress}\n\ndata: ${answer}\n\n`);
  });
  const gateway = await app.gateway({ mcp: { streamingConfiguration: { enableResponseStreaming: true } } });
  ({ url } = gateway);
  const add = (name: string, mcp: JsonObject): Promise<JsonObject> =>
    app.app.control.invoke('CreateGatewayTarget', {
      gatewayIdentifier: gateway.id,
      name,
      targetConfiguration: { mcp },
      metadataConfiguration: METADATA,
    });
  const made = await add('api', {
    openApiSchema: { inlinePayload: JSON.stringify(describeApi(upstream.url, { echo: {} })) },
  });
  expect(made['metadataConfiguration']).toEqual(METADATA);
  await add('server', {
    mcpServer: {
      endpoint: `${upstream.url}/mcp`,
      mcpToolSchema: { inlinePayload: '{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}' },
    },
  });
  await app.app.control.settled();
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

describe.each(['api', 'server'])('%s', (target) => {
  test('gets what is listed of the request, and the caller what is listed of the answer', async () => {
    const { body, headers } = modernParts('tools/call', { name: `${target}___echo`, arguments: {} });
    const answer = await fetch(`${url}?version=v1&environment=prod&debug=true`, {
      method: 'POST',
      headers: {
        ...(headers as Record<string, string>),
        'content-type': 'application/json',
        'x-correlation-id': 'c-1',
        'x-tenant-id': 't-1',
        'x-other': 'o-1',
        cookie: 'session=1',
      },
      body: JSON.stringify(body),
    });
    expect(await answer.text()).toContain('"resultType":"complete"');
    const sent = upstream.requests.at(-1);
    expect(sent?.headers).toMatchObject({ 'x-correlation-id': 'c-1', 'x-tenant-id': 't-1' });
    expect(Object.keys(sent?.headers ?? {})).not.toEqual(expect.arrayContaining(['x-other']));
    expect(sent?.headers.cookie).toBeUndefined();
    const query = new URL(sent?.path ?? '', upstream.url).searchParams;
    expect([...query]).toEqual([
      ['version', 'v1'],
      ['environment', 'prod'],
    ]);
    expect(answer.headers.get('x-rate-limit-remaining')).toBe('41');
    // What is no plain text stays behind, and so does everything that is not listed.
    for (const name of ['x-odd', 'x-not-listed', 'set-cookie', 'server'])
      expect([name, answer.headers.get(name)]).toEqual([name, null]);
  });
});
