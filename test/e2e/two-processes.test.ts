// Two processes of one installation behind a balancer without stickiness: sessions are served by either, and what belongs
// to a live stream of one process finds its way there from the other, or ends with an error that says so.

import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { openBalancer } from '../support/balancer.ts';
import type { Balancer } from '../support/balancer.ts';
import { openFixtureServer } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { connectSdk } from '../support/mcp-sdk-clients.ts';
import { eventsOf, messagesOf, openRawSession, postModern } from '../support/mcp-stream.ts';
import type { RawSession } from '../support/mcp-stream.ts';
import { sdkFor } from '../support/process-clients.ts';
import { closing, startServer, temporaryFolder } from '../support/process.ts';

const PATIENCE = { timeout: 15_000, interval: 100 };
const ENV = { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1' };

let fixture: FixtureServer;
let balancer: Balancer;
/** The gateway's URL at the balancer, and at each process. */
let balanced: string;
let ends: readonly [string, string];

beforeAll(async () => {
  fixture = await openFixtureServer({ eras: 'legacy' });
  closing.push(() => fixture.close());
  const dataDir = `${temporaryFolder()}/data`;
  const first = await startServer({ dataDir, env: ENV });
  const second = await startServer({ dataDir, env: ENV });
  balancer = await openBalancer([first.url, second.url]);
  closing.push(() => balancer.close());
  const control = sdkFor(first);
  const { gatewayId = '' } = await control.send(
    new CreateGatewayCommand({
      name: 'pair',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      protocolType: 'MCP',
      authorizerType: 'NONE',
      protocolConfiguration: {
        mcp: {
          sessionConfiguration: { sessionTimeoutInSeconds: 3600 },
          streamingConfiguration: { enableResponseStreaming: true },
        },
      },
      tags: { 'gatewright:tool-names': 'bare' },
    }),
  );
  const { targetId } = await control.send(
    new CreateGatewayTargetCommand({
      gatewayIdentifier: gatewayId,
      name: 'fixture',
      targetConfiguration: { mcp: { mcpServer: { endpoint: fixture.url } } },
    }),
  );
  const at = (url: string): string => `${url}/gateways/${gatewayId}/mcp`;
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
  await vi.waitFor(async () => expect((await control.send(get)).status).toBe('READY'), PATIENCE);
  ends = [at(first.url), at(second.url)];
  balanced = at(balancer.url);
  // The other process hears of it through the store.
  await vi.waitFor(async () => expect((await toolsAt(ends[1])).length).toBeGreaterThan(10), PATIENCE);
}, 60_000);

async function toolsAt(url: string): Promise<readonly JsonObject[]> {
  const [message] = await messagesOf(await postModern(url, 'tools/list', {}));
  return ((message?.['result'] as JsonObject | undefined)?.['tools'] ?? []) as readonly JsonObject[];
}

/** A session begun at the first process, and the same session as the other process sees it. */
async function sessionAtBoth(capabilities: JsonObject = {}): Promise<readonly [RawSession, RawSession]> {
  const here = await openRawSession(ends[0], capabilities);
  const headers = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2025-11-25',
    'mcp-session-id': here.id,
  };
  const there: RawSession = {
    id: here.id,
    post: (message) =>
      fetch(ends[1], { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }) }),
    get: (lastEventId) =>
      fetch(ends[1], {
        headers: { ...headers, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
      }),
    close: async () => void (await fetch(ends[1], { method: 'DELETE', headers })),
  };
  return [here, there];
}

const call = (id: number, name: string, args: JsonObject = {}): JsonObject => ({
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

async function resultOf(answer: Response): Promise<JsonObject> {
  const last = (await messagesOf(answer)).at(-1);
  return (last?.['result'] ?? { failed: last }) as JsonObject;
}

test('an official client in a session: everything that is no question to it, from either process', async () => {
  const client = await connectSdk('v1', balanced);
  closing.push(() => client.close());
  const before = balancer.counts.map((count) => count);
  expect(await client.listTools()).toContain('session_counter');
  // The server's own session is one and the same, whoever calls it.
  for (const calls of [1, 2, 3, 4, 5, 6])
    expect(await client.call('session_counter')).toMatchObject({ structuredContent: { calls } });
  await client.wantLogs();
  const steps: number[] = [];
  await client.call('test_tool_with_progress', {}, { onprogress: ({ progress }) => steps.push(progress) });
  expect(steps).toEqual([0, 50, 100]);
  expect(await client.listPrompts()).toContain('test_simple_prompt');
  expect(await client.readResource('test://static-text')).toMatchObject({ contents: [{}] });
  const after = balancer.counts.map((count, index) => count - (before[index] ?? 0));
  expect(Math.min(...after)).toBeGreaterThan(3);
});

test('what a server asks is answered through the other process', async () => {
  const [here, there] = await sessionAtBoth({ elicitation: {} });
  const answer = await here.post(call(1, 'test_elicitation', { message: 'Who are you?' }));
  let result: JsonObject | undefined;
  for await (const { message } of eventsOf(answer)) {
    if (message?.['method'] === 'elicitation/create') {
      const reply = await there.post({
        id: message['id'] ?? null,
        result: { action: 'accept', content: { username: 'ada', email: 'ada@example.com' } },
      });
      expect(reply.status).toBe(202);
    }
    if (message?.['id'] === 1) result = message['result'] as JsonObject;
  }
  expect(JSON.stringify(result)).toContain('accept');
});

test('an answer to nothing is refused by either', async () => {
  for (const session of await sessionAtBoth({ elicitation: {} })) {
    const refused = await session.post({ id: 'never-asked', result: {} });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: -32600 } });
  }
});

test('a call is cancelled through the other process', async () => {
  const [here, there] = await sessionAtBoth();
  const running = here.post(call(7, 'slow_echo', { ms: 60_000, value: 'cancelled from afar' }));
  await fixture.seen('slow_echo started', 'cancelled from afar');
  expect((await there.post({ method: 'notifications/cancelled', params: { requestId: 7 } })).status).toBe(
    202,
  );
  await fixture.seen('slow_echo cancelled', 'cancelled from afar');
  await (await running).text();
});

test('a stream that broke off goes on through the other process', async () => {
  const [here, there] = await sessionAtBoth();
  const abort = new AbortController();
  const answer = await here.post(call(1, 'slow_echo', { ms: 1_500, value: 'resumed' }), abort.signal);
  let last = '';
  for await (const { id } of eventsOf(answer)) {
    last = id ?? last;
    break;
  }
  abort.abort();
  expect(last).not.toBe('');
  const rest = await there.get(last);
  expect(rest.status).toBe(200);
  expect(JSON.stringify(await messagesOf(rest))).toContain('resumed');
});

test('an event of no stream, and of another session’s stream, is not found by either', async () => {
  const [here, there] = await sessionAtBoth();
  const answer = await here.post(call(1, 'slow_echo', { ms: 100, value: 'mine' }));
  let last = '';
  for await (const { id } of eventsOf(answer)) last = id ?? last;
  const [strangerHere, strangerThere] = await sessionAtBoth();
  for (const session of [strangerHere, strangerThere, there])
    expect((await session.get(session === there ? 'cAAAAAAAAAAAAAAAA.0' : last)).status).toBe(404);
});

test('the end of a session is heard of by the other process', async () => {
  const [here, there] = await sessionAtBoth();
  expect((await there.post({ id: 1, method: 'ping' })).status).toBe(200);
  await here.close();
  expect((await here.post({ id: 2, method: 'ping' })).status).toBe(404);
  await expect.poll(async () => (await there.post({ id: 3, method: 'ping' })).status, PATIENCE).toBe(404);
});

describe('a client of 2026-07-28 and a server that asks', () => {
  const start = async (url: string): Promise<JsonObject> =>
    resultOf(
      await postModern(
        url,
        'tools/call',
        { name: 'test_elicitation', arguments: { message: 'Sure?' } },
        { meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } } },
      ),
    );
  const goOn = async (url: string, requestState: unknown): Promise<JsonObject> =>
    resultOf(
      await postModern(
        url,
        'tools/call',
        {
          name: 'test_elicitation',
          arguments: { message: 'Sure?' },
          requestState: requestState as string,
          inputResponses: {
            'input-1': { action: 'accept', content: { username: 'ada', email: 'ada@example.com' } },
          },
        },
        { id: 2, meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } } },
      ),
    );

  test('the round begun at one process ends at the other', async () => {
    const asked = await start(ends[0]);
    expect(asked).toMatchObject({
      resultType: 'input_required',
      inputRequests: { 'input-1': { method: 'elicitation/create' } },
    });
    const result = await goOn(ends[1], asked['requestState']);
    expect(result).toMatchObject({ resultType: 'complete' });
    expect(JSON.stringify(result)).toContain('accept');
    // Used up: a second time there is nobody who waits for it.
    expect(await goOn(ends[0], asked['requestState'])).toMatchObject({ failed: { error: { code: -32602 } } });
  });
});
