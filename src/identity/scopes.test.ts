import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseScopes, scopesForUser, unionOfScopes } from './scopes.ts';

describe('scopes that a server names', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['  a   b\ta ', ['a', 'b']],
    ['a "b" c\\d é', ['a']],
    ['mcp:read https://api.example/x', ['mcp:read', 'https://api.example/x']],
  ])('%j', (text, scopes) => {
    expect(parseScopes(text)).toEqual(scopes);
  });

  it('are words of RFC 6749, each once, and of bounded number and length, whatever is sent', () => {
    const any = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 300 }), (words) => {
        const scopes = parseScopes(words.join(' '));
        expect(new Set(scopes).size).toBe(scopes.length);
        expect(scopes.length).toBeLessThanOrEqual(100);
        expect(scopes.join(' ').length).toBeLessThanOrEqual(4_096);
        expect(scopes.every((scope) => /^[!#-[\]-~]+$/.test(scope))).toBe(true);
      }),
    );
  });

  it('come together without loss as long as there is room', () => {
    const list = fc.uniqueArray(fc.stringMatching(/^[a-z:]{1,10}$/), { maxLength: 40 });
    fc.assert(
      fc.property(list, list, (one, other) => {
        expect(new Set(unionOfScopes(one, other))).toEqual(new Set([...one, ...other]));
      }),
    );
  });
});

describe('what a user is asked for', () => {
  it.each([
    [['a'], undefined, ['a']],
    [['a'], ['a'], ['a']],
    [['a'], ['a', 'offline_access'], ['a', 'offline_access']],
    // Not what its authorization server does not have, though the server itself wants it.
    [['a', 'offline_access'], ['a'], ['a']],
    [['offline_access', 'a'], ['offline_access'], ['a', 'offline_access']],
    // Without any wish of the server, the authorization server’s default holds.
    [[], ['offline_access'], []],
    [[], undefined, []],
  ])('%j of %j: %j', (wanted, supported, expected) => {
    expect(scopesForUser(wanted, supported ? { scopes_supported: supported } : {})).toEqual(expected);
  });
});
