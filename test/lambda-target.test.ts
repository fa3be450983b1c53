// Lambda targets in front of AWS's Invoke API: what the function is given, what becomes of its answers and failures, and
// what of a tool schema is taken. The stand-in for AWS verifies each signature.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../src/core/json.ts';
import { SigningKeys, verifySigV4 } from '../src/core/sigv4-verify.ts';
import { Secret } from '../src/lib/secret.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { legacy, modern, post } from './support/mcp-client.ts';
import { openUpstream, respondWith } from './support/upstream.ts';
import type { RecordedRequest, Responder, Upstream } from './support/upstream.ts';

const ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:orders';
const PATH = `/2015-03-31/functions/${encodeURIComponent(ARN)}/invocations`;
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIAPROCESS000000000',
  AWS_SECRET_ACCESS_KEY: 'process-secret-process-secret-process',
  AWS_EC2_METADATA_DISABLED: 'true',
};
const ORDER_ID = { type: 'object', properties: { orderId: { type: 'string' } }, required: ['orderId'] };
const GET_ORDER = { name: 'get_order_tool', description: 'Gets an order', inputSchema: ORDER_ID };

let upstream: Upstream;
let app: TestApp;
const before = { ...process.env };
beforeEach(async () => {
  Object.assign(process.env, ENVIRONMENT);
  upstream = await openUpstream();
  app = await openTestApp({ lambdaEndpoint: new URL(upstream.url) });
});
afterEach(async () => {
  await app.close();
  await upstream.close();
  for (const name of Object.keys(ENVIRONMENT)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
});

interface Wish {
  readonly tools?: readonly JsonObject[];
  readonly gateway?: JsonObject;
  readonly target?: JsonObject;
  readonly credentials?: boolean;
}

async function gatewayWith({
  tools = [GET_ORDER],
  gateway = {},
  target = {},
  credentials = true,
}: Wish = {}) {
  const { control } = app.app;
  const made = await control.invoke('CreateGateway', {
    name: `g-${Math.random().toString(36).slice(2, 10)}`,
    roleArn: 'arn:aws:iam::123456789012:role/tools',
    protocolType: 'MCP',
    authorizerType: 'NONE',
    ...gateway,
  });
  const added = await control.invoke('CreateGatewayTarget', {
    gatewayIdentifier: made['gatewayId'],
    name: 'LambdaUsingSDK',
    targetConfiguration: { mcp: { lambda: { lambdaArn: ARN, toolSchema: { inlinePayload: tools } } } },
    ...(credentials
      ? { credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }] }
      : {}),
    ...target,
  });
  await control.settled();
  const state = await control.invoke('GetGatewayTarget', {
    gatewayIdentifier: made['gatewayId'],
    targetId: added['targetId'],
  });
  expect([state['status'], state['statusReasons']]).toEqual(['READY', undefined]);
  return {
    url: made['gatewayUrl'] as string,
    id: made['gatewayId'] as string,
    targetId: added['targetId'] as string,
  };
}

const call = async (url: string, args: JsonObject = { orderId: '123' }, name = 'get_order_tool') =>
  (await legacy(url, 'tools/call', { name: `LambdaUsingSDK___${name}`, arguments: args })).json
    .result as unknown as {
    content: { type: string; text: string }[];
    isError: boolean;
    structuredContent?: JsonValue;
    _meta?: { debug?: { text: string } };
  };

const answering = (payload: JsonValue): Responder =>
  respondWith(200, 'application/json', JSON.stringify(payload));
const textOf = (result: Awaited<ReturnType<typeof call>>): string =>
  result.content.map(({ text }) => text).join('\n');

async function signerOf({ method, path, headers, body }: RecordedRequest): Promise<string> {
  const { accessKeyId } = await verifySigV4(
    {
      method,
      target: path,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat()]),
      ),
      body: Buffer.from(body),
    },
    {
      region: 'eu-west-1',
      services: ['lambda'],
      accessKeys: () => Promise.resolve({ secret: new Secret(ENVIRONMENT.AWS_SECRET_ACCESS_KEY) }),
      now: () => Date.now(),
      signingKeys: new SigningKeys(),
    },
  );
  return accessKeyId;
}

describe('the invocation', () => {
  test('carries the arguments as the event and says which tool is meant', async () => {
    const gateway = await gatewayWith({
      target: {
        metadataConfiguration: {
          allowedRequestHeaders: ['x-correlation-id', 'x-tenant-id'],
          allowedQueryParameters: ['version'],
          allowedResponseHeaders: ['x-rate-limit-remaining'],
        },
      },
    });
    upstream.on(
      PATH,
      answering({
        statusCode: 200,
        body: 'Order 123 is shipped',
        headers: { 'X-Rate-Limit-Remaining': 7, other: 'x' },
      }),
    );
    const response = await fetch(`${gateway.url}?version=v1&other=2`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-tenant-id': 'acme',
        'x-not-allowed': 'no',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 41,
        method: 'tools/call',
        params: { name: 'LambdaUsingSDK___get_order_tool', arguments: { orderId: '123', n: 5 } },
      }),
    });
    expect(await response.json()).toMatchObject({
      result: { content: [{ type: 'text', text: 'Order 123 is shipped' }], isError: false },
    });
    expect([response.headers.get('x-rate-limit-remaining'), response.headers.get('other')]).toEqual([
      '7',
      null,
    ]);
    const [request] = upstream.requests;
    if (!request) throw new Error('nothing arrived');
    expect([request.method, request.path, JSON.parse(request.body)]).toEqual([
      'POST',
      PATH,
      { orderId: '123', n: 5 },
    ]);
    expect(request.headers['x-amz-invocation-type']).toBe('RequestResponse');
    expect(await signerOf(request)).toBe(ENVIRONMENT.AWS_ACCESS_KEY_ID);
    const context = JSON.parse(
      Buffer.from(String(request.headers['x-amz-client-context']), 'base64').toString(),
    ) as {
      custom: JsonObject;
    };
    expect(context).toEqual({
      custom: {
        bedrockAgentCoreMessageVersion: '1.0',
        bedrockAgentCoreToolName: 'LambdaUsingSDK___get_order_tool',
        bedrockAgentCoreGatewayId: gateway.id,
        bedrockAgentCoreTargetId: gateway.targetId,
        bedrockAgentCoreAwsRequestId: expect.stringMatching(/^[\w-]{8,}$/) as unknown,
        bedrockAgentCoreMcpMessageId: 41,
        bedrockAgentCorePropagatedHeaders: { 'x-tenant-id': 'acme' },
        bedrockAgentCorePropagatedQueryParameters: { version: 'v1' },
      },
    });
  });

  test('names the tool with its target, also where the gateway shows bare names', async () => {
    const { url } = await gatewayWith({ gateway: { tags: { 'gatewright:tool-names': 'bare' } } });
    upstream.on(PATH, answering('done'));
    const { json } = await modern(url, 'tools/call', { name: 'get_order_tool', arguments: { orderId: '1' } });
    expect(json.result).toMatchObject({ content: [{ type: 'text', text: 'done' }] });
    const context = Buffer.from(
      String(upstream.requests[0]?.headers['x-amz-client-context']),
      'base64',
    ).toString();
    expect(context).toContain('"bedrockAgentCoreToolName":"LambdaUsingSDK___get_order_tool"');
  });

  test('keeps every digit of long numbers, both ways', async () => {
    const { url } = await gatewayWith({
      tools: [{ name: 'get_order_tool', description: 'd', inputSchema: { type: 'object' } }],
    });
    upstream.on(PATH, respondWith(200, 'application/json', '{"id":12345678901234567890}'));
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"LambdaUsingSDK___get_order_tool","arguments":{"id":98765432109876543210}}}',
    });
    expect(await response.text()).toContain('12345678901234567890');
    expect(upstream.requests[0]?.body).toBe('{"id":98765432109876543210}');
  });

  test('is signed as the role of the gateway, when the gateway says so', async () => {
    await app.close();
    const sts = await openUpstream();
    sts.on(
      '/',
      respondWith(
        200,
        'text/xml',
        '<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>',
      ),
    );
    try {
      app = await openTestApp({ lambdaEndpoint: new URL(upstream.url), stsEndpoint: new URL(sts.url) });
      const { url } = await gatewayWith({ gateway: { tags: { 'gatewright:assume-role': 'true' } } });
      await call(url);
      expect(upstream.requests[0]?.headers.authorization).toContain('Credential=ASIAROLE/');
      expect(upstream.requests[0]?.headers['x-amz-security-token']).toBe('role-token');
    } finally {
      await sts.close();
    }
  });

  test('needs GATEWAY_IAM_ROLE: no credential is used that was not asked for', async () => {
    const { url } = await gatewayWith({ credentials: false });
    const result = await call(url);
    expect([result.isError, textOf(result)]).toEqual([
      true,
      expect.stringContaining('credential') as unknown,
    ]);
    expect(upstream.requests).toEqual([]);
  });

  test('is given up with an answer when nobody answers, and says what that means', async () => {
    const { url } = await gatewayWith();
    upstream.on(PATH, (_request, response) => void response.destroy());
    const result = await call(url);
    expect(result.isError).toBe(true);
    // A connection that breaks after the request was sent may have run the function: it is not sent again.
    expect(upstream.requests).toHaveLength(1);
  });

  test('goes with the client: a call that is abandoned is abandoned at AWS', async () => {
    const { url } = await gatewayWith();
    upstream.on(PATH, () => undefined);
    const leaving = new AbortController();
    const arrived = upstream.next();
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"LambdaUsingSDK___get_order_tool","arguments":{"orderId":"1"}}}';
    const gone = post(url, body, {}, leaving.signal).catch(() => 'gone');
    const request = await arrived;
    leaving.abort();
    expect(await gone).toBe('gone');
    await request.abandoned;
  });
});

describe('answers', () => {
  const cases: [string, JsonValue, string, boolean][] = [
    ['any JSON', { shipped: true }, '{"shipped":true}', false],
    ['a text', 'hello', 'hello', false],
    ['null', null, 'null', false],
    ['a list', [1, 2], '[1,2]', false],
    ['an envelope with a text', { statusCode: 200, body: '{"a":1}' }, '{"a":1}', false],
    ['an envelope with a value', { statusCode: 201, body: { a: 1 } }, '{"a":1}', false],
    [
      'an envelope with base64',
      { statusCode: 200, body: Buffer.from('grüße').toString('base64'), isBase64Encoded: true },
      'grüße',
      false,
    ],
    ['an envelope with an error status', { statusCode: 404, body: 'no such order' }, 'no such order', true],
    ['what only looks like one', { statusCode: '200', body: 'x' }, '{"statusCode":"200","body":"x"}', false],
    ['an envelope without a body', { statusCode: 204 }, '{"statusCode":204}', false],
  ];
  test.each(cases)('%s', async (_name, payload, text, isError) => {
    const { url } = await gatewayWith();
    upstream.on(PATH, answering(payload));
    const result = await call(url);
    expect([textOf(result), result.isError, result.structuredContent]).toEqual([text, isError, undefined]);
  });

  test('an image', async () => {
    const { url } = await gatewayWith();
    upstream.on(
      PATH,
      answering({
        statusCode: 200,
        body: 'iVBORw0KGgo=',
        isBase64Encoded: true,
        headers: { 'Content-Type': 'image/png' },
      }),
    );
    expect((await call(url)).content).toEqual([
      { type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' },
    ]);
  });

  test('as they are, where the target says so', async () => {
    const { url, id, targetId } = await gatewayWith();
    await app.app.control.invoke('TagResource', {
      resourceArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${id}/target/${targetId}`,
      tags: { 'gatewright:lambda-result': 'raw' },
    });
    await app.app.control.settled();
    upstream.on(PATH, answering({ statusCode: 404, body: 'x' }));
    const result = await call(url);
    expect([textOf(result), result.isError]).toEqual(['{"statusCode":404,"body":"x"}', false]);
  });

  test('that are not JSON are text', async () => {
    const { url } = await gatewayWith();
    upstream.on(PATH, respondWith(200, 'text/plain', 'no json {'));
    expect(textOf(await call(url))).toBe('no json {');
  });

  test('with an output schema: structured where they fit, an error that says so where not', async () => {
    const tool = {
      ...GET_ORDER,
      outputSchema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    };
    const { url } = await gatewayWith({ tools: [tool] });
    upstream.on(PATH, answering({ statusCode: 200, body: '{"n":3}' }));
    expect(await call(url)).toMatchObject({ isError: false, structuredContent: { n: 3 } });
    upstream.on(PATH, answering({ n: 'three' }));
    const result = await call(url);
    expect([result.isError, textOf(result)]).toEqual([
      true,
      expect.stringContaining('carried out the call') as unknown,
    ]);
    expect(textOf(result)).toContain('{"n":"three"}');
  });

  test('with an output schema that describes no object are wrapped, in the list and in the result', async () => {
    const tool = {
      ...GET_ORDER,
      outputSchema: { type: 'array', items: { $ref: '#/$defs/n' }, $defs: { n: { type: 'integer' } } },
    };
    const { url } = await gatewayWith({ tools: [tool] });
    upstream.on(PATH, answering([1, 2]));
    expect((await call(url)).structuredContent).toEqual({ result: [1, 2] });
    const { json } = await legacy(url, 'tools/list', {});
    expect((json.result as unknown as { tools: JsonObject[] }).tools[0]?.['outputSchema']).toEqual({
      type: 'object',
      $defs: { n: { type: 'integer' } },
      properties: { result: { type: 'array', items: { $ref: '#/$defs/n' } } },
      required: ['result'],
    });
  });
});

describe('failures', () => {
  const failing =
    (payload: JsonValue): Responder =>
    (_request, response) =>
      void response
        .writeHead(200, { 'content-type': 'application/json', 'x-amz-function-error': 'Unhandled' })
        .end(JSON.stringify(payload));

  test('of the function are results; its own words are shown for DEBUG only', async () => {
    const secret = { errorType: 'KeyError', errorMessage: 'password=hunter2', stackTrace: ['line 1'] };
    const plain = await gatewayWith();
    upstream.on(PATH, failing(secret));
    const result = await call(plain.url);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('KeyError');
    expect(JSON.stringify(result)).not.toContain('hunter2');
    const debug = await gatewayWith({ gateway: { exceptionLevel: 'DEBUG' } });
    const shown = await call(debug.url);
    expect(textOf(shown)).toContain('password=hunter2');
    expect(shown._meta?.debug?.text).toContain('line 1');
  });

  const refusals: [number, string, string, number][] = [
    [404, 'ResourceNotFoundException', 'does not exist', 1],
    [403, 'AccessDeniedException', 'credential', 1],
    [429, 'TooManyRequestsException', 'too many calls at once', 3],
    [413, 'RequestTooLargeException', '6 MB', 1],
    [500, 'ServiceException', 'not known whether', 1],
  ];
  test.each(refusals)('HTTP %i %s', async (status, name, words, attempts) => {
    const { url } = await gatewayWith();
    upstream.on(
      PATH,
      (_request, response) =>
        void response
          .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': name })
          .end(JSON.stringify({ message: 'arn:secret-detail', Type: 'User' })),
    );
    const result = await call(url);
    expect([result.isError, textOf(result).includes(words), textOf(result)]).toEqual([
      true,
      true,
      expect.not.stringContaining('secret-detail') as unknown,
    ]);
    // Only what has certainly not run is sent again.
    expect(upstream.requests).toHaveLength(attempts);
  });

  test('a throttled call that is let in later succeeds', async () => {
    const { url } = await gatewayWith();
    let calls = 0;
    upstream.on(PATH, (request, response) => {
      calls += 1;
      if (calls > 1) return answering('ok')(request, response);
      response.writeHead(429, { 'x-amzn-errortype': 'TooManyRequestsException' }).end('{}');
    });
    expect(textOf(await call(url))).toBe('ok');
  });

  test('arguments larger than a function takes are not sent', async () => {
    const { url } = await gatewayWith({
      tools: [{ name: 'get_order_tool', description: 'd', inputSchema: { type: 'object' } }],
    });
    const result = await legacy(url, 'tools/call', {
      name: 'LambdaUsingSDK___get_order_tool',
      arguments: { text: 'ä'.repeat(3_200_000) },
    });
    expect(result.text).toMatch(/6 MB|too large|larger/i);
    expect(upstream.requests).toEqual([]);
  });
});

describe('tool schemas', () => {
  test('may use all of JSON Schema, and are kept as they were written', async () => {
    const inputSchema = {
      type: 'object',
      properties: {
        kind: { type: 'string', enum: ['a', 'b'], default: 'a' },
        when: { type: 'string', format: 'date-time' },
        tree: { $ref: '#/$defs/node' },
        either: { oneOf: [{ type: 'integer', minimum: 3 }, { type: 'null' }] },
      },
      additionalProperties: false,
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
    };
    const { url, id, targetId } = await gatewayWith({ tools: [{ ...GET_ORDER, inputSchema }] });
    const { json } = await legacy(url, 'tools/list', {});
    expect((json.result as unknown as { tools: JsonObject[] }).tools[0]?.['inputSchema']).toEqual(
      inputSchema,
    );
    const refused = await legacy(url, 'tools/call', {
      name: 'LambdaUsingSDK___get_order_tool',
      arguments: { kind: 'c', either: 1 },
    });
    expect(refused.text).toMatch(/kind.*either/);
    const got = await app.app.control.invoke('GetGatewayTarget', { gatewayIdentifier: id, targetId });
    expect(JSON.stringify(got['targetConfiguration'])).toContain(JSON.stringify(inputSchema));
  });

  test('may be a file: a list, or what tools/list gives', async () => {
    const tools = [{ ...GET_ORDER, annotations: { readOnlyHint: true }, title: 'Order' }];
    for (const [path, document] of [
      ['/a.json', tools],
      ['/b.json', { tools }],
    ] as const) {
      upstream.on(path, respondWith(200, 'application/json', JSON.stringify(document)));
      const { url } = await gatewayWith({
        target: {
          targetConfiguration: {
            mcp: { lambda: { lambdaArn: ARN, toolSchema: { s3: { uri: `${upstream.url}${path}` } } } },
          },
        },
      });
      const { json } = await legacy(url, 'tools/list', {});
      expect((json.result as unknown as { tools: JsonObject[] }).tools).toEqual([
        { ...tools[0], name: 'LambdaUsingSDK___get_order_tool' },
      ]);
    }
  });

  const wrong: [string, JsonValue, string][] = [
    ['no tool', [], 'at least one tool'],
    ['the same name twice', [GET_ORDER, GET_ORDER], 'unique'],
    ['a name that clients refuse', [{ ...GET_ORDER, name: 'get order' }], 'regular expression'],
    ['a schema of no object', [{ ...GET_ORDER, inputSchema: { type: 'string' } }], 'inputSchema.type'],
    [
      'a type that does not exist',
      [{ ...GET_ORDER, inputSchema: { type: 'object', properties: { a: { type: 'strng' } } } }],
      'properties.a.type',
    ],
    [
      'a reference to nowhere',
      [{ ...GET_ORDER, inputSchema: { type: 'object', properties: { a: { $ref: '#/$defs/x' } } } }],
      '$ref',
    ],
    [
      'a reference outwards',
      [{ ...GET_ORDER, inputSchema: { type: 'object', $ref: 'https://example.com/schema' } }],
      '$ref',
    ],
    [
      'a list of properties',
      [{ ...GET_ORDER, inputSchema: { type: 'object', properties: [] } }],
      'map of schemas',
    ],
    [
      'required that is no list',
      [{ ...GET_ORDER, inputSchema: { type: 'object', required: 'a' } }],
      'list of texts',
    ],
  ];
  test.each(wrong)('are refused: %s', async (_name, tools, words) => {
    const configuration = (toolSchema: JsonObject) => ({
      gatewayIdentifier: gateway.id,
      name: 'other',
      targetConfiguration: { mcp: { lambda: { lambdaArn: ARN, toolSchema } } },
    });
    const gateway = await gatewayWith();
    await expect(
      app.app.control.invoke('CreateGatewayTarget', configuration({ inlinePayload: tools })),
    ).rejects.toThrow(words);
    // The same in a file ends as the target's reason.
    upstream.on('/tools.json', respondWith(200, 'application/json', JSON.stringify(tools)));
    const made = await app.app.control.invoke(
      'CreateGatewayTarget',
      configuration({ s3: { uri: `${upstream.url}/tools.json` } }),
    );
    await app.app.control.settled();
    const state = await app.app.control.invoke('GetGatewayTarget', {
      gatewayIdentifier: gateway.id,
      targetId: made['targetId'],
    });
    expect([state['status'], JSON.stringify(state['statusReasons'])]).toEqual([
      'FAILED',
      expect.stringContaining(words) as unknown,
    ]);
  });

  test('nested without end are refused, not followed', async () => {
    let schema: JsonObject = { type: 'string' };
    for (let depth = 0; depth < 45; depth += 1) schema = { type: 'array', items: schema };
    const gateway = await gatewayWith();
    await expect(
      app.app.control.invoke('CreateGatewayTarget', {
        gatewayIdentifier: gateway.id,
        name: 'deep',
        targetConfiguration: {
          mcp: {
            lambda: {
              lambdaArn: ARN,
              toolSchema: {
                inlinePayload: [{ ...GET_ORDER, inputSchema: { type: 'object', properties: { a: schema } } }],
              },
            },
          },
        },
      }),
    ).rejects.toThrow('deep');
  });
});
