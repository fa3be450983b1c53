// Which schemas' annotations are valid, and what headers calls get (MCP 2026-07-28, tools and transports).

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { encodeHeaderValue } from './header-value.ts';
import { formatPlan, paramHeaders, parsePlan, readToolHeaders } from './tool-headers.ts';

const annotated = (name: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': name }) as JsonObject;
const object = (properties: JsonObject): JsonObject => ({ type: 'object', properties });

describe('annotations', () => {
  it('are found on plain properties at any depth', () => {
    const schema = object({
      region: annotated('Region'),
      nested: object({ level: annotated('Level', 'integer'), dry: annotated('Dry-Run', 'boolean') }),
      query: { type: 'string' },
    });
    expect(readToolHeaders(schema)).toEqual({
      headers: [
        { name: 'Region', path: ['region'] },
        { name: 'Level', path: ['nested', 'level'] },
        { name: 'Dry-Run', path: ['nested', 'dry'] },
      ],
    });
  });

  it.each<[string, JsonObject]>([
    ['empty', object({ a: annotated('') })],
    ['no text', object({ a: annotated(7) })],
    ['a blank inside', object({ a: annotated('My Region') })],
    ['a colon inside', object({ a: annotated('a:b') })],
    ['a line break inside', object({ a: annotated('a\r\nb') })],
    ['not ASCII', object({ a: annotated('Région') })],
    ['on a number', object({ a: annotated('A', 'number') })],
    ['on an object', object({ a: annotated('A', 'object') })],
    ['on an array', object({ a: { ...annotated('A', 'array'), items: { type: 'string' } } })],
    ['on several types', object({ a: annotated('A', ['string', 'null']) })],
    ['without a type', object({ a: { 'x-mcp-header': 'A' } })],
    ['there twice, by another spelling', object({ a: annotated('Region'), b: annotated('REGION') })],
    ['on items', object({ a: { type: 'array', items: annotated('A') } })],
    ['below oneOf', { type: 'object', oneOf: [object({ a: annotated('A') })] }],
    ['below not', { type: 'object', not: object({ a: annotated('A') }) }],
    ['in a definition', { type: 'object', $defs: { x: annotated('A') } }],
    ['below a pattern', { type: 'object', patternProperties: { '^a': annotated('A') } }],
    ['below if', { type: 'object', if: object({ a: annotated('A') }) }],
  ])('are refused when %s', (_, schema) => {
    expect(readToolHeaders(schema).fault).toContain('x-mcp-header');
  });

  it('are not looked for in values, nor taken for properties of that name', () => {
    const schema = object({
      'x-mcp-header': { type: 'string' },
      a: { type: 'object', default: { 'x-mcp-header': 1 }, enum: [{ 'x-mcp-header': '' }] },
    });
    expect(readToolHeaders(schema)).toEqual({ headers: [] });
  });
});

describe('headers of a call', () => {
  const headers = [
    { name: 'Region', path: ['region'] },
    { name: 'Level', path: ['nested', 'level'] },
  ];

  it('repeat the arguments that are there', () => {
    expect(paramHeaders(headers, { region: 'eu', nested: { level: 3 } })).toEqual({
      'mcp-param-region': 'eu',
      'mcp-param-level': '3',
    });
    expect(paramHeaders(headers, { region: null, nested: [1] })).toEqual({});
    expect(paramHeaders(headers, undefined)).toEqual({});
    expect(paramHeaders([{ name: 'X', path: ['constructor', 'name'] }], {})).toEqual({});
  });

  it.each([
    [true, 'true'],
    [false, 'false'],
    [-0, '0'],
    [9_007_199_254_740_991, '9007199254740991'],
    [1e21, '1e+21'],
  ])('write %s as %s', (value, text) => {
    expect(paramHeaders([{ name: 'X', path: ['x'] }], { x: value })['mcp-param-x']).toBe(text);
  });

  it('are in the plan', () => {
    expect(parsePlan(formatPlan(headers))).toEqual(headers);
    expect(formatPlan([])).toBe('{}');
    expect(parsePlan('{}')).toEqual([]);
  });
});

describe('header values', () => {
  it.each([
    ['us-west1', 'us-west1'],
    ['two words', 'two words'],
    ['', ''],
    [' padded', '=?base64?IHBhZGRlZA==?='],
    ['tab\t', '=?base64?dGFiCQ==?='],
    ['日本', '=?base64?5pel5pys?='],
    ['=?base64?eA==?=', '=?base64?PT9iYXNlNjQ/ZUE9PT89?='],
    ['a\nb', '=?base64?YQpi?='],
  ])('%j becomes %s', (text, value) => expect(encodeHeaderValue(text)).toBe(value));

  it('fit into a header and come back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const value = encodeHeaderValue(text);
        expect(value).toMatch(/^[\t\x20-\x7e]*$/);
        expect(value).toBe(value.trim());
        const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
        const back = encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
        expect(back).toBe(text.toWellFormed());
      }),
    );
  });
});
