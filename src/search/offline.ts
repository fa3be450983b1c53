// The search without gateways and stores: an index of some tools in memory, for evaluations and benches. It ranks by the
// same code.

import type { Embedder } from './embedder.ts';
import { buildIndex, rank } from './gateway-index.ts';
import type { GatewayIndex, RankAnswer } from './gateway-index.ts';
import { parseQuestion } from './question.ts';
import type { SearchableTool } from './tool-search.ts';
import { createVectorTable, packVector } from './vectors.ts';
import { readWordTable } from './words/word-table.ts';

export interface OfflineSearch {
  readonly index: GatewayIndex;
  search(query: string, limit: number): Promise<RankAnswer>;
}

export interface OfflineOptions {
  /** Without it: words in common, and word vectors. */
  readonly embedder?: Embedder;
  /** Words in common only. */
  readonly isLexicalOnly?: boolean;
}

/** An index of these tools, whole when it is given back. @throws GatewayError when the embedder fails */
export async function openOfflineSearch(
  tools: readonly SearchableTool[],
  { embedder, isLexicalOnly = false }: OfflineOptions,
): Promise<OfflineSearch> {
  const wordTable = isLexicalOnly ? undefined : await readWordTable();
  const { signal } = new AbortController();
  const index = await buildIndex(tools, wordTable, signal);
  if (embedder) await embedAll(index, embedder, signal);
  return {
    index,
    async search(query, limit) {
      const [sentence] =
        embedder && query.trim() !== '' ? await embedder.embed([query], 'query', signal) : [];
      const question = parseQuestion(query);
      return rank(index, { question, sentence, limit, mayList: undefined, explain: false });
    },
  };
}

async function embedAll(index: GatewayIndex, embedder: Embedder, signal: AbortSignal): Promise<void> {
  const rows = [...index.tools.keys()];
  for (let at = 0; at < rows.length; at += embedder.batch) {
    const batch = rows.slice(at, at + embedder.batch);
    const vectors = await embedder.embed(
      batch.map((row) => index.sentence(row)),
      'tool',
      signal,
    );
    for (const [place, row] of batch.entries()) {
      const packed = packVector(vectors[place] ?? new Float32Array(0));
      if (!packed) continue;
      index.sentences ??= {
        model: embedder.model,
        weight: embedder.weight,
        relatedFrom: embedder.relatedFrom,
        table: createVectorTable(rows.length, packed.bytes.length),
      };
      index.sentences.table.set(row, packed);
    }
  }
}
