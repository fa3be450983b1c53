// BM25 as most do it, to compare with: one field of name, description and parameters, words cut at what is no letter, no
// stems, no weights.

import { textsOf } from '../src/search/document.ts';
import type { SearchableTool } from '../src/search/tool-search.ts';

const K1 = 1.2;
const B = 0.75;

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** Question → scores of all tools. */
export function createPlainBm25(tools: readonly SearchableTool[]): (query: string) => Float64Array {
  const documents = tools.map((tool) => {
    const { name, description, parameterNames, parameterDescriptions } = textsOf(tool);
    return wordsOf([name, description, parameterNames, parameterDescriptions].join(' '));
  });
  const average = documents.reduce((sum, words) => sum + words.length, 0) / Math.max(1, documents.length);
  const counts = documents.map((words) => {
    const count = new Map<string, number>();
    for (const word of words) count.set(word, (count.get(word) ?? 0) + 1);
    return count;
  });
  const having = new Map<string, number>();
  for (const count of counts) for (const word of count.keys()) having.set(word, (having.get(word) ?? 0) + 1);
  return (query) => {
    const scores = new Float64Array(tools.length);
    for (const word of new Set(wordsOf(query))) {
      const n = having.get(word) ?? 0;
      if (n === 0) continue;
      const rarity = Math.log(1 + (tools.length - n + 0.5) / (n + 0.5));
      for (const [row, count] of counts.entries()) {
        const times = count.get(word);
        if (times === undefined) continue;
        const length = (documents[row]?.length ?? 0) / average;
        scores[row]! += (rarity * times * (K1 + 1)) / (times + K1 * (1 - B + B * length));
      }
    }
    return scores;
  };
}
