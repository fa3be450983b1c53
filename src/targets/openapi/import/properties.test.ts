// Properties that hold for any input: names, keys, pointers, and schemas made of junk.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createToolRules } from '../../../../test/openapi-tool-rules.ts';
import { nameArguments, type Claim } from './arguments.ts';
import { importOpenApi } from './import.ts';
import { nameTools } from './names.ts';
import { readPath } from './path.ts';
import { createReferences, formatPointer, parsePointer } from './references.ts';

const places = fc.constantFrom('path', 'query', 'header', 'cookie', 'body');
const wireName = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.constantFrom('id', 'ID', 'id[]', 'id__path', 'id__query', '$id', '__proto__', 'constructor'),
);

describe('names', () => {
  const source = fc.record({
    method: fc.constantFrom('GET', 'POST'),
    path: fc.oneof(fc.string(), fc.constantFrom('/a', '/b', '/a/{id}')),
    operationId: fc.oneof(fc.string({ maxLength: 90 }), fc.constantFrom('get', 'Get', 'g.et', 'g_et')),
  });

  test('are unique, acceptable, and independent of order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(source, { selector: ({ method, path }) => `${method} ${path}`, maxLength: 12 }),
        (sources) => {
          const names = nameTools(sources);
          expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
          for (const name of names) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/);
          expect(nameTools([...sources].reverse()).reverse()).toEqual(names);
        },
      ),
    );
  });
});

describe('arguments', () => {
  test('no two share a key, every key is acceptable, a lone clean name stays', () => {
    const claim: fc.Arbitrary<Claim> = fc.record({ in: places, name: wireName });
    fc.assert(
      fc.property(
        fc.uniqueArray(claim, { selector: (each) => `${each.in} ${each.name}`, maxLength: 15 }),
        (claims) => {
          const names = nameArguments(claims);
          expect(new Set(names).size).toBe(claims.length);
          for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
          if (claims.length === 1 && /^(?!__proto__$)[\w.-]{1,64}$/.test(claims[0]?.name ?? ''))
            expect(names).toEqual([claims[0]?.name]);
        },
      ),
    );
  });
});

describe('pointers', () => {
  test('any path of keys is found again', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (tokens) => {
        let document: unknown = 'found';
        for (const token of tokens.toReversed()) document = Object.fromEntries([[token, document]]);
        const pointer = formatPointer(tokens);
        expect(parsePointer(encodeURI(pointer).replaceAll('#', '%23'))).toEqual(tokens);
        const references = createReferences(document, 'inline');
        expect(references.resolve(`#${encodeURI(pointer).replaceAll('#', '%23')}`, '')).toMatchObject({
          node: 'found',
          pointer,
        });
      }),
    );
  });
});

describe('paths', () => {
  test('any path gives a template with exactly its variables', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('/', '{', '}', 'a', '?', '#', '*', '=', '&', ':', '.') }),
        (path) => {
          const { template, variables } = readPath(path, new Set());
          expect(template.startsWith('/')).toBe(true);
          for (const { name } of variables) expect(template).toContain(`{${name}}`);
        },
      ),
    );
  });
});

const keyword = fc.constantFrom(
  'type',
  'properties',
  'items',
  'required',
  'enum',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'nullable',
  'minimum',
  'exclusiveMinimum',
  'multipleOf',
  'minLength',
  'maxItems',
  'pattern',
  'format',
  'default',
  'const',
  'additionalProperties',
  'patternProperties',
  'dependencies',
  'dependentRequired',
  'prefixItems',
  'contains',
  'minContains',
  'uniqueItems',
  'readOnly',
  'description',
  'title',
  'discriminator',
  '$ref',
  '$id',
  '$anchor',
  '$dynamicRef',
  'deprecated',
  'propertyNames',
  'contentEncoding',
  'unevaluatedProperties',
  '$defs',
  'examples',
  '__proto__',
);
const { junk } = fc.letrec((tie) => ({
  junk: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      -1,
      0,
      1.5,
      '',
      'string',
      'object',
      'array',
      'int',
      'null',
      '[',
      '(?=a)',
      '^a+$',
      '#',
      '#/components/schemas/A',
      '#/components/schemas/B',
      'x.json',
      '#a',
    ),
    fc.array(tie('junk'), { maxLength: 3 }),
    fc.array(fc.tuple(keyword, tie('junk')), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
  ),
}));

/** Schemas as people write them, with a mistake here and there. */
const { schema: nearly } = fc.letrec<{ schema: unknown }>((tie) => {
  const sub = fc.oneof({ weight: 9, arbitrary: tie('schema') }, { weight: 1, arbitrary: junk });
  const some = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 9, arbitrary }, { weight: 1, arbitrary: junk });
  const map = fc.dictionary(fc.constantFrom('a', 'b', 'id', 'kind', '$ref', 'x[]', '__proto__'), sub, {
    maxKeys: 3,
  });
  const list = fc.array(sub, { minLength: 0, maxLength: 3 });
  const ref = fc
    .constantFrom('A', 'B', 'A/properties/a', 'B/items', 'Z')
    .map((name) => ({ $ref: `#/components/schemas/${name}` }));
  const keywords: Record<string, fc.Arbitrary<unknown>> = {
    type: some(
      fc.constantFrom<unknown>('object', 'object', 'array', 'string', 'integer', ['string', 'null'], 'date'),
    ),
    properties: some(map),
    required: some(fc.subarray(['a', 'b', 'id'])),
    items: some(sub),
    allOf: some(list),
    anyOf: some(list),
    oneOf: some(list),
    not: sub,
    if: sub,
    else: sub,
    additionalProperties: some(fc.boolean()),
    patternProperties: some(fc.dictionary(fc.constantFrom('^a', '('), sub, { maxKeys: 2 })),
    nullable: some(fc.boolean()),
    readOnly: some(fc.boolean()),
    enum: some(fc.array(fc.constantFrom<unknown>('a', 1, null, 'b'))),
    default: junk,
    minimum: some(fc.integer()),
    exclusiveMinimum: some(fc.boolean()),
    minLength: some(fc.integer()),
    pattern: some(fc.constantFrom('^a+$', '(?=a)', '[')),
    format: some(fc.constantFrom('date', 'binary', 'int64')),
    description: some(fc.string()),
    discriminator: some(
      fc.constant({ propertyName: 'kind', mapping: { a: 'A', b: '#/components/schemas/B' } }),
    ),
    $dynamicRef: some(fc.constant('#a')),
  };
  const pair = fc.oneof(...Object.entries(keywords).map(([key, value]) => fc.tuple(fc.constant(key), value)));
  const shape = fc
    .uniqueArray(pair, { selector: ([key]) => key, maxLength: 5 })
    .map((pairs) => Object.fromEntries(pairs) as unknown);
  return { schema: fc.oneof({ maxDepth: 3 }, ref, { weight: 4, arbitrary: shape }) };
});

describe('schemas', () => {
  const rules = createToolRules();
  const anything = fc.oneof({ weight: 1, arbitrary: junk }, { weight: 4, arbitrary: nearly });

  test('whatever a document writes, the tool satisfies every client', () => {
    fc.assert(
      fc.property(
        anything,
        anything,
        anything,
        fc.constantFrom('2.0', '3.0.3', '3.1.0'),
        fc.boolean(),
        (A, B, own, version, required) => {
          const content = { 'application/json': { schema: own } };
          const parameters = [
            { in: 'query', name: 'q', schema: B },
            ...(version === '2.0'
              ? [
                  { in: 'body', name: 'b', required, schema: own },
                  { ...(A as object), in: 'header', name: 'h' },
                ]
              : []),
          ];
          const text = JSON.stringify({
            ...(version === '2.0' ? { swagger: '2.0' } : { openapi: version }),
            paths: {
              '/a/{id}': {
                post: {
                  parameters,
                  requestBody: { required, content },
                  responses: { 200: { content, schema: own } },
                },
              },
            },
            components: { schemas: { A, B } },
            definitions: { A, B },
          });
          const { entries } = importOpenApi(text, { location: 'inline', settings: {} });
          expect(entries).toHaveLength(1);
          expect(entries.flatMap(rules)).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });
});
