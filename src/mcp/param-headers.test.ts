// Headers that repeat arguments: missing, different, broken, and those that need not be there.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../core/json.ts';
import type { SnapshotTool } from '../snapshot/snapshot.ts';
import { checkParamHeaders } from './param-headers.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    isDry: { type: 'boolean', 'x-mcp-header': 'Dry' },
    deep: { type: 'object', properties: { er: { type: 'string', 'x-mcp-header': 'Deep-Er' } } },
    list: { type: 'array', items: { properties: { no: { 'x-mcp-header': 'No' } } } },
    free: { type: 'string' },
  },
};

function toolOf(inputSchema: object, isServer = true): SnapshotTool {
  const definition = { name: 't', inputSchema };
  return {
    text: JSON.stringify(definition),
    definition: () => definition,
    ...(isServer ? { server: {} } : {}),
  } as unknown as SnapshotTool;
}

const tool = toolOf(SCHEMA);
const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`;

function verdict(args: JsonObject, headers: Record<string, string>): number | 'ok' {
  const distinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  try {
    checkParamHeaders(tool, args, distinct);
    return 'ok';
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
}

test.each<[JsonObject, Record<string, string>]>([
  [{}, {}],
  [{ region: null, free: 'x', list: [{ no: 'x' }] }, {}],
  [{ region: 'eu' }, { 'mcp-param-region': 'eu' }],
  [{ region: 'eu' }, { 'mcp-param-region': encoded('eu') }],
  [{ region: 'Zürich ' }, { 'mcp-param-region': encoded('Zürich ') }],
  [{ region: '' }, { 'mcp-param-region': '' }],
  [{ count: 42 }, { 'mcp-param-count': '42' }],
  [{ count: 42 }, { 'mcp-param-count': '42.0' }],
  [{ count: -1 }, { 'mcp-param-count': '-1' }],
  [{ count: 9007199254740993n as never }, { 'mcp-param-count': '9007199254740993' }],
  [{ isDry: false }, { 'mcp-param-dry': 'false' }],
  [{ deep: { er: 'x' } }, { 'mcp-param-deep-er': 'x' }],
  [{}, { 'mcp-param-unknown': 'x' }],
])('what fits: %#', (args, headers) => {
  expect(verdict(args, headers)).toBe('ok');
});

test.each<[JsonObject, Record<string, string>]>([
  [{ region: 'eu' }, {}],
  [{ region: 'eu' }, { 'mcp-param-region': 'us' }],
  [{ region: 'eu' }, { 'mcp-param-region': 'EU' }],
  [{ region: 'eu' }, { 'mcp-param-region': '=?base64?ZXU?=' }],
  [{ region: 'eu' }, { 'mcp-param-region': '=?base64?ZX U=?=' }],
  [{ region: 'eu' }, { 'mcp-param-region': '=?BASE64?ZXU=?=' }],
  [{ region: '\ufffd' }, { 'mcp-param-region': '=?base64?/w==?=' }],
  [{}, { 'mcp-param-region': 'eu' }],
  [{ region: null }, { 'mcp-param-region': 'null' }],
  [{ count: 42 }, { 'mcp-param-count': '0x2a' }],
  [{ count: 42 }, { 'mcp-param-count': ' 42' }],
  [{ count: 9007199254740993n as never }, { 'mcp-param-count': '9007199254740992' }],
  [{ isDry: true }, { 'mcp-param-dry': 'True' }],
  [{ deep: { er: 'x' } }, {}],
  [{ region: ['eu'] }, { 'mcp-param-region': 'eu' }],
])('what does not: %#', (args, headers) => {
  expect(verdict(args, headers)).toBe(-32_020);
});

test('any text can be repeated in base64, and stands for nothing else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
      const result = verdict({ region: one }, { 'mcp-param-region': encoded(other) });
      expect(result).toBe(one === other ? 'ok' : -32_020);
    }),
  );
});

test('a repeated header is refused; tools of other targets ask for none', () => {
  expect(() => checkParamHeaders(tool, { region: 'eu' }, { 'mcp-param-region': ['eu', 'eu'] })).toThrow();
  checkParamHeaders(toolOf(SCHEMA, false), { region: 'eu' }, {});
});
