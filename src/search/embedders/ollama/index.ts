// Embeddings of an Ollama server (`POST <base>/api/embed`), usually one’s own.

import type { Embedder, EmbedderServices, EmbedderSettings, EmbedderType } from '../../embedder.ts';
import { below, postJson, toVectors } from '../post-json.ts';

const DEFAULT_ENDPOINT = 'http://127.0.0.1:11434';
const DEFAULT_MODEL = 'nomic-embed-text';

function open(settings: EmbedderSettings, services: EmbedderServices): Embedder {
  const model = settings['search-model'] ?? DEFAULT_MODEL;
  const url = below(settings['search-endpoint'] ?? DEFAULT_ENDPOINT, 'api/embed');
  return {
    model: `ollama/${url.host}${url.pathname}/${model}`,
    batch: 32,
    queryTimeoutMs: 1_000,
    weight: 1.2,
    relatedFrom: 0,
    async embed(texts, _purpose, signal) {
      const { embeddings } = await postJson(url, { model, input: [...texts] }, services, signal);
      return toVectors(embeddings);
    },
    close: () => Promise.resolve(),
  };
}

export const ollamaEmbedder = Object.freeze({ name: 'ollama', open } as const) satisfies EmbedderType;
