// The settings of the authorization server, which only make sense together.

import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const read = (env: Record<string, string>) => readConfig({ env, flags: {} });
const ON = 'GATEWRIGHT_AUTHORIZATION_SERVER';
const PROVIDER = {
  GATEWRIGHT_SIGN_IN_DISCOVERY_URL: 'https://login.example.com/.well-known/openid-configuration',
  GATEWRIGHT_SIGN_IN_CLIENT_ID: 'gateway',
};

test('is off unless asked for, and is either local or a façade', () => {
  const of = (env: Record<string, string>): unknown => {
    const outcome = read(env);
    return 'config' in outcome ? outcome.config.authorizationServer : outcome.faults;
  };
  expect(of({})).toBeUndefined();
  expect(of({ [ON]: 'local' })).toEqual({ mode: 'local' });
  expect(of({ [ON]: 'upstream', ...PROVIDER })).toEqual({
    mode: 'upstream',
    discoveryUrl: PROVIDER.GATEWRIGHT_SIGN_IN_DISCOVERY_URL,
    clientId: 'gateway',
    scopes: 'openid profile email',
  });
  const secret = of({
    [ON]: 'upstream',
    ...PROVIDER,
    GATEWRIGHT_SIGN_IN_CLIENT_SECRET: 'a-very-long-secret',
  });
  expect(JSON.stringify(secret)).toContain('[secret]');
});

test.each([
  [{ [ON]: 'yes' }, /must be local or upstream/],
  [{ [ON]: 'upstream' }, /needs GATEWRIGHT_SIGN_IN_DISCOVERY_URL and GATEWRIGHT_SIGN_IN_CLIENT_ID/],
  [{ GATEWRIGHT_SIGN_IN_CLIENT_ID: 'x' }, /needs GATEWRIGHT_AUTHORIZATION_SERVER=upstream/],
  [{ [ON]: 'local', GATEWRIGHT_SIGN_IN_CLIENT_ID: 'x' }, /GATEWRIGHT_SIGN_IN_CLIENT_ID: needs/],
  [
    { [ON]: 'local', GATEWRIGHT_PUBLIC_URL: 'http://gateway.example.com' },
    /needs GATEWRIGHT_PUBLIC_URL to be https/,
  ],
  [
    { [ON]: 'upstream', ...PROVIDER, GATEWRIGHT_SIGN_IN_SCOPES: 'profile' },
    /GATEWRIGHT_SIGN_IN_SCOPES: .*must begin with openid/,
  ],
])('%j is refused', (env, fault) => {
  const outcome = read(env);
  expect('faults' in outcome && outcome.faults.join('\n')).toMatch(fault);
});

test.each([
  'https://gateway.example.com',
  'http://localhost:8080',
  'http://127.0.0.1:1',
  'http://[::1]:8080',
])('%s can carry passwords and codes', (url) => {
  expect(read({ [ON]: 'local', GATEWRIGHT_PUBLIC_URL: url })).toHaveProperty('config');
});
