// The validator: AWS's words, all faults at once, nothing secret echoed, no input that makes it slow.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { OPERATIONS, SHAPES, shapeOf } from './model/model.ts';
import type { Shape, ShapeRef } from './model/shape.ts';
import { createValidator } from './validate.ts';

const validate = createValidator({ maxSchemaBytes: 1000 });
const failure = (shape: string, input: unknown): GatewayError => {
  try {
    validate(shape, input as JsonObject);
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return error as GatewayError;
  }
  throw new Error('was accepted');
};
const ROLE = 'arn:aws:iam::123456789012:role/gateway';
const gateway = (more: object = {}) => ({ name: 'g', roleArn: ROLE, authorizerType: 'NONE', ...more });
const target = (targetConfiguration: unknown, more: object = {}) => ({
  gatewayIdentifier: 'g-0123456789',
  targetConfiguration,
  ...more,
});

describe('validate', () => {
  it('words a failure as the service does', () => {
    const one = failure('CreateGatewayRequest', gateway({ name: 'under_score' }));
    expect(one.message).toBe(
      "1 validation error detected: Value 'under_score' at 'name' failed to satisfy constraint: " +
        'Member must satisfy regular expression pattern: ([0-9a-zA-Z][-]?){1,48}',
    );
    expect(one.details).toEqual({
      reason: 'FieldValidationFailed',
      fields: [
        { name: 'name', message: 'Member must satisfy regular expression pattern: ([0-9a-zA-Z][-]?){1,48}' },
      ],
    });
    const two = failure('CreateGatewayRequest', { name: 'g', authorizerType: 'OTHER' });
    expect(two.message).toBe(
      "2 validation errors detected: Value at 'roleArn' failed to satisfy constraint: Member must not be null; " +
        "Value 'OTHER' at 'authorizerType' failed to satisfy constraint: " +
        'Member must satisfy enum value set: [CUSTOM_JWT, AWS_IAM, NONE, AUTHENTICATE_ONLY]',
    );
  });

  it('knows bounds, types, unions and unknown members, with the path of each', () => {
    const cases: [string, unknown, string, string][] = [
      ['ListGatewaysRequest', { maxResults: 0 }, 'maxResults', 'Member must be greater than or equal to 1'],
      [
        'ListGatewaysRequest',
        { maxResults: 1001 },
        'maxResults',
        'Member must be less than or equal to 1000',
      ],
      ['ListGatewaysRequest', { maxResults: 1.5 }, 'maxResults', 'Member must be an integer'],
      ['ListGatewaysRequest', { maxResults: '1' }, 'maxResults', 'Member must be an integer'],
      [
        'CreateGatewayRequest',
        gateway({ description: '' }),
        'description',
        'length greater than or equal to 1',
      ],
      ['CreateGatewayRequest', gateway({ name: 7 }), 'name', 'Member must be a string'],
      ['CreateGatewayRequest', gateway({ name: null }), 'name', 'Member must not be null'],
      ['CreateGatewayRequest', gateway({ tags: [] }), 'tags', 'Member must be a map'],
      ['CreateGatewayRequest', gateway({ tags: { 'a?': 'b' } }), 'tags.a?.key', 'regular expression'],
      [
        'CreateGatewayRequest',
        gateway({ nme: 'x' }),
        'nme',
        'Member is not known here; the members are name,',
      ],
      ['CreateGatewayRequest', [], 'body', 'Member must be an object'],
      [
        'CreateGatewayTargetRequest',
        target({}),
        'targetConfiguration',
        'exactly one of the members mcp, http',
      ],
      [
        'CreateGatewayTargetRequest',
        target({ mcp: { openApiSchema: { inlinePayload: 'x'.repeat(1001) } } }),
        'targetConfiguration.mcp.openApiSchema.inlinePayload',
        'Member must have length less than or equal to 1000 bytes',
      ],
      [
        'CreateGatewayTargetRequest',
        target({ mcp: { openApiSchema: { inlinePayload: { openapi: '3.0.0' } } } }),
        'targetConfiguration.mcp.openApiSchema.inlinePayload',
        'Member must be a string',
      ],
      [
        'CreateGatewayTargetRequest',
        target({ mcp: { openApiSchema: { s3: { uri: 'ftp://x' } } } }),
        'targetConfiguration.mcp.openApiSchema.s3.uri',
        'regular expression',
      ],
      [
        'CreateGatewayTargetRequest',
        target(
          { mcp: { openApiSchema: { inlinePayload: '{}' } } },
          { credentialProviderConfigurations: [{}] },
        ),
        'credentialProviderConfigurations.1.member.credentialProviderType',
        'Member must not be null',
      ],
    ];
    for (const [shape, input, name, message] of cases) {
      const fields = failure(shape, input).details.fields ?? [];
      expect(fields.map((field) => field.name)).toContain(name);
      expect(fields.find((field) => field.name === name)?.message).toContain(message);
    }
  });

  it('echoes nothing of sensitive values and little of others', () => {
    const secret = failure('CreateApiKeyCredentialProviderRequest', {
      name: 'k',
      apiKey: 'hunter2'.repeat(10_000),
    });
    expect(secret.message).not.toContain('hunter2');
    const long = failure('CreateGatewayRequest', gateway({ name: `\u0000\n'${'x_'.repeat(40)}` }));
    expect(long.message).toContain(String.raw`\u0000\n'x_x_`);
    expect(
      failure('CreateGatewayRequest', gateway({ roleArn: 'x'.repeat(2000) })).message.length,
    ).toBeLessThan(400);
    const many = failure(
      'CreateGatewayRequest',
      Object.fromEntries([...Array(1000).keys()].map((n) => [`m${n}`, n])),
    );
    expect(many.details.fields).toHaveLength(50);
  });

  it('takes null for absent, and gives back a clean copy', () => {
    const tags = JSON.parse('{"__proto__":"x","a":"b"}') as JsonObject;
    const clean = validate('CreateGatewayRequest', gateway({ description: null, tags }));
    expect(Object.keys(clean)).toEqual(['name', 'roleArn', 'authorizerType', 'tags']);
    expect(Object.keys(clean['tags'] as JsonObject)).toEqual(['__proto__', 'a']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('counts characters as AWS does, not UTF-16 units', () => {
    validate('CreateGatewayRequest', gateway({ description: '😀'.repeat(200) }));
    failure('CreateGatewayRequest', gateway({ description: '😀'.repeat(201) }));
  });

  it('is quick whatever the text', () => {
    const patterns = new Set<string>();
    const seen = new Set<ShapeRef>();
    const collect = (ref: ShapeRef): void => {
      if (seen.has(ref)) return;
      seen.add(ref);
      const shape: Shape = shapeOf(ref);
      if (shape.type === 'string' && shape.pattern !== undefined) patterns.add(shape.pattern);
      if (shape.type === 'list') collect(shape.member);
      if (shape.type === 'map') [shape.key, shape.value].forEach(collect);
      if (shape.type === 'structure' || shape.type === 'union')
        for (const member of Object.values(shape.members)) collect(member.shape);
    };
    for (const { input, output } of OPERATIONS) [input, output].forEach(collect);
    for (const name of Object.keys(SHAPES)) expect([name, seen.has(name)]).toEqual([name, true]);
    expect(patterns.size).toBeGreaterThan(20);
    for (const pattern of patterns)
      for (const piece of ['a', 'a-', '0', '-', 'a/', '/', 'arn:aws:', 'aA0.:-', 'x.well-known/'])
        new RegExp(`^(?:${pattern})$`).test(`${piece.repeat(20_000)}\n`);
  });

  it('never throws anything but its own failure', () => {
    const inputs = OPERATIONS.map((operation) => operation.input);
    fc.assert(
      fc.property(
        fc.constantFrom(...inputs),
        fc.dictionary(fc.string(), fc.jsonValue()).map((input) => input as JsonObject),
        (shape, input) => {
          try {
            validate(shape, input);
          } catch (error) {
            expect(error).toBeInstanceOf(GatewayError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
