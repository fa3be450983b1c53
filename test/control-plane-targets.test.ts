// Targets as the official AWS SDK sees them: their whole life, their failures, and what a crash leaves.

import {
  ConflictException,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  DeleteGatewayCommand,
  DeleteGatewayTargetCommand,
  GetGatewayTargetCommand,
  ListGatewayTargetsCommand,
  ResourceNotFoundException,
  ServiceQuotaExceededException,
  SynchronizeGatewayTargetsCommand,
  UpdateGatewayTargetCommand,
  ValidationException,
} from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import { createControlPlane } from '../src/control/pipeline.ts';
import { openSqliteStore } from '../src/stores/sqlite/open.ts';
import { bench, closing, DOCUMENT, failure, GATEWAY, inline, ready } from './support/control-bench.ts';
import { controlServices, fakeOpenApi } from './support/control-services.ts';

describe('targets', () => {
  it('live from creation to the last 404, with tools before READY', async () => {
    const seenAtPublish: (string | undefined)[] = [];
    const { sdk, plane, store } = await bench({
      publish: async (id) => {
        const { rows } = await store.list('gateway-target', id, { limit: 10 });
        for (const row of rows) seenAtPublish.push(row.document.live?.catalogueId);
      },
    });
    const { gatewayId: gatewayIdentifier = '' } = await sdk.send(new CreateGatewayCommand(GATEWAY));
    // As the published notebooks do: no waiting between the two.
    const created = await sdk.send(
      new CreateGatewayTargetCommand({ gatewayIdentifier, name: 'pets', targetConfiguration: inline() }),
    );
    expect(created).toMatchObject({ status: 'CREATING', name: 'pets', credentialProviderConfigurations: [] });
    const targetId = created.targetId as string;
    expect(targetId).toMatch(/^[0-9a-zA-Z]{10}$/);
    const get = () => sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
    await ready(get);
    const [row] = (await store.list('gateway-target', gatewayIdentifier, { limit: 1 })).rows;
    expect(seenAtPublish).toContain(row?.document.live?.catalogueId);
    const old = row?.document.live?.catalogueId as string;
    expect((await store.get('catalogue', old))?.document.entries).toHaveLength(2);
    // The row holds no document: that lies apart, and Get puts the two together again.
    expect(JSON.stringify(row?.document)).not.toContain('openapi\\"');
    expect((await get()).targetConfiguration).toEqual(inline());

    await sdk.send(
      new UpdateGatewayTargetCommand({
        gatewayIdentifier,
        targetId,
        name: 'pets',
        description: 'x',
        targetConfiguration: inline(),
      }),
    );
    await ready(get);
    expect(await store.get('catalogue', old)).toBeUndefined();
    expect([await store.count('catalogue'), await store.count('inline-payload')]).toEqual([1, 1]);

    const synchronized = await sdk.send(
      new SynchronizeGatewayTargetsCommand({ gatewayIdentifier, targetIdList: [targetId] }),
    );
    expect(synchronized.targets?.[0]?.status).toBe('SYNCHRONIZING');
    await plane.settled();
    const after = await get();
    expect(after.status).toBe('READY');
    expect(after.lastSynchronizedAt).toBeInstanceOf(Date);
    expect((await sdk.send(new ListGatewayTargetsCommand({ gatewayIdentifier }))).items).toMatchObject([
      { targetId, name: 'pets', status: 'READY', targetType: 'OPEN_API_SCHEMA', description: 'x' },
    ]);

    expect(await failure(sdk.send(new DeleteGatewayCommand({ gatewayIdentifier })))).toBeInstanceOf(
      ConflictException,
    );
    await sdk.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }));
    await sdk.send(new DeleteGatewayCommand({ gatewayIdentifier }));
    await plane.settled();
    expect(await failure(get())).toBeInstanceOf(ResourceNotFoundException);
    expect(
      await failure(sdk.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }))),
    ).toBeInstanceOf(ResourceNotFoundException);
    for (const kind of ['gateway', 'gateway-target', 'catalogue', 'inline-payload'] as const)
      expect([kind, await store.count(kind)]).toEqual([kind, 0]);
  });

  it('say why they failed, and serve the last good tools', async () => {
    const { sdk, plane, store, recorded } = await bench({ quotas: { toolsPerTarget: 2 } });
    const { gatewayId: gatewayIdentifier = '' } = await sdk.send(new CreateGatewayCommand(GATEWAY));
    const create = async (name: string, payload: string) => {
      const { targetId = '' } = await sdk.send(
        new CreateGatewayTargetCommand({ gatewayIdentifier, name, targetConfiguration: inline(payload) }),
      );
      await plane.settled();
      return sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
    };
    expect(await create('broken', '{')).toMatchObject({
      status: 'FAILED',
      statusReasons: ['targetConfiguration.mcp.openApiSchema: is neither JSON nor YAML'],
    });
    const crashed = await create('crashed', '{"openapi":"crash"}');
    expect(crashed.statusReasons?.[0]).toMatch(
      /^An internal error occurred\. The log has it under id [0-9a-f-]+\.$/,
    );
    expect(recorded.logged.join('\n')).toContain('a bug with a secret in it');
    const three = JSON.stringify({
      paths: { '/a': { get: { operationId: 'a' }, put: { operationId: 'b' }, post: { operationId: 'c' } } },
    });
    const many = await create('many', three);
    expect(many.statusReasons?.[0]).toContain('makes 3 tools, and a target can have 2 at most');
    expect(await store.count('catalogue')).toBe(0);

    const good = await create('good', DOCUMENT);
    expect(good.status).toBe('READY');
    const targetId = good.targetId as string;
    await sdk.send(
      new UpdateGatewayTargetCommand({ gatewayIdentifier, targetId, targetConfiguration: inline('{') }),
    );
    await plane.settled();
    const row = await store.get('gateway-target', targetId);
    expect(row?.document.status).toBe('UPDATE_UNSUCCESSFUL');
    const served = await store.get('catalogue', row?.document.live?.catalogueId ?? '');
    expect(served?.document.entries.map(({ name }) => name)).toEqual(['listPets', 'addPet']);
    const report = await plane.invoke('GetGatewayTargetImportReport', { gatewayIdentifier, targetId });
    expect(report).toMatchObject({
      status: 'UPDATE_UNSUCCESSFUL',
      report: { tools: 2, skipped: 0, source: 'inline' },
    });
    const none = await failure(
      plane.invoke('GetGatewayTargetImportReport', {
        gatewayIdentifier,
        targetId: crashed.targetId,
      }),
    );
    expect(none.message).toContain('no import has succeeded yet, its status is FAILED');

    const far = { mcp: { openApiSchema: { s3: { uri: 'https://127.0.0.1:1/x.json' } } } };
    await sdk.send(new UpdateGatewayTargetCommand({ gatewayIdentifier, targetId, targetConfiguration: far }));
    await plane.settled();
    await sdk.send(new SynchronizeGatewayTargetsCommand({ gatewayIdentifier, targetIdList: [targetId] }));
    await plane.settled();
    expect(await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }))).toMatchObject({
      status: 'SYNCHRONIZE_UNSUCCESSFUL',
      statusReasons: ['Connection refused by 127.0.0.1:1.'],
      targetConfiguration: far,
    });
  });

  it('are checked before they are made', async () => {
    const { sdk } = await bench({ quotas: { targetsPerGateway: 1 } });
    const { gatewayId: gatewayIdentifier = '' } = await sdk.send(new CreateGatewayCommand(GATEWAY));
    const create = (more: object) =>
      sdk.send(
        new CreateGatewayTargetCommand({
          gatewayIdentifier,
          name: 't',
          targetConfiguration: inline(),
          ...more,
        }),
      );
    const fields = async (more: object) => {
      const error = (await failure(create(more))) as unknown as ValidationException;
      expect(error).toBeInstanceOf(ValidationException);
      return error.fieldList?.map((field) => `${field.name}: ${field.message}`).join('; ') ?? '';
    };
    const smithy = { targetConfiguration: { mcp: { smithyModel: { inlinePayload: '{}' } } } };
    expect(await fields(smithy)).toContain('available are: mcp.openApiSchema (OPEN_API_SCHEMA)');
    expect(await fields({ targetConfiguration: inline('check me') })).toBe(
      'targetConfiguration.mcp.openApiSchema.inlinePayload: was checked',
    );
    expect(
      await fields({ credentialProviderConfigurations: [{ credentialProviderType: 'OAUTH' }] }),
    ).toContain('OAUTH is not available in this version; available are: API_KEY');
    expect(
      await fields({
        metadataConfiguration: { allowedRequestHeaders: ['X-Ok', 'Authorization', 'a b', 'X-Amzn-Foo'] },
      }),
    ).toMatch(
      /^metadataConfiguration.allowedRequestHeaders.2.member: Authorization is .*3.member: .*4.member: X-Amzn/,
    );
    for (const providerArn of [
      'arn:aws:bedrock-agentcore:us-east-1:000000000000:token-vault/default/apikeycredentialprovider/missing',
      'arn:aws:bedrock-agentcore:us-east-1:111111111111:token-vault/default/apikeycredentialprovider/foreign',
    ])
      expect(
        await failure(
          create({
            credentialProviderConfigurations: [
              {
                credentialProviderType: 'API_KEY',
                credentialProvider: { apiKeyCredentialProvider: { providerArn } },
              },
            ],
          }),
        ),
      ).toBeInstanceOf(ResourceNotFoundException);
    await create({});
    expect(await failure(create({}))).toBeInstanceOf(ConflictException);
    expect(await failure(create({ name: 'u' }))).toBeInstanceOf(ServiceQuotaExceededException);
    const elsewhere = { gatewayIdentifier: 'none-0123456789' };
    expect(await failure(create(elsewhere))).toBeInstanceOf(ResourceNotFoundException);
  });

  it('are taken up again after a crash', async () => {
    const store = await openSqliteStore(':memory:');
    closing.push(() => store.close());
    let isAlive = true;
    const reconcile = { leaseTtlMs: 200 };
    const held = controlServices(
      { ...store, lease: (...lease) => (isAlive ? store.lease(...lease) : Promise.resolve(false)) },
      { targetTypes: [fakeOpenApi({ wait: new Promise(() => {}) })], reconcile },
    );
    const crashed = createControlPlane(held.services);
    await crashed.start();
    const gateway = await crashed.invoke('CreateGateway', GATEWAY);
    const gatewayIdentifier = gateway['gatewayId'] as string;
    const target = await crashed.invoke('CreateGatewayTarget', {
      gatewayIdentifier,
      targetConfiguration: inline(),
    });
    const targetId = target['targetId'] as string;
    const statusOf = async () => (await store.get('gateway-target', targetId))?.document.status;
    // Another process does not touch the target while the first renews its lease, and takes over when it is dead.
    const other = createControlPlane(controlServices(store, { reconcile }).services);
    closing.push(() => other.stop());
    await other.start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await statusOf()).toBe('CREATING');
    isAlive = false;
    await other.settled();
    expect(await statusOf()).toBe('READY');
  });

  it('are left as they are by a stop, and taken up at the next start', async () => {
    const store = await openSqliteStore(':memory:');
    closing.push(() => store.close());
    let release: () => void = () => {};
    const gate = { wait: new Promise<void>((resolve) => (release = resolve)) };
    const first = createControlPlane(controlServices(store, { targetTypes: [fakeOpenApi(gate)] }).services);
    const gateway = await first.invoke('CreateGateway', GATEWAY);
    const gatewayIdentifier = gateway['gatewayId'] as string;
    const target = await first.invoke('CreateGatewayTarget', {
      gatewayIdentifier,
      targetConfiguration: inline(),
    });
    const targetId = target['targetId'] as string;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stopped = first.stop();
    release();
    await stopped;
    expect((await store.get('gateway-target', targetId))?.document.status).toBe('CREATING');
    const second = createControlPlane(controlServices(store).services);
    closing.push(() => second.stop());
    await second.start();
    await second.settled();
    expect(await second.invoke('GetGatewayTarget', { gatewayIdentifier, targetId })).toMatchObject({
      status: 'READY',
    });
  });

  it('can be deleted while a slow source is being read', async () => {
    const { sdk, plane, store } = await bench({
      targetTypes: [fakeOpenApi({ wait: new Promise(() => {}) })],
    });
    const { gatewayId: gatewayIdentifier = '' } = await sdk.send(new CreateGatewayCommand(GATEWAY));
    const { targetId = '' } = await sdk.send(
      new CreateGatewayTargetCommand({ gatewayIdentifier, name: 't', targetConfiguration: inline() }),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    await sdk.send(new DeleteGatewayTargetCommand({ gatewayIdentifier, targetId }));
    await sdk.send(new DeleteGatewayCommand({ gatewayIdentifier }));
    await plane.settled();
    expect([await store.count('gateway'), await store.count('gateway-target')]).toEqual([0, 0]);
  });

  it('let a concurrent update win', async () => {
    let release: () => void = () => {};
    const gate = { wait: new Promise<void>((resolve) => (release = resolve)) };
    const { sdk, plane, store } = await bench({ targetTypes: [fakeOpenApi(gate)] });
    const { gatewayId: gatewayIdentifier = '' } = await sdk.send(new CreateGatewayCommand(GATEWAY));
    const { targetId = '' } = await sdk.send(
      new CreateGatewayTargetCommand({ gatewayIdentifier, name: 't', targetConfiguration: inline() }),
    );
    const one = JSON.stringify({ paths: { '/': { get: { operationId: 'only' } } } });
    await sdk.send(
      new UpdateGatewayTargetCommand({ gatewayIdentifier, targetId, targetConfiguration: inline(one) }),
    );
    release();
    await plane.settled();
    const row = await store.get('gateway-target', targetId);
    expect(row?.document.status).toBe('READY');
    const served = await store.get('catalogue', row?.document.live?.catalogueId ?? '');
    expect(served?.document.entries.map(({ name }) => name)).toEqual(['only']);
    expect(await store.count('catalogue')).toBe(1);
  });
});
