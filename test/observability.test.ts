// What an operator sees of calls: figures in Prometheus's form, and one trace of a call seen whole at a collector.

import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { Secret } from '../src/lib/secret.ts';
import { parseTraceContext } from '../src/telemetry/trace-context.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import { legacy, post } from './support/mcp-client.ts';
import { describeApi, openUpstream, respondWith } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function bench(
  change: Parameters<typeof openTestApp>[0] = {},
): Promise<{ app: TestApp; upstream: Upstream; url: string; id: string }> {
  const upstream = await openUpstream();
  closing.push(() => upstream.close());
  const app = await openTestApp(change);
  closing.push(() => app.close());
  const { url, id } = await app.gateway({
    name: 'watched',
    targets: { api: describeApi(upstream.url, { find: { query: { q: { type: 'string' } } } }) },
  });
  return { app, upstream, url, id };
}

const COLLECTED = { headers: {}, serviceName: 'x', ratio: 1, followsCallers: true };

const find = (url: string, headers: Record<string, string> = {}) =>
  post(
    url,
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"api___find","arguments":{"q":"x"}}}',
    headers,
  );

/** A collector that keeps what it is sent (OTLP over HTTP, JSON). */
async function openCollector(status = 200) {
  const received: { path: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { received, endpoint: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) };
}

interface SpanOnWire {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: { key: string; value: Record<string, unknown> }[];
  readonly status: { code?: number };
}

function spansOf(received: readonly { body: string }[]): SpanOnWire[] {
  return received.flatMap(({ body }) =>
    (
      JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SpanOnWire[] }[] }[] }
    ).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
}

const attribute = ({ attributes }: SpanOnWire, name: string): unknown => {
  const value = attributes.find(({ key }) => key === name)?.value;
  return value && Object.values(value)[0];
};

test('figures count calls, errors and times, by gateway, target, tool and method', async () => {
  const { app, upstream, url, id } = await bench();
  await find(url);
  upstream.on('/find', respondWith(500, 'text/plain', 'no'));
  await find(url);
  await legacy(url, 'tools/list', {});
  await post(url, 'no json');
  for (let at = 0; at < 50; at += 1)
    await post(
      url,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"made-up-${at}","arguments":{}}}`,
    );
  const response = await fetch(`${app.app.controlUrl}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  const tool = `gateway_id="${id}",target_id="${idOfTarget(text)}",tool="api___find",method="tools/call"`;
  expect(text).toContain(`gatewright_invocations_total{${tool}} 2`);
  expect(text).toContain(`gatewright_tool_errors_total{${tool}} 1`);
  expect(text).toMatch(
    new RegExp(
      `mcp_server_operation_duration_seconds_count{gateway_id="${id}",mcp_method_name="tools/call"} \\d+`,
    ),
  );
  expect(text).toMatch(/mcp_client_operation_duration_seconds_count\{[^}]*\} 2/);
  expect(text).toMatch(
    /gatewright_user_errors_total\{gateway_id="[^"]*",target_id="_other",tool="_other",method="_other"\} 5\d/,
  );
  // What callers make up is no name of a series.
  expect(text).not.toContain('made-up');
  expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds \d/);
  expect(text).toMatch(/process_resident_memory_bytes \d/);
});

const idOfTarget = (text: string): string => /target_id="([A-Za-z0-9]{10})"/.exec(text)?.[1] ?? '';

test('figures are shown to whoever has the token, where there is one', async () => {
  const { app } = await bench({ metricsToken: new Secret('a-token-for-prometheus') });
  const get = (headers: Record<string, string> = {}) => fetch(`${app.app.controlUrl}/metrics`, { headers });
  expect((await get()).status).toBe(401);
  expect((await get({ authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await get({ authorization: 'Bearer a-token-for-prometheus' })).status).toBe(200);
});

test('figures are not shown to everybody on an address that others reach', async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const app = await openTestApp({ listen: { host: '0.0.0.0', port }, publicUrl: `http://127.0.0.1:${port}` });
  closing.push(() => app.close());
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);
});

test('a trace of one call is whole: the caller’s span, the request, the request to the target', async () => {
  const { received, endpoint } = await openCollector();
  const { app, upstream, url, id } = await bench({
    tracing: {
      endpoint,
      headers: { 'x-key': new Secret('collector-key') },
      serviceName: 'gatewright',
      ratio: 1,
      followsCallers: true,
    },
  });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  await find(url, { traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: 'vendor=1' });
  const sent = upstream.requests[0]?.headers;
  closing.pop();
  await app.close();
  const spans = spansOf(received).filter((span) => span.traceId === traceId);
  const server = spans.find(({ kind }) => kind === 2);
  const client = spans.find(({ kind }) => kind === 3);
  if (!server || !client) throw new Error(JSON.stringify(received));
  expect([server.parentSpanId, client.parentSpanId]).toEqual(['b7ad6b7169203331', server.spanId]);
  expect([server.name, client.name]).toEqual(['tools/call api___find', 'GET']);
  expect(parseTraceContext(String(sent?.['traceparent']))).toMatchObject({ traceId, spanId: client.spanId });
  expect(sent?.['tracestate']).toBe('vendor=1');
  const shown = Object.fromEntries(
    [
      'aws.operation.name',
      'gateway.id',
      'gateway.name',
      'tool.name',
      'mcp.method.name',
      'http.method',
      'aws.region',
    ].map((name) => [name, attribute(server, name)]),
  );
  expect(shown).toEqual({
    'aws.operation.name': 'InvokeGateway',
    'gateway.id': id,
    'gateway.name': 'watched',
    'tool.name': 'api___find',
    'mcp.method.name': 'tools/call',
    'http.method': 'POST',
    'aws.region': 'us-east-1',
  });
  expect(attribute(server, 'aws.resource.arn')).toContain(`gateway/${id}`);
  expect(Number(attribute(server, 'latency_ms'))).toBeGreaterThan(
    Number(attribute(server, 'overhead_latency_ms')),
  );
  // The line of the log is found by the trace, and the trace by the line.
  expect(app.lines.filter(({ traceId: id }) => id === traceId)).toMatchObject([
    { msg: 'mcp', tool: 'api___find', spanId: server.spanId },
  ]);
  expect([received[0]?.path, received[0]?.headers['x-key']]).toEqual(['/v1/traces', 'collector-key']);
  // The query of a request may hold a key.
  expect(JSON.stringify(received)).not.toContain('q=x');
});

test.each([
  [true, 1],
  [false, 0],
])(
  'callers decide about their traces: %s; then %d spans of a caller are sent',
  async (followsCallers, sent) => {
    const { received, endpoint } = await openCollector();
    const { app, url } = await bench({ tracing: { ...COLLECTED, endpoint, ratio: 0, followsCallers } });
    await find(url, { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
    await find(url);
    closing.pop();
    await app.close();
    expect(spansOf(received).filter(({ kind }) => kind === 2)).toHaveLength(sent);
  },
);

test('figures of connections and of what is wrong', async () => {
  const { app, url } = await bench();
  await find(url);
  const text = await (await fetch(`${app.app.controlUrl}/metrics`)).text();
  expect(text).toMatch(/^gatewright_upstream_connections\{state="idle"\} 1$/m);
  expect(text).toMatch(/^gatewright_upstream_connections\{state="busy"\} 0$/m);
  expect(text).toMatch(/^gatewright_upstream_waiting\{for="request"\} 0$/m);
  expect(text).toMatch(/^gatewright_degraded 0$/m);
  expect(Number(/^gatewright_heap_limit_bytes (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(1e8);
});

test('without a collector the caller’s trace is handed on as it is', async () => {
  const { upstream, url, app } = await bench();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await find(url, { traceparent });
  await find(url, { traceparent: '00-nonsense' });
  expect(upstream.requests.map(({ headers }) => headers['traceparent'])).toEqual([traceparent, undefined]);
  const fixture = await openFixtureServer({ eras: 'modern' });
  closing.push(() => fixture.close());
  expect(app.lines.length).toBeGreaterThan(0);
});

test('a collector that is away costs no call, and is said once', async () => {
  const { endpoint } = await openCollector(503);
  const { app, url } = await bench({ tracing: { ...COLLECTED, endpoint } });
  for (let at = 0; at < 3; at += 1) expect((await find(url)).status).toBe(200);
  closing.pop();
  await app.close();
  await vi.waitFor(() =>
    expect(app.lines.filter(({ msg }) => msg === 'traces cannot be sent and are dropped')).toHaveLength(1),
  );
});

test(
  'a collector that hangs does not hold up the end',
  async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const endpoint = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { app, url } = await bench({ tracing: { ...COLLECTED, endpoint } });
    expect((await find(url)).status).toBe(200);
    closing.pop();
    await app.close();
  },
  // The collector would be waited for ten seconds.
  8_000,
);

test.each([
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', true],
  ['cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later', true],
  ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', false],
  ['00-00000000000000000000000000000000-b7ad6b7169203331-01', false],
  ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', false],
  ['00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01', false],
  ['', false],
])('%s is a trace context: %s', (text, isOne) => {
  expect(parseTraceContext(text) !== undefined).toBe(isOne);
});
