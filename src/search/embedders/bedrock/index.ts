// Embeddings of Amazon Bedrock (`POST <base>/model/<id>/invoke`) with a Bedrock API key: Titan, one text a request, and
// Cohere, many. Which of the two it is, the model’s id says.

import type { JsonObject } from '../../../core/json.ts';
import type { Embedder, EmbedderServices, EmbedderSettings, EmbedderType, Purpose } from '../../embedder.ts';
import { below, postJson, toVector, toVectors } from '../post-json.ts';

const DEFAULT_MODEL = 'amazon.titan-embed-text-v2:0';
/** Requests to Titan that run at the same time. */
const AT_ONCE = 8;

function open(settings: EmbedderSettings, services: EmbedderServices): Embedder {
  const model = settings['search-model'] ?? DEFAULT_MODEL;
  const endpoint = settings['search-endpoint'] ?? `https://bedrock-runtime.${services.region}.amazonaws.com`;
  const url = below(endpoint, `model/${encodeURIComponent(model)}/invoke`);
  const invoke = (body: JsonObject, signal: AbortSignal): Promise<JsonObject> =>
    postJson(url, body, services, signal);
  const isCohere = model.includes('cohere.');
  return {
    model: `bedrock/${url.host}/${model}`,
    batch: isCohere ? 64 : AT_ONCE,
    queryTimeoutMs: 1_500,
    weight: 1.2,
    relatedFrom: 0,
    embed: (texts, purpose, signal) =>
      isCohere ? cohere(texts, purpose, invoke, signal) : titan(texts, invoke, signal),
    close: () => Promise.resolve(),
  };
}

type Invoke = (body: JsonObject, signal: AbortSignal) => Promise<JsonObject>;

function titan(
  texts: readonly string[],
  invoke: Invoke,
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  return Promise.all(
    texts.map(async (inputText) => toVector((await invoke({ inputText }, signal))['embedding'])),
  );
}

async function cohere(
  texts: readonly string[],
  purpose: Purpose,
  invoke: Invoke,
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  const input = { texts: [...texts], input_type: purpose === 'query' ? 'search_query' : 'search_document' };
  const { embeddings } = await invoke({ ...input, truncate: 'END' }, signal);
  return toVectors(embeddings);
}

export const bedrockEmbedder = Object.freeze({ name: 'bedrock', open } as const) satisfies EmbedderType;
