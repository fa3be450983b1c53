// What every embedder must do: one suite for all of them, the providers against one that speaks their APIs.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMBEDDER_TYPES } from '../../src/plugins.ts';
import type { Embedder, EmbedderServices } from '../../src/search/embedder.ts';
import { Secret } from '../../src/lib/secret.ts';
import { createEgressClient } from '../../src/upstream/client.ts';
import { createEgressGuard, parseAllowRule } from '../../src/upstream/guard.ts';
import { openEmbeddingProvider } from '../support/search.ts';
import type { EmbeddingProvider } from '../support/search.ts';

const PATHS: Readonly<Record<string, string>> = { openai: '/v1' };
const TEXTS = ['send a mail', 'book a flight', 'send a mail', 'Übersetze dies 翻訳', 'x'.repeat(2_000)];

const never = new AbortController().signal;
const egress = createEgressClient({ guard: createEgressGuard([parseAllowRule('127.0.0.1')]) });
afterAll(() => egress.close());

describe.each(EMBEDDER_TYPES.map((type) => [type.name, type] as const))('the embedder %s', (name, type) => {
  let provider: EmbeddingProvider;
  let embedder: Embedder;
  const services = (): EmbedderServices => {
    const quiet = (): void => undefined;
    return {
      egress,
      region: 'eu-west-1',
      log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
      openKey: () => Promise.resolve(new Secret('k')),
    };
  };
  const settings = (model: string): Record<string, string> => ({
    'search-endpoint': `${provider.url}${PATHS[name] ?? ''}`,
    'search-model': model,
  });
  beforeAll(async () => {
    provider = await openEmbeddingProvider();
    embedder = type.open(settings('amazon.one'), services());
  });
  afterAll(async () => {
    await embedder.close();
    await provider.close();
  });

  it('gives one vector for each text, in order, all of one length', async () => {
    const vectors = await embedder.embed(TEXTS, 'tool', never);
    expect(vectors).toHaveLength(TEXTS.length);
    expect(new Set(vectors.map(({ length }) => length)).size).toBe(1);
    for (const vector of vectors) expect(vector.every(Number.isFinite)).toBe(true);
    expect(vectors[2]).toEqual(vectors[0]);
    expect(vectors[1]).not.toEqual(vectors[0]);
    const [question] = await embedder.embed(['send a mail'], 'query', never);
    expect(question).toHaveLength(vectors[0]?.length ?? 0);
  });

  it('names its model, and says how it wants to be used', () => {
    expect(embedder.model).toContain(name);
    expect(embedder.batch).toBeGreaterThan(0);
    expect(embedder.queryTimeoutMs).toBeGreaterThan(0);
    expect(embedder.weight).toBeGreaterThan(0);
    if (name !== 'embedded')
      expect(type.open(settings('amazon.two'), services()).model).not.toBe(embedder.model);
  });

  it.skipIf(name === 'embedded')('reports what goes wrong as a fault that the house knows', async () => {
    for (const mode of ['refuses', 'no JSON', 'not numbers', 'echoes the key'] as const) {
      provider.mode = mode;
      await expect(embedder.embed(['a', 'b'], 'tool', never)).rejects.toMatchObject({
        code: 'UpstreamInvalid',
      });
    }
    provider.mode = 'silent';
    await expect(embedder.embed(['a'], 'query', AbortSignal.timeout(50))).rejects.toThrow();
    provider.mode = 'well';
  });

  it('closes, also when nothing was ever asked', async () => {
    await type.open(settings('amazon.three'), services()).close();
  });
});

it('Bedrock’s Cohere models are told what a text is for, and get many at once', async () => {
  const provider = await openEmbeddingProvider();
  const type = EMBEDDER_TYPES.find(({ name }) => name === 'bedrock');
  const settings = { 'search-endpoint': provider.url, 'search-model': 'cohere.embed-english-v3' };
  const quiet = (): void => undefined;
  const embedder = type?.open(settings, {
    egress,
    region: 'eu-west-1',
    log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
    openKey: () => Promise.resolve(undefined),
  });
  try {
    expect(await embedder?.embed(['a', 'b'], 'tool', never)).toHaveLength(2);
    expect([provider.requests, provider.keys]).toEqual([1, [undefined]]);
  } finally {
    await provider.close();
  }
});
