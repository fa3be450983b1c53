// Authorization servers in trouble and targets that wait: what is still good goes on, nobody asks a dead server again and
// again, and a target whose consent is open can neither be changed nor deleted.

import { GatewayError } from '../src/core/errors.ts';
import type { OutboundRequest, UpstreamResponse } from '../src/core/outbound.ts';
import { createAuthorizationServers } from '../src/identity/servers.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { openIdentityBench } from './support/identity-bench.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import { ConsentBrowser } from './support/consent-browser.ts';

const DISCOVERY = 'https://idp.example/.well-known/openid-configuration';
const silent = (): void => undefined;
const log = { error: silent, warn: silent, info: silent, debug: silent };

describe('metadata of an authorization server', () => {
  let now = 0;
  let answer: (request: OutboundRequest) => object | undefined;
  let asked = 0;
  const servers = () => {
    now = 0;
    asked = 0;
    return createAuthorizationServers({
      clock: { now: () => now, monotonic: () => now },
      log,
      egress: {
        request: (request): Promise<UpstreamResponse> => {
          asked += 1;
          const document = answer(request);
          return document
            ? Promise.resolve({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(document)) })
            : Promise.reject(new GatewayError('UpstreamRefused', 'down'));
        },
        stream: () => Promise.reject(new Error('not here')),
      },
    });
  };
  const good = {
    issuer: 'https://idp.example',
    authorization_endpoint: 'https://idp.example/auth',
    token_endpoint: 'https://idp.example/token',
  };
  const settings = { server: { discoveryUrl: DISCOVERY } };

  it('is read once for many, again after ten minutes, and goes on for a day while its server is down', async () => {
    const known = servers();
    answer = () => good;
    await Promise.all(Array.from({ length: 20 }, () => known.find(settings)));
    expect(asked).toBe(1);
    now += 11 * 60_000;
    await known.find(settings);
    expect(asked).toBe(2);
    answer = () => undefined;
    now += 23 * 3_600_000;
    expect(await known.find(settings)).toMatchObject({ token_endpoint: good.token_endpoint });
    // A dead server gets a moment's rest.
    for (let calls = 0; calls < 10; calls += 1) await known.find(settings);
    expect(asked).toBe(3);
    now += 2 * 3_600_000;
    await expect(known.find(settings)).rejects.toMatchObject({ code: 'CredentialUnavailable' });
  });

  it.each([
    ['another issuer', { issuer: 'https://evil.example' }],
    ['nearly its issuer', { issuer: 'https://IDP.example' }],
    ['its issuer with a default port', { issuer: 'https://idp.example:443' }],
    ['a token endpoint without TLS', { token_endpoint: 'http://idp.example/token' }],
    ['credentials in an endpoint', { token_endpoint: 'https://a:b@idp.example/token' }],
    ['a script as page to log in (T-75)', { authorization_endpoint: 'javascript:alert(1)' }],
    ['no token endpoint', { token_endpoint: undefined }],
  ])('is refused with %s', async (_what, change) => {
    answer = () => ({ ...good, ...change });
    await expect(servers().find(settings)).rejects.toMatchObject({ code: 'CredentialUnavailable' });
  });
});

describe('a target that is read on somebody’s behalf', () => {
  let bench: IdentityBench;
  let mcp: FixtureServer;
  beforeAll(async () => {
    bench = await openIdentityBench();
    mcp = await openFixtureServer({ eras: 'legacy' });
  });
  afterAll(async () => {
    await bench.close();
    await mcp.close();
  });

  it('waits for consent when it is made, synchronized and updated, and stays as it is while it waits', async () => {
    const providerArn = await bench.credentialProvider('waiting');
    const { id: gatewayIdentifier } = await bench.gateway({});
    const invoke = (name: string, input: object) =>
      bench.app.app.control.invoke(name, { gatewayIdentifier, ...input });
    const wanted = {
      name: 'mcp',
      targetConfiguration: { mcp: { mcpServer: { endpoint: mcp.url } } },
      credentialProviderConfigurations: [
        {
          credentialProviderType: 'OAUTH',
          credentialProvider: {
            oauthCredentialProvider: { providerArn, scopes: ['read'], grantType: 'AUTHORIZATION_CODE' },
          },
        },
      ],
    };
    const consentAndReady = async (targetId: unknown, status: string) => {
      const waiting = await invoke('GetGatewayTarget', { targetId });
      expect(waiting['status']).toBe(status);
      for (const [name, input] of [
        ['UpdateGatewayTarget', { ...wanted, targetId }],
        ['DeleteGatewayTarget', { targetId }],
        ['SynchronizeGatewayTargets', { targetIdList: [targetId] }],
      ] as const)
        await expect(invoke(name, input)).rejects.toMatchObject({ code: 'Conflict' });
      const { oauth2 } = waiting['authorizationData'] as {
        readonly oauth2: { readonly authorizationUrl: string };
      };
      await new ConsentBrowser().consent(oauth2.authorizationUrl, 'admin');
      await expect.poll(async () => (await invoke('GetGatewayTarget', { targetId }))['status']).toBe('READY');
    };
    const { targetId } = await invoke('CreateGatewayTarget', wanted);
    await consentAndReady(targetId, 'CREATE_PENDING_AUTH');
    await invoke('SynchronizeGatewayTargets', { targetIdList: [targetId] });
    await consentAndReady(targetId, 'SYNCHRONIZE_PENDING_AUTH');
    await invoke('UpdateGatewayTarget', { ...wanted, targetId });
    await consentAndReady(targetId, 'UPDATE_PENDING_AUTH');
  });

  it('needs callers that are users', async () => {
    const providerArn = await bench.credentialProvider('nobody');
    const invoke = (name: string, input: object) => bench.app.app.control.invoke(name, input as never);
    const gateway = await invoke('CreateGateway', {
      name: 'open',
      roleArn: 'arn:aws:iam::000000000000:role/gateway',
      authorizerType: 'NONE',
    });
    for (const grantType of ['AUTHORIZATION_CODE', 'TOKEN_EXCHANGE'])
      await expect(
        invoke('CreateGatewayTarget', {
          gatewayIdentifier: gateway['gatewayId'],
          targetConfiguration: { mcp: { mcpServer: { endpoint: mcp.url } } },
          credentialProviderConfigurations: [
            {
              credentialProviderType: 'OAUTH',
              credentialProvider: { oauthCredentialProvider: { providerArn, scopes: [], grantType } },
            },
          ],
        }),
      ).rejects.toThrow(/CUSTOM_JWT/);
  });
});
