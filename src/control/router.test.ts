// Routing: every operation is found under its own template, with and without a trailing slash.

import { describe, expect, it } from 'vitest';
import { OPERATIONS } from './model/model.ts';
import { createRouter } from './router.ts';

const router = createRouter(OPERATIONS);
const ARN = 'arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/g-0123456789';

describe('router', () => {
  it('finds each operation by its own template', () => {
    for (const operation of OPERATIONS) {
      const path = operation.uri.replace(/\{\w+\}/g, 'x');
      for (const spelled of [path, path.replace(/\/$/, ''), path.endsWith('/') ? path : `${path}/`]) {
        expect(router.find(operation.method, spelled)?.operation.name).toBe(operation.name);
        expect(router.owns(spelled)).toBe(true);
      }
    }
  });

  it('decodes a label once', () => {
    expect(router.find('GET', '/gateways/a%2541')?.labels).toEqual({ gatewayIdentifier: 'a%41' });
    expect(router.find('GET', '/gateways/a%2Fb/targets/c')?.labels).toEqual({
      gatewayIdentifier: 'a/b',
      targetId: 'c',
    });
    expect(router.find('GET', '/gateways/%zz')).toBeUndefined();
  });

  it('takes everything after /tags/ as the ARN', () => {
    for (const path of [ARN, encodeURIComponent(ARN), ARN.replaceAll(':', '%3A')])
      expect(router.find('GET', `/tags/${path}`)?.labels).toEqual({ resourceArn: ARN });
  });

  it('knows no other way to an operation', () => {
    for (const path of [
      '/gateways//targets',
      '//gateways',
      '/gateways/x/targets/y/z',
      '/%67ateways',
      '/Gateways',
      '/',
    ])
      expect(router.find('GET', path)).toBeUndefined();
    expect(router.find('PATCH', '/gateways/x')).toBeUndefined();
    expect(router.find('GET', '/tags/')).toBeUndefined();
  });

  it('leaves the data plane alone', () => {
    expect(router.owns('/gateways/g-0123456789/mcp')).toBe(false);
    expect(router.owns('/console/')).toBe(false);
    expect(router.owns('/policy-engines')).toBe(true);
    expect(router.owns('/gateways/g-0123456789/rules')).toBe(true);
  });
});
