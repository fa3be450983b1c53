// The floor of the search’s quality, on parts of the data sets: better than plain BM25 by far, and never worse than its
// own lexical leg alone. `npm run bench:search` measures all of them. Only where the data sets are.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { LEGS_OF, noServices, qualityOf, scoreSet } from '../bench/search-quality.ts';
import type { Scored } from '../bench/search-quality.ts';
import { embeddedEmbedder } from '../src/search/embedders/embedded/index.ts';
import { parseJudgedSet } from '../src/search/quality.ts';

const FOLDER = join(import.meta.dirname, '../../shared/corpus/toolsearch');
const QUERIES = 80;
const TOOLS = 450;
/** Of the sets that differ in nothing but their questions one is enough. */
const LEFT_OUT = /^sealtools_(dev|test_in)/;

const embedder = embeddedEmbedder.open(undefined, noServices());
afterAll(() => embedder.close());

/** Questions evenly from the whole set, and with their tools as many others as there is time for. */
function part(file: string) {
  const { tools, queries } = parseJudgedSet(readFileSync(join(FOLDER, file), 'utf8'));
  const step = Math.max(1, Math.floor(queries.length / QUERIES));
  const some = queries.filter((_, at) => at % step === 0).slice(0, QUERIES);
  const wanted = new Set(some.flatMap(({ relevant }) => relevant));
  const others = tools.filter(({ name }) => !wanted.has(name));
  const fill = Math.max(1, Math.floor(others.length / Math.max(1, TOOLS - wanted.size)));
  const kept = new Set(others.filter((_, at) => at % fill === 0).map(({ name }) => name));
  return { tools: tools.filter(({ name }) => wanted.has(name) || kept.has(name)), queries: some };
}

// Where there is supposed to be a corpus, a folder that moved must not pass as quality that was kept.
const hasCorpus = existsSync(join(FOLDER, '..'));

it.skipIf(!hasCorpus)('is kept', { timeout: 120_000 }, async () => {
  const sets = new Map<string, Scored[]>();
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json') && !LEFT_OUT.test(name))) {
    const { tools, queries } = part(file);
    sets.set(file, await scoreSet(tools, queries, embedder));
  }
  const ndcg = (method: keyof typeof LEGS_OF): number[] =>
    [...sets.values()].map((scored) => qualityOf(scored, LEGS_OF[method]).ndcgAt10 * 100);
  const macro = (method: keyof typeof LEGS_OF): number =>
    ndcg(method).reduce((sum, value) => sum + value, 0) / sets.size;
  const table = [...sets.keys()].map((file, at) => [
    file,
    ndcg('BM25F')[at],
    ndcg('BM25F + words')[at],
    ndcg('all')[at],
  ]);
  expect(macro('BM25F')).toBeGreaterThan(macro('plain BM25') + 4);
  expect(macro('BM25F + words')).toBeGreaterThan(macro('plain BM25') + 6);
  expect(macro('all')).toBeGreaterThan(macro('plain BM25') + 6);
  expect(macro('all')).toBeGreaterThan(macro('BM25F') + 1);
  expect(
    table.filter(
      ([, lexical, words, all]) => Number(all) < Number(lexical) || Number(words) < Number(lexical) - 0.5,
    ),
    JSON.stringify(table),
  ).toEqual([]);
});
