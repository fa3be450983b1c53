// OpenAPI tools at the official MCP client, which throws a result away when it breaks the tool's output schema:
// whatever the API answers, the call gives a result that the client takes. Also names that JavaScript finds special.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject } from '../src/core/json.ts';
import { openTestApp, type TestApp } from './support/app.ts';
import { legacy } from './support/mcp-client.ts';
import { openUpstream, respondWith, type Responder, type Upstream } from './support/upstream.ts';

const PET = {
  type: 'object',
  required: ['id', 'name'],
  properties: {
    id: { type: 'integer' },
    name: { type: 'string' },
    born: { type: 'string', format: 'date' },
    owner: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } },
  },
};

/** Path → what the API answers there, and what the client has to get. */
const ANSWERS: Readonly<Record<string, { respond: Responder; isError: boolean; structured?: unknown }>> = {
  asPromised: {
    respond: respondWith(200, 'application/json', '{"id":1,"name":"Rex"}'),
    isError: false,
    structured: { id: 1, name: 'Rex' },
  },
  lackingMembers: {
    respond: respondWith(200, 'application/json', '{"name":null,"more":[1]}'),
    isError: false,
    structured: { name: null, more: [1] },
  },
  otherTypes: { respond: respondWith(200, 'application/json', '{"id":{"a":1},"owner":7}'), isError: false },
  bigNumber: {
    respond: respondWith(200, 'application/json', '{"id":12345678901234567890,"name":"x"}'),
    isError: false,
  },
  array: { respond: respondWith(200, 'application/json', '[{"id":1}]'), isError: false },
  scalar: { respond: respondWith(200, 'application/json', '"Rex"'), isError: false },
  jsonNull: { respond: respondWith(200, 'application/json', 'null'), isError: false },
  brokenJson: { respond: respondWith(200, 'application/json', '{"id":'), isError: false },
  text: { respond: respondWith(200, 'text/plain', 'Rex'), isError: false },
  page: { respond: respondWith(200, 'text/html', '<p>Rex</p>'), isError: false },
  bytes: { respond: respondWith(200, 'application/octet-stream', Buffer.from([0, 255])), isError: false },
  picture: { respond: respondWith(200, 'image/png', Buffer.from([1, 2])), isError: false },
  empty: { respond: respondWith(200, 'application/json', ''), isError: false },
  noContent: { respond: (_, response) => void response.writeHead(204).end(), isError: false },
  deep: {
    respond: respondWith(200, 'application/json', `{"id":${'['.repeat(5000)}${']'.repeat(5000)}}`),
    isError: false,
  },
  special: {
    respond: respondWith(200, 'application/json', '{"__proto__":{"id":"x"},"constructor":1,"id":2}'),
    isError: false,
  },
  moved: {
    respond: (_, response) => void response.writeHead(302, { location: '/x' }).end(),
    isError: true,
  },
  missing: { respond: respondWith(404, 'application/json', '{"error":"gone"}'), isError: true },
  failing: { respond: respondWith(500, 'text/plain', 'sorry'), isError: true },
  hangingUp: { respond: (_, response) => void response.destroy(), isError: true },
};

const answer = (schema: object) => ({
  200: { description: 'ok', content: { 'application/json': { schema } } },
});

let opened: TestApp;
let upstream: Upstream;
let client: Client;
let url: string;

beforeAll(async () => {
  [opened, upstream] = await Promise.all([openTestApp(), openUpstream()]);
  const paths: Record<string, object> = {};
  for (const [name, { respond }] of Object.entries(ANSWERS)) {
    upstream.on(`/${name}`, respond);
    upstream.on(`/list/${name}`, respond);
    paths[`/${name}`] = { get: { operationId: name, responses: answer(PET) } };
    paths[`/list/${name}`] = {
      get: { operationId: `list_${name}`, responses: answer({ type: 'array', items: PET }) },
    };
  }
  const text = { type: 'string' };
  // Computed, or the literal would set the prototype.
  const properties = {
    ['__proto__']: text,
    constructor: text,
    toString: text,
    hasOwnProperty: text,
    plain: text,
  };
  paths['/special/{__proto__}'] = {
    post: {
      operationId: 'constructor',
      parameters: [
        { name: '__proto__', in: 'path', required: true, schema: text },
        { name: 'constructor', in: 'query', schema: text },
        { name: 'valueOf', in: 'query', schema: { type: 'object', properties: { ['__proto__']: text } } },
        { name: 'x', in: 'query', style: 'deepObject', schema: { type: 'object', properties } },
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { type: 'object', required: ['__proto__', 'constructor'], properties },
          },
        },
      },
      responses: { 200: { description: 'ok' } },
    },
  };
  // A hierarchy as generators write it: no validator comes to an end with it as it stands.
  const kind = { type: 'string' };
  const schemas = {
    Animal: {
      type: 'object',
      required: ['kind'],
      properties: { kind },
      discriminator: { propertyName: 'kind', mapping: { cat: '#/components/schemas/Cat' } },
      oneOf: [{ $ref: '#/components/schemas/Cat' }],
    },
    Cat: {
      allOf: [
        { $ref: '#/components/schemas/Animal' },
        { type: 'object', properties: { mew: { type: 'boolean' } } },
      ],
    },
  };
  upstream.on('/animals', respondWith(200, 'application/json', '[{"kind":"cat","mew":true}]'));
  const animal = { $ref: '#/components/schemas/Animal' };
  paths['/animals'] = {
    post: {
      operationId: 'animals',
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { type: 'object', properties: { animal } } } },
      },
      responses: answer({ type: 'array', items: animal }),
    },
  };
  const document = {
    openapi: '3.1.0',
    info: { title: 'Answers', version: '1' },
    servers: [{ url: upstream.url }],
    paths,
    components: { schemas },
  };
  ({ url } = await opened.gateway({ targets: { t: document } }));
  client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  // The client keeps the output schemas it was shown, and holds results to them.
  const { tools } = await client.listTools();
  expect(tools.filter((tool) => tool.outputSchema !== undefined)).toHaveLength(
    2 * Object.keys(ANSWERS).length + 1,
  );
});

afterAll(async () => {
  await client.close();
  await opened.close();
  await upstream.close();
});

describe('answers of an API that promises objects or arrays', () => {
  it.each(Object.keys(ANSWERS))('%s', async (name) => {
    const expected = ANSWERS[name];
    for (const tool of [`t___${name}`, `t___list_${name}`]) {
      const result = await client.callTool({ name: tool, arguments: {} });
      expect(result.isError === true, `${tool} ${JSON.stringify(result)}`).toBe(expected?.isError);
      expect(result.content).not.toEqual([]);
      if (expected?.isError === false) expect(result.structuredContent).toBeTypeOf('object');
      if (tool === `t___${name}` && expected?.structured !== undefined)
        expect(result.structuredContent).toEqual(expected.structured);
    }
  });
});

describe('a hierarchy whose parents and children name each other', () => {
  it('is taken as an argument and as an answer', async () => {
    const call = (animal: object) => client.callTool({ name: 't___animals', arguments: { animal } });
    const result = await call({ kind: 'cat', mew: true });
    expect(result.structuredContent).toEqual({ result: [{ kind: 'cat', mew: true }] });
    expect((await call({ kind: 'cat', mew: 'loud' })).isError).toBe(true);
  });
});

describe('names that JavaScript finds special', () => {
  it('are arguments like any other', async () => {
    const name = 't___constructor';
    // As it was sent: clients lose `__proto__` from what they read, which is why it is called otherwise.
    const { json } = await legacy(url, 'tools/list');
    const tool = (json.result?.tools ?? []).find((each) => each.name === name) as JsonObject | undefined;
    const input = isJsonObject(tool?.['inputSchema']) ? tool['inputSchema'] : {};
    expect(Object.keys(input['properties'] as JsonObject).toSorted()).toEqual(
      [
        'constructor',
        'constructor__query',
        'hasOwnProperty',
        'plain',
        'proto',
        'proto__path',
        'toString',
        'valueOf',
        'x',
      ].toSorted(),
    );
    const args = JSON.parse(
      '{"proto":"a","proto__path":"p","constructor":"b","constructor__query":"q","toString":"c",' +
        '"hasOwnProperty":"d","valueOf":{"__proto__":"v"},"x":{"__proto__":"w","constructor":"y"}}',
    ) as Record<string, unknown>;
    const arrived = upstream.next();
    const result = await client.callTool({ name, arguments: args });
    expect(result.isError === true, JSON.stringify(result)).toBe(false);
    const { path, body } = await arrived;
    expect(path).toBe('/special/p?constructor=q&__proto__=v&x%5B__proto__%5D=w&x%5Bconstructor%5D=y');
    expect(JSON.parse(body)).toEqual(
      JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}'),
    );
    expect(body).toContain('"__proto__":"a"');
  });

  it('are missed when they are required', async () => {
    const result = await client.callTool({ name: 't___constructor', arguments: { plain: 'x' } });
    expect(result.isError).toBe(true);
    const text = JSON.stringify(result.content);
    for (const missing of ['proto', 'proto__path', 'constructor']) expect(text).toContain(missing);
  });
});
