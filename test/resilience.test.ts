// One target that hangs, refuses or is flooded costs itself and nothing else; a process that has too much to do says so; and
// no call is ever sent twice.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import { post } from './support/mcp-client.ts';
import type { RawAnswer } from './support/mcp-client.ts';
import { describeApi, openUpstream } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

let good: Upstream;
let bad: Upstream;
let app: TestApp;
let gateway: TestGateway;

beforeEach(async () => {
  good = await openUpstream();
  bad = await openUpstream();
});
afterEach(async () => {
  await app.close();
  await good.close();
  await bad.close().catch(() => undefined);
});

async function open(change: Parameters<typeof openTestApp>[0] = {}): Promise<void> {
  app = await openTestApp(change);
  const api = (upstream: Upstream) =>
    describeApi(upstream.url, { add: { path: '/add', body: { type: 'object' } } });
  gateway = await app.gateway({ targets: { good: api(good), bad: api(bad) } });
}

const call = (target: string): Promise<RawAnswer> =>
  post(
    gateway.url,
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${target}___add","arguments":{"body":{}}}}`,
  );

async function setting(target: string, key: string, value: string): Promise<void> {
  const { items } = await app.app.control.invoke('ListGatewayTargets', { gatewayIdentifier: gateway.id });
  const found = (items as { name: string; targetId: string }[]).find(({ name }) => name === target);
  await app.app.control.invoke('TagResource', {
    resourceArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${gateway.id}/target/${found?.targetId}`,
    tags: { [key]: value },
  });
  await app.app.control.settled();
}

const metrics = async (): Promise<string> => (await fetch(`${app.app.controlUrl}/metrics`)).text();

test('a target that hangs has no more calls under way than it may, and the others go on', async () => {
  await open();
  await setting('bad', 'gatewright:max-concurrency', '2');
  const held: (() => void)[] = [];
  bad.on('/add', (_request, response) => void held.push(() => void response.writeHead(200).end('ok')));
  const hanging = Array.from({ length: 4 }, () => call('bad'));
  await vi.waitFor(() => expect(held).toHaveLength(2));
  await vi.waitFor(async () =>
    expect(await metrics()).toMatch(/gatewright_target_calls_waiting\{target_id="\w+"\} 2/),
  );
  const turnedAway = await call('bad');
  expect([turnedAway.status, turnedAway.headers.get('retry-after')]).toEqual([503, '1']);
  expect(turnedAway.json.error?.message).toContain('too many calls at once');
  const others = await Promise.all(Array.from({ length: 20 }, () => call('good')));
  expect(new Set(others.map(({ status, json }) => `${status} ${json.result?.isError}`))).toEqual(
    new Set(['200 false']),
  );
  // The line moves on.
  for (let answered = 0; answered < 4; answered += 1) {
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(answered));
    held[answered]?.();
  }
  expect((await Promise.all(hanging)).map(({ json }) => json.result?.isError)).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(bad.requests).toHaveLength(4);
});

test('a target that refuses is left alone after a while, says so, and is found again by itself', async () => {
  await open();
  let isBack = false;
  bad.on('/add', (_request, response) => void response.writeHead(isBack ? 200 : 503).end('answer'));
  for (let at = 0; at < 10; at += 1) expect((await call('bad')).json.result?.isError).toBe(true);
  const resting = await call('bad');
  expect([resting.status, resting.json.result?.isError, resting.json.result?.content?.[0]?.text]).toEqual([
    200,
    true,
    expect.stringContaining('could not be reached') as unknown,
  ]);
  expect(bad.requests).toHaveLength(10);
  expect(await metrics()).toMatch(/gatewright_target_circuit_open\{target_id="\w+"\} 1/);
  expect((await call('good')).json.result?.isError).toBe(false);
  isBack = true;
  await vi.waitFor(async () => expect((await call('bad')).json.result?.isError).toBe(false), {
    timeout: 10_000,
  });
  expect(await metrics()).not.toMatch(/gatewright_target_circuit_open\{target_id="\w+"\} 1/);
});

test('a call that broke off is not sent again: it may have happened', async () => {
  await open();
  bad.on('/add', (_request, response) => void response.destroy());
  const answers: RawAnswer[] = [];
  for (let at = 0; at < 5; at += 1) answers.push(await call('bad'));
  expect(answers.map(({ json }) => json.result?.isError)).toEqual(Array.from({ length: 5 }, () => true));
  expect(bad.requests).toHaveLength(5);
  // What went wrong is found by the id that the client was given.
  expect(
    app.lines
      .filter(({ msg }) => msg === 'a call got no answer')
      .map(({ requestId, gatewayId }) => [requestId, gatewayId]),
  ).toEqual(answers.map(({ headers }) => [headers.get('x-amzn-requestid'), gateway.id]));
});

test('a process that has enough to do turns requests away, and is there for its operator', async () => {
  await open({ maxRequests: 3 });
  const held: (() => void)[] = [];
  bad.on('/add', (_request, response) => void held.push(() => void response.writeHead(200).end('ok')));
  const busy = Array.from({ length: 3 }, () => call('bad'));
  await vi.waitFor(() => expect(held).toHaveLength(3));
  const turnedAway = await call('good');
  expect([turnedAway.status, turnedAway.headers.get('retry-after'), turnedAway.json.error?.code]).toEqual([
    503,
    '1',
    -32603,
  ]);
  expect(good.requests).toHaveLength(0);
  expect((await fetch(`${app.app.controlUrl}/healthz`)).status).toBe(200);
  expect(await metrics()).toMatch(/gatewright_requests_shed_total 1/);
  for (const answer of held) answer();
  for (const { json } of await Promise.all(busy)) expect(json.result?.isError).toBe(false);
  expect((await call('good')).json.result?.isError).toBe(false);
});
