// Documents that are written to harm, or by accident look as if they were: the import ends, quickly, and what is
// honest in them still becomes tools.

import { describe, expect, test } from 'vitest';
import { importOpenApi } from './import.ts';

const options = { location: 'inline', settings: {} };
const head = {
  openapi: '3.1.0',
  info: { title: 'x', version: '1' },
  servers: [{ url: 'https://api.example.com' }],
};

function withBody(schema: unknown, more: object = {}): string {
  const content = { 'application/json': { schema } };
  return JSON.stringify({
    ...head,
    paths: {
      '/bad': { post: { requestBody: { required: true, content }, responses: { 200: { content } } } },
      '/good': { get: { responses: {} } },
    },
    ...more,
  });
}

function names(text: string): string[] {
  return importOpenApi(text, options).entries.map((entry) => entry.name);
}

describe('hostile documents', () => {
  test('deep nesting is left open', () => {
    const deep = withBody('HERE').replace('"HERE"', `${'{"items":'.repeat(100_000)}{}${'}'.repeat(100_000)}`);
    expect(names(deep)).toEqual(['post_bad', 'get_good']);
  });

  test('a long chain of references and definitions ends', () => {
    const schemas: Record<string, unknown> = {};
    for (let index = 0; index < 20_000; index += 1)
      schemas[`S${index}`] = {
        type: 'object',
        properties: { next: { $ref: `#/components/schemas/S${index + 1}` } },
      };
    for (let index = 0; index < 2000; index += 1)
      schemas[`R${index}`] = { $ref: `#/components/schemas/R${index + 1}` };
    const text = withBody(
      {
        type: 'object',
        properties: { a: { $ref: '#/components/schemas/S0' }, b: { $ref: '#/components/schemas/R0' } },
      },
      { components: { schemas } },
    );
    expect(names(text)).toEqual(['post_bad', 'get_good']);
  });

  test('schemas that double with each level cost one operation, not the import', () => {
    const lines = ['openapi: 3.0.0', 'x-0: &a0 { type: object, properties: { v: { type: string } } }'];
    for (let level = 1; level < 30; level += 1)
      lines.push(
        `x-${level}: &a${level} { type: object, properties: { l: *a${level - 1}, r: *a${level - 1} } }`,
      );
    lines.push(
      'paths:',
      '  /bad: { post: { requestBody: { content: { application/json: { schema: *a29 } } }, responses: {} } }',
      '  /good: { get: { responses: {} } }',
    );
    let outcome: string[] = [];
    try {
      outcome = names(lines.join('\n'));
    } catch (thrown) {
      expect(String(thrown)).toMatch(/aliases/);
      outcome = ['get_good'];
    }
    expect(outcome).toContain('get_good');
  });

  test('the same doubling through inline JSON pointers stays within its allowance', () => {
    const schemas: Record<string, unknown> = { S0: { type: 'string' } };
    for (let level = 1; level < 40; level += 1) {
      const ref = { $ref: `#/components/schemas/S${level - 1}` };
      schemas[`S${level}`] = { allOf: [ref, ref, { type: 'object', properties: { l: ref, r: ref } }] };
    }
    expect(names(withBody({ $ref: '#/components/schemas/S39' }, { components: { schemas } }))).toContain(
      'get_good',
    );
  });

  test('an alias bomb is refused', () => {
    const lines = ['openapi: 3.0.0', 'a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'])
      lines.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(',')}]`);
    expect(() => importOpenApi(lines.join('\n'), options)).toThrow(/aliases multiply/);
  });

  test('an alias to its own ancestor ends', () => {
    const text =
      'openapi: 3.0.0\npaths:\n  /x:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema: &s { type: object, properties: { a: *s } }\n      responses: {}\n';
    expect(() => names(text)).not.toThrow();
  });

  test('names of the prototype are names like any other', () => {
    const text = withBody({}).replace(
      '"schema":{}',
      '"schema":{"type":"object","properties":{"__proto__":{"type":"string"},"toString":{"type":"integer"}}}',
    );
    const [entry] = importOpenApi(text, options).entries;
    expect(entry?.definition).toContain('"proto":{"type":"string"}');
    expect(entry?.plan).toContain('["proto","__proto__"]');
    expect(({} as Record<string, unknown>)['type']).toBeUndefined();
    for (const path of ['__proto__', 'constructor', 'toString'])
      expect(names(withBody({ $ref: `#/components/schemas/${path}` }))).toContain('get_good');
  });

  test('schemas that contain each other in place come to an end', () => {
    const references = Array.from({ length: 20 }, (_, at) => ({ $ref: `#/components/schemas/D${at}` }));
    const schemas = Object.fromEntries(references.map((_, at) => [`D${at}`, { allOf: references }]));
    const document = JSON.parse(withBody({ $ref: '#/components/schemas/D0' })) as Record<string, object>;
    const { report } = importOpenApi(JSON.stringify({ ...document, components: { schemas } }), options);
    expect(report.tools).toBeGreaterThanOrEqual(1);
  });

  test('thousands of properties make a tool that is left open', () => {
    const properties = Object.fromEntries(
      Array.from({ length: 9000 }, (_, index) => [
        `property_${index}`,
        { type: 'string', description: 'x'.repeat(50) },
      ]),
    );
    const { entries, report } = importOpenApi(withBody({ type: 'object', properties }), options);
    expect(entries.map((entry) => entry.name)).toEqual(['post_bad', 'get_good']);
    expect(entries[0]?.definition.length).toBeLessThan(70_000);
    expect(report.notes[0]?.reasons.join()).toContain('schema shortened');
  });

  test.each([
    ['nothing', ''],
    ['a scalar', '42'],
    ['a list', '[]'],
    ['no version', '{"paths":{}}'],
    ['a future version', '{"openapi":"4.0.0"}'],
    ['Swagger 1', '{"swagger":"1.2"}'],
    ['half a JSON text', '{"openapi":"3.0.0",'],
    ['bad YAML', 'a: [\nb: }'],
    ['nested flow', `a: ${'['.repeat(100_000)}`],
  ])('%s is refused with what to do', (_, text) => {
    expect(() => importOpenApi(text, options)).toThrow(
      expect.objectContaining({ code: 'Validation' }) as Error,
    );
  });

  test.each([
    'null',
    '[]',
    '"x"',
    '3',
    '{"get":null}',
    '{"get":[]}',
    '{"get":{"parameters":{"a":null},"responses":[]}}',
    '{"parameters":7,"get":{"parameters":[null,3,{"$ref":3},{"in":"query"}],"requestBody":[],"responses":{"200":null},"security":"x","servers":{},"tags":5,"operationId":[],"summary":{}}}',
  ])('path item %s never throws', (item) => {
    const text = JSON.stringify(head).replace(
      /}$/,
      `,"paths":{"/a":${item},"/good":{"get":{}}},"components":null,"security":[null]}`,
    );
    expect(names(text)).toContain('get_good');
  });
});
