// The operations of the Lambda API, as the official SDK sees them.

import { createHash } from 'node:crypto';
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteLayerVersionCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  GetPolicyCommand,
  InvokeAsyncCommand,
  InvokeCommand,
  ListAliasesCommand,
  ListFunctionsCommand,
  ListLayerVersionsCommand,
  ListLayersCommand,
  ListTagsCommand,
  ListVersionsByFunctionCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  RemovePermissionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  paginateListFunctions,
  waitUntilFunctionActiveV2,
  waitUntilFunctionExists,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { describe, expect, it, vi } from 'vitest';
import { ROLE, call, deploy, functionBench, jsonOf, refusal, zipOf } from './support/functions.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:orders';
const FunctionName = 'orders';
const echo = 'export const handler = async (event) => event;';
const saying = (text: string): string => `export const handler = async () => ${JSON.stringify(text)};`;

describe('a function', () => {
  it('is made, shown, waited for and listed with what AWS shows', async () => {
    const { sdk } = await functionBench();
    const ZipFile = await zipOf({ 'index.mjs': echo });
    const made = await sdk.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Role: ROLE,
        Code: { ZipFile },
        Description: 'All orders',
        Timeout: 7,
        MemorySize: 256,
        Environment: { Variables: { TABLE: 'orders' } },
        Tags: { team: 'shop' },
        TracingConfig: { Mode: 'Active' },
        EphemeralStorage: { Size: 1024 },
        VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
      }),
    );
    expect(made).toMatchObject({
      FunctionName,
      FunctionArn: ARN,
      Runtime: 'nodejs22.x',
      Role: ROLE,
      Handler: 'index.handler',
      CodeSize: ZipFile.length,
      CodeSha256: createHash('sha256').update(ZipFile).digest('base64'),
      Description: 'All orders',
      Timeout: 7,
      MemorySize: 256,
      Version: '$LATEST',
      Environment: { Variables: { TABLE: 'orders' } },
      TracingConfig: { Mode: 'Active' },
      State: 'Active',
      LastUpdateStatus: 'Successful',
      PackageType: 'Zip',
      EphemeralStorage: { Size: 1024 },
      LoggingConfig: { LogFormat: 'Text', LogGroup: '/aws/lambda/orders' },
    });
    expect(made.LastModified).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
    expect(made.$metadata.httpStatusCode).toBe(201);
    const waiter = { client: sdk, maxWaitTime: 5 };
    expect((await waitUntilFunctionExists(waiter, { FunctionName })).state).toBe('SUCCESS');
    expect((await waitUntilFunctionActiveV2(waiter, { FunctionName })).state).toBe('SUCCESS');
    expect((await waitUntilFunctionUpdatedV2(waiter, { FunctionName })).state).toBe('SUCCESS');
    const { Configuration, Code, Tags } = await sdk.send(new GetFunctionCommand({ FunctionName }));
    const { $metadata: _metadata, ...configuration } = made;
    expect(Configuration).toEqual(configuration);
    expect(Tags).toEqual({ team: 'shop' });
    const fetched = await fetch(Code?.Location ?? '');
    expect(Buffer.from(await fetched.arrayBuffer()).equals(ZipFile)).toBe(true);
    expect((await fetch(`${Code?.Location ?? ''}x`)).status).toBe(403);
    const { Functions } = await sdk.send(new ListFunctionsCommand({}));
    expect(Functions).toEqual([configuration]);
  });

  it('answers to its name and to partial and full ARNs, with and without qualifier', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo, { Publish: true });
    for (const name of [
      'orders',
      'function:orders',
      '000000000000:function:orders',
      ARN,
      `${ARN}:$LATEST`,
      'orders:1',
      `${ARN}:1`,
    ])
      expect(await call(sdk, { name }, { FunctionName: name })).toMatchObject({
        value: { name },
        version: name.endsWith(':1') ? '1' : '$LATEST',
      });
    for (const name of [
      'arn:aws:lambda:us-east-1:111111111111:function:orders',
      'arn:aws:lambda:eu-west-1:000000000000:function:orders',
      'orders:2',
      'orders:prod',
      'nobody',
    ])
      expect(await refusal(call(sdk, {}, { FunctionName: name })), name).toMatchObject({
        name: 'ResourceNotFoundException',
        status: 404,
      });
    expect(await refusal(call(sdk, {}, { FunctionName: 'orders:1', Qualifier: '$LATEST' }))).toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('changes its code and its configuration, and calls see it at once', async () => {
    const { sdk } = await functionBench();
    const first = await deploy(sdk, saying('one'), {
      Environment: { Variables: { AA: '1', B1: '2' } },
      Timeout: 5,
    });
    expect((await call(sdk)).value).toBe('one');
    const ZipFile = await zipOf({ 'index.mjs': saying('two') });
    const dry = await sdk.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile, DryRun: true }));
    expect(dry.CodeSize).toBe(ZipFile.length);
    expect((await call(sdk)).value).toBe('one');
    const second = await sdk.send(
      new UpdateFunctionCodeCommand({ FunctionName, ZipFile, RevisionId: first.RevisionId }),
    );
    expect(second.CodeSha256).not.toBe(first.CodeSha256);
    expect((await call(sdk)).value).toBe('two');
    expect(
      await refusal(
        sdk.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile, RevisionId: first.RevisionId })),
      ),
    ).toMatchObject({ name: 'PreconditionFailedException', status: 412 });
    const third = await sdk.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName,
        Description: 'changed',
        Environment: { Variables: { B1: '3' } },
      }),
    );
    expect(third).toMatchObject({
      Description: 'changed',
      Timeout: 5,
      Environment: { Variables: { B1: '3' } },
      CodeSha256: second.CodeSha256,
    });
    expect(third.RevisionId).not.toBe(second.RevisionId);
    await sdk.send(
      new UpdateFunctionCodeCommand({
        FunctionName,
        ZipFile: await zipOf({
          'index.mjs': 'export const handler = async () => [process.env.AA ?? null, process.env.B1];',
        }),
      }),
    );
    expect((await call(sdk)).value).toEqual([null, '3']);
    await sdk.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: {} } }));
    expect(await sdk.send(new GetFunctionConfigurationCommand({ FunctionName }))).not.toHaveProperty(
      'Environment',
    );
  });

  it('is deleted with everything of it, and its name is free again', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo, { Publish: true });
    await sdk.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }));
    expect(await refusal(deploy(sdk, echo))).toMatchObject({
      name: 'ResourceConflictException',
      status: 409,
    });
    const { $metadata } = await sdk.send(new DeleteFunctionCommand({ FunctionName }));
    expect($metadata.httpStatusCode).toBe(204);
    expect(await refusal(call(sdk))).toMatchObject({ name: 'ResourceNotFoundException', status: 404 });
    expect(await refusal(sdk.send(new DeleteFunctionCommand({ FunctionName })))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
    const { AccountUsage } = await sdk.send(new GetAccountSettingsCommand({}));
    expect(AccountUsage).toEqual({ FunctionCount: 0, TotalCodeSize: 0 });
    await deploy(sdk, echo);
    expect(await refusal(call(sdk, {}, { Qualifier: 'live' }))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('is one of many on pages', async () => {
    const { sdk } = await functionBench();
    const Code = { ZipFile: await zipOf({ 'index.mjs': echo }) };
    const names = Array.from({ length: 7 }, (_each, index) => `many-${index}`);
    for (const name of names.toReversed()) await deploy(sdk, echo, { FunctionName: name, Code });
    const seen: unknown[] = [];
    for await (const page of paginateListFunctions({ client: sdk, pageSize: 3 }, {})) {
      expect(page.Functions?.length).toBeLessThanOrEqual(3);
      seen.push(...(page.Functions ?? []).map((each) => each.FunctionName));
    }
    expect(seen).toEqual(names);
    expect(await refusal(sdk.send(new ListFunctionsCommand({ Marker: 'elsewhere' })))).toMatchObject({
      name: 'InvalidParameterValueException',
      status: 400,
    });
  });
});

describe('versions and aliases', () => {
  it('stay as they were published; numbers are not used twice', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, saying('one'));
    const one = await sdk.send(new PublishVersionCommand({ FunctionName, Description: 'first' }));
    expect(one).toMatchObject({ Version: '1', FunctionArn: `${ARN}:1`, Description: 'first' });
    const again = await sdk.send(new PublishVersionCommand({ FunctionName }));
    expect(again.Version).toBe('1');
    const two = await sdk.send(
      new UpdateFunctionCodeCommand({
        FunctionName,
        ZipFile: await zipOf({ 'index.mjs': saying('two') }),
        Publish: true,
      }),
    );
    expect(two.Version).toBe('2');
    expect(await call(sdk, {}, { Qualifier: '1' })).toMatchObject({ value: 'one', version: '1' });
    expect(await call(sdk, {}, { Qualifier: '2' })).toMatchObject({ value: 'two', version: '2' });
    await sdk.send(new DeleteFunctionCommand({ FunctionName, Qualifier: '2' }));
    expect(await refusal(call(sdk, {}, { Qualifier: '2' }))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
    expect(await call(sdk)).toMatchObject({ value: 'two' });
    await sdk.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }));
    expect((await sdk.send(new PublishVersionCommand({ FunctionName }))).Version).toBe('3');
    const { Versions } = await sdk.send(new ListVersionsByFunctionCommand({ FunctionName }));
    expect(Versions?.map(({ Version }) => Version)).toEqual(['$LATEST', '1', '3']);
    const { Functions } = await sdk.send(new ListFunctionsCommand({ FunctionVersion: 'ALL' }));
    expect(Functions?.map(({ FunctionArn }) => FunctionArn)).toEqual([
      `${ARN}:$LATEST`,
      `${ARN}:1`,
      `${ARN}:3`,
    ]);
    expect(
      await refusal(sdk.send(new PublishVersionCommand({ FunctionName, CodeSha256: 'other' }))),
    ).toMatchObject({ name: 'InvalidParameterValueException' });
  });

  it('an alias moves from version to version, and shares calls among two', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, saying('one'), { Publish: true });
    const alias = await sdk.send(
      new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1', Description: 'now' }),
    );
    expect(alias).toMatchObject({
      AliasArn: `${ARN}:live`,
      Name: 'live',
      FunctionVersion: '1',
      Description: 'now',
    });
    expect(
      await refusal(sdk.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))),
    ).toMatchObject({ name: 'ResourceConflictException' });
    expect(
      await refusal(sdk.send(new CreateAliasCommand({ FunctionName, Name: 'next', FunctionVersion: '9' }))),
    ).toMatchObject({ name: 'ResourceNotFoundException' });
    await sdk.send(
      new UpdateFunctionCodeCommand({
        FunctionName,
        ZipFile: await zipOf({ 'index.mjs': saying('two') }),
        Publish: true,
      }),
    );
    expect(await call(sdk, {}, { Qualifier: 'live' })).toMatchObject({ value: 'one', version: '1' });
    await sdk.send(
      new UpdateAliasCommand({
        FunctionName,
        Name: 'live',
        RoutingConfig: { AdditionalVersionWeights: { '2': 0.5 } },
        RevisionId: alias.RevisionId,
      }),
    );
    const values = new Set<unknown>();
    for (let calls = 0; calls < 200 && values.size < 2; calls += 1)
      values.add((await call(sdk, {}, { Qualifier: 'live' })).value);
    expect(values).toEqual(new Set(['one', 'two']));
    expect(
      await refusal(sdk.send(new DeleteFunctionCommand({ FunctionName, Qualifier: '2' }))),
    ).toMatchObject({ name: 'ResourceConflictException' });
    await sdk.send(
      new UpdateAliasCommand({
        FunctionName,
        Name: 'live',
        FunctionVersion: '2',
        RoutingConfig: { AdditionalVersionWeights: {} },
      }),
    );
    expect(await call(sdk, {}, { FunctionName: `${ARN}:live` })).toMatchObject({
      value: 'two',
      version: '2',
    });
    expect(
      (await sdk.send(new GetAliasCommand({ FunctionName, Name: 'live' }))).RoutingConfig,
    ).toBeUndefined();
    expect((await sdk.send(new ListAliasesCommand({ FunctionName, FunctionVersion: '1' }))).Aliases).toEqual(
      [],
    );
    await sdk.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }));
    expect(await refusal(sdk.send(new GetAliasCommand({ FunctionName, Name: 'live' })))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});

describe('calls', () => {
  it('a dry run only looks; an event is taken at once and runs', async () => {
    const { sdk, lines } = await functionBench();
    await deploy(sdk, 'export const handler = async (event) => console.log("ran", event.n);');
    const dry = await sdk.send(
      new InvokeCommand({ FunctionName, InvocationType: 'DryRun', Payload: '{"n":1}' }),
    );
    expect(dry.StatusCode).toBe(204);
    const taken = await sdk.send(
      new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: '{"n":2}' }),
    );
    expect(taken.StatusCode).toBe(202);
    expect(taken.Payload?.length ?? 0).toBe(0);
    const old = await sdk.send(new InvokeAsyncCommand({ FunctionName, InvokeArgs: '{"n":3}' }));
    expect(old.Status).toBe(202);
    const said = () =>
      lines.filter(({ msg }) => msg === 'function says').map(({ line }) => String(line).split('\t').at(-1));
    await vi.waitFor(() => expect(new Set(said())).toEqual(new Set(['ran 2', 'ran 3'])), { timeout: 10_000 });
    expect(
      await refusal(
        sdk.send(new InvokeCommand({ FunctionName: 'nobody', InvocationType: 'Event', Payload: '{}' })),
      ),
    ).toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('a limit of calls at the same time holds; 0 stops the function', async () => {
    const { sdk } = await functionBench();
    await deploy(
      sdk,
      'export const handler = (event) => new Promise((done) => setTimeout(done, event.ms, "done"));',
      {
        Timeout: 20,
      },
    );
    await sdk.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 1 }));
    expect(await sdk.send(new GetFunctionConcurrencyCommand({ FunctionName }))).toMatchObject({
      ReservedConcurrentExecutions: 1,
    });
    const running = call(sdk, { ms: 1500 });
    await vi.waitFor(
      async () =>
        expect(await refusal(call(sdk, { ms: 0 }))).toMatchObject({
          name: 'TooManyRequestsException',
          status: 429,
        }),
      { timeout: 1400 },
    );
    expect((await running).value).toBe('done');
    await sdk.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    expect(await refusal(call(sdk, { ms: 0 }))).toMatchObject({ name: 'TooManyRequestsException' });
    await sdk.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
    expect((await call(sdk, { ms: 0 })).value).toBe('done');
  });
});

describe('permissions, tags and layers', () => {
  it('a policy is made of statements and read as IAM writes it', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo);
    expect(await refusal(sdk.send(new GetPolicyCommand({ FunctionName })))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
    const permission = {
      FunctionName,
      StatementId: 'gateway',
      Action: 'lambda:InvokeFunction',
      Principal: 'bedrock-agentcore.amazonaws.com',
      SourceAccount: '000000000000',
      SourceArn: 'arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/*',
    };
    const added = await sdk.send(new AddPermissionCommand(permission));
    const statement = {
      Sid: 'gateway',
      Effect: 'Allow',
      Principal: { Service: 'bedrock-agentcore.amazonaws.com' },
      Action: 'lambda:InvokeFunction',
      Resource: ARN,
      Condition: {
        StringEquals: { 'AWS:SourceAccount': '000000000000' },
        ArnLike: { 'AWS:SourceArn': permission.SourceArn },
      },
    };
    expect(JSON.parse(added.Statement ?? '')).toEqual(statement);
    expect(await refusal(sdk.send(new AddPermissionCommand(permission)))).toMatchObject({
      name: 'ResourceConflictException',
    });
    const { Policy, RevisionId } = await sdk.send(new GetPolicyCommand({ FunctionName }));
    expect(JSON.parse(Policy ?? '')).toEqual({
      Version: '2012-10-17',
      Id: 'default',
      Statement: [statement],
    });
    const removal = { FunctionName, StatementId: 'gateway' };
    expect(
      await refusal(sdk.send(new RemovePermissionCommand({ ...removal, RevisionId: 'stale' }))),
    ).toMatchObject({ name: 'PreconditionFailedException' });
    await sdk.send(new RemovePermissionCommand({ ...removal, RevisionId }));
    expect(await refusal(sdk.send(new RemovePermissionCommand(removal)))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
    for (const Principal of ['nobody at all'.replaceAll(' ', ''), 'arn:aws:s3:::bucket'])
      expect(await refusal(sdk.send(new AddPermissionCommand({ ...permission, Principal })))).toMatchObject({
        name: 'InvalidParameterValueException',
      });
  });

  it('tags are set, listed and taken away', async () => {
    const { sdk } = await functionBench();
    await deploy(sdk, echo, { Tags: { a: '1' } });
    await sdk.send(new TagResourceCommand({ Resource: ARN, Tags: { b: '2', c: '3' } }));
    await sdk.send(new UntagResourceCommand({ Resource: ARN, TagKeys: ['a', 'c'] }));
    expect((await sdk.send(new ListTagsCommand({ Resource: ARN }))).Tags).toEqual({ b: '2' });
    expect(await refusal(sdk.send(new ListTagsCommand({ Resource: `${ARN}x` })))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
    const many = Object.fromEntries(Array.from({ length: 50 }, (_each, index) => [`key${index}`, '']));
    expect(await refusal(sdk.send(new TagResourceCommand({ Resource: ARN, Tags: many })))).toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });

  it('layers are published, listed and used, and outlive their deletion where they are used', async () => {
    const { sdk } = await functionBench();
    const publish = async (text: string) =>
      sdk.send(
        new PublishLayerVersionCommand({
          LayerName: 'words',
          Description: text,
          CompatibleRuntimes: ['nodejs22.x'],
          Content: {
            ZipFile: await zipOf({
              'nodejs/node_modules/words/index.js': `exports.word = ${JSON.stringify(text)};`,
              'nodejs/node_modules/words/package.json': '{"name":"words"}',
            }),
          },
        }),
      );
    const one = await publish('one');
    const layer = 'arn:aws:lambda:us-east-1:000000000000:layer:words';
    expect(one).toMatchObject({
      LayerArn: layer,
      LayerVersionArn: `${layer}:1`,
      Version: 1,
      Description: 'one',
    });
    await publish('two');
    const { LayerVersions } = await sdk.send(new ListLayerVersionsCommand({ LayerName: 'words' }));
    expect(LayerVersions?.map(({ Version }) => Version)).toEqual([2, 1]);
    const { Layers } = await sdk.send(new ListLayersCommand({ CompatibleRuntime: 'nodejs22.x' }));
    expect(Layers).toMatchObject([
      { LayerName: 'words', LayerArn: layer, LatestMatchingVersion: { Version: 2 } },
    ]);
    expect((await sdk.send(new ListLayersCommand({ CompatibleRuntime: 'python3.12' }))).Layers).toEqual([]);
    const byArn = await sdk.send(new GetLayerVersionByArnCommand({ Arn: `${layer}:1` }));
    expect(byArn).toMatchObject({ Version: 1, Content: { CodeSha256: one.Content?.CodeSha256 } });
    const source = "exports.handler = async () => require('words').word;";
    const made = await deploy(sdk, { 'index.js': source }, { Layers: [`${layer}:1`] });
    expect(made.Layers).toMatchObject([{ Arn: `${layer}:1`, CodeSize: one.Content?.CodeSize }]);
    expect((await call(sdk)).value).toBe('one');
    await sdk.send(new DeleteLayerVersionCommand({ LayerName: 'words', VersionNumber: 1 }));
    expect(
      await refusal(sdk.send(new GetLayerVersionCommand({ LayerName: layer, VersionNumber: 1 }))),
    ).toMatchObject({ name: 'ResourceNotFoundException', status: 404 });
    await sdk.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 4 }));
    expect((await call(sdk)).value).toBe('one');
    await sdk.send(new UpdateFunctionConfigurationCommand({ FunctionName, Layers: [`${layer}:2`] }));
    expect((await call(sdk)).value).toBe('two');
    expect(
      await refusal(
        sdk.send(new UpdateFunctionConfigurationCommand({ FunctionName, Layers: [`${layer}:1`] })),
      ),
    ).toMatchObject({ name: 'InvalidParameterValueException' });
    expect((await publish('three')).Version).toBe(3);
  });
});

it('a payload goes through byte by byte', async () => {
  const { sdk } = await functionBench();
  await deploy(sdk, echo);
  const event = { text: 'ä€😀\u2028', number: 1.5e-7, list: [null, true, [], {}], '': '__proto__' };
  expect((await call(sdk, event)).value).toEqual(event);
  const empty = await sdk.send(new InvokeCommand({ FunctionName }));
  expect(jsonOf(empty.Payload)).toEqual({});
});
