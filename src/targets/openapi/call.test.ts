// Calls through the plug-in's face, with an egress that answers from memory: order of steps, results, failures.

import { describe, expect, it } from 'vitest';

import type { CallContext } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { EgressOptions, OutboundRequest } from '../../core/outbound.ts';
import { ANONYMOUS } from '../../core/principal.ts';
import type { ToolResult } from '../../core/tool.ts';
import { targetServices } from '../../../test/support/target-services.ts';
import type { TargetServices } from '../target-type.ts';
import { openApiTargetType } from './index.ts';
import type { OperationPlan } from './plan.ts';

const nothing = (): void => undefined;
const ctx: CallContext = {
  requestId: 'request-1',
  gatewayId: 'gateway',
  principal: ANONYMOUS,
  signal: new AbortController().signal,
  deadline: performance.now() + 60_000,
  log: { error: nothing, warn: nothing, info: nothing, debug: nothing },
  inboundHeaders: { 'x-trace': 'from client', 'x-key': 'client key', host: 'client', 'x-other': 'no' },
  inboundQuery: new URLSearchParams('tenant=a%26b&page=9&other=1'),
};
const basePlan: OperationPlan = {
  method: 'GET',
  server: 'https://api.example',
  path: '/x',
  parameters: [{ argument: 'page', name: 'page', in: 'query', style: 'form', explode: true }],
};

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

async function call(
  answer: Answer | GatewayError,
  over: {
    plan?: Partial<OperationPlan>;
    services?: Partial<Omit<TargetServices, 'egress'>>;
    args?: JsonObject;
    outputSchema?: JsonObject;
  } = {},
): Promise<{ result: ToolResult; sent: OutboundRequest | undefined; options: EgressOptions | undefined }> {
  let sent: OutboundRequest | undefined;
  let options: EgressOptions | undefined;
  const services = targetServices({
    egress: {
      request: async (request, given) => {
        [sent, options] = [request, given];
        if (answer instanceof GatewayError) throw answer;
        const headers = {
          ...(answer.type === undefined ? {} : { 'content-type': answer.type }),
          ...answer.headers,
        };
        return { status: answer.status ?? 200, headers, body: Buffer.from(answer.body ?? '') };
      },
    },
    applyCredential: async (request, _, placement) => ({
      ...request,
      headers: { ...request.headers, 'x-key': `secret for ${placement?.name ?? 'default'}` },
    }),
    ...over.services,
  });
  const tool = openApiTargetType.prepare({}, services).createTool({
    name: 't',
    definition: JSON.stringify({ inputSchema: { type: 'object' }, outputSchema: over.outputSchema }),
    plan: JSON.stringify({ ...basePlan, ...over.plan }),
  });
  return { result: await tool.call(over.args ?? {}, ctx), sent, options };
}

const text = (result: ToolResult): string => {
  const [first] = result.content;
  return first?.type === 'text' ? first.text : '';
};

describe('sending', () => {
  it('propagates what is allowed and not set, then applies the credential', async () => {
    const { sent, options } = await call(
      {},
      {
        args: { page: 2 },
        services: {
          propagation: {
            requestHeaders: ['x-trace', 'x-key', 'host', 'user-agent'],
            responseHeaders: [],
            queryParameters: ['tenant', 'page'],
          },
        },
        plan: { security: { in: 'header', name: 'X-Key' } },
      },
    );
    expect(sent?.headers).toEqual({
      'user-agent': 'gatewright',
      'x-trace': 'from client',
      'x-key': 'secret for X-Key',
    });
    expect(sent?.url.href).toBe('https://api.example/x?page=2&tenant=a%26b');
    expect(options?.maxResponseBytes).toBe(6 * 1024 * 1024);
    expect(options?.timeoutMs).toBeGreaterThan(1_000);
    expect(options?.timeoutMs).toBeLessThanOrEqual(60_000);
  });

  it('keeps the credential at home for public operations', async () => {
    expect((await call({}, { plan: { security: 'none' } })).sent?.headers).toEqual({
      'user-agent': 'gatewright',
    });
  });

  it('reads a plan on the first call only', () => {
    const broken = { name: 't', definition: '{', plan: '{' };
    expect(() => openApiTargetType.prepare({}, targetServices()).createTool(broken)).not.toThrow();
  });
});

describe('answers', () => {
  it('gives JSON as received, and structured where the tool says so', async () => {
    const body = '\uFEFF{"id": 9007199254740993,\n "price": 1.10}';
    const plain = await call({ type: 'application/problem+json', body });
    expect(plain.result).toEqual({ content: [{ type: 'text', text: body.slice(1) }], isError: false });
    expect(
      (await call({ type: 'application/json', body: '{"a":1}' }, { plan: { structured: '' } })).result
        .structuredContent,
    ).toEqual({ a: 1 });
    expect(
      (await call({ type: 'text/json', body: '[1]' }, { plan: { structured: 'result' } })).result
        .structuredContent,
    ).toEqual({ result: [1] });
  });

  it('always gives structured content that the output schema takes', async () => {
    const plan = { structured: '' };
    const lax = { type: 'object', properties: { a: { type: ['string', 'null'] } } };
    for (const answer of [
      { status: 204 },
      { type: 'text/html', body: '<p>' },
      { type: 'application/json', body: '{"a":1}' },
      { type: 'application/json', body: '{broken' },
    ]) {
      const { result } = await call(answer, { plan, outputSchema: lax });
      expect([result.isError, result.structuredContent]).toEqual([false, {}]);
    }
    const wrapped = {
      type: 'object',
      properties: { result: { type: ['string', 'null'] } },
      required: ['result'],
    };
    expect(
      (
        await call(
          { type: 'text/plain', body: 'x' },
          { plan: { structured: 'result' }, outputSchema: wrapped },
        )
      ).result.structuredContent,
    ).toEqual({ result: 'x' });
    expect(
      (await call({ status: 204 }, { plan: { structured: 'result' }, outputSchema: wrapped })).result
        .structuredContent,
    ).toEqual({ result: null });
  });

  it('says so when nothing conforms, without losing the answer', async () => {
    const strict = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
    const { result } = await call(
      { status: 201, type: 'application/json', body: '{"a":1}' },
      { plan: { structured: '' }, outputSchema: strict },
    );
    expect(result.isError).toBe(true);
    expect(text(result)).toContain('carried out the call (HTTP 201 Created)');
    expect(result.content[1]).toEqual({ type: 'text', text: '{"a":1}' });
  });

  it('does not choke on JSON of absurd depth', async () => {
    const { result } = await call(
      { type: 'application/json', body: '['.repeat(5_000) + ']'.repeat(5_000) },
      { plan: { structured: 'result' } },
    );
    expect(() => JSON.stringify(result)).not.toThrow();
  });

  it('decodes charsets and tells text from bytes', async () => {
    expect(
      text((await call({ type: 'text/csv; charset=iso-8859-1', body: Buffer.from([0xfc]) })).result),
    ).toBe('ü');
    expect(text((await call({ type: 'text/event-stream', body: 'data: 1\n\n' })).result)).toBe('data: 1\n\n');
    expect(text((await call({ type: 'text/plain; charset=nonsense', body: 'ü' })).result)).toBe('ü');
    expect(text((await call({ body: 'no header' })).result)).toBe('no header');
    expect((await call({ type: 'image/png', body: 'x' })).result.content).toEqual([
      { type: 'image', data: 'eA==', mimeType: 'image/png' },
    ]);
    expect((await call({ type: 'audio/ogg', body: 'x' })).result.content).toEqual([
      { type: 'audio', data: 'eA==', mimeType: 'audio/ogg' },
    ]);
    expect((await call({ type: 'application/pdf', body: 'x' })).result.content).toEqual([
      {
        type: 'resource',
        resource: { uri: 'gatewright://response/request-1', mimeType: 'application/pdf', blob: 'eA==' },
      },
    ]);
    expect((await call({ body: Buffer.from([0xff, 0]) })).result.content[0]?.type).toBe('resource');
  });

  it('tells of answers without a body', async () => {
    expect(text((await call({ status: 204 })).result)).toBe('HTTP 204 No Content');
    expect(text((await call({ status: 201, headers: { location: '/x/1', date: 'now' } })).result)).toBe(
      'HTTP 201 Created\nlocation: /x/1',
    );
    expect(
      text((await call({ headers: { etag: '"1"', 'x-total': '3' } }, { plan: { method: 'HEAD' } })).result),
    ).toBe('HTTP 200 OK\netag: "1"\nx-total: 3');
  });

  it('marks failures, with the body word for word', async () => {
    const { result } = await call(
      { status: 404, type: 'application/json', body: '{"error": "no such pet"}' },
      { plan: { structured: '' } },
    );
    expect(result).toEqual({
      content: [{ type: 'text', text: 'HTTP 404 Not Found\n{"error": "no such pet"}' }],
      isError: true,
    });
    const moved = await call({ status: 302, headers: { location: 'https://else.example/' } });
    expect([moved.result.isError, text(moved.result)]).toEqual([
      true,
      'HTTP 302 Found\nRedirects are not followed. Location: https://else.example/',
    ]);
    expect(
      text((await call({ status: 500, type: 'text/plain', body: 'x'.repeat(100_000) })).result).length,
    ).toBeLessThan(66_000);
    expect(text((await call({ status: 500, type: 'image/png', body: 'x' })).result)).toContain(
      '1 bytes that are no text',
    );
  });
});

describe('no answer', () => {
  const refused = new GatewayError('UpstreamRefused', 'Connection to 10.0.0.7:443 refused', {
    internal: 'ECONNREFUSED',
  });

  it('is a result with one sentence and no address', async () => {
    const { result } = await call(refused);
    expect(result).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: expect.stringMatching(/^The API could not be reached/) as string }],
    });
    expect(JSON.stringify(result)).not.toContain('10.0.0.7');
  });

  it('tells the detail at exception level DEBUG', async () => {
    const { result } = await call(refused, { services: { exceptionLevel: 'DEBUG' } });
    const detail = 'Connection to 10.0.0.7:443 refused (ECONNREFUSED)';
    expect(result.content[1]).toEqual({ type: 'text', text: detail });
    expect(result._meta).toEqual({ debug: { type: 'text', text: detail } });
    const failed = await call({ status: 500 }, { services: { exceptionLevel: 'DEBUG' } });
    expect(failed.result._meta).toEqual({
      debug: { type: 'text', text: 'GET https://api.example/x answered HTTP 500 Internal Server Error' },
    });
  });

  it('throws what is the caller’s or the gateway’s own', async () => {
    await expect(call({}, { args: { page: '\ud800' } })).rejects.toMatchObject({ code: 'Validation' });
    await expect(call({}, { plan: { server: '' } })).rejects.toThrow(/gatewright:server-url/);
    await expect(call(new GatewayError('Unavailable', 'no store'))).rejects.toMatchObject({
      code: 'Unavailable',
    });
  });
});

describe('check', () => {
  it('wants a document', () => {
    const names = (config: JsonObject): string[] => openApiTargetType.check(config).map(({ name }) => name);
    expect(names({ inlinePayload: '{}' })).toEqual([]);
    expect(names({ s3: { uri: 's3://b/k' } })).toEqual([]);
    expect(names({ inlinePayload: ' ' })).toEqual(['targetConfiguration.mcp.openApiSchema.inlinePayload']);
    expect(names({ s3: {} })).toEqual(['targetConfiguration.mcp.openApiSchema.s3.uri']);
    expect(names({})).toEqual(['targetConfiguration.mcp.openApiSchema']);
  });
});
