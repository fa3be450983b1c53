// Embeddings of OpenAI, and of the many servers that speak its API (`POST <base>/embeddings`).

import { isJsonObject } from '../../../core/json.ts';
import type { Embedder, EmbedderServices, EmbedderSettings, EmbedderType } from '../../embedder.ts';
import { below, postJson, toVector } from '../post-json.ts';

const DEFAULT_ENDPOINT = 'https://api.openai.com/v1';
const DEFAULT_MODEL = 'text-embedding-3-small';

function open(settings: EmbedderSettings, services: EmbedderServices): Embedder {
  const endpoint = settings['search-endpoint'] ?? DEFAULT_ENDPOINT;
  const model = settings['search-model'] ?? DEFAULT_MODEL;
  const url = below(endpoint, 'embeddings');
  return {
    model: `openai/${url.host}${url.pathname}/${model}`,
    batch: 64,
    queryTimeoutMs: 1_000,
    weight: 1.2,
    relatedFrom: 0,
    async embed(texts, _purpose, signal) {
      const { data } = await postJson(
        url,
        { model, input: [...texts], encoding_format: 'float' },
        services,
        signal,
      );
      const items = (Array.isArray(data) ? (data as readonly unknown[]) : []).filter(isJsonObject);
      // Each says which text it belongs to; their order is not promised.
      return items
        .toSorted((one, other) => Number(one['index'] ?? 0) - Number(other['index'] ?? 0))
        .map(({ embedding }) => toVector(embedding));
    },
    close: () => Promise.resolve(),
  };
}

export const openAiEmbedder = Object.freeze({ name: 'openai', open } as const) satisfies EmbedderType;
