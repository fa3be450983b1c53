import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from './auth-challenge.ts';

const read = (field: string | undefined) =>
  parseChallenges(field).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('challenges of WWW-Authenticate', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['Bearer', [['bearer', {}]]],
    ['BEARER realm="a, b"', [['bearer', { realm: 'a, b' }]]],
    [
      'Bearer error="insufficient_scope", scope="a b",resource_metadata="https://x/y"',
      [['bearer', { error: 'insufficient_scope', scope: 'a b', resource_metadata: 'https://x/y' }]],
    ],
    [
      'Basic realm=simple, Bearer scope = "a"',
      [
        ['basic', { realm: 'simple' }],
        ['bearer', { scope: 'a' }],
      ],
    ],
    [
      'Negotiate, Bearer scope="a"',
      [
        ['negotiate', {}],
        ['bearer', { scope: 'a' }],
      ],
    ],
    [
      'Negotiate YWJj==, Bearer scope="a"',
      [
        ['negotiate', {}],
        ['bearer', { scope: 'a' }],
      ],
    ],
    ['Bearer scope="say \\"hi\\" \\\\"', [['bearer', { scope: 'say "hi" \\' }]]],
    ['Bearer scope="first", scope="second"', [['bearer', { scope: 'first' }]]],
    [', ,Bearer  scope="a" ,, error=x', [['bearer', { scope: 'a', error: 'x' }]]],
    // What cannot be read ends it.
    ['Bearer scope="open', [['bearer', {}]]],
    ['Bearer scope="a" nonsense="b"', [['bearer', { scope: 'a' }]]],
    ['Bearer scope="a\nb"', [['bearer', {}]]],
    ['"quoted"', []],
  ])('%j', (field, expected) => {
    expect(read(field)).toEqual(expected);
  });

  const token = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
  const challenge = fc.tuple(
    token,
    fc.uniqueArray(
      fc.tuple(token, fc.string({ unit: fc.constantFrom('a', 'b', ' ', ',', '=', '"', '\\', 'é', '1') })),
      {
        selector: ([name]) => name,
        maxLength: 4,
      },
    ),
  );

  it('gives back what was written, however many there are', () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const field = challenges
          .map(([scheme, parameters]) =>
            [
              scheme,
              parameters.map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`).join(', '),
            ]
              .filter((part) => part !== '')
              .join(' '),
          )
          .join(', ');
        expect(read(field)).toEqual(
          challenges.map(([scheme, parameters]) => [scheme, Object.fromEntries(parameters)]),
        );
      }),
    );
  });

  it('ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseChallenges(text)),
    );
  });
});
