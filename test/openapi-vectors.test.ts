// The "Style Examples" tables of OpenAPI 3.0.4, 3.1.2 and 3.2.0, sent exactly as they say, in every place a style
// may stand. The published tables come from the shared corpus where it is present; a copy of their values with
// other names and characters is kept here, so that the rule is tested and not the file.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { JsonValue } from '../src/core/json.ts';
import type { OperationPlan, ParameterPlan, ParameterStyle } from '../src/targets/openapi/plan.ts';
import { prepareRequest } from '../src/targets/openapi/request.ts';

type Place = ParameterPlan['in'];
type Column = 'undefined' | 'empty' | 'string' | 'array' | 'object';
type Row = { readonly style: ParameterStyle; readonly explode: boolean } & {
  readonly [column in Column]?: string | null;
};
interface Vectors {
  readonly inputs: Readonly<Record<Column, JsonValue>>;
  readonly param: string;
  readonly versions: Readonly<Record<string, readonly Row[]>>;
}

const PLACES: Readonly<Record<ParameterStyle, readonly Place[]>> = {
  matrix: ['path'],
  label: ['path'],
  simple: ['path', 'header'],
  form: ['query', 'cookie'],
  spaceDelimited: ['query'],
  pipeDelimited: ['query'],
  tabDelimited: ['query'],
  deepObject: ['query'],
  cookie: ['cookie'],
};

function send(parameter: ParameterPlan, value: JsonValue): string {
  const plan: OperationPlan = {
    method: 'GET',
    server: 'https://api.example/base',
    path: parameter.in === 'path' ? `/a/{${parameter.name}}/z` : '/a',
    parameters: [parameter],
  };
  const request = prepareRequest(plan)({ given: value });
  switch (parameter.in) {
    case 'path':
      return /^https:\/\/api\.example\/base\/a\/(.*)\/z$/.exec(request.url.href)?.[1] ?? request.url.href;
    case 'header':
      return request.headers[parameter.name] ?? '';
    case 'cookie':
      return request.headers['cookie'] ?? '';
    default:
      return request.url.search;
  }
}

function runTable(title: string, vectors: Vectors): void {
  describe(title, () => {
    for (const [version, rows] of Object.entries(vectors.versions))
      for (const row of rows)
        for (const place of PLACES[row.style])
          for (const column of ['undefined', 'empty', 'string', 'array', 'object'] as const) {
            const expected = row[column];
            if (expected === undefined || expected === null || expected === 'n/a') continue;
            it(`${version} ${row.style} explode=${row.explode} in ${place}: ${column}`, () => {
              const { style, explode } = row;
              const parameter = { argument: 'given', name: vectors.param, in: place, style, explode };
              const value = vectors.inputs[column];
              // Two cells cannot be sent: nothing at all, and a dot segment, would make another path.
              if (place === 'path' && (expected === '' || expected === '.'))
                expect(() => send(parameter, value)).toThrow(/given/);
              else {
                const bare = expected.replace(/^\?/, '');
                expect(send(parameter, value)).toBe(place === 'query' ? `?${bare}` : bare);
              }
            });
          }
  });
}

const published = join(import.meta.dirname, '../../shared/corpus/openapi-vectors/style-examples.json');
if (existsSync(published))
  runTable('published tables', JSON.parse(readFileSync(published, 'utf8')) as Vectors);

runTable('the same rules with other values', {
  param: 'k[é]',
  inputs: {
    undefined: null,
    empty: '',
    string: "a b/ü&=+'",
    array: ['x,y', 'p|q', '1 2'],
    object: { 'm n': true, z: -0.5, nothing: null },
  },
  versions: {
    any: [
      { style: 'form', explode: false, undefined: 'k%5B%C3%A9%5D=', empty: 'k%5B%C3%A9%5D=' },
      {
        style: 'spaceDelimited',
        explode: false,
        array: '?k%5B%C3%A9%5D=x%2Cy%20p%7Cq%201%202',
        object: '?k%5B%C3%A9%5D=m%20n%20true%20z%20-0.5',
      },
      {
        style: 'spaceDelimited',
        explode: true,
        array: 'k%5B%C3%A9%5D=x%2Cy&k%5B%C3%A9%5D=p%7Cq&k%5B%C3%A9%5D=1%202',
      },
      { style: 'tabDelimited', explode: false, array: 'k%5B%C3%A9%5D=x%2Cy%09p%7Cq%091%202' },
      {
        style: 'deepObject',
        explode: true,
        object: 'k%5B%C3%A9%5D%5Bm%20n%5D=true&k%5B%C3%A9%5D%5Bz%5D=-0.5',
      },
    ].map((row) => row as Row),
  },
});

runTable('paths and headers with other values', {
  param: 'v_1',
  inputs: {
    undefined: null,
    empty: '',
    string: "a b/ü'!()*",
    array: ['x,y', '~.-_'],
    object: { 'm;n': true, z: 1e21 },
  },
  versions: {
    path: [
      { style: 'matrix', explode: false, string: ';v_1=a%20b%2F%C3%BC%27%21%28%29%2A', empty: ';v_1' },
      { style: 'matrix', explode: true, array: ';v_1=x%2Cy;v_1=~.-_', object: ';m%3Bn=true;z=1e%2B21' },
      { style: 'label', explode: true, array: '.x%2Cy.~.-_', object: '.m%3Bn=true.z=1e%2B21' },
    ].map((row) => row as Row),
  },
});

describe('places that are not in the tables', () => {
  const parameter = { argument: 'given', name: 'p', in: 'query', style: 'form', explode: true } as const;
  it.each<[string, ParameterPlan, JsonValue, string]>([
    [
      'JSON content',
      { ...parameter, contentType: 'application/json' },
      { a: ['&'] },
      '?p=%7B%22a%22%3A%5B%22%26%22%5D%7D',
    ],
    ['allowReserved', { ...parameter, allowReserved: true }, '/a?b=c&d#e%2Ff%', '?p=/a?b=c%26d%23e%2Ff%25'],
    [
      'deeper objects',
      { ...parameter, style: 'deepObject' },
      { a: { b: ['x', 'y'] } },
      '?p%5Ba%5D%5Bb%5D=x&p%5Ba%5D%5Bb%5D=y',
    ],
    [
      'lists of objects',
      { ...parameter, style: 'deepObject' },
      { a: [{ b: 1 }] },
      '?p%5Ba%5D%5B0%5D%5Bb%5D=1',
    ],
    [
      'querystring form',
      { ...parameter, in: 'querystring', contentType: 'application/x-www-form-urlencoded' },
      { a: 1, b: ['x', 'y'] },
      '?a=1&b=x&b=y',
    ],
    [
      'querystring JSON',
      { ...parameter, in: 'querystring', contentType: 'application/json' },
      { a: 1 },
      '?%7B%22a%22%3A1%7D',
    ],
    ['header object', { ...parameter, in: 'header', style: 'simple' }, { a: 'ü b', c: 1 }, 'a=ü b,c=1'],
    ['cookie, escaping nothing', { ...parameter, in: 'cookie', style: 'cookie' }, 'a%20b', 'p=a%20b'],
  ])('%s', (_, plan, value, expected) => {
    expect(send(plan, value)).toBe(expected);
  });
});
