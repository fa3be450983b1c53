// Gateways and tags as the official AWS SDK sees them, over real HTTP, on the real SQLite store.

import {
  ConflictException,
  CreateApiKeyCredentialProviderCommand,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteGatewayCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
  ListGatewaysCommand,
  ListTagsForResourceCommand,
  paginateListGateways,
  ResourceNotFoundException,
  ServiceQuotaExceededException,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateGatewayCommand,
  ValidationException,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import { createControlPlane } from '../src/control/pipeline.ts';
import { bench, failure, GATEWAY, inline, ready } from './support/control-bench.ts';
import { controlServices } from './support/control-services.ts';

describe('gateways', () => {
  it('live from creation to the last 404', async () => {
    const { sdk, recorded } = await bench();
    const created = await sdk.send(
      new CreateGatewayCommand({
        ...GATEWAY,
        description: 'd',
        protocolConfiguration: { mcp: { searchType: 'SEMANTIC' } },
      }),
    );
    expect(created.$metadata.httpStatusCode).toBe(202);
    expect(created.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(created.gatewayId).toMatch(/^pets-[0-9a-z]{10}$/);
    expect(created).toMatchObject({
      status: 'CREATING',
      gatewayArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${created.gatewayId}`,
      gatewayUrl: `http://127.0.0.1:8080/gateways/${created.gatewayId}/mcp`,
      workloadIdentityDetails: {
        workloadIdentityArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:workload-identity-directory/default/workload-identity/${created.gatewayId}`,
      },
    });
    expect(created.createdAt).toBeInstanceOf(Date);
    const gatewayIdentifier = created.gatewayId as string;
    const get = () => sdk.send(new GetGatewayCommand({ gatewayIdentifier }));
    await ready(get);
    expect(recorded.published).toContain(gatewayIdentifier);
    expect(await get()).toMatchObject({
      name: 'Pets',
      description: 'd',
      protocolConfiguration: { mcp: { searchType: 'SEMANTIC' } },
      authorizerType: 'NONE',
    });
    const updated = await sdk.send(
      new UpdateGatewayCommand({ ...GATEWAY, gatewayIdentifier, exceptionLevel: 'DEBUG' }),
    );
    expect(updated.status).toBe('UPDATING');
    await ready(get);
    const after = await get();
    expect(after.exceptionLevel).toBe('DEBUG');
    expect(after.description).toBeUndefined();
    expect(after.updatedAt?.getTime()).toBeGreaterThanOrEqual(created.createdAt?.getTime() as number);
    expect((await sdk.send(new ListGatewaysCommand({}))).items).toMatchObject([
      {
        gatewayId: gatewayIdentifier,
        name: 'Pets',
        status: 'READY',
        authorizerType: 'NONE',
        protocolType: 'MCP',
      },
    ]);
    expect(await sdk.send(new DeleteGatewayCommand({ gatewayIdentifier }))).toMatchObject({
      status: 'DELETING',
    });
    while (!((await get().catch((error: unknown) => error)) instanceof ResourceNotFoundException));
    expect(await failure(sdk.send(new DeleteGatewayCommand({ gatewayIdentifier })))).toBeInstanceOf(
      ResourceNotFoundException,
    );
  });

  it('keep what is fixed at creation', async () => {
    const { sdk, plane } = await bench();
    const supportedVersions = ['2025-06-18'];
    const created = await sdk.send(
      new CreateGatewayCommand({ ...GATEWAY, protocolConfiguration: { mcp: { supportedVersions } } }),
    );
    const gatewayIdentifier = created.gatewayId as string;
    await plane.settled();
    const wrong = await failure(
      sdk.send(
        new UpdateGatewayCommand({
          ...GATEWAY,
          name: 'Other',
          authorizerType: 'CUSTOM_JWT',
          gatewayIdentifier,
          protocolConfiguration: { mcp: { supportedVersions: ['2025-03-26'] } },
        }),
      ),
    );
    expect(wrong).toBeInstanceOf(ValidationException);
    expect((wrong as unknown as ValidationException).fieldList?.map((field) => field.name)).toEqual([
      'name',
      'authorizerType',
      'protocolConfiguration.mcp.supportedVersions',
    ]);
    const updated = await sdk.send(new UpdateGatewayCommand({ ...GATEWAY, gatewayIdentifier }));
    expect(updated.protocolConfiguration).toEqual({ mcp: { supportedVersions } });
  });

  it('refuse what this version does not have, and say what it has', async () => {
    const { sdk } = await bench();
    const iam = await failure(sdk.send(new CreateGatewayCommand({ ...GATEWAY, authorizerType: 'AWS_IAM' })));
    expect(iam.message).toContain(
      'AWS_IAM is not available in this version; available are: NONE, CUSTOM_JWT',
    );
    const policy = await failure(
      sdk.send(
        new CreateGatewayCommand({
          ...GATEWAY,
          policyEngineConfiguration: {
            arn: 'arn:aws:bedrock-agentcore:us-east-1:000000000000:policy-engine/pe-0123456789',
            mode: 'ENFORCE',
          },
        }),
      ),
    );
    expect(policy.message).toContain(
      "'policyEngineConfiguration' failed to satisfy constraint: Member is not available",
    );
    const jwt = { ...GATEWAY, authorizerType: 'CUSTOM_JWT' } as const;
    expect((await failure(sdk.send(new CreateGatewayCommand(jwt)))).message).toContain(
      'authorizerConfiguration',
    );
    const discoveryUrl = 'https://id.example/.well-known/openid-configuration';
    const authorizerConfiguration = { customJWTAuthorizer: { discoveryUrl } };
    const bare = await failure(sdk.send(new CreateGatewayCommand({ ...jwt, authorizerConfiguration })));
    expect(bare.message).toContain('needs at least one of');
    const noneWith = await failure(
      sdk.send(new CreateGatewayCommand({ ...GATEWAY, authorizerConfiguration })),
    );
    expect(noneWith.message).toContain('must be absent when authorizerType is NONE');
    const good = await sdk.send(
      new CreateGatewayCommand({
        ...jwt,
        authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl, allowedClients: ['c'] } },
      }),
    );
    expect(good.authorizerConfiguration).toEqual({
      customJWTAuthorizer: { discoveryUrl, allowedClients: ['c'] },
    });
  });

  it('are listed in pages', async () => {
    const { sdk } = await bench();
    for (let n = 0; n < 7; n++) await sdk.send(new CreateGatewayCommand({ ...GATEWAY, name: `g${n}` }));
    const pages: (string | undefined)[][] = [];
    for await (const page of paginateListGateways({ client: sdk, pageSize: 3 }, {}))
      pages.push((page.items ?? []).map((item) => item.name));
    expect(pages).toEqual([['g0', 'g1', 'g2'], ['g3', 'g4', 'g5'], ['g6']]);
    const first = await sdk.send(new ListGatewaysCommand({ maxResults: 1 }));
    for (const nextToken of ['x', 'eyJhIjoxfQ', `${first.nextToken}A`, first.nextToken?.slice(2)]) {
      const bad = await failure(sdk.send(new ListGatewaysCommand({ nextToken })));
      expect(bad).toBeInstanceOf(ValidationException);
    }
    expect(await failure(sdk.send(new ListGatewaysCommand({ maxResults: 1001 })))).toBeInstanceOf(
      ValidationException,
    );
  });

  it('have names of their own and a quota', async () => {
    const { sdk } = await bench({ quotas: { gateways: 2 } });
    await sdk.send(new CreateGatewayCommand(GATEWAY));
    const twice = await failure(sdk.send(new CreateGatewayCommand(GATEWAY)));
    expect(twice).toBeInstanceOf(ConflictException);
    await sdk.send(new CreateGatewayCommand({ ...GATEWAY, name: 'Two' }));
    const third = await failure(sdk.send(new CreateGatewayCommand({ ...GATEWAY, name: 'Three' })));
    expect(third).toBeInstanceOf(ServiceQuotaExceededException);
    expect((third as unknown as ServiceQuotaExceededException).$metadata.httpStatusCode).toBe(402);
  });

  it('are made once for a client token', async () => {
    let now = Date.now();
    const clock = { now: () => now, monotonic: () => performance.now() };
    const { sdk, plane, store } = await bench();
    const clientToken = 'a'.repeat(40);
    const [first, ...others] = await Promise.all(
      [1, 2, 3].map(() => sdk.send(new CreateGatewayCommand({ ...GATEWAY, clientToken }))),
    );
    expect(new Set([first?.gatewayId, ...others.map((other) => other.gatewayId)]).size).toBe(1);
    await plane.settled();
    expect((await sdk.send(new CreateGatewayCommand({ ...GATEWAY, clientToken }))).status).toBe('READY');
    const other = await failure(
      sdk.send(new CreateGatewayCommand({ ...GATEWAY, name: 'Other', clientToken })),
    );
    expect(other).toBeInstanceOf(ValidationException);
    expect((other as unknown as ValidationException).reason).toBe('IdempotentParameterMismatchException');
    expect(await store.count('client-token')).toBe(1);
    now += 25 * 60 * 60 * 1000;
    const later = createControlPlane(controlServices(store, { clock }).services);
    await later.start();
    expect(await store.count('client-token')).toBe(0);
    await later.stop();
  });
});

describe('tags', () => {
  it('are kept, and those that are settings take effect', async () => {
    const { sdk, plane, recorded, store } = await bench();
    const gateway = await sdk.send(new CreateGatewayCommand({ ...GATEWAY, tags: { team: 'a b' } }));
    const [gatewayIdentifier = '', gatewayArn = ''] = [gateway.gatewayId, gateway.gatewayArn];
    const { targetId = '' } = await sdk.send(
      new CreateGatewayTargetCommand({ gatewayIdentifier, name: 't', targetConfiguration: inline() }),
    );
    await sdk.send(new CreateApiKeyCredentialProviderCommand({ name: 'k', apiKey: 'x', tags: { a: 'b' } }));
    await plane.settled();
    const tagsOf = async (resourceArn: string) =>
      (await sdk.send(new ListTagsForResourceCommand({ resourceArn }))).tags;
    expect(await tagsOf(gatewayArn)).toEqual({ team: 'a b' });
    expect(
      await tagsOf(
        'arn:aws:bedrock-agentcore:us-east-1:000000000000:token-vault/default/apikeycredentialprovider/k',
      ),
    ).toEqual({ a: 'b' });

    recorded.published.length = 0;
    const tag = (resourceArn: string, tags: Record<string, string>) =>
      sdk.send(new TagResourceCommand({ resourceArn, tags }));
    expect((await tag(gatewayArn, { 'gatewright:tool-names': 'bare' })).$metadata.httpStatusCode).toBe(204);
    expect(recorded.published).toEqual([gatewayIdentifier]);

    const targetArn = `${gatewayArn}/target/${targetId}`;
    await tag(targetArn, { 'gatewright:include-tags': 'pets', other: '1' });
    const get = () => sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
    await ready(get);
    const toolsOf = async () => {
      const row = await store.get('gateway-target', targetId);
      return (await store.get('catalogue', row?.document.live?.catalogueId ?? ''))?.document.entries.length;
    };
    expect(await toolsOf()).toBe(1);
    await sdk.send(
      new UntagResourceCommand({ resourceArn: targetArn, tagKeys: ['gatewright:include-tags', 'none'] }),
    );
    await ready(get);
    expect(await toolsOf()).toBe(2);
    expect(await tagsOf(targetArn)).toEqual({ other: '1' });

    for (const [arn, tags] of [
      [gatewayArn, { 'gatewright:tool-names': 'odd' }],
      [gatewayArn, { 'gatewright:include-tags': 'x' }],
      [targetArn, { 'gatewright:nonsense': 'x' }],
      [targetArn, { 'aws:x': 'y' }],
    ] as const)
      expect(await failure(tag(arn, tags))).toBeInstanceOf(ValidationException);
    const named = await failure(tag(gatewayArn, { 'gatewright:nonsense': 'x' }));
    expect(named.message).toContain('gatewright:tool-names, gatewright:tool-name-max-length');
    const forty = Object.fromEntries([...Array(49).keys()].map((n) => [`k${n}`, 'v']));
    expect(await failure(tag(gatewayArn, forty))).toBeInstanceOf(ServiceQuotaExceededException);
    for (const arn of [
      `${gatewayArn}x`,
      gatewayArn.replace('us-east-1', 'us-west-2'),
      `${gatewayArn}/target/0123456789`,
    ])
      expect(await failure(tagsOf(arn))).toBeInstanceOf(ResourceNotFoundException);
  });
});
