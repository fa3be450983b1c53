// Three published tutorials, call by call, with only the endpoints changed: an OpenAPI target with client credentials, a
// GitHub MCP server and LinkedIn's API on behalf of users. The vendors are stood in for by a test double before the door
// outwards: what goes to their real addresses arrives at a server of the test.

import {
  BedrockAgentCoreControlClient,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  CreateOauth2CredentialProviderCommand,
  DeleteGatewayCommand,
  DeleteGatewayTargetCommand,
  DeleteOauth2CredentialProviderCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { CreateGatewayTargetCommandInput } from '@aws-sdk/client-bedrock-agentcore-control';
import { BedrockAgentCoreClient, CompleteResourceTokenAuthCommand } from '@aws-sdk/client-bedrock-agentcore';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openApp } from '../src/app.ts';
import { Secret } from '../src/lib/secret.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openFixtureServer } from './support/fixture-server.ts';
import type { FixtureServer } from './support/fixture-server.ts';
import { consentMeta } from './support/identity-bench.ts';
import { callTool, linkOf } from './support/mcp-call.ts';
import { ConsentBrowser } from './support/consent-browser.ts';
import { openIssuer } from './support/issuer.ts';
import type { Issuer } from './support/issuer.ts';
import { describeApi, openUpstream, respondWith } from './support/upstream.ts';
import type { Upstream } from './support/upstream.ts';

const ACCESS = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'test-secret-access-key' };
const ROLE = 'arn:aws:iam::000000000000:role/gateway';

let app: TestApp;
let issuer: Issuer;
let vendor: Upstream;
let mcp: FixtureServer;
let control: BedrockAgentCoreControlClient;
let data: BedrockAgentCoreClient;

beforeAll(async () => {
  issuer = await openIssuer();
  vendor = await openUpstream();
  mcp = await openFixtureServer({ eras: 'legacy' });
  // Where the vendors' real addresses lead in this test.
  const stands: Readonly<Record<string, string>> = {
    'github.com': vendor.url,
    'www.linkedin.com': vendor.url,
    'api.linkedin.com': vendor.url,
    'tickets.zendesk.example': vendor.url,
    'api.githubcopilot.com': mcp.url,
  };
  const detour = (url: URL): URL => {
    const stand = stands[url.host];
    if (stand === undefined) return url;
    return url.host === 'api.githubcopilot.com' ? new URL(stand) : new URL(url.pathname + url.search, stand);
  };
  app = await openTestApp(
    { accessKeyId: ACCESS.accessKeyId, secretAccessKey: new Secret(ACCESS.secretAccessKey) },
    (config, log) =>
      openApp(config, log, {
        egress: (client) => ({
          request: (request, options) => client.request({ ...request, url: detour(request.url) }, options),
          stream: (request, options) => client.stream({ ...request, url: detour(request.url) }, options),
        }),
      }),
  );
  const aws = { endpoint: app.app.controlUrl, region: 'us-east-1', maxAttempts: 1, credentials: ACCESS };
  control = new BedrockAgentCoreControlClient(aws);
  data = new BedrockAgentCoreClient(aws);
  const oauth = (token: string) => respondWith(200, 'application/json', token);
  // GitHub and LinkedIn say nothing of the type of a token, or say it in a form of their own.
  vendor.on(
    '/login/oauth/access_token',
    oauth('{"access_token":"gho_the-token","scope":"repo,user,workflow","token_type":"bearer"}'),
  );
  vendor.on('/oauth/v2/accessToken', oauth('{"access_token":"linkedin-token","expires_in":5184000}'));
  vendor.on('/oauth/tokens', oauth('{"access_token":"zendesk-token","token_type":"bearer"}'));
});
afterAll(async () => {
  control.destroy();
  data.destroy();
  await app.close();
  await Promise.all([issuer.close(), vendor.close(), mcp.close()]);
});

async function createGateway(name: string) {
  const { gatewayId = '', gatewayUrl = '' } = await control.send(
    new CreateGatewayCommand({
      name,
      roleArn: ROLE,
      protocolType: 'MCP',
      protocolConfiguration: {
        mcp: { supportedVersions: ['2025-03-26', '2025-11-25'], searchType: 'SEMANTIC' },
      },
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: {
        customJWTAuthorizer: { allowedAudience: ['gateway'], discoveryUrl: issuer.discoveryUrl },
      },
    }),
  );
  await expect
    .poll(async () => (await control.send(new GetGatewayCommand({ gatewayIdentifier: gatewayId }))).status)
    .toBe('READY');
  return { gatewayId, gatewayUrl };
}

async function createTarget(input: CreateGatewayTargetCommandInput) {
  const created = await control.send(new CreateGatewayTargetCommand(input));
  await app.app.control.settled();
  return { ...created, get: () => getTarget(input.gatewayIdentifier ?? '', created.targetId ?? '') };
}

const getTarget = (gatewayIdentifier: string, targetId: string) =>
  control.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));

const oauthConfiguration = (oauthCredentialProvider: object) =>
  [
    { credentialProviderType: 'OAUTH', credentialProvider: { oauthCredentialProvider } },
  ] as CreateGatewayTargetCommandInput['credentialProviderConfigurations'];

const openApi = (server: string, operation: string) => ({
  mcp: { openApiSchema: { inlinePayload: JSON.stringify(describeApi(server, { [operation]: {} })) } },
});

/** A browser at a vendor that asks nothing: it says yes at once. */
async function allow(
  browser: ConsentBrowser,
  link: string,
): Promise<{ readonly at: URL; readonly back: URL }> {
  const at = await browser.startConsent(link);
  const callback = new URL(at.searchParams.get('redirect_uri') ?? '');
  callback.searchParams.set('code', 'the-code');
  callback.searchParams.set('state', at.searchParams.get('state') ?? '');
  const answer = await browser.fetch(callback);
  return { at, back: new URL(answer.headers.get('location') ?? '', callback) };
}

it('OpenAPI with OAuth client credentials (Zendesk)', async () => {
  const { gatewayId, gatewayUrl } = await createGateway('OpenAPIOktaGwy2');
  const { credentialProviderArn } = await control.send(
    new CreateOauth2CredentialProviderCommand({
      name: 'ZendeskOAuthTokenCfg',
      credentialProviderVendor: 'CustomOauth2',
      oauth2ProviderConfigInput: {
        customOauth2ProviderConfig: {
          oauthDiscovery: {
            authorizationServerMetadata: {
              issuer: 'https://tickets.zendesk.example',
              authorizationEndpoint: 'https://tickets.zendesk.example/oauth/authorizations/new',
              tokenEndpoint: 'https://tickets.zendesk.example/oauth/tokens',
              responseTypes: ['token'],
            },
          },
          clientId: 'client',
          clientSecret: 'client-secret',
        },
      },
    }),
  );
  await createTarget({
    gatewayIdentifier: gatewayId,
    name: 'DemoOpenAPIGW',
    targetConfiguration: openApi('https://tickets.zendesk.example', 'CountTickets'),
    credentialProviderConfigurations: oauthConfiguration({
      providerArn: credentialProviderArn,
      scopes: ['tickets:read', 'read', 'tickets:write', 'write'],
    }),
  });
  const answer = await callTool(gatewayUrl, await issuer.token(), 'DemoOpenAPIGW___CountTickets');
  expect(answer.result).toMatchObject({ isError: false });
  const [token, call] = vendor.requests;
  expect(new URLSearchParams(token?.body).get('scope')).toBe('tickets:read read tickets:write write');
  expect(call?.headers.authorization).toBe('Bearer zendesk-token');
});

it('a GitHub MCP server on behalf of users: a consent to read its tools, and one for each user', async () => {
  const { callbackUrl, credentialProviderArn } = await control.send(
    new CreateOauth2CredentialProviderCommand({
      name: 'github',
      credentialProviderVendor: 'GithubOauth2',
      oauth2ProviderConfigInput: {
        githubOauth2ProviderConfig: { clientId: 'client', clientSecret: 'github-secret' },
      },
    }),
  );
  const { gatewayId, gatewayUrl } = await createGateway('github-auth-code');
  const credentials = oauthConfiguration({
    providerArn: credentialProviderArn,
    grantType: 'AUTHORIZATION_CODE',
    defaultReturnUrl: 'http://localhost:8080/callback',
    scopes: ['repo', 'user', 'workflow'],
  });
  const target = await createTarget({
    gatewayIdentifier: gatewayId,
    name: 'github-mcp-server-target',
    targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://api.githubcopilot.com/mcp' } } },
    credentialProviderConfigurations: credentials,
  });
  expect(target.status).toBe('CREATE_PENDING_AUTH');
  const { authorizationUrl = '', userId = '' } = target.authorizationData?.oauth2 ?? {};
  expect(userId.startsWith(`${gatewayId}${target.targetId}`)).toBe(true);
  const { at, back } = await allow(new ConsentBrowser(), authorizationUrl);
  expect(at.href).toMatch(/^https:\/\/github\.com\/login\/oauth\/authorize\?/);
  expect(at.searchParams.get('redirect_uri')).toBe(callbackUrl);
  expect(at.searchParams.get('scope')).toBe('repo user workflow');
  expect(`${back.origin}${back.pathname}`).toBe('http://localhost:8080/callback');
  const sessionUri = back.searchParams.get('session_id') ?? '';
  await data.send(new CompleteResourceTokenAuthCommand({ userIdentifier: { userId }, sessionUri }));
  await expect.poll(async () => (await target.get()).status).toBe('READY');
  expect((await target.get()).authorizationData).toBeUndefined();

  const schemaUpfront = await createTarget({
    gatewayIdentifier: gatewayId,
    name: 'github-mcp-server-schema-target',
    targetConfiguration: {
      mcp: {
        mcpServer: {
          endpoint: 'https://api.githubcopilot.com/mcp',
          mcpToolSchema: {
            inlinePayload: JSON.stringify({
              tools: [{ name: 'test_simple_text', inputSchema: { type: 'object' } }],
            }),
          },
        },
      },
    },
    credentialProviderConfigurations: credentials,
  });
  expect((await schemaUpfront.get()).status).toBe('READY');

  const userToken = await issuer.token({ sub: 'dev' });
  const call = () => callTool(gatewayUrl, userToken, 'github-mcp-server-schema-target___test_simple_text');
  const link = linkOf(await call());
  const visit = await allow(new ConsentBrowser(), link);
  await data.send(
    new CompleteResourceTokenAuthCommand({
      userIdentifier: { userToken },
      sessionUri: visit.back.searchParams.get('session_id') ?? '',
    }),
  );
  expect((await call()).result).toMatchObject({ content: [{ type: 'text' }] });
  for (const { targetId } of [target, schemaUpfront])
    await control.send(new DeleteGatewayTargetCommand({ gatewayIdentifier: gatewayId, targetId }));
  await app.app.control.settled();
  await control.send(new DeleteGatewayCommand({ gatewayIdentifier: gatewayId }));
  await control.send(new DeleteOauth2CredentialProviderCommand({ name: 'github' }));
});

it('LinkedIn’s API on behalf of users', async () => {
  await expect(
    control.send(new DeleteOauth2CredentialProviderCommand({ name: 'linkedin' })),
  ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  const { credentialProviderArn } = await control.send(
    new CreateOauth2CredentialProviderCommand({
      name: 'linkedin',
      credentialProviderVendor: 'LinkedinOauth2',
      oauth2ProviderConfigInput: {
        linkedinOauth2ProviderConfig: { clientId: 'client', clientSecret: 'linkedin-secret' },
      },
    }),
  );
  const { gatewayId, gatewayUrl } = await createGateway('linkedin');
  const target = await createTarget({
    gatewayIdentifier: gatewayId,
    name: 'LinkedInAuthCode',
    targetConfiguration: openApi('https://api.linkedin.com', 'getUserInfo'),
    credentialProviderConfigurations: oauthConfiguration({
      providerArn: credentialProviderArn,
      grantType: 'AUTHORIZATION_CODE',
      defaultReturnUrl: 'http://localhost:3021',
      scopes: ['openid', 'profile', 'email'],
    }),
  });
  expect((await target.get()).status).toBe('READY');
  const userToken = await issuer.token({ sub: 'dev' });
  const call = (forceAuthentication: boolean) =>
    callTool(
      gatewayUrl,
      userToken,
      'LinkedInAuthCode___getUserInfo',
      consentMeta({ returnUrl: 'http://localhost:3021', forceAuthentication }),
    );
  const asked = await call(true);
  expect(asked.error).toMatchObject({
    code: -32_042,
    data: { elicitations: [{ mode: 'url', message: 'Please login to this URL for authorization.' }] },
  });
  const { back } = await allow(new ConsentBrowser(), linkOf(asked));
  await data.send(
    new CompleteResourceTokenAuthCommand({
      userIdentifier: { userToken },
      sessionUri: back.searchParams.get('session_id') ?? '',
    }),
  );
  vendor.requests.length = 0;
  expect((await call(false)).result).toMatchObject({ isError: false });
  expect(vendor.requests[0]?.headers.authorization).toBe('Bearer linkedin-token');
});
