// What tests of the tool search need: targets that carry tools as they are given, searches as clients of either era make
// them, waiting for vectors, and an embedding provider that counts what it is asked and fails as told.

import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/core/json.ts';
import { wordsOf } from '../../src/search/text.ts';
import type { TestApp } from './app.ts';
import { legacy, modern } from './mcp-client.ts';
import type { RawAnswer } from './mcp-client.ts';

export const SEARCH = 'x_amz_bedrock_agentcore_search';

export interface GivenTool {
  readonly name: string;
  readonly description?: string;
  /** Names of text arguments, with descriptions. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** `mcpServer` configuration of a target with these tools; its server is never asked. */
export function toolTarget(tools: readonly GivenTool[]): JsonObject {
  const list = tools.map(({ name, description, parameters = {} }) => ({
    name,
    ...(description === undefined ? {} : { description }),
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(parameters).map(([key, about]) => [key, { type: 'string', description: about }]),
      ),
    },
  }));
  return {
    endpoint: 'http://127.0.0.1:9/mcp',
    mcpToolSchema: { inlinePayload: JSON.stringify({ tools: list }) },
  };
}

/** So many tools that have nothing to do with anything that a test looks for. */
export function fillerTools(count: number): GivenTool[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `filler_${at}`,
    description: `Turns lever ${at} of the machine`,
  }));
}

/** One call of the search tool. */
export function callSearch(
  url: string,
  query: unknown,
  era: 'modern' | 'legacy' = 'modern',
): Promise<RawAnswer> {
  const params = { name: SEARCH, arguments: { query } as JsonObject };
  return era === 'modern' ? modern(url, 'tools/call', params) : legacy(url, 'tools/call', params);
}

/** Names of the tools that a search finds. */
export async function found(
  url: string,
  query: string,
  era: 'modern' | 'legacy' = 'modern',
): Promise<string[]> {
  const { json } = await callSearch(url, query, era);
  const tools = json.result?.structuredContent?.['tools'];
  if (!Array.isArray(tools)) throw new Error(JSON.stringify(json));
  return tools.map((tool: JsonObject) => String(tool['name']));
}

/** Waits until this process searches the gateway, whichever made it. */
export async function searched({ app }: Pick<TestApp, 'app'>, gatewayIdentifier: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const found = await app.control.invoke('GetGatewaySearchMetrics', { gatewayIdentifier }).then(
      ({ tools }) => Number(tools) > 0,
      () => false,
    );
    if (found) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the gateway is not searched');
}

/** Waits until every tool has a vector of the gateway's model. */
export async function embedded(
  { app }: Pick<TestApp, 'app'>,
  gatewayIdentifier: string,
): Promise<JsonObject> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const metrics = await app.control.invoke('GetGatewaySearchMetrics', { gatewayIdentifier });
    if (metrics['embedded'] === metrics['tools']) return metrics;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('not all tools got a vector');
}

const DIMENSIONS = 64;

/** A vector in which each word has its place. */
function vectorOf(text: string): number[] {
  const vector = Array.from({ length: DIMENSIONS }, () => 0.01);
  for (const word of wordsOf(text)) {
    let hash = 7;
    for (const char of word) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 8_191;
    vector[hash % DIMENSIONS]! += 1;
  }
  return vector;
}

/** How the provider answers. */
export type ProviderMode =
  | 'well'
  | 'refuses'
  | 'silent'
  | 'no JSON'
  | 'too few'
  | 'not numbers'
  | 'other lengths'
  | 'echoes the key';

export interface EmbeddingProvider {
  readonly url: string;
  mode: ProviderMode;
  /** Texts that it was asked for, all together. */
  readonly texts: string[];
  readonly keys: (string | undefined)[];
  requests: number;
  close(): Promise<void>;
}

/** A provider that speaks the APIs of OpenAI, Ollama and Bedrock. */
export async function openEmbeddingProvider(): Promise<EmbeddingProvider> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      provider.requests += 1;
      provider.keys.push(request.headers.authorization);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      const given = body['input'] ?? body['texts'] ?? [body['inputText']];
      const texts = (Array.isArray(given) ? given : [given]).map(String);
      provider.texts.push(...texts);
      answer(provider.mode, texts, request.url ?? '', request.headers.authorization ?? '', response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const provider: EmbeddingProvider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: 'well',
    texts: [],
    keys: [],
    requests: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}

function answer(
  mode: ProviderMode,
  texts: readonly string[],
  url: string,
  key: string,
  response: ServerResponse,
): void {
  const send = (status: number, body: unknown): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
  if (mode === 'silent') return;
  if (mode === 'refuses') return send(500, { error: 'overloaded' });
  if (mode === 'echoes the key') return send(401, { error: `bad key ${key}` });
  if (mode === 'no JSON') return send(200, '<html>');
  let vectors: unknown[] = texts.map(vectorOf);
  if (mode === 'too few') vectors = vectors.slice(1);
  if (mode === 'not numbers') vectors = texts.map(() => ['a', 'b']);
  if (mode === 'other lengths') vectors = texts.map((_, at) => Array.from({ length: at + 3 }, () => 1));
  if (url.startsWith('/v1/embeddings'))
    return send(200, { data: vectors.map((embedding, index) => ({ index, embedding })).toReversed() });
  if (url.startsWith('/model/amazon')) return send(200, { embedding: vectors[0] ?? null });
  return send(200, { embeddings: vectors });
}
