// Targets that are MCP servers, as the official AWS SDK sees them: endpoints, listing modes, fixed tools, sessions,
// and how their lists are read again.

import {
  ConflictException,
  CreateGatewayCommand,
  CreateGatewayTargetCommand,
  GetGatewayTargetCommand,
  ListGatewayTargetsCommand,
  SynchronizeGatewayTargetsCommand,
  UpdateGatewayCommand,
  UpdateGatewayTargetCommand,
  ValidationException,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { McpServerTargetConfiguration } from '@aws-sdk/client-bedrock-agentcore-control';
import { describe, expect, it } from 'vitest';
import type { ControlServices } from '../src/control/pipeline.ts';
import type { JsonObject } from '../src/core/json.ts';
import { GatewayError } from '../src/core/errors.ts';
import type { TargetType } from '../src/targets/target-type.ts';
import { bench, failure, GATEWAY, ready } from './support/control-bench.ts';
import type { Bench } from './support/control-bench.ts';

const ENDPOINT = 'https://mcp.example.com/mcp';
const SCHEMA = JSON.stringify({ tools: [{ name: 'pinned', inputSchema: { type: 'object' } }] });

/** An MCP server whose tools the test changes; one that is down cannot be asked. */
interface FakeServer {
  tools: string[];
  isDown: boolean;
  asked: number;
  /** What the discovery of a target waits for. */
  wait: Promise<unknown>;
}

function fakeMcpServer(server: FakeServer): TargetType {
  return {
    type: 'MCP_SERVER',
    member: ['mcp', 'mcpServer'],
    credentialTypes: ['API_KEY', 'OAUTH'],
    check: () => [],
    async discover(config) {
      const schema = config['mcpToolSchema'] as JsonObject | undefined;
      if (schema) {
        const { tools } = JSON.parse(schema['inlinePayload'] as string) as { tools: { name: string }[] };
        return catalogueOf(tools.map(({ name }) => name));
      }
      server.asked += 1;
      await server.wait;
      if (server.isDown) throw new GatewayError('UpstreamRefused', 'mcp.example.com could not be reached.');
      return catalogueOf(server.tools);
    },
    prepare: () => ({}),
  };
}

const catalogueOf = (names: readonly string[]) => ({
  entries: names.map((name) => ({ name, definition: '{}', plan: '{}' })),
  report: {
    source: ENDPOINT,
    format: 'MCP 2025-11-25',
    operations: names.length,
    tools: names.length,
    skipped: 0,
    notes: [],
    warnings: [],
  },
  server: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    prompts: [{ name: 'greet', definition: '{}' }],
    resources: [],
    resourceTemplates: [{ uriTemplate: 'file:///{path}', definition: '{}' }],
  },
});

interface McpBench extends Bench {
  readonly upstream: FakeServer;
  readonly gatewayIdentifier: string;
  readonly create: (config: McpServerTargetConfiguration, more?: object) => Promise<string>;
  readonly get: (
    targetId: string,
  ) => Promise<{ status?: string | undefined; lastSynchronizedAt?: Date | undefined }>;
  readonly tools: (targetId: string) => Promise<string[]>;
}

async function mcpBench(mcp: object = {}, change: Partial<ControlServices> = {}): Promise<McpBench> {
  const upstream: FakeServer = { tools: ['getOrder'], isDown: false, asked: 0, wait: Promise.resolve() };
  const started = await bench({
    targetTypes: [fakeMcpServer(upstream)],
    stdioServerNames: ['files', 'time'],
    reconcile: { resynchronizeEveryMs: 200 },
    ...change,
  });
  const { sdk, store, plane } = started;
  const gateway = await sdk.send(new CreateGatewayCommand({ ...GATEWAY, protocolConfiguration: { mcp } }));
  const gatewayIdentifier = gateway.gatewayId ?? '';
  const get = (targetId: string) => sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
  let made = 0;
  return {
    ...started,
    upstream,
    gatewayIdentifier,
    get,
    async create(mcpServer, more = {}) {
      const { targetId = '' } = await sdk.send(
        new CreateGatewayTargetCommand({
          gatewayIdentifier,
          name: `server-${(made += 1)}`,
          targetConfiguration: { mcp: { mcpServer } },
          ...more,
        }),
      );
      expect(await ready(() => get(targetId))).not.toContain('SYNCHRONIZING');
      return targetId;
    },
    async tools(targetId) {
      await plane.settled();
      const row = await store.get('gateway-target', targetId);
      const catalogue = await store.get('catalogue', row?.document.live?.catalogueId ?? '');
      return (catalogue?.document.entries ?? []).map(({ name }) => name);
    },
  };
}

describe('an MCP server as a target', () => {
  it('is created, listed and read as the SDK knows it, with the time at which its lists were read', async () => {
    const { sdk, gatewayIdentifier, create, get, plane } = await mcpBench();
    const targetId = await create(
      { endpoint: ENDPOINT, resourcePriority: 10, listingMode: 'DEFAULT' },
      {
        metadataConfiguration: {
          allowedRequestHeaders: ['Mcp-Session-Id'],
          allowedResponseHeaders: ['Mcp-Session-Id'],
        },
      },
    );
    const target = await get(targetId);
    expect(target).toMatchObject({
      status: 'READY',
      protocolType: 'MCP',
      targetConfiguration: {
        mcp: { mcpServer: { endpoint: ENDPOINT, resourcePriority: 10, listingMode: 'DEFAULT' } },
      },
      credentialProviderConfigurations: [],
      lastSynchronizedAt: expect.any(Date),
    });
    const { items } = await sdk.send(new ListGatewayTargetsCommand({ gatewayIdentifier }));
    expect(items).toEqual([
      expect.objectContaining({
        targetId,
        status: 'READY',
        targetType: 'MCP_SERVER',
        resourcePriority: 10,
        listingMode: 'DEFAULT',
        lastSynchronizedAt: target.lastSynchronizedAt,
      }),
    ]);
    expect(await plane.invoke('GetGatewayTargetImportReport', { gatewayIdentifier, targetId })).toMatchObject(
      { report: { tools: 1, prompts: 1, resources: 0, resourceTemplates: 1 } },
    );
  });

  it('is at an http(s) URL, or a program that the operator configured', async () => {
    const { create } = await mcpBench();
    for (const endpoint of [ENDPOINT, 'http://127.0.0.1:3000/mcp', 'stdio:files']) await create({ endpoint });
    for (const endpoint of [
      'mcp.example.com',
      'ftp://x',
      'stdio:',
      'stdio:../x',
      'stdio:npx -y x',
      'https://',
    ]) {
      const error = await failure(create({ endpoint }));
      expect(error, endpoint).toBeInstanceOf(ValidationException);
    }
    const unknown = await failure(create({ endpoint: 'stdio:shell' }));
    expect(unknown).toBeInstanceOf(ValidationException);
    expect(unknown.message).toMatch(/no stdio server named shell; there are: files, time/);
  });

  it('is synchronised when it is updated, and when it is asked for, as in the published tutorial', async () => {
    const { sdk, upstream, gatewayIdentifier, create, get, tools } = await mcpBench();
    const targetId = await create(
      { endpoint: ENDPOINT },
      { metadataConfiguration: { allowedRequestHeaders: ['Mcp-Session-Id'] } },
    );
    const first = await get(targetId);
    upstream.tools = ['getOrder', 'cancelOrder'];
    expect(await tools(targetId)).toEqual(['getOrder']);
    const { targets } = await sdk.send(
      new SynchronizeGatewayTargetsCommand({ gatewayIdentifier, targetIdList: [targetId] }),
    );
    expect(targets?.map(({ status }) => status)).toEqual(['SYNCHRONIZING']);
    expect(await tools(targetId)).toEqual(['getOrder', 'cancelOrder']);
    const second = await get(targetId);
    expect(second.lastSynchronizedAt?.getTime()).toBeGreaterThanOrEqual(
      first.lastSynchronizedAt?.getTime() ?? 0,
    );

    upstream.tools = ['deleteOrder'];
    const { name } = await sdk.send(new GetGatewayTargetCommand({ gatewayIdentifier, targetId }));
    const updated = await sdk.send(
      new UpdateGatewayTargetCommand({
        gatewayIdentifier,
        targetId,
        name,
        targetConfiguration: { mcp: { mcpServer: { endpoint: ENDPOINT } } },
      }),
    );
    expect(updated.status).toBe('UPDATING');
    await ready(() => get(targetId));
    expect(await tools(targetId)).toEqual(['deleteOrder']);
    // A full replacement: what the request leaves out is gone.
    expect(await get(targetId)).not.toHaveProperty('metadataConfiguration');
  });

  it('that cannot be synchronised keeps its tools and says why', async () => {
    const { sdk, upstream, gatewayIdentifier, create, get, tools } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT });
    upstream.isDown = true;
    await sdk.send(new SynchronizeGatewayTargetsCommand({ gatewayIdentifier, targetIdList: [targetId] }));
    expect(await tools(targetId)).toEqual(['getOrder']);
    expect(await get(targetId)).toMatchObject({
      status: 'SYNCHRONIZE_UNSUCCESSFUL',
      statusReasons: ['mcp.example.com could not be reached.'],
    });
  });

  it('with fixed tools is never asked for them, keeps the text, and cannot be synchronised', async () => {
    const { sdk, store, upstream, gatewayIdentifier, create, get, tools, plane } = await mcpBench();
    const config = { endpoint: ENDPOINT, mcpToolSchema: { inlinePayload: SCHEMA } };
    const targetId = await create(config);
    expect(await tools(targetId)).toEqual(['pinned']);
    const target = await get(targetId);
    expect(target).toMatchObject({ targetConfiguration: { mcp: { mcpServer: config } } });
    expect(target).not.toHaveProperty('lastSynchronizedAt');
    const row = await store.get('gateway-target', targetId);
    expect(JSON.stringify(row?.document)).not.toContain('pinned');
    const error = await failure(
      sdk.send(new SynchronizeGatewayTargetsCommand({ gatewayIdentifier, targetIdList: [targetId] })),
    );
    expect(error).toBeInstanceOf(ValidationException);
    expect(error.message).toMatch(/mcpToolSchema/);
    await plane.resynchronize(targetId);
    expect((await get(targetId)).status).toBe('READY');
    expect(upstream.asked).toBe(0);
  });

  it('waits for its user’s consent before anything else may be done with it', async () => {
    const { sdk, store, gatewayIdentifier, create } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT });
    const row = await store.get('gateway-target', targetId);
    if (!row) throw new Error('no target');
    await store.transaction((tx) =>
      tx.replace('gateway-target', row, { ...row.document, status: 'SYNCHRONIZE_PENDING_AUTH' }),
    );
    for (const command of [
      new SynchronizeGatewayTargetsCommand({ gatewayIdentifier, targetIdList: [targetId] }),
      new UpdateGatewayTargetCommand({
        gatewayIdentifier,
        targetId,
        name: row.name,
        targetConfiguration: { mcp: { mcpServer: { endpoint: ENDPOINT } } },
      }),
    ])
      expect(await failure(sdk.send(command as SynchronizeGatewayTargetsCommand))).toBeInstanceOf(
        ConflictException,
      );
  });
});

describe('a gateway and its MCP servers', () => {
  it('do not combine tool search with lists that are read live', async () => {
    const searching = await mcpBench({ searchType: 'SEMANTIC' });
    const error = await failure(searching.create({ endpoint: ENDPOINT, listingMode: 'DYNAMIC' }));
    expect(error).toBeInstanceOf(ValidationException);
    expect(error.message).toMatch(/listingMode.*SEMANTIC/);
    await searching.create({ endpoint: ENDPOINT, listingMode: 'DEFAULT' });

    const { sdk, gatewayIdentifier, create } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT, listingMode: 'DYNAMIC' });
    const update = (mcp: object) =>
      sdk.send(new UpdateGatewayCommand({ ...GATEWAY, gatewayIdentifier, protocolConfiguration: { mcp } }));
    const refused = await failure(update({ searchType: 'SEMANTIC' }));
    expect(refused).toBeInstanceOf(ValidationException);
    expect(refused.message).toContain(targetId);
    await update({ instructions: 'Be brief.' });
  });

  it('keep sessions in one place: the gateway’s, or the header that is passed through', async () => {
    const metadataConfiguration = {
      allowedRequestHeaders: ['X-Tenant', 'mcp-session-id'],
      allowedResponseHeaders: ['Mcp-Session-Id'],
    };
    const withSessions = await mcpBench({ sessionConfiguration: { sessionTimeoutInSeconds: 900 } });
    const error = (await failure(
      withSessions.create({ endpoint: ENDPOINT }, { metadataConfiguration }),
    )) as unknown as ValidationException;
    expect(error).toBeInstanceOf(ValidationException);
    expect(error.fieldList?.map(({ name }) => name)).toEqual([
      'metadataConfiguration.allowedRequestHeaders.2.member',
      'metadataConfiguration.allowedResponseHeaders.1.member',
    ]);

    const { sdk, gatewayIdentifier, create } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT }, { metadataConfiguration });
    const update = () =>
      sdk.send(
        new UpdateGatewayCommand({
          ...GATEWAY,
          gatewayIdentifier,
          protocolConfiguration: { mcp: { sessionConfiguration: {} } },
        }),
      );
    const refused = await failure(update());
    expect(refused).toBeInstanceOf(ValidationException);
    expect(refused.message).toMatch(new RegExp(`${targetId}.*Mcp-Session-Id`));
    await sdk.send(
      new UpdateGatewayTargetCommand({
        gatewayIdentifier,
        targetId,
        name: 'server-1',
        targetConfiguration: { mcp: { mcpServer: { endpoint: ENDPOINT } } },
      }),
    );
    await expect(update()).resolves.toMatchObject({ status: 'UPDATING' });
  });
});

describe('a server that says that its lists have changed', () => {
  it('is asked again, and once for many times that it says so', async () => {
    const { upstream, create, get, tools, plane, recorded } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT });
    expect(upstream.asked).toBe(1);
    const held = Promise.withResolvers<undefined>();
    upstream.wait = held.promise;
    // Not at once: whoever waits for the new target has to see that it is READY.
    await plane.resynchronize(targetId);
    expect((await get(targetId)).status).toBe('READY');
    await expect.poll(async () => (await get(targetId)).status).toBe('SYNCHRONIZING');
    for (let times = 0; times < 50; times++) await plane.resynchronize(targetId);
    upstream.tools = ['getOrder', 'cancelOrder'];
    held.resolve(undefined);
    // The last word counts: what changed while the lists were being read is read once more.
    await expect.poll(() => upstream.asked).toBe(3);
    await expect.poll(() => tools(targetId)).toEqual(['getOrder', 'cancelOrder']);
    expect((await get(targetId)).status).toBe('READY');
    expect(recorded.logged.filter((line) => line.includes('lists have changed'))).toHaveLength(2);
  });

  it('is asked again after it could not be reached', async () => {
    const { upstream, create, get, tools, plane } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT });
    upstream.isDown = true;
    await plane.resynchronize(targetId);
    await expect.poll(async () => (await get(targetId)).status).toBe('SYNCHRONIZE_UNSUCCESSFUL');
    upstream.isDown = false;
    upstream.tools = ['back'];
    await plane.resynchronize(targetId);
    await expect.poll(() => tools(targetId)).toEqual(['back']);
  });

  it('is not asked when its lists are read live, and neither is one that is not there', async () => {
    const { upstream, create, get, plane } = await mcpBench();
    const targetId = await create({ endpoint: ENDPOINT, listingMode: 'DYNAMIC' });
    expect(await get(targetId)).not.toHaveProperty('lastSynchronizedAt');
    const { asked } = upstream;
    await plane.resynchronize(targetId);
    await plane.resynchronize('0000000000');
    await plane.settled();
    expect(upstream.asked).toBe(asked);
    expect((await get(targetId)).status).toBe('READY');
  });
});
