import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issuerOfAddress, metadataAddresses, readMetadata } from './server-metadata.ts';

const ISSUER = 'https://as.example/tenant';
const URL_OF = 'https://as.example/.well-known/oauth-authorization-server/tenant';
const good = { issuer: ISSUER, token_endpoint: 'https://as.example/token' };
const read = (document: unknown) =>
  readMetadata(
    URL_OF,
    ISSUER,
    Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
  );

describe('where metadata lie', () => {
  it.each([
    [
      'https://as.example',
      [
        'https://as.example/.well-known/oauth-authorization-server',
        'https://as.example/.well-known/openid-configuration',
      ],
    ],
    [
      'https://as.example/',
      [
        'https://as.example/.well-known/oauth-authorization-server',
        'https://as.example/.well-known/openid-configuration',
      ],
    ],
    [
      'https://as.example:8443/a/b',
      [
        'https://as.example:8443/.well-known/oauth-authorization-server/a/b',
        'https://as.example:8443/.well-known/openid-configuration/a/b',
        'https://as.example:8443/a/b/.well-known/openid-configuration',
      ],
    ],
    [
      'https://as.example/a/',
      [
        'https://as.example/.well-known/oauth-authorization-server/a',
        'https://as.example/.well-known/openid-configuration/a',
        'https://as.example/a/.well-known/openid-configuration',
      ],
    ],
  ])('of %s', (issuer, addresses) => {
    expect(metadataAddresses(issuer)).toEqual(addresses);
  });

  it('never lie elsewhere than at the issuer’s own origin', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: false }), (issuer) => {
        for (const address of metadataAddresses(issuer))
          expect(new URL(address).origin).toBe(new URL(issuer).origin);
      }),
    );
  });

  it('say whose they are, where they lie behind the issuer', () => {
    expect(issuerOfAddress('https://as.example/t/.well-known/openid-configuration')).toBe(
      'https://as.example/t',
    );
    expect(issuerOfAddress('https://as.example/.well-known/oauth-authorization-server')).toBe(
      'https://as.example',
    );
  });
});

describe('what is believed of metadata', () => {
  it('is what is used, and nothing else', () => {
    expect(
      read({
        ...good,
        issuer: `${ISSUER}/`,
        registration_endpoint: null,
        scopes_supported: ['a', 7, 'b'],
        grant_types_supported: 'authorization_code',
        client_id_metadata_document_supported: 'true',
        authorization_response_iss_parameter_supported: true,
        unknown: 'x',
      }),
    ).toEqual({
      issuer: `${ISSUER}/`,
      token_endpoint: 'https://as.example/token',
      scopes_supported: ['a', 'b'],
      client_id_metadata_document_supported: false,
      authorization_response_iss_parameter_supported: true,
    });
  });

  it.each([
    ['', /is not JSON/],
    ['[]', /is not a JSON object/],
    ['{"issuer":"a","issuer":"b"}', /is not JSON/],
    [{}, /another issuer/],
    [{ ...good, issuer: 'https://as.example' }, /another issuer/],
    [{ ...good, issuer: 'https://AS.example/tenant' }, /another issuer/],
    [{ ...good, issuer: `${ISSUER}//` }, /another issuer/],
    [{ ...good, issuer: [ISSUER] }, /another issuer/],
    [{ issuer: ISSUER }, /no token_endpoint/],
    [{ ...good, token_endpoint: 7 }, /is not a text/],
    [{ ...good, token_endpoint: 'https://as.example/t#x' }, /fragment/],
    [{ ...good, authorization_endpoint: 'javascript:alert(1)' }, /must be https/],
    [{ ...good, registration_endpoint: 'http://as.example/r' }, /must be https/],
    [{ ...good, revocation_endpoint: 'https://u:p@as.example/r' }, /user name/],
  ])('%j is refused', (document, reason) => {
    expect(() => read(document)).toThrow(expect.objectContaining({ code: 'CredentialUnavailable' }));
    expect(() => read(document)).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ internal: expect.stringMatching(reason) }),
      }),
    );
  });

  it('fails in one way only, whatever there is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          read(text);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'CredentialUnavailable' });
        }
      }),
    );
  });
});
