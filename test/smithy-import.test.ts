// What the import makes of models, good and bad: one fault costs one shape, the report names it with its reason, and
// whatever is in a model, the import ends and its tools are sound.

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../src/core/json.ts';
import { GatewayError } from '../src/core/errors.ts';
import { compileSchema } from '../src/lib/json-schema/compile.ts';
import { openSmithy, TOKEN, type SmithyBench } from './support/smithy.ts';
import { sampleArguments } from './support/sample-arguments.ts';

const models = join(import.meta.dirname, 'fixtures/smithy/models');
const TABLES = readFileSync(join(models, 'table-store.json'), 'utf8');
const URL_SET = { 'server-url': 'https://api.example.com' };

/** A service of operations, in JSON AST; shapes besides are given whole. */
function service(
  operations: Record<string, JsonObject>,
  shapes: Record<string, JsonValue> = {},
  more: JsonObject = {},
): JsonObject {
  return {
    smithy: '2.0',
    shapes: {
      'a#Service': {
        type: 'service',
        version: '1',
        operations: Object.keys(operations).map((name) => ({ target: `a#${name}` })),
        traits: { 'aws.protocols#restJson1': {} },
        ...more,
      },
      ...Object.fromEntries(
        Object.entries(operations).map(([name, operation]) => [
          `a#${name}`,
          { type: 'operation', ...operation },
        ]),
      ),
      ...shapes,
    },
  };
}

const http = (uri: string, method = 'POST'): JsonObject => ({ 'smithy.api#http': { method, uri } });
const structure = (members: JsonObject): JsonObject => ({ type: 'structure', members });
const text = (traits: JsonObject = {}): JsonObject => ({ target: 'smithy.api#String', traits });

function schemaOf(
  bench: SmithyBench,
  tool: string,
  side: 'inputSchema' | 'outputSchema' = 'inputSchema',
): JsonObject {
  const entry = bench.catalogue.entries.find(({ name }) => name === tool);
  const definition = JSON.parse(entry?.definition ?? '{}') as JsonObject;
  return (definition[side] ?? {}) as JsonObject;
}

function refusalOf(action: () => unknown): GatewayError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

const reasonsOf = (bench: SmithyBench, operation: string): string =>
  (bench.catalogue.report.notes.find((note) => note.operation === operation)?.reasons ?? []).join('; ');
const bodyOf = (bench: SmithyBench): string => Buffer.from(bench.sent.at(-1)?.body ?? '').toString('utf8');

describe('bad models', () => {
  test('cyclic mixins cost the shapes that use them', () => {
    const bench = openSmithy(
      service(
        { Good: { traits: http('/good') }, Bad: { traits: http('/bad'), input: { target: 'a#BadInput' } } },
        {
          'a#BadInput': { ...structure({ x: text() }), mixins: [{ target: 'a#One' }] },
          'a#One': { ...structure({}), traits: { 'smithy.api#mixin': {} }, mixins: [{ target: 'a#Two' }] },
          'a#Two': { ...structure({}), traits: { 'smithy.api#mixin': {} }, mixins: [{ target: 'a#One' }] },
        },
      ),
      URL_SET,
    );
    expect(bench.catalogue.entries.map(({ name }) => name)).toEqual(['Good']);
    expect(reasonsOf(bench, 'Bad')).toMatch(/its input a#BadInput is not in the model/);
    expect(bench.catalogue.report.warnings.join('\n')).toMatch(
      /a#(One|Two): its mixins go round in a circle/,
    );
    expect(bench.catalogue.report.warnings.join('\n')).toMatch(/a#BadInput: its mixin a#One cannot be used/);
  });

  test('missing targets cost the operations that need them, and errors only themselves', () => {
    const bench = openSmithy(
      service(
        {
          Good: { traits: http('/good'), errors: [{ target: 'a#Gone' }] },
          Bad: { traits: http('/bad'), input: { target: 'a#BadInput' } },
        },
        { 'a#BadInput': structure({ x: { target: 'a#Missing' }, y: { target: 7 } }) },
        { operations: ['Good', 'Bad', 'Nowhere'].map((name) => ({ target: `a#${name}` })) },
      ),
      URL_SET,
    );
    expect(bench.catalogue.entries.map(({ name }) => name)).toEqual(['Good']);
    expect(reasonsOf(bench, 'Good')).toMatch(/its error a#Gone is left out/);
    expect(reasonsOf(bench, 'Bad')).toBe('model:1: a#Missing is not in the model');
    const warnings = bench.catalogue.report.warnings.join('\n');
    expect(warnings).toMatch(/a#Nowhere: a#Service has it among its operations, but it is not in the model/);
    expect(warnings).toMatch(/a#BadInput\$y: the member has no target/);
  });

  test.each<[string, JsonObject, string, RegExp]>([
    [
      'two payloads',
      { a: text({ 'smithy.api#httpPayload': {} }), b: text({ 'smithy.api#httpPayload': {} }) },
      '/x',
      /a and b have conflicting bindings: both are the payload/,
    ],
    [
      'a payload and a body',
      { a: text({ 'smithy.api#httpPayload': {} }), b: text() },
      '/x',
      /a is the whole payload, but b would be in it/,
    ],
    [
      'two bindings of one member',
      { a: text({ 'smithy.api#httpHeader': 'X', 'smithy.api#httpQuery': 'x' }) },
      '/x',
      /a has conflicting bindings: httpHeader and httpQuery/,
    ],
    [
      'one header twice',
      { a: text({ 'smithy.api#httpHeader': 'X-A' }), b: text({ 'smithy.api#httpHeader': 'x-a' }) },
      '/x',
      /a and b have conflicting bindings: both httpHeader x-a/,
    ],
    ['a label without a member', {}, '/x/{id}', /no member of its input is bound to the label id/],
    [
      'a member without its label',
      { id: text({ 'smithy.api#httpLabel': {}, 'smithy.api#required': {} }) },
      '/x',
      /id is bound to a label that its uri does not have/,
    ],
    [
      'a list as a label',
      { id: { target: 'a#Texts', traits: { 'smithy.api#httpLabel': {} } } },
      '/x/{id}',
      /id is of type list and cannot be a label/,
    ],
    ['no slash in front', {}, 'x', /does not begin with a slash/],
  ])('%s: the operation is left out, with the reason', (_, members, uri, reason) => {
    const bench = openSmithy(
      service(
        { Bad: { traits: http(uri), input: { target: 'a#In' } }, Good: { traits: http('/good') } },
        { 'a#In': structure(members), 'a#Texts': { type: 'list', member: text() } },
      ),
      URL_SET,
    );
    expect(bench.catalogue.entries.map(({ name }) => name)).toEqual(['Good']);
    expect(reasonsOf(bench, 'Bad')).toMatch(reason);
  });

  test('definitions that are none, unknown types and traits are told', () => {
    const bench = openSmithy(
      service(
        { Good: { traits: { ...http('/good'), 'my.traits#colour': 'red', 'my.traits#known': {} } } },
        {
          'no id': structure({}),
          'a#Text': 'text',
          'a#Odd': { type: 'banana' },
          'a#Nothing': {},
          'my.traits#known': structure({}),
          'a#Gone$member': { type: 'apply', traits: { 'smithy.api#documentation': 'x' } },
        },
      ),
      URL_SET,
    );
    const warnings = bench.catalogue.report.warnings.join('\n');
    expect(warnings).toMatch(/no id: is no absolute shape id/);
    expect(warnings).toMatch(/a#Text: its definition is not an object/);
    expect(warnings).toMatch(/a#Odd: is of type banana, which is not known/);
    expect(warnings).toMatch(/a#Nothing: has no type/);
    expect(warnings).toMatch(/Traits that are not known and have no effect: my\.traits#colour\./);
    expect(warnings).toMatch(/a#Gone\$member: traits are applied to it, but it is not in the model/);
    expect(bench.catalogue.report.tools).toBe(1);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'cut off',
      () => openSmithy(TABLES.slice(0, 5_000)),
      /ends in the middle, at line \d+, column \d+; it was cut off/,
    ],
    [
      'no JSON in the middle',
      () => openSmithy('{"smithy": "2.0",\n "shapes": {,}}'),
      /is not JSON at line 2, column 13/,
    ],
    ['an array', () => openSmithy('[]'), /is not a JSON object/],
    ['no version', () => openSmithy('{"shapes":{}}'), /no member "smithy"/],
    ['another version', () => openSmithy('{"smithy":"0.5","shapes":{}}'), /Smithy 0.5/],
    ['no shapes', () => openSmithy('{"smithy":"2.0"}'), /has no shapes/],
    [
      'no service',
      () => openSmithy('{"smithy":"2.0","shapes":{"a#B":{"type":"banana"}}}'),
      /no service.*a#B: is of type banana/,
    ],
    [
      'no protocol',
      () => openSmithy(service({}, {}, { traits: { 'my.protocols#soap': {} } })),
      /the protocol my\.protocols#soap, which is not known/,
    ],
    [
      'another protocol',
      () => openSmithy(service({}), { protocol: 'awsQuery' }),
      /does not speak awsQuery.*restJson1/,
    ],
    [
      'several services',
      () => openSmithy(service({}, { 'b#Other': { type: 'service', version: '1' } })),
      /gatewright:service.*a#Service, b#Other/,
    ],
    [
      'a service that is not there',
      () => openSmithy(service({}), { service: 'Nope' }),
      /no service Nope.*a#Service/,
    ],
  ])('%s: refused with the cause', (_, action, message) => {
    const refused = refusalOf(action);
    expect(refused.code).toBe('Validation');
    expect(refused.message).toMatch(message);
  });

  test('chains and circles without an end do not hold it up', () => {
    const shapes: Record<string, JsonValue> = {};
    const depth = 20_000;
    for (let index = 0; index < depth; index += 1)
      shapes[`a#S${index}`] = structure({ next: { target: `a#S${index + 1}` }, back: { target: 'a#S0' } });
    shapes[`a#S${depth}`] = structure({});
    const bench = openSmithy(
      service(
        { Deep: { traits: http('/deep'), input: { target: 'a#S0' } }, Good: { traits: http('/good') } },
        shapes,
      ),
      URL_SET,
    );
    expect(bench.catalogue.entries.map(({ name }) => name)).toContain('Good');
    for (const { definition } of bench.catalogue.entries) expect(definition.length).toBeLessThan(64 * 1024);
  });

  test('mixins of mixins do not multiply, and end', () => {
    const mixin = { 'smithy.api#mixin': {} };
    const doubled: Record<string, JsonValue> = {};
    for (let index = 0; index < 40; index += 1) {
      const below = index === 0 ? [] : [{ target: `a#M${index - 1}` }, { target: `a#M${index - 1}` }];
      doubled[`a#M${index}`] = {
        type: 'service',
        version: '1',
        operations: [{ target: 'a#Good' }],
        mixins: below,
        traits: mixin,
      };
    }
    const bench = openSmithy(
      service({ Good: { traits: http('/good') } }, doubled, { mixins: [{ target: 'a#M39' }] }),
      URL_SET,
    );
    expect(bench.catalogue.entries.map(({ name }) => name)).toEqual(['Good']);
    const deep: Record<string, JsonValue> = {};
    for (let index = 0; index < 10_000; index += 1)
      deep[`a#M${index}`] = { ...structure({}), mixins: [{ target: `a#M${index + 1}` }], traits: mixin };
    deep['a#M10000'] = { ...structure({}), traits: mixin };
    const { report } = openSmithy(service({ Good: { traits: http('/good') } }, deep), URL_SET).catalogue;
    expect(report.tools).toBe(1);
    expect(report.warnings.join()).toMatch(/its mixins are nested more than 200 deep/);
  });

  test('members called like parts of every object are members like others', async () => {
    const members = JSON.parse(
      '{"__proto__":{"target":"smithy.api#String"},"constructor":{"target":"smithy.api#String"},"toString":{"target":"smithy.api#String"}}',
    ) as JsonObject;
    const bench = openSmithy(
      service(
        { Odd: { traits: http('/odd'), input: { target: 'a#In' }, output: { target: 'a#In' } } },
        { 'a#In': structure(members) },
      ),
      URL_SET,
    );
    expect(Object.keys(schemaOf(bench, 'Odd')['properties'] as object)).toEqual([
      '__proto__',
      'constructor',
      'toString',
    ]);
    await bench.call('Odd', {}, [{ body: '{}' }]);
    expect(bodyOf(bench)).toBe('{}');
    const args = JSON.parse('{"__proto__":"p","constructor":"c"}') as JsonObject;
    const result = await bench.call('Odd', args, [{ body: '{"toString":"t"}' }]);
    expect(bodyOf(bench)).toBe('{"__proto__":"p","constructor":"c"}');
    expect(JSON.stringify(result.structuredContent)).toBe('{"toString":"t"}');
  });

  test('any damage to a model is a refusal or a report, never a crash', () => {
    const whole = JSON.parse(TABLES) as JsonObject;
    const places = placesOf(whole);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 2 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (changes) => {
          const damaged = structuredClone(whole);
          for (const [place, value] of changes) damage(damaged, place, value);
          try {
            const bench = openSmithy(JSON.stringify(damaged));
            for (const { definition, plan } of bench.catalogue.entries) {
              const { inputSchema } = JSON.parse(definition) as { inputSchema: JsonObject };
              expect(inputSchema['type']).toBe('object');
              expect(isJsonObject(JSON.parse(plan))).toBe(true);
            }
          } catch (thrown) {
            if (!(thrown instanceof GatewayError)) throw thrown;
            expect(thrown.code).toBe('Validation');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

type Path = readonly (string | number)[];

function placesOf(value: JsonValue, path: Path = []): Path[] {
  const inner = Array.isArray(value)
    ? [...(value as JsonValue[]).entries()]
    : isJsonObject(value)
      ? Object.entries(value)
      : [];
  return [path, ...inner.flatMap(([key, item]) => placesOf(item ?? null, [...path, key]))].filter(
    (each) => each.length > 0,
  );
}

function damage(root: JsonObject, path: Path, value: JsonValue): void {
  let at = root as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    if (typeof next !== 'object' || next === null) return;
    at = next as Record<string | number, unknown>;
  }
  at[path.at(-1) ?? ''] = value;
}

describe('loading', () => {
  test('faults are told with file and line, in either notation', () => {
    const bench = openSmithy(
      {
        'service.smithy':
          '$version: "2.0"\nnamespace a\nuse aws.protocols#restJson1\n@restJson1\nservice Service { version: "1", operations: [Good, Bad] }\n@http(method: "GET", uri: "/good") @readonly\noperation Good {}\n\n@http(method: "POST", uri: "/{x}")\noperation Bad {}\n',
        'more.json': '{\n"smithy": "2.0",\n"shapes": {\n"a#Odd": { "type": "banana" } } }',
      },
      URL_SET,
    );
    expect(bench.catalogue.entries.map(({ name }) => name)).toEqual(['Good']);
    expect(reasonsOf(bench, 'Bad')).toBe(
      'service.smithy:10: no member of its input is bound to the label x of its uri',
    );
    expect(bench.catalogue.report.warnings).toEqual([
      'more.json:4: a#Odd: is of type banana, which is not known',
    ]);
  });

  test('a model in Smithy 1.0: sets, enum traits, private mixins of later versions aside', () => {
    const bench = openSmithy(
      {
        ...service(
          { Get: { traits: http('/x'), input: { target: 'a#In' } } },
          {
            'a#In': structure({
              tags: { target: 'a#Tags' },
              colour: { target: 'a#Colour', traits: { 'smithy.api#box': {} } },
            }),
            'a#Tags': { type: 'set', member: text() },
            'a#Colour': {
              type: 'string',
              traits: { 'smithy.api#enum': [{ value: 'red', name: 'RED' }, { value: 'sea green' }] },
            },
          },
        ),
        smithy: '1.0',
      },
      URL_SET,
    );
    expect(schemaOf(bench, 'Get')['properties']).toMatchObject({
      tags: { type: 'array', uniqueItems: true, items: { type: 'string' } },
      colour: { type: 'string', enum: ['red', 'sea green'] },
    });
    expect(bench.catalogue.report.format).toBe('Smithy 1.0 (restJson1)');
  });

  test('mixins bring members and traits, but not those they keep; what is applied is on top', () => {
    const bench = openSmithy(
      service(
        { Get: { traits: http('/x'), input: { target: 'a#In' } } },
        {
          'a#In': { ...structure({ own: text() }), mixins: [{ target: 'a#Base' }] },
          'a#Base': {
            ...structure({ inherited: text({ 'smithy.api#documentation': 'From the mixin.' }) }),
            traits: {
              'smithy.api#mixin': { localTraits: ['smithy.api#documentation'] },
              'smithy.api#documentation': 'Hidden.',
            },
          },
          'a#In$inherited': {
            type: 'apply',
            traits: { 'smithy.api#required': {}, 'smithy.api#documentation': 'As applied.' },
          },
        },
      ),
      URL_SET,
    );
    expect(schemaOf(bench, 'Get')).toMatchObject({
      required: ['inherited'],
      properties: { inherited: { description: 'As applied.' }, own: { type: 'string' } },
    });
    expect(Object.keys(schemaOf(bench, 'Get')['properties'] as object)).toEqual(['inherited', 'own']);
  });

  test('operations of resources are the service’s, with what their roles say', () => {
    const bench = openSmithy(
      service(
        Object.fromEntries(
          ['Top', 'Make', 'Read', 'Drop', 'All', 'Inner'].map((name) => [name, { traits: http(`/${name}`) }]),
        ),
        {
          'a#Thing': {
            type: 'resource',
            create: { target: 'a#Make' },
            read: { target: 'a#Read' },
            delete: { target: 'a#Drop' },
            collectionOperations: [{ target: 'a#All' }],
            resources: [{ target: 'a#Part' }, { target: 'a#Thing' }],
          },
          'a#Part': { type: 'resource', operations: [{ target: 'a#Inner' }] },
        },
        { operations: [{ target: 'a#Top' }], resources: [{ target: 'a#Thing' }] },
      ),
      URL_SET,
    );
    const hints = Object.fromEntries(
      bench.catalogue.entries.map(({ name, definition }) => [
        name,
        (JSON.parse(definition) as { annotations: JsonObject }).annotations,
      ]),
    );
    expect(Object.keys(hints)).toEqual(['Top', 'Make', 'Read', 'Drop', 'All', 'Inner']);
    expect(hints['Read']).toMatchObject({ readOnlyHint: true });
    expect(hints['Make']).toMatchObject({ readOnlyHint: false, destructiveHint: false });
    expect(hints['Drop']).toMatchObject({ destructiveHint: true });
  });

  test('the service’s own names for shapes count, and names are unique whatever their case', () => {
    const bench = openSmithy(
      service(
        {
          Get: { traits: http('/1') },
          get: { traits: http('/2') },
          [`Very${'Long'.repeat(20)}`]: { traits: http('/3') },
        },
        {},
        { rename: { 'a#Get': 'Fetch' } },
      ),
      URL_SET,
    );
    const names = bench.catalogue.entries.map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['Fetch', 'get']);
    expect(names[2]).toMatch(/^Very(Long)+\w*_[0-9a-f]{8}$/);
    expect(names[2]).toHaveLength(64);
  });

  test('streams of events are left out, with the reason', () => {
    const bench = openSmithy(
      service(
        { Watch: { traits: http('/watch'), output: { target: 'a#Out' } }, Good: { traits: http('/good') } },
        {
          'a#Out': structure({ events: { target: 'a#Events', traits: { 'smithy.api#httpPayload': {} } } }),
          'a#Events': {
            type: 'union',
            members: { a: { target: 'a#Event' } },
            traits: { 'smithy.api#streaming': {} },
          },
          'a#Event': structure({}),
        },
      ),
      URL_SET,
    );
    expect(reasonsOf(bench, 'Watch')).toMatch(/its output events is a stream of events/);
    expect(bench.catalogue.report).toMatchObject({ operations: 2, tools: 1, skipped: 1 });
  });
});

describe('schemas', () => {
  const bench = openSmithy(TABLES);

  test('recursion stands in $defs, unions are one of their members, documentation is plain text', () => {
    const schema = schemaOf(bench, 'GetItem');
    expect(schema).toMatchObject({
      type: 'object',
      required: ['TableName', 'Key'],
      additionalProperties: false,
      properties: {
        TableName: { type: 'string', minLength: 3, maxLength: 255, pattern: '^[a-zA-Z0-9_.-]+$' },
        Key: { $ref: '#/$defs/Key' },
        ConsistentRead: { type: 'boolean' },
      },
    });
    const [first] = ((schema['$defs'] as JsonObject)['AttributeValue'] as { oneOf: JsonObject[] }).oneOf;
    expect(first).toEqual({
      type: 'object',
      properties: { S: { type: 'string' } },
      required: ['S'],
      additionalProperties: false,
    });
    const entry = bench.catalogue.entries.find(({ name }) => name === 'GetItem');
    expect((JSON.parse(entry?.definition ?? '') as JsonObject)['description']).toBe(
      'Returns the attributes of the item with the given key.\n\nWithout a match, there is no `Item`.',
    );
  });

  test('bytes at the top may be text', async () => {
    const bytes = openSmithy(
      service(
        { Put: { traits: http('/put'), input: { target: 'a#In' } } },
        { 'a#In': structure({ data: { target: 'smithy.api#Blob' } }) },
      ),
      URL_SET,
    );
    const accepts = compileSchema(schemaOf(bytes, 'Put'));
    for (const data of ['aGk=', { text: 'hi' }]) {
      expect(accepts({ data })).toEqual([]);
      await bytes.call('Put', { data });
      expect(JSON.parse(bodyOf(bytes))).toEqual({ data: 'aGk=' });
    }
    expect(accepts({ data: { txt: 'hi' } })).not.toEqual([]);
    for (const data of ['no base64!', 'a', { text: 7 }, 7])
      await expect(bytes.call('Put', { data })).rejects.toThrow(/data: must be base64/);
  });

  test('idempotency tokens need not be given, and are made', async () => {
    expect(schemaOf(bench, 'PutItem')['required']).toEqual(['TableName', 'Item']);
    await bench.call('PutItem', { TableName: 'abc', Item: {} });
    expect(JSON.parse(bodyOf(bench))).toEqual({ TableName: 'abc', Item: {}, ClientRequestToken: TOKEN });
  });

  test('what is sampled from a schema makes a request', async () => {
    for (const { name } of bench.catalogue.entries)
      for (const optional of ['none', 'some', 'all'] as const) {
        const args = sampleArguments(schemaOf(bench, name), optional);
        expect(compileSchema(schemaOf(bench, name))(args)).toEqual([]);
        await bench.call(name, args);
      }
  });

  test('large shapes are shortened, and say so', () => {
    const members = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [
        `member${index}`,
        {
          target: `a#S${index}`,
          traits: { 'smithy.api#documentation': 'Lorem ipsum dolor sit amet. '.repeat(20) },
        },
      ]),
    );
    const shapes = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [
        `a#S${index}`,
        structure(
          Object.fromEntries(
            Array.from({ length: 20 }, (__, inner) => [
              `inner${inner}`,
              text({ 'smithy.api#documentation': 'x '.repeat(200) }),
            ]),
          ),
        ),
      ]),
    );
    const large = openSmithy(
      service(
        { Big: { traits: http('/big'), input: { target: 'a#In' } } },
        { 'a#In': structure(members), ...shapes },
      ),
      URL_SET,
    );
    expect(JSON.stringify(schemaOf(large, 'Big')).length).toBeLessThan(64 * 1024);
    expect(Object.keys(schemaOf(large, 'Big')['properties'] as object)).toHaveLength(400);
    expect(reasonsOf(large, 'Big')).toMatch(/too large and has been shortened/);
  });

  test('members whose names are too long for clients have shorter ones', async () => {
    const long = `a${'Very'.repeat(20)}LongName`;
    const named = openSmithy(
      service(
        { Odd: { traits: http('/odd'), input: { target: 'a#In' } } },
        { 'a#In': structure({ [long]: text() }) },
      ),
      URL_SET,
    );
    const [key = ''] = Object.keys(schemaOf(named, 'Odd')['properties'] as object);
    expect(key).toMatch(/^[A-Za-z0-9_]{1,64}$/);
    expect(reasonsOf(named, 'Odd')).toContain(`its argument ${long} is called ${key}`);
    await named.call('Odd', { [key]: 'v' });
    expect(JSON.parse(bodyOf(named))).toEqual({ [long]: 'v' });
  });
});

describe('waiters', () => {
  const bench = openSmithy(TABLES, { waiters: 'true' });
  const state = (status: string) => ({ body: JSON.stringify({ Table: { TableStatus: status } }) });
  const gone = { status: 400, body: '{"__type":"ResourceNotFoundException","message":"gone"}' };

  test('become tools that wait, with longer and longer pauses', async () => {
    expect(bench.catalogue.entries.map(({ name }) => name)).toContain('wait_for_TableExists');
    bench.pauses.length = 0;
    const done = await bench.call('wait_for_TableExists', { TableName: 'abc' }, [gone, state('ACTIVE')]);
    expect(done.isError).toBe(false);
    expect(done.content[0]).toMatchObject({ text: 'TableExists: reached after 2 tries.' });
    expect(bench.pauses).toEqual([20_000]);
  });

  test('end where an error says so, and where there is no more time', async () => {
    const refused = await bench.call('wait_for_TableExists', { TableName: 'abc' }, [
      { status: 400, body: '{"__type":"AccessDenied","message":"no"}' },
    ]);
    expect(refused).toMatchObject({
      isError: true,
      content: [
        { text: 'TableExists: cannot be reached any more (after 1 try).' },
        { text: 'AccessDenied: no' },
      ],
    });
    const removed = await bench.call('wait_for_TableNotExists', { TableName: 'abc' }, [gone]);
    expect(removed.isError).toBe(false);
    bench.pauses.length = 0;
    const late = await bench.call('wait_for_TableExists', { TableName: 'abc' }, [
      state('CREATING'),
      state('CREATING'),
      state('CREATING'),
      state('CREATING'),
    ]);
    expect(late.isError).toBe(true);
    expect(late.content[0]).toMatchObject({
      text: expect.stringMatching(/not yet, after 3 tries\. Call this tool again/) as string,
    });
    expect(bench.pauses).toEqual([20_000, 40_000]);
  });
});

test('rules that are too large to be evaluated are told, and not used', () => {
  const rules = {
    version: '1.0',
    parameters: {},
    rules: [{ conditions: [], error: 'x'.repeat(1_100_000), type: 'error' }],
  };
  const { report } = openSmithy(
    service(
      { Good: { traits: http('/good') } },
      {},
      { traits: { 'aws.protocols#restJson1': {}, 'smithy.rules#endpointRuleSet': rules } },
    ),
    URL_SET,
  ).catalogue;
  expect(report.tools).toBe(1);
  expect(report.warnings.join()).toMatch(/a#Service: its trait endpointRuleSet is too large/);
});

test('expressions that multiply what they work on are not evaluated', () => {
  const model = JSON.parse(TABLES) as { shapes: Record<string, { traits?: Record<string, JsonValue> }> };
  const operation = model.shapes['test.tables#DescribeTable'];
  const matcher = { output: { path: '[@,@][]'.repeat(40), expected: 'x', comparator: 'anyStringEquals' } };
  if (operation?.traits)
    operation.traits['smithy.waiters#waitable'] = {
      Evil: { acceptors: [{ state: 'success', matcher }] },
      Good: { acceptors: [{ state: 'success', matcher: { success: true } }] },
    };
  const names = openSmithy(model, { waiters: 'true' }).catalogue.entries.map(({ name }) => name);
  expect(names).toContain('wait_for_Good');
  expect(names).not.toContain('wait_for_Evil');
});

describe('pages', () => {
  test('are joined up to the cap; the token for the rest stays', async () => {
    const bench = openSmithy(TABLES, { 'max-pages': '3' });
    const page = (name: string, last?: string) => ({
      body: JSON.stringify({
        TableNames: [name],
        ...(last === undefined ? {} : { LastEvaluatedTableName: last }),
      }),
    });
    const all = await bench.call('ListTables', {}, [page('a', 'a'), page('b')]);
    expect(all.structuredContent).toEqual({ TableNames: ['a', 'b'] });
    const some = await bench.call('ListTables', {}, [
      page('a', 'a'),
      page('b', 'b'),
      page('c', 'c'),
      page('d'),
    ]);
    expect(some.structuredContent).toEqual({ TableNames: ['a', 'b', 'c'], LastEvaluatedTableName: 'c' });
    // A service that gives the same token again is not asked for ever.
    bench.sent.length = 0;
    const circle = await bench.call('ListTables', {}, [page('a', 'a'), page('b', 'a'), page('c', 'a')]);
    expect(circle.structuredContent).toEqual({ TableNames: ['a', 'b'], LastEvaluatedTableName: 'a' });
    const broken = await bench.call('ListTables', {}, [page('a', 'a'), { status: 500, body: '{}' }]);
    expect(broken).toMatchObject({
      isError: false,
      structuredContent: { TableNames: ['a'], LastEvaluatedTableName: 'a' },
    });
  });
});
