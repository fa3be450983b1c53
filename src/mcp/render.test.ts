// Results and definitions in the form of each era.

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../core/json.ts';
import { META_SERVER_INFO } from '../core/relay.ts';
import { SERVER_INFO } from '../core/server-info.ts';
import { finishRelayed, finishResult, toolTextFor } from './render.ts';

const parse = (text: string): JsonObject => JSON.parse(text) as JsonObject;

describe('a result of our own', () => {
  test.each([{}, { a: 1 }, { _meta: { own: 1 } }, { _meta: 'none' }])('%j', (result) => {
    expect(parse(finishResult(result, false))).toEqual(result);
    const modern = parse(finishResult(result, true));
    expect(modern).toMatchObject({ resultType: 'complete' });
    expect((modern['_meta'] as JsonObject)[META_SERVER_INFO] ?? 'none').toEqual(
      result._meta === 'none' ? 'none' : SERVER_INFO,
    );
  });
});

describe('a relayed result', () => {
  const given: JsonObject = {
    resultType: 'complete',
    ttlMs: 5,
    cacheScope: 'public',
    vendor: { kept: 12345678901234567890n as never },
    _meta: { [META_SERVER_INFO]: { name: 'the server behind' }, vendor: 1 },
  };

  test('keeps what is not known, and says that this gateway answers', () => {
    const text = finishRelayed(given, true);
    expect(text).toContain('{"kept":12345678901234567890}');
    expect(parse(text)).toMatchObject({
      resultType: 'complete',
      _meta: { vendor: 1, [META_SERVER_INFO]: SERVER_INFO },
    });
  });

  test('has nothing of 2026-07-28 for clients of earlier revisions', () => {
    const result = parse(finishRelayed(given, false));
    expect(Object.keys(result)).toEqual(['vendor', '_meta']);
    expect(result['_meta']).toEqual({ vendor: 1 });
    expect(parse(finishRelayed({ resultType: 'complete', _meta: {} }, false))).toEqual({});
  });
});

describe('structured content of any kind, for clients of earlier revisions', () => {
  const ajv = new Ajv2020({ strict: false });
  test.each<[schema: JsonObject, content: unknown]>([
    [{ type: 'object', properties: { a: { type: 'number' } } }, { a: 1 }],
    [{ type: 'array', items: { $ref: '#/$defs/n' }, $defs: { n: { type: 'number' } } }, [1, 2]],
    [{ type: 'string' }, 'text'],
    [{ type: 'null' }, null],
    [{ type: ['object', 'null'] }, { a: 1 }],
    [{ type: ['object', 'null'] }, null],
    [{ anyOf: [{ type: 'object' }, { type: 'string' }] }, { a: 1 }],
    [{ anyOf: [{ type: 'object' }, { type: 'string' }] }, 'text'],
    [{ $ref: '#/$defs/o', $defs: { o: { type: 'object' } } }, { a: 1 }],
    [{ properties: { a: { type: 'number' } } }, { a: 1 }],
    [{ type: 'array', items: { anyOf: [{ type: 'number' }, { $ref: '#' }] } }, [1, [2, [3]]]],
    [true as never, 7],
  ])('%j: %j fits the schema that they see', (outputSchema, content) => {
    const definition = JSON.stringify({ name: 't', inputSchema: { type: 'object' }, outputSchema });
    const shown = parse(toolTextFor(definition, false))['outputSchema'];
    const { structuredContent } = parse(
      finishRelayed({ resultType: 'complete', structuredContent: content as never }, false),
    );
    expect(typeof structuredContent === 'object' && !Array.isArray(structuredContent)).toBe(true);
    if (shown !== undefined && typeof shown !== 'boolean') {
      expect(shown).toMatchObject({ type: 'object' });
      expect(ajv.validate(shown as object, structuredContent)).toBe(true);
    }
  });
});

test('definitions keep all their digits, and lose `execution` for clients of 2026-07-28 only', () => {
  const text =
    '{"name":"t","inputSchema":{"type":"object","maxProperties":9007199254740993},"execution":{"taskSupport":"optional"}}';
  expect(toolTextFor(text, false)).toBe(text);
  expect(toolTextFor(text, true)).toBe(
    '{"name":"t","inputSchema":{"type":"object","maxProperties":9007199254740993}}',
  );
});
