// A user's consent over two nodes on PostgreSQL, behind a balancer that sends each request to the next node: the link is made
// on one, the pages, the provider's answer and the call that needs the token end up on whichever it is.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  CreateOauth2CredentialProviderCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { expect, test, vi } from 'vitest';
import { openBalancer } from '../support/balancer.ts';
import { ConsentBrowser } from '../support/consent-browser.ts';
import { CLIENT_ID, CLIENT_SECRET, openIdentityProvider } from '../support/identity-provider.ts';
import { openIssuer } from '../support/issuer.ts';
import { linkOf } from '../support/mcp-call.ts';
import type { CallAnswer } from '../support/mcp-call.ts';
import { hasPostgres, openPostgres } from '../support/postgres.ts';
import { closing, startServer } from '../support/process.ts';
import { describeApi, openUpstream } from '../support/upstream.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const KEY = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret-operator-secret' };

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

test.skipIf(!hasPostgres)(
  'a consent begun on one node ends on the other',
  async () => {
    const postgres = await openPostgres();
    closing.push(() => postgres.stop());
    const [provider, issuer, upstream] = [
      await openIdentityProvider(),
      await openIssuer(),
      await openUpstream(),
    ];
    closing.push(() => provider.close());
    closing.push(() => issuer.close());
    closing.push(() => upstream.close());
    const ports = [await freePort(), await freePort()];
    const balancer = await openBalancer(ports.map((port) => `http://127.0.0.1:${port}`));
    closing.push(() => balancer.close());
    const env = {
      GATEWRIGHT_PUBLIC_URL: balancer.url,
      GATEWRIGHT_DATABASE_URL: await postgres.newDatabase(),
      GATEWRIGHT_MASTER_KEY: randomBytes(32).toString('base64'),
      GATEWRIGHT_ACCESS_KEY_ID: KEY.accessKeyId,
      GATEWRIGHT_SECRET_ACCESS_KEY: KEY.secretAccessKey,
      GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1',
    };
    for (const port of ports) await startServer({ env, listen: `127.0.0.1:${port}` });

    const control = new BedrockAgentCoreControlClient({
      endpoint: balancer.url,
      region: 'us-east-1',
      credentials: KEY,
    });
    closing.push(() => control.destroy());
    const { credentialProviderArn, callbackUrl } = await control.send(
      new CreateOauth2CredentialProviderCommand({
        name: 'shared',
        credentialProviderVendor: 'CustomOauth2',
        oauth2ProviderConfigInput: {
          customOauth2ProviderConfig: {
            oauthDiscovery: { discoveryUrl: provider.discoveryUrl },
            clientId: CLIENT_ID,
            clientSecret: CLIENT_SECRET,
          },
        },
      }),
    );
    provider.redirectUris.add(callbackUrl ?? '');
    const { gatewayId = '', gatewayUrl = '' } = await control.send(
      new CreateGatewayCommand({
        name: 'pair',
        roleArn: 'arn:aws:iam::000000000000:role/gateway',
        protocolType: 'MCP',
        authorizerType: 'CUSTOM_JWT',
        authorizerConfiguration: {
          customJWTAuthorizer: { discoveryUrl: issuer.discoveryUrl, allowedAudience: ['gateway'] },
        },
      }),
    );
    const document = describeApi(upstream.url, { whoami: { query: { user: { type: 'string' } } } });
    const { targetId } = await control.send(
      new CreateGatewayTargetCommand({
        gatewayIdentifier: gatewayId,
        name: 'reads',
        targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
        credentialProviderConfigurations: [
          {
            credentialProviderType: 'OAUTH',
            credentialProvider: {
              oauthCredentialProvider: {
                providerArn: credentialProviderArn,
                scopes: ['read', 'offline_access'],
                grantType: 'AUTHORIZATION_CODE',
              },
            },
          },
        ],
      }),
    );
    const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
    await vi.waitFor(async () => expect((await control.send(get)).status).toBe('READY'), PATIENCE);
    const token = await issuer.token({ sub: 'alice' });
    const call = async (): Promise<CallAnswer> => {
      const response = await fetch(gatewayUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
        },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"reads___whoami","arguments":{"user":"alice"}}}',
      });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const before = balancer.counts.map((count) => count);
    await new ConsentBrowser().consent(linkOf(await call()), 'alice');
    // The next two calls meet both nodes.
    for (let calls = 0; calls < 2; calls += 1)
      expect((await call()).result).toMatchObject({ isError: false });
    const [sent] = upstream.requests;
    expect(await provider.ownerOf((sent?.headers.authorization ?? '').replace('Bearer ', ''))).toBe('alice');
    // Both had a part in it.
    for (const [index, count] of balancer.counts.entries())
      expect(count - (before[index] ?? 0)).toBeGreaterThan(1);
  },
  90_000,
);
