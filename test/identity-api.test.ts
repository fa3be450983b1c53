// Every operation of the identity service with AWS's own clients: providers of all vendors, workload identities, the
// token vault, and what applications ask for at run time.

import {
  CreateApiKeyCredentialProviderCommand,
  CreateOauth2CredentialProviderCommand,
  CreateWorkloadIdentityCommand,
  DeleteOauth2CredentialProviderCommand,
  DeleteWorkloadIdentityCommand,
  GetOauth2CredentialProviderCommand,
  GetTokenVaultCommand,
  GetWorkloadIdentityCommand,
  ListOauth2CredentialProvidersCommand,
  ListTagsForResourceCommand,
  ListWorkloadIdentitiesCommand,
  SetTokenVaultCMKCommand,
  TagResourceCommand,
  UpdateOauth2CredentialProviderCommand,
  UpdateWorkloadIdentityCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import {
  CompleteResourceTokenAuthCommand,
  GetResourceApiKeyCommand,
  GetResourceOauth2TokenCommand,
  GetWorkloadAccessTokenCommand,
  GetWorkloadAccessTokenForJWTCommand,
  GetWorkloadAccessTokenForUserIdCommand,
} from '@aws-sdk/client-bedrock-agentcore';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VENDORS } from '../src/core/oauth-vendors.ts';
import { openIdentityBench } from './support/identity-bench.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import { ConsentBrowser } from './support/consent-browser.ts';
import { CLIENT_ID } from './support/identity-provider.ts';

const RETURN_URL = 'https://app.example/back';
let bench: IdentityBench;
let gatewayId: string;

beforeAll(async () => {
  bench = await openIdentityBench();
  const arn = await bench.credentialProvider('custom');
  ({ id: gatewayId } = await bench.gateway({ one: { providerArn: arn, scopes: ['read'] } }));
  await bench.control.send(
    new CreateWorkloadIdentityCommand({ name: 'agent', allowedResourceOauth2ReturnUrls: [RETURN_URL] }),
  );
});
afterAll(() => bench.close());

const agent = async (): Promise<string> =>
  (await bench.data.send(new GetWorkloadAccessTokenCommand({ workloadName: 'agent' }))).workloadAccessToken ??
  '';

describe('OAuth2 credential providers', () => {
  it.each(Object.entries(VENDORS).filter(([name]) => name !== 'CustomOauth2'))(
    'of %s',
    async (vendor, { member, endpoints }) => {
      const own = endpoints ? {} : { issuer: 'https://tenant.example' };
      const config = { [member]: { clientId: 'id', clientSecret: 'secret-of-vendor', ...own } };
      const created = await bench.control.send(
        new CreateOauth2CredentialProviderCommand({
          name: vendor,
          credentialProviderVendor: vendor as 'GithubOauth2',
          oauth2ProviderConfigInput: config as never,
        }),
      );
      expect(created.callbackUrl).toMatch(/\/identities\/callback\/[0-9a-f-]{36}$/);
      expect(created.status).toBe('READY');
      expect(created.clientSecretSource).toBe('MANAGED');
      const shown = await bench.control.send(new GetOauth2CredentialProviderCommand({ name: vendor }));
      expect(shown).toMatchObject({ credentialProviderVendor: vendor, callbackUrl: created.callbackUrl });
      expect(JSON.stringify(shown)).not.toContain('secret-of-vendor');
      const output = Object.values(shown.oauth2ProviderConfigOutput ?? {})[0] as {
        readonly oauthDiscovery?: {
          readonly discoveryUrl?: string;
          readonly authorizationServerMetadata?: object;
        };
      };
      if (endpoints) expect(JSON.stringify(output)).toContain('https://');
      else
        expect(output.oauthDiscovery?.discoveryUrl).toBe(
          'https://tenant.example/.well-known/openid-configuration',
        );
    },
  );

  it('are listed in pages of twenty, updated, tagged, deleted', async () => {
    const first = await bench.control.send(new ListOauth2CredentialProvidersCommand({}));
    expect(first.credentialProviders).toHaveLength(20);
    const rest = await bench.control.send(
      new ListOauth2CredentialProvidersCommand({ nextToken: first.nextToken }),
    );
    expect(rest.credentialProviders?.length).toBeGreaterThan(3);
    const updated = await bench.control.send(
      new UpdateOauth2CredentialProviderCommand({
        name: 'GithubOauth2',
        credentialProviderVendor: 'GithubOauth2',
        oauth2ProviderConfigInput: {
          githubOauth2ProviderConfig: { clientId: 'new', clientSecret: 'new-secret' },
        },
      }),
    );
    expect(updated.oauth2ProviderConfigOutput?.githubOauth2ProviderConfig?.clientId).toBe('new');
    const resourceArn = updated.credentialProviderArn;
    await bench.control.send(new TagResourceCommand({ resourceArn, tags: { team: 'a' } }));
    expect((await bench.control.send(new ListTagsForResourceCommand({ resourceArn }))).tags).toEqual({
      team: 'a',
    });
    await bench.control.send(new DeleteOauth2CredentialProviderCommand({ name: 'GithubOauth2' }));
    await expect(
      bench.control.send(new GetOauth2CredentialProviderCommand({ name: 'GithubOauth2' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('are not deleted under a target, nor made twice', async () => {
    await expect(
      bench.control.send(new DeleteOauth2CredentialProviderCommand({ name: 'custom' })),
    ).rejects.toMatchObject({ name: 'ConflictException' });
    await expect(bench.credentialProvider('custom')).rejects.toMatchObject({ name: 'ConflictException' });
  });

  it.each([
    [
      'plain http',
      { oauthDiscovery: { discoveryUrl: 'http://idp.example/.well-known/openid-configuration' } },
    ],
    [
      'credentials in the address',
      { oauthDiscovery: { discoveryUrl: 'https://a:b@idp.example/.well-known/openid-configuration' } },
    ],
    [
      'secrets elsewhere',
      { clientSecretSource: 'EXTERNAL', clientSecretConfig: { secretId: 'x', jsonKey: 'y' } },
    ],
    ['what only AWS can do', { clientAuthenticationMethod: 'AWS_IAM_ID_TOKEN_JWT' }],
    ['a key without a key', { clientAuthenticationMethod: 'PRIVATE_KEY_JWT', clientSecret: '' }],
  ])('are refused with %s', async (_what, change) => {
    await expect(bench.credentialProvider('refused', change)).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });
});

describe('workload identities', () => {
  it('are made, listed, changed and deleted; a gateway’s goes with the gateway', async () => {
    await expect(
      bench.control.send(
        new CreateWorkloadIdentityCommand({
          name: 'evil',
          allowedResourceOauth2ReturnUrls: ['javascript:alert(1)'],
        }),
      ),
    ).rejects.toMatchObject({ name: 'ValidationException' });
    await bench.control.send(new CreateWorkloadIdentityCommand({ name: 'short-lived' }));
    const urls = ['https://app.example/other'];
    await bench.control.send(
      new UpdateWorkloadIdentityCommand({ name: 'short-lived', allowedResourceOauth2ReturnUrls: urls }),
    );
    expect(
      (await bench.control.send(new GetWorkloadIdentityCommand({ name: 'short-lived' })))
        .allowedResourceOauth2ReturnUrls,
    ).toEqual(urls);
    const { workloadIdentities } = await bench.control.send(new ListWorkloadIdentitiesCommand({}));
    expect(workloadIdentities?.map(({ name }) => name)).toEqual(
      expect.arrayContaining([gatewayId, 'agent', 'short-lived']),
    );
    await bench.control.send(new DeleteWorkloadIdentityCommand({ name: 'short-lived' }));
    await expect(
      bench.control.send(new DeleteWorkloadIdentityCommand({ name: gatewayId })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('the token vault', () => {
  it('shows and notes its key', async () => {
    const vault = await bench.control.send(new GetTokenVaultCommand({}));
    expect(vault.kmsConfiguration).toEqual({ keyType: 'ServiceManagedKey' });
    const kmsKeyArn = `arn:aws:kms:us-east-1:000000000000:key/${'a'.repeat(36)}`;
    const kmsConfiguration = { keyType: 'CustomerManagedKey', kmsKeyArn } as const;
    await bench.control.send(new SetTokenVaultCMKCommand({ tokenVaultId: 'default', kmsConfiguration }));
    expect((await bench.control.send(new GetTokenVaultCommand({}))).kmsConfiguration).toEqual(
      kmsConfiguration,
    );
    await expect(
      bench.control.send(
        new SetTokenVaultCMKCommand({ kmsConfiguration: { keyType: 'CustomerManagedKey' } }),
      ),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('tokens for applications', () => {
  const wish = { resourceCredentialProviderName: 'custom', scopes: ['read'] };

  it('M2M: a token of the provider', async () => {
    const { accessToken = '' } = await bench.data.send(
      new GetResourceOauth2TokenCommand({ ...wish, workloadIdentityToken: await agent(), oauth2Flow: 'M2M' }),
    );
    expect(await bench.provider.ownerOf(accessToken)).toBe(CLIENT_ID);
  });

  it('USER_FEDERATION: the address, then the wait, then the token of the user alone', async () => {
    const tokenOf = async (userId: string): Promise<string> =>
      (await bench.data.send(new GetWorkloadAccessTokenForUserIdCommand({ workloadName: 'agent', userId })))
        .workloadAccessToken ?? '';
    const ask = async (userId: string, more: object = {}) =>
      bench.data.send(
        new GetResourceOauth2TokenCommand({
          ...wish,
          workloadIdentityToken: await tokenOf(userId),
          oauth2Flow: 'USER_FEDERATION',
          resourceOauth2ReturnUrl: RETURN_URL,
          customState: 'mine & only mine',
          ...more,
        }),
      );
    const { authorizationUrl = '', sessionUri = '' } = await ask('ada');
    expect(await ask('ada', { sessionUri })).toMatchObject({ sessionStatus: 'IN_PROGRESS', sessionUri });
    const back = await new ConsentBrowser().consent(authorizationUrl, 'ada-at-provider');
    expect(back.searchParams.get('state')).toBe('mine & only mine');
    expect(back.searchParams.get('session_id')).toBe(sessionUri);
    await expect(
      bench.data.send(
        new CompleteResourceTokenAuthCommand({ sessionUri, userIdentifier: { userId: 'eve' } }),
      ),
    ).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(await ask('ada', { sessionUri })).toMatchObject({ sessionStatus: 'FAILED' });
    const again = await ask('ada');
    await new ConsentBrowser().consent(again.authorizationUrl ?? '', 'ada-at-provider');
    await bench.data.send(
      new CompleteResourceTokenAuthCommand({
        sessionUri: again.sessionUri,
        userIdentifier: { userId: 'ada' },
      }),
    );
    const { accessToken = '' } = await ask('ada', { sessionUri: again.sessionUri });
    expect(await bench.provider.ownerOf(accessToken)).toBe('ada-at-provider');
    expect((await ask('grace')).accessToken).toBeUndefined();
    await expect(ask('linus', { resourceOauth2ReturnUrl: 'https://evil.example/' })).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });

  it('ON_BEHALF_OF_TOKEN_EXCHANGE: for the user whose genuine token is shown', async () => {
    const forJwt = (userToken: string) =>
      bench.data.send(new GetWorkloadAccessTokenForJWTCommand({ workloadName: 'agent', userToken }));
    const { workloadAccessToken } = await forJwt(await bench.issuer.token({ sub: 'ada', aud: 'some-app' }));
    const { accessToken } = await bench.data.send(
      new GetResourceOauth2TokenCommand({
        ...wish,
        workloadIdentityToken: workloadAccessToken,
        oauth2Flow: 'ON_BEHALF_OF_TOKEN_EXCHANGE',
        audiences: ['https://api.example'],
      }),
    );
    expect(accessToken).toBeDefined();
    expect(bench.provider.tokenRequests.at(-1)?.form.get('audience')).toBe('https://api.example');
    const elsewhere = await bench.issuer.token({ iss: 'https://elsewhere.example' });
    const expired = await bench.issuer.token({ exp: 1 });
    for (const token of [elsewhere, expired, 'a.b.c'])
      await expect(forJwt(token)).rejects.toMatchObject({ name: 'UnauthorizedException' });
  });

  it('for a gateway’s own identity, the token has to be one that the gateway would take (T-55)', async () => {
    const userToken = await bench.issuer.token({ aud: 'another-gateway' });
    await expect(
      bench.data.send(new GetWorkloadAccessTokenForJWTCommand({ workloadName: gatewayId, userToken })),
    ).rejects.toMatchObject({ name: 'UnauthorizedException' });
  });

  it('API keys', async () => {
    await bench.control.send(
      new CreateApiKeyCredentialProviderCommand({ name: 'key', apiKey: 'the-api-key' }),
    );
    const { apiKey } = await bench.data.send(
      new GetResourceApiKeyCommand({
        workloadIdentityToken: await agent(),
        resourceCredentialProviderName: 'key',
      }),
    );
    expect(apiKey).toBe('the-api-key');
  });

  it('nothing for tokens that are none, and nothing for the user that a token does not name', async () => {
    const forged = { ...wish, workloadIdentityToken: 'forged', oauth2Flow: 'M2M' } as const;
    await expect(bench.data.send(new GetResourceOauth2TokenCommand(forged))).rejects.toMatchObject({
      name: 'UnauthorizedException',
    });
    const noUser = { ...wish, workloadIdentityToken: await agent(), oauth2Flow: 'USER_FEDERATION' } as const;
    await expect(bench.data.send(new GetResourceOauth2TokenCommand(noUser))).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });
});

describe('what users have allowed', () => {
  it('is listed, and taken back here and at the provider (RFC 7009)', async () => {
    const invoke = (name: string, input = {}) => bench.app.app.control.invoke(name, input);
    const listed = (await invoke('ListUserConsents', { userId: 'ada' }))['consents'] as readonly {
      readonly consentId: string;
    }[];
    expect(listed).toMatchObject([
      { credentialProviderName: 'custom', workloadName: 'agent', userId: 'ada', refreshable: true },
    ]);
    await invoke('RevokeUserConsent', { consentId: listed[0]?.consentId });
    expect((await invoke('ListUserConsents', { userId: 'ada' }))['consents']).toEqual([]);
    await expect.poll(() => bench.provider.revoked.length).toBeGreaterThan(0);
    await expect(invoke('RevokeUserConsent', { consentId: 'x' })).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('is shown to the user behind a link of theirs, with a way to take it back', async () => {
    const asGrace = await bench.data.send(
      new GetWorkloadAccessTokenForUserIdCommand({ workloadName: 'agent', userId: 'grace' }),
    );
    const { authorizationUrl = '' } = await bench.data.send(
      new GetResourceOauth2TokenCommand({
        resourceCredentialProviderName: 'custom',
        scopes: ['write'],
        workloadIdentityToken: asGrace.workloadAccessToken,
        oauth2Flow: 'USER_FEDERATION',
      }),
    );
    const browser = new ConsentBrowser();
    expect((await browser.consent(authorizationUrl, 'grace')).pathname).toBe('/identities/done');
    const page = new URL(authorizationUrl.replace('/authorize', '/consents'));
    const html = await (await browser.fetch(page)).text();
    expect(html).toContain('agent');
    const field = (name: string): string =>
      new RegExp(`name="${name}" value="([^"]+)"`).exec(html)?.[1] ?? '';
    const post = (from: ConsentBrowser) =>
      from.fetch(page.origin + page.pathname, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          request_uri: page.searchParams.get('request_uri') ?? '',
          csrf: field('csrf'),
          consent: field('consent'),
        }),
      });
    expect((await post(new ConsentBrowser())).status).toBe(403);
    expect((await post(browser)).status).toBe(303);
    expect(await (await browser.fetch(page)).text()).toContain('Nothing at the moment');
  });
});
