// Names and ARNs of functions and layers, in all the forms that AWS takes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { functionArn, layerArn, parseFunctionReference, parseLayerReference } from './function-name.ts';

const scope = { region: 'eu-west-1', accountId: '123456789012' };
const name = fc.stringMatching(/^[a-zA-Z0-9-_]{1,64}$/).filter((text) => text !== 'function');
const qualifier = fc.oneof(fc.constant('$LATEST'), fc.stringMatching(/^[a-zA-Z0-9-_]{1,128}$/));

describe('parseFunctionReference', () => {
  it('reads back every form of a name that it can be written in', () => {
    fc.assert(
      fc.property(name, fc.option(qualifier, { nil: undefined }), (text, tail) => {
        const expected = tail === undefined ? { name: text } : { name: text, qualifier: tail };
        const suffix = tail === undefined ? '' : `:${tail}`;
        expect(parseFunctionReference(functionArn(scope, text, tail), scope)).toEqual(expected);
        expect(parseFunctionReference(`123456789012:function:${text}${suffix}`, scope)).toEqual(expected);
        expect(parseFunctionReference(`function:${text}${suffix}`, scope)).toEqual(expected);
      }),
    );
  });

  it.each([
    ['orders', { name: 'orders' }],
    ['orders:live', { name: 'orders', qualifier: 'live' }],
    ['arn:aws-us-gov:lambda:eu-west-1:123456789012:function:orders', { name: 'orders' }],
    ['eu-west-1:123456789012:function:orders', { name: 'orders' }],
    ['', undefined],
    ['my orders', undefined],
    ['orders:', undefined],
    ['orders:a:b', undefined],
    ['a'.repeat(65), undefined],
    ['arn:aws:lambda:us-east-1:123456789012:function:orders', undefined],
    ['arn:aws:lambda:eu-west-1:000000000000:function:orders', undefined],
    ['arn:aws:s3:::orders', undefined],
    ['../orders', undefined],
    ['orders\n', undefined],
  ])('%j', (text, expected) => {
    expect(parseFunctionReference(text, scope)).toEqual(expected);
  });

  it('never throws, and names nothing but names', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const reference = parseFunctionReference(text, scope);
        if (reference) expect(reference.name).toMatch(/^[a-zA-Z0-9-_]{1,64}$/);
      }),
    );
  });
});

describe('parseLayerReference', () => {
  it('reads names and ARNs of this account, with and without a version', () => {
    expect(parseLayerReference('words', scope)).toEqual({ name: 'words' });
    expect(parseLayerReference(layerArn(scope, 'words'), scope)).toEqual({ name: 'words' });
    expect(parseLayerReference(layerArn(scope, 'words', '7'), scope)).toEqual({
      name: 'words',
      version: '7',
    });
    expect(parseLayerReference('arn:aws:lambda:us-east-1:123456789012:layer:words:7', scope)).toBeUndefined();
    expect(parseLayerReference('arn:aws:lambda:eu-west-1:1:layer:words', scope)).toBeUndefined();
  });
});
