// What is kept of the search and what it costs to keep: vectors made once for a text, whatever restarts and changes; and
// providers that are down, slow or talk nonsense, which never make a search fail.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp, TestGateway } from './support/app.ts';
import {
  callSearch,
  embedded,
  fillerTools,
  found,
  searched,
  openEmbeddingProvider,
  toolTarget,
} from './support/search.ts';
import type { EmbeddingProvider, ProviderMode } from './support/search.ts';

const MCP = { searchType: 'SEMANTIC' };

let provider: EmbeddingProvider;
beforeAll(async () => {
  provider = await openEmbeddingProvider();
});
afterAll(() => provider.close());
beforeEach(() => {
  provider.mode = 'well';
  provider.texts.length = 0;
  provider.keys.length = 0;
  provider.requests = 0;
});

/** Tags of a gateway that uses the provider. */
const ollama = (model = 'one'): Record<string, string> => ({
  'gatewright:search-embedder': 'ollama',
  'gatewright:search-endpoint': provider.url,
  'gatewright:search-model': model,
});

const replace = (app: TestApp, gateway: TestGateway, tools: Parameters<typeof toolTarget>[0]) =>
  app.app.control.invoke('ListGatewayTargets', { gatewayIdentifier: gateway.id }).then(async ({ items }) => {
    const [target] = items as JsonObject[];
    await app.app.control.invoke('UpdateGatewayTarget', {
      gatewayIdentifier: gateway.id,
      targetId: target?.['targetId'],
      name: target?.['name'],
      targetConfiguration: { mcp: { mcpServer: toolTarget(tools) } },
    });
    await app.app.control.settled();
  });

describe('vectors', () => {
  let dataDir: string;
  const open = (): Promise<TestApp> => openTestApp({ dataDir, masterKeyFile: join(dataDir, 'master.key') });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'gatewright-search-'));
  });

  it('of 5,000 tools are there after a restart, and nothing is embedded again', async () => {
    const tools = [...fillerTools(4_999), { name: 'bake', description: 'Bakes a loaf of bread' }];
    let app = await open();
    const gateway = await app.gateway({ mcp: MCP, tags: ollama(), servers: { big: toolTarget(tools) } });
    await embedded(app, gateway.id);
    expect(new Set(provider.texts).size).toBe(5_000);
    expect(provider.texts).toHaveLength(5_000);
    await app.close();
    provider.texts.length = 0;

    app = await open();
    try {
      const url = gateway.url.replace(/:\d+\//, `:${app.port}/`);
      expect((await found(url, 'a loaf of bread'))[0]).toBe('big___bake');
      expect(await embedded(app, gateway.id)).toMatchObject({ tools: 5_000, embedded: 5_000 });
      await found(url, 'bread again');
      // The first question came before or after the stored vectors; the second is asked of the model.
      expect(provider.texts.filter((text) => !text.includes('bread'))).toEqual([]);
      expect(provider.texts).toContain('bread again');
    } finally {
      await app.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('are made for changed tools only, and for all when the model changes', async () => {
    const app = await open();
    try {
      const gateway = await app.gateway({
        mcp: MCP,
        tags: ollama(),
        servers: { kitchen: toolTarget([...fillerTools(30), { name: 'bake', description: 'Bakes bread' }]) },
      });
      expect(await embedded(app, gateway.id)).toMatchObject({ model: expect.stringContaining('/one') });
      provider.texts.length = 0;
      await replace(app, gateway, [...fillerTools(30), { name: 'fry', description: 'Fries fish' }]);
      await embedded(app, gateway.id);
      expect(provider.texts).toEqual(['fry: Fries fish']);

      const { gatewayArn } = await app.app.control.invoke('GetGateway', { gatewayIdentifier: gateway.id });
      await app.app.control.invoke('TagResource', { resourceArn: gatewayArn, tags: ollama('two') });
      expect(await found(gateway.url, 'fries fish')).toContain('kitchen___fry');
      expect(await embedded(app, gateway.id)).toMatchObject({ model: expect.stringContaining('/two') });
      expect(provider.texts.filter((text) => text.startsWith('filler'))).toHaveLength(30);
    } finally {
      await app.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('are made by one of two processes, and used by both', async () => {
    const apps = [await open(), await open()] as const;
    try {
      const tools = [...fillerTools(100), { name: 'bake', description: 'Bakes bread' }];
      const gateway = await apps[0].gateway({
        mcp: MCP,
        tags: ollama(),
        servers: { kitchen: toolTarget(tools) },
      });
      for (const app of apps) {
        await searched(app, gateway.id);
        expect(await embedded(app, gateway.id)).toMatchObject({ tools: 101, embedded: 101 });
        expect((await found(gateway.url.replace(/:\d+\//, `:${app.port}/`), 'bread'))[0]).toBe(
          'kitchen___bake',
        );
      }
      expect(provider.texts.filter((text) => text !== 'bread').toSorted()).toEqual(
        [...new Set(provider.texts)].filter((text) => text !== 'bread').toSorted(),
      );
    } finally {
      for (const app of apps) await app.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('go with their target', async () => {
    const app = await open();
    try {
      const gateway = await app.gateway({
        mcp: MCP,
        tags: ollama(),
        servers: { a: toolTarget(fillerTools(3)) },
      });
      await embedded(app, gateway.id);
      const { items } = await app.app.control.invoke('ListGatewayTargets', { gatewayIdentifier: gateway.id });
      const [target] = items as JsonObject[];
      await app.app.control.invoke('DeleteGatewayTarget', {
        gatewayIdentifier: gateway.id,
        targetId: target?.['targetId'],
      });
      await app.app.control.settled();
      provider.texts.length = 0;
      await app.app.control.invoke('CreateGatewayTarget', {
        gatewayIdentifier: gateway.id,
        name: 'a',
        targetConfiguration: { mcp: { mcpServer: toolTarget(fillerTools(3)) } },
      });
      await app.app.control.settled();
      await embedded(app, gateway.id);
      expect(provider.texts).toHaveLength(3);
    } finally {
      await app.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

describe('a provider', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openTestApp();
  });
  afterAll(() => app.close());

  const TOOLS = [...fillerTools(30), { name: 'bake', description: 'Bakes bread' }];
  const FAULTS: readonly ProviderMode[] = [
    'refuses',
    'silent',
    'no JSON',
    'too few',
    'not numbers',
    'other lengths',
    'echoes the key',
  ];

  it.each([
    ['openai', '/v1'],
    ['ollama', ''],
    ['bedrock', ''],
  ])('%s gives vectors to tools and questions, with the key from the vault', async (name, path) => {
    const { credentialProviderArn } = await app.app.control.invoke('CreateApiKeyCredentialProvider', {
      name: `key-of-${name}`,
      apiKey: 'very-secret-key',
    });
    const gateway = await app.gateway({
      mcp: MCP,
      tags: {
        'gatewright:search-embedder': name,
        'gatewright:search-endpoint': `${provider.url}${path}`,
        'gatewright:search-key-provider': String(credentialProviderArn),
      },
      servers: { kitchen: toolTarget(TOOLS) },
    });
    const metrics = await embedded(app, gateway.id);
    expect(metrics).toMatchObject({ tools: 31, embedded: 31, model: expect.stringContaining(name) });
    expect((await found(gateway.url, 'bread'))[0]).toBe('kitchen___bake');
    expect(provider.texts).toHaveLength(32);
    expect(new Set(provider.keys)).toEqual(new Set(['Bearer very-secret-key']));
    const { legs } = await app.app.control.invoke('SearchGatewayTools', {
      gatewayIdentifier: gateway.id,
      query: 'bread',
    });
    expect(legs).toEqual(['lexical', 'words', expect.stringContaining(name)]);
    const remove = () => app.app.control.invoke('DeleteApiKeyCredentialProvider', { name: `key-of-${name}` });
    await expect(remove()).rejects.toThrow(`is used by 1 gateway(s): ${gateway.id} (its search)`);
    await app.app.control.invoke('UntagResource', {
      resourceArn: `arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/${gateway.id}`,
      tagKeys: ['gatewright:search-key-provider'],
    });
    await remove();
    // Asked again, a question costs nothing.
    expect(provider.texts).toHaveLength(32);
  });

  it.each(FAULTS)('that %s leaves the search to words', async (mode) => {
    const gateway = await app.gateway({
      mcp: MCP,
      tags: ollama(randomUUID()),
      servers: { kitchen: toolTarget(TOOLS) },
    });
    await embedded(app, gateway.id);
    provider.mode = mode;
    for (const query of ['bread', 'loaf', 'bakery', 'dough']) {
      const { status, json, text } = await callSearch(gateway.url, query);
      expect([status, json.result?.isError]).toEqual([200, false]);
      expect(text).toContain('kitchen___bake');
    }
    const { queries, withoutModel, refused } = await app.app.control.invoke('GetGatewaySearchMetrics', {
      gatewayIdentifier: gateway.id,
    });
    expect({ queries, withoutModel, refused }).toEqual({ queries: 4, withoutModel: 4, refused: 0 });
    // After three faults it is left alone: the fourth question did not reach it.
    expect(provider.texts.filter((text) => text === 'dough')).toEqual([]);
  });

  it.each(FAULTS.filter((mode) => mode !== 'silent'))(
    'that %s when tools are embedded is asked again later, and targets are READY meanwhile',
    async (mode) => {
      provider.mode = mode;
      const gateway = await app.gateway({
        mcp: MCP,
        tags: ollama(randomUUID()),
        servers: { kitchen: toolTarget(TOOLS) },
      });
      const { items } = await app.app.control.invoke('ListGatewayTargets', { gatewayIdentifier: gateway.id });
      expect((items as JsonObject[])[0]).toMatchObject({ status: 'READY' });
      expect((await found(gateway.url, 'bread'))[0]).toBe('kitchen___bake');
      provider.mode = 'well';
      expect(await embedded(app, gateway.id)).toMatchObject({ embedded: 31 });
    },
  );

  it('never sees its key in a log or an answer', async () => {
    const { credentialProviderArn } = await app.app.control.invoke('CreateApiKeyCredentialProvider', {
      name: 'leaky',
      apiKey: 'key-that-leaks',
    });
    provider.mode = 'echoes the key';
    const gateway = await app.gateway({
      mcp: MCP,
      tags: { ...ollama(randomUUID()), 'gatewright:search-key-provider': String(credentialProviderArn) },
      servers: { kitchen: toolTarget(TOOLS) },
    });
    const { text } = await callSearch(gateway.url, 'bread');
    expect(provider.keys).toContain('Bearer key-that-leaks');
    expect(`${text}${JSON.stringify(app.lines)}`).not.toContain('key-that-leaks');
    expect(JSON.stringify(app.lines)).toContain('status 401');
  });

  it.each([
    ['a key that is not there', { 'gatewright:search-key-provider': 'arn:aws:nothing' }],
    ['an address that is not allowed', { 'gatewright:search-endpoint': 'http://10.1.2.3:9' }],
  ])('with %s leaves the search to words', async (_what, tags) => {
    const gateway = await app.gateway({
      mcp: MCP,
      tags: { ...ollama(randomUUID()), ...tags },
      servers: { kitchen: toolTarget(TOOLS) },
    });
    expect((await found(gateway.url, 'bread'))[0]).toBe('kitchen___bake');
    expect(provider.requests).toBe(0);
  });
});
