// What clients may say of themselves: redirect addresses in every disguise, and members that are dropped.

import { describe, expect, test } from 'vitest';
import { isLoopbackUri, normalizeClient, redirectUriFault } from './client-rules.ts';

describe('redirect addresses', () => {
  const REFUSED = [
    'https://app.example/cb#fragment',
    'https://user@app.example/cb',
    'https://user:pass@app.example/cb',
    'https://*.app.example/cb',
    'https://app.example/*',
    'http://app.example/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://localhost.evil.example/cb',
    'http://127.1/cb',
    'http://2130706433/cb',
    'http://0x7f.0.0.1/cb',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'about:blank',
    'vbscript:x',
    'blob:https://app.example/1',
    'ftp://app.example/cb',
    'myapp://cb',
    '//app.example/cb',
    '/cb',
    'https:app.example/cb',
    'https:///app.example/cb',
    'https:\\\\app.example\\cb',
    'https://app.example\\@evil.example/cb',
    'https://app.example/a/../cb',
    'https://app.example/%2e%2e/cb',
    'https://APP.example/cb',
    'https://app.example:443/cb',
    'https://app.example./cb',
    'https://app.example/cb\n',
    ' https://app.example/cb',
    'https://app.example/c b',
    'https://äpp.example/cb',
    'https://app.example/cb"onload=x',
    '',
  ];

  test.each(REFUSED)('%j is refused', (uri) => {
    expect(redirectUriFault(uri)).toBeDefined();
  });

  test.each([
    'https://app.example/cb',
    'https://app.example',
    'https://app.example:8443/cb?a=b',
    'http://localhost/cb',
    'http://127.0.0.1:33418/',
    'http://[::1]:33418/cb',
  ])('%s is taken', (uri) => {
    expect(redirectUriFault(uri)).toBeUndefined();
  });

  test('on the machine of the user are known as such', () => {
    expect(['http://localhost:1/', 'https://app.example/'].map(isLoopbackUri)).toEqual([true, false]);
  });
});

describe('metadata', () => {
  const good = { client_id: 'dcr-1', redirect_uris: ['https://app.example/cb'] };

  test('is reduced to what is understood', () => {
    const metadata: Record<string, unknown> = {
      ...good,
      scope: 'everything',
      sector_identifier_uri: 'https://app.example/sector',
      default_max_age: 1,
      logo_uri: 'https://app.example/logo.png',
      grant_types: ['authorization_code', 'client_credentials', 'implicit', 'refresh_token'],
      response_types: ['code', 'token'],
      application_type: 'web',
    };
    expect(normalizeClient(metadata)).toBeUndefined();
    expect(metadata).toEqual({
      ...good,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: 'web',
    });
  });

  test('of programs on the machine makes them native, whatever they say', () => {
    const metadata: Record<string, unknown> = {
      ...good,
      redirect_uris: ['http://localhost:1/cb'],
      application_type: 'web',
    };
    expect(normalizeClient(metadata)).toBeUndefined();
    expect(metadata['application_type']).toBe('native');
  });

  test.each([
    [{ redirect_uris: [] }],
    [{ redirect_uris: undefined }],
    [{ redirect_uris: 'https://app.example/cb' }],
    [{ redirect_uris: Array.from({ length: 11 }, (_, index) => `https://app.example/${index}`) }],
    [{ redirect_uris: [1] }],
    [{ client_name: 'x'.repeat(101) }],
    [{ client_name: { en: 'x' } }],
    [{ grant_types: ['client_credentials'] }],
    [{ grant_types: 'authorization_code' }],
    [{ token_endpoint_auth_method: 'client_secret_jwt' }],
    [{ token_endpoint_auth_method: 'tls_client_auth' }],
    [{ jwks: { keys: Array.from({ length: 11 }, () => ({})) } }],
  ])('%j is refused', (change) => {
    expect(normalizeClient({ ...good, ...change })).toBeDefined();
  });
});
