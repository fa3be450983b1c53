// The settings table: what each value becomes, and what is said of the wrong ones.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SETTINGS, readConfig } from './config.ts';

const read = (env: Record<string, string>, flags: Record<string, string> = {}) => readConfig({ env, flags });
const faultsOf = (env: Record<string, string>): readonly string[] => {
  const outcome = read(env);
  return 'faults' in outcome ? outcome.faults : [];
};

describe('readConfig', () => {
  it('has the published defaults', () => {
    const outcome = read({});
    expect('config' in outcome && outcome.config).toMatchObject({
      listen: { host: '127.0.0.1', port: 8080 },
      region: 'us-east-1',
      accountId: '000000000000',
      egressAllow: [],
      logLevel: 'info',
    });
  });

  it.each([
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    [':9', { host: '0.0.0.0', port: 9 }],
  ])('listens at %s', (text, listen) => {
    const outcome = read({ GATEWRIGHT_LISTEN: text });
    expect('config' in outcome && outcome.config.listen).toEqual(listen);
  });

  it.each([
    ['GATEWRIGHT_LISTEN', ['8080', 'a:b', '127.0.0.1:65536', 'example.com:1', '::1:80', '127.0.0.1:']],
    ['GATEWRIGHT_PUBLIC_URL', ['gateway.example.com', 'ftp://x', 'https://x/?a=1', 'https://x/#a']],
    ['GATEWRIGHT_REGION', ['US-EAST-1', 'useast1', 'us-east']],
    ['GATEWRIGHT_ACCOUNT_ID', ['1', '12345678901x', '1234567890123']],
    ['GATEWRIGHT_EGRESS_ALLOW', ['10.0.0.0/64', 'a,b c', 'x:0']],
    ['GATEWRIGHT_ALLOWED_ORIGINS', ['example.com', 'https://a.example.com/path', '*']],
    ['GATEWRIGHT_WORKERS', ['0', '-1', 'all', '100', '1.5']],
    ['GATEWRIGHT_LOG_LEVEL', ['trace', 'INFO']],
  ])('refuses wrong values of %s, and names them', (name, values) => {
    for (const value of values)
      expect(faultsOf({ [name]: value }), value).toEqual([expect.stringContaining(name)]);
  });

  it('suggests the setting that was meant, and wants both halves of the key', () => {
    expect(faultsOf({ GATEWRIGHT_DATA_DIRS: 'x' })).toEqual([
      expect.stringContaining('did you mean GATEWRIGHT_DATA_DIR?'),
    ]);
    expect(faultsOf({ GATEWRIGHT_ACCESS_KEY_ID: 'AKIA0123456789ABCDEF' })).toEqual([
      expect.stringContaining('GATEWRIGHT_SECRET_ACCESS_KEY'),
    ]);
  });

  it('reads the AWS SDKs’ endpoints of all services', () => {
    const outcome = read({
      AWS_ENDPOINT_URL: 'http://localhost:4566',
      AWS_ENDPOINT_URL_COST_EXPLORER: 'https://costs.example/base',
      AWS_ENDPOINT_URL_SQS: '',
      AWS_ENDPOINT_URLS: 'https://other.example',
    });
    const endpoints = 'config' in outcome ? (outcome.config.awsEndpoints ?? {}) : {};
    expect(Object.entries(endpoints).map(([service, { href }]) => [service, href])).toEqual([
      ['', 'http://localhost:4566/'],
      ['COST_EXPLORER', 'https://costs.example/base'],
    ]);
    expect(faultsOf({ AWS_ENDPOINT_URL_SQS: 'queue.example' })).toEqual([
      'AWS_ENDPOINT_URL_SQS: “queue.example” must be an http or https URL',
    ]);
  });

  it('never throws and never shows a secret, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SETTINGS),
        fc.string({ minLength: 4 }),
        ({ variable, isSecret }, text) => {
          const outcome = read({ [variable]: text });
          if (isSecret === true && text.trim().length > 8)
            expect(JSON.stringify(outcome)).not.toContain(JSON.stringify(text).slice(1, -1));
        },
      ),
    );
  });
});
