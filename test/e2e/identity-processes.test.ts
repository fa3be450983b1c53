// Two users, two targets, two real processes over one data folder, at the moment when every access token has expired: one
// refresh a grant at a server that ends a grant whose refresh token comes twice, and never a token of somebody else.

import {
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  CreateOauth2CredentialProviderCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { beforeAll, expect, test, vi } from 'vitest';
import { ConsentBrowser } from '../support/consent-browser.ts';
import { CLIENT_ID, CLIENT_SECRET, openIdentityProvider } from '../support/identity-provider.ts';
import type { IdentityProvider } from '../support/identity-provider.ts';
import { openIssuer } from '../support/issuer.ts';
import type { Issuer } from '../support/issuer.ts';
import { linkOf } from '../support/mcp-call.ts';
import type { CallAnswer } from '../support/mcp-call.ts';
import { sdkFor } from '../support/process-clients.ts';
import { closing, startServer, temporaryFolder } from '../support/process.ts';
import { describeApi, openUpstream } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';

const PATIENCE = { timeout: 20_000, interval: 100 };
const ENV = { GATEWRIGHT_EGRESS_ALLOW: '127.0.0.1' };
const USERS = ['alice', 'bob'] as const;
const TARGETS = ['reads', 'writes'] as const;
const EXPIRES_S = 2;

let provider: IdentityProvider;
let issuer: Issuer;
let upstream: Upstream;
let ends: readonly [string, string];
const tokens = new Map<string, string>();

async function call(url: string, user: string, target: string): Promise<CallAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokens.get(user)}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: `${target}___whoami`, arguments: { user } },
    }),
  });
  return { status: response.status, ...((await response.json()) as object) };
}

beforeAll(async () => {
  provider = await openIdentityProvider();
  closing.push(() => provider.close());
  issuer = await openIssuer();
  closing.push(() => issuer.close());
  upstream = await openUpstream();
  closing.push(() => upstream.close());
  for (const user of USERS) tokens.set(user, await issuer.token({ sub: user }));
  const dataDir = `${temporaryFolder()}/data`;
  const first = await startServer({ dataDir, env: ENV });
  const second = await startServer({ dataDir, env: ENV });
  const control = sdkFor(first);
  const { credentialProviderArn, callbackUrl } = await control.send(
    new CreateOauth2CredentialProviderCommand({
      name: 'rotating',
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
  const { gatewayId = '' } = await control.send(
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
  const add = async (
    name: string,
    oauthCredentialProvider: { scopes: string[]; grantType?: 'AUTHORIZATION_CODE' },
  ) => {
    const { targetId } = await control.send(
      new CreateGatewayTargetCommand({
        gatewayIdentifier: gatewayId,
        name,
        targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } },
        credentialProviderConfigurations: [
          {
            credentialProviderType: 'OAUTH',
            credentialProvider: {
              oauthCredentialProvider: { providerArn: credentialProviderArn, ...oauthCredentialProvider },
            },
          },
        ],
      }),
    );
    const get = new GetGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId });
    await vi.waitFor(async () => expect((await control.send(get)).status).toBe('READY'), PATIENCE);
  };
  await add('reads', { scopes: ['read', 'offline_access'], grantType: 'AUTHORIZATION_CODE' });
  await add('writes', { scopes: ['write', 'offline_access'], grantType: 'AUTHORIZATION_CODE' });
  await add('itself', { scopes: ['read'] });
  ends = [`${first.url}/gateways/${gatewayId}/mcp`, `${second.url}/gateways/${gatewayId}/mcp`];
  await vi.waitFor(async () => {
    const answer = await call(ends[1], 'alice', 'itself');
    expect(answer.result).toMatchObject({ isError: false });
  }, PATIENCE);
}, 60_000);

test('one refresh a grant, and every call leaves as its own user', async () => {
  provider.accessTokenSeconds = EXPIRES_S;
  for (const user of USERS)
    for (const target of TARGETS)
      await new ConsentBrowser().consent(linkOf(await call(ends[0], user, target)), user);
  // Both processes have the tokens in memory.
  for (const end of ends)
    for (const user of USERS) for (const target of TARGETS) await call(end, user, target);
  await new Promise((resolve) => setTimeout(resolve, EXPIRES_S * 1000 + 100));
  provider.accessTokenSeconds = 3600;
  provider.tokenRequests.length = 0;
  upstream.requests.length = 0;
  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, index) => index).flatMap((index) =>
      USERS.flatMap((user) => TARGETS.map((target) => call(ends[index % 2] ?? '', user, target))),
    ),
  );
  for (const answer of answers) expect(answer.result).toMatchObject({ isError: false });
  expect(provider.tokenRequests.map(({ grant, status }) => [grant, status])).toEqual(
    Array.from({ length: USERS.length * TARGETS.length }, () => ['refresh_token', 200]),
  );
  expect(upstream.requests).toHaveLength(64 * USERS.length * TARGETS.length);
  const owners = new Map<string, string | undefined>();
  for (const { path, headers } of upstream.requests) {
    const token = (headers.authorization ?? '').replace('Bearer ', '');
    if (!owners.has(token)) owners.set(token, await provider.ownerOf(token));
    expect(owners.get(token)).toBe(new URLSearchParams(path.split('?')[1]).get('user'));
  }
  expect(owners.size).toBe(USERS.length * TARGETS.length);
}, 60_000);

test('a grant that has ended at its server is asked for again, by either process, and for that user alone', async () => {
  await provider.endGrants();
  const [accessOfBob] = upstream.requests.flatMap(({ path, headers }) =>
    path.includes('user=bob') ? [(headers.authorization ?? '').replace('Bearer ', '')] : [],
  );
  await provider.forget(accessOfBob ?? '');
  upstream.on('/whoami', (request, response) => {
    const isForgotten = request.headers.authorization === `Bearer ${accessOfBob}`;
    response.writeHead(isForgotten ? 401 : 200, { 'content-type': 'application/json' }).end('{}');
  });
  const answers = await Promise.all(TARGETS.map((target) => call(ends[0], 'bob', target)));
  expect(answers.filter(({ error }) => error?.code === -32_042)).toHaveLength(1);
  await vi.waitFor(async () => {
    const there = await Promise.all(TARGETS.map((target) => call(ends[1], 'bob', target)));
    expect(there.filter(({ error }) => error?.code === -32_042)).toHaveLength(1);
  }, PATIENCE);
  for (const target of TARGETS)
    expect((await call(ends[1], 'alice', target)).result).toMatchObject({ isError: false });
});
