// Smithy IDL text: every model of the corpus written as text and read again, the language's own rules, and files that
// are broken or hostile.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../src/core/json.ts';
import { parseIdl } from '../src/targets/smithy/idl/parse-idl.ts';
import { writeIdl } from './support/smithy-idl-writer.ts';

const CORPUS = new URL('../../shared/corpus/', import.meta.url);
const HAS_CORPUS = existsSync(CORPUS);

/** The shapes of one file, by their names without the namespace `x`. */
function shapesOf(body: string, header = '$version: "2.0"\nnamespace x\n'): Record<string, JsonObject> {
  const { ast, faults } = parseIdl([{ name: 'a.smithy', text: `${header}${body}` }]);
  expect(faults).toEqual([]);
  return Object.fromEntries(
    Object.entries(ast['shapes'] as Record<string, JsonObject>).map(([id, shape]) => [
      id.replace(/^x#/, ''),
      shape,
    ]),
  );
}

function faultsOf(text: string): string[] {
  return parseIdl([{ name: 'a.smithy', text }]).faults.map(
    ({ file, line, column, message }) => `${file}:${line}:${column} ${message}`,
  );
}

/** Without what may be written or left out: members that are none, and the unit type. */
function essential(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item) => essential(item as JsonValue));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as JsonObject).flatMap(([key, item]): [string, JsonValue][] => {
    if (item === undefined) return [];
    const isNothing = typeof item === 'object' && item !== null && Object.keys(item).length === 0;
    if (isNothing && ['members', 'traits', 'errors'].includes(key)) return [];
    return [[key, essential(item)]];
  });
  return Object.fromEntries(entries);
}

describe.skipIf(!HAS_CORPUS)('models of the corpus, written as text', () => {
  const read = (folder: string): [string, () => JsonObject][] =>
    (HAS_CORPUS ? readdirSync(new URL(folder, CORPUS)) : [])
      .filter((name) => /\.json(\.gz)?$/.test(name))
      .map((name) => [
        name,
        () => {
          const bytes = readFileSync(new URL(`${folder}${name}`, CORPUS));
          return JSON.parse(
            (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'),
          ) as JsonObject;
        },
      ]);

  test.each([...read('smithy-models/'), ...read('smithy-protocol-tests/models/')])('%s', (_name, load) => {
    const model = load();
    const { ast, faults } = parseIdl(writeIdl(model));
    expect(faults).toEqual([]);
    const [got, want] = [ast['shapes'], model['shapes']] as Record<string, JsonObject>[];
    expect(Object.keys(got ?? {}).toSorted()).toEqual(Object.keys(want ?? {}).toSorted());
    for (const [id, shape] of Object.entries(want ?? {}))
      expect([id, essential(got?.[id] ?? {})]).toEqual([id, essential(shape)]);
  });
});

describe('the language', () => {
  test('names are those used, then of the namespace, then of the prelude', () => {
    const { ast, faults } = parseIdl([
      {
        name: 'a.smithy',
        text: '$version: "2"\nnamespace x\nuse y#Used\nstructure A { a: Used, b: Other, c: String, d: y#Far, e: Integer }',
      },
      { name: 'b.smithy', text: '$version: "2"\nnamespace x\nstring Other\ninteger Integer' },
      { name: 'c.smithy', text: '$version: "2"\nnamespace y\nstring Used\nstring Far' },
    ]);
    expect(faults).toEqual([]);
    const { members } =
      (ast['shapes'] as Record<string, { members: Record<string, { target: string }> }>)['x#A'] ?? {};
    expect(Object.values(members ?? {}).map(({ target }) => target)).toEqual([
      'y#Used',
      'x#Other',
      'smithy.api#String',
      'y#Far',
      'x#Integer',
    ]);
  });

  test('values: numbers, escapes, text blocks, shape ids, trailing commas', () => {
    const { A } = shapesOf(`
@a(n: -1.5e3, t: "q\\"\\u00e4\\n", l: [1, true, null, String, ], "k k": {})
@b("""
    one \\
    two
      three \\"""
    """)
@c("""
  x
 y""")
string A
list a { member: String }
`);
    expect(A).toEqual({
      type: 'string',
      traits: {
        'x#a': { n: -1500, t: 'q"ä\n', l: [1, true, null, 'smithy.api#String'], 'k k': {} },
        'x#b': 'one two\n  three """\n',
        'x#c': ' x\ny',
      },
    });
  });

  test('traits without a value are what their shape makes of nothing', () => {
    const { A } = shapesOf('@own @tags @required\nstring A\n@trait list own { member: String }');
    expect(A?.['traits']).toEqual({ 'x#own': [], 'smithy.api#tags': [], 'smithy.api#required': {} });
  });

  test('documentation comments belong to what follows them, and to nothing else', () => {
    const shapes = shapesOf(`
/// Of A,
///  two lines
@required
/// lost
string A // plain
/// Of B
structure B {
    /// Of m
    m: String /// trailing
    n: String
}
/// Of C
string C
`);
    const documentation = (shape: JsonObject | undefined) =>
      (shape?.['traits'] as JsonObject | undefined)?.['smithy.api#documentation'];
    expect(documentation(shapes['A'])).toBe('Of A,\n two lines');
    expect(documentation(shapes['B'])).toBe('Of B');
    expect(documentation(shapes['C'])).toBe('Of C');
    expect(shapes['B']?.['members']).toEqual({
      m: { target: 'smithy.api#String', traits: { 'smithy.api#documentation': 'Of m' } },
      n: { target: 'smithy.api#String' },
    });
  });

  test('inline inputs and outputs, with suffixes of their own', () => {
    const shapes = shapesOf(
      'operation Get { input := { @required id: String } output := with [M] {} errors: [E] }\n@mixin structure M {}\n@error("client") structure E {}',
      '$version: "2.0"\n$operationInputSuffix: "Request"\nnamespace x\n',
    );
    expect(shapes['Get']).toEqual({
      type: 'operation',
      input: { target: 'x#GetRequest' },
      output: { target: 'x#GetOutput' },
      errors: [{ target: 'x#E' }],
    });
    expect(shapes['GetRequest']).toEqual({
      type: 'structure',
      members: { id: { target: 'smithy.api#String', traits: { 'smithy.api#required': {} } } },
      traits: { 'smithy.api#input': {} },
    });
    expect(shapes['GetOutput']).toMatchObject({
      mixins: [{ target: 'x#M' }],
      traits: { 'smithy.api#output': {} },
    });
  });

  test('elided members: of a resource a target, of a mixin applied traits', () => {
    const shapes = shapesOf(`
resource R { identifiers: { id: Id }, properties: { size: Integer }, read: Get }
string Id
operation Get { input: I }
structure I for R with [M] { @required $id, $size, @pattern("a") $name }
@mixin structure M { name: String }
`);
    expect(shapes['R']).toEqual({
      type: 'resource',
      identifiers: { id: { target: 'x#Id' } },
      properties: { size: { target: 'smithy.api#Integer' } },
      read: { target: 'x#Get' },
    });
    expect(shapes['I']).toEqual({
      type: 'structure',
      mixins: [{ target: 'x#M' }],
      members: {
        id: { target: 'x#Id', traits: { 'smithy.api#required': {} } },
        size: { target: 'smithy.api#Integer' },
      },
    });
    expect(shapes['I$name']).toEqual({ type: 'apply', traits: { 'smithy.api#pattern': 'a' } });
  });

  test('enums, defaults, apply', () => {
    const shapes = shapesOf(`
enum Suit { CLUB, HEART = "h" @deprecated SPADE }
intEnum N { ONE = 1 }
structure S { a: Integer = 3, b: Boolean = false, c: String = null }
apply S @documentation("later")
apply S$a { @required @range(min: 1) }
apply y#Far @deprecated
`);
    expect(shapes['Suit']?.['members']).toEqual({
      CLUB: { target: 'smithy.api#Unit', traits: { 'smithy.api#enumValue': 'CLUB' } },
      HEART: { target: 'smithy.api#Unit', traits: { 'smithy.api#enumValue': 'h' } },
      SPADE: {
        target: 'smithy.api#Unit',
        traits: { 'smithy.api#deprecated': {}, 'smithy.api#enumValue': 'SPADE' },
      },
    });
    expect(shapes['N']?.['members']).toEqual({
      ONE: { target: 'smithy.api#Unit', traits: { 'smithy.api#enumValue': 1 } },
    });
    expect(shapes['S']).toEqual({
      type: 'structure',
      members: {
        a: {
          target: 'smithy.api#Integer',
          traits: { 'smithy.api#default': 3, 'smithy.api#required': {}, 'smithy.api#range': { min: 1 } },
        },
        b: { target: 'smithy.api#Boolean', traits: { 'smithy.api#default': false } },
        c: { target: 'smithy.api#String', traits: { 'smithy.api#default': null } },
      },
      traits: { 'smithy.api#documentation': 'later' },
    });
    expect(shapes['y#Far']).toEqual({ type: 'apply', traits: { 'smithy.api#deprecated': {} } });
  });

  test('metadata of several files is one', () => {
    const { ast } = parseIdl([
      { name: 'a', text: 'metadata a = [1]\nmetadata "b" = {x: String}' },
      { name: 'b', text: 'metadata a = [2]' },
    ]);
    expect(ast).toEqual({
      smithy: '1.0',
      metadata: { a: [1, 2], b: { x: 'smithy.api#String' } },
      shapes: {},
    });
  });
});

describe('files with faults', () => {
  const cases: [string, string, string[]][] = [
    [
      'a text without an end',
      'namespace x\nstring A\n@a("b',
      ['a.smithy:3:5 a text that does not end, found'],
    ],
    [
      'a kind that does not exist',
      'namespace x\n\nstrung A\nstring B',
      ['a.smithy:3:1 there is no kind of shape “strung”'],
    ],
    ['no namespace', 'string A', ['a.smithy:1:1 there is no namespace']],
    [
      'the same name twice',
      'namespace x\nstring A\ninteger A',
      ['a.smithy:3:9 the shape x#A is defined twice'],
    ],
    [
      'a member without a target',
      'namespace x\nstructure A { a }',
      ['a.smithy:2:17 expected “:”, found "}"'],
    ],
    [
      'an escape that does not exist',
      'namespace x\n@a("\\q")\nstring A',
      ['a.smithy:2:5 an escape that does not exist'],
    ],
    [
      'traits of no member',
      'namespace x\nstructure A {}\napply A$b @required',
      ['a.smithy:3:7 there is no member x#A$b'],
    ],
  ];
  test.each(cases)('%s: file, line and column', (_name, text, expected) => {
    const faults = faultsOf(text);
    expect(faults).toHaveLength(expected.length);
    for (const [index, words] of expected.entries())
      expect(faults[index]).toContain(words.replace(/, found$/, ''));
  });

  test('cost what is broken, not what follows', () => {
    const { ast, faults } = parseIdl([
      { name: 'a', text: 'namespace x\nstring A\nstructure B { a: = }\n@required\nstring C\n' },
    ]);
    expect([Object.keys(ast['shapes'] as object), faults.length]).toEqual([['x#A', 'x#C'], 1]);
  });

  test('nested without end are refused', () => {
    expect(faultsOf(`namespace x\n@a(${'['.repeat(100_000)})\nstring A`)[0]).toContain('nested more than');
  });

  test('never throw, and are read in linear time, whatever is in them', () => {
    const piece = fc.constantFrom(
      'namespace x\n',
      'string A\n',
      'structure',
      ' A {',
      '}',
      '@',
      '(',
      ')',
      '"',
      '"""',
      '\\',
      '\n',
      '///',
      '//',
      '$',
      ':',
      ':=',
      '=',
      'with',
      'for',
      '[',
      ']',
      'apply ',
      'use ',
      'metadata ',
      'x#Y$z',
      '1e999',
      '-',
      ',',
      '\u2028',
      '\uFEFF',
      'operation O {input:',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (pieces) => {
        const { ast } = parseIdl([{ name: 'a', text: pieces.join('') }]);
        JSON.stringify(ast);
      }),
      { numRuns: 500 },
    );
    for (const text of [
      '_'.repeat(200_000),
      '///\n'.repeat(50_000),
      '@a'.repeat(50_000),
      '"\\'.repeat(50_000),
      'a.'.repeat(100_000),
    ])
      parseIdl([{ name: 'a', text: `namespace x\n${text}` }]);
  });
});
