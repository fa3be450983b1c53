// Quality of the search on data sets, each question’s order by several methods. The questions of a set are dealt into two
// halves: weights are chosen on one, and the table is of the other.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EMBEDDER_TYPES } from '../src/plugins.ts';
import type { Embedder } from '../src/search/embedder.ts';
import { fuse } from '../src/search/fusion.ts';
import type { Leg } from '../src/search/fusion.ts';
import { scoreLegs } from '../src/search/gateway-index.ts';
import { openOfflineSearch } from '../src/search/offline.ts';
import type { OfflineSearch } from '../src/search/offline.ts';
import { parseQuestion } from '../src/search/question.ts';
import { measure, parseJudgedSet } from '../src/search/quality.ts';
import type { Judged, Quality } from '../src/search/quality.ts';
import type { SearchableTool } from '../src/search/tool-search.ts';
import { createPlainBm25 } from './plain-bm25.ts';

const LIMIT = 10;
const GRID = [0, 0.2, 0.4, 0.7, 1.1, 1.5];
const METHODS = ['plain BM25', 'BM25F', 'words', 'sentences', 'BM25F + words', 'all'] as const;

/** All legs of one question. */
export interface Scored {
  readonly judged: Judged;
  readonly names: readonly string[];
  readonly plain: Leg;
  readonly lexical: Leg;
  readonly words: Leg;
  readonly sentences: Leg;
}

/** Scores the questions of a set by every leg. */
export async function scoreSet(
  tools: readonly SearchableTool[],
  queries: readonly Judged[],
  embedder: Embedder,
): Promise<Scored[]> {
  const { index } = await indexOf(tools, embedder);
  const plain = createPlainBm25(tools);
  const none: Leg = { scores: new Float64Array(tools.length), weight: 0 };
  const names = tools.map(({ name }) => name);
  const scored: Scored[] = [];
  for (const judged of queries) {
    const [sentence] = await embedder.embed([judged.query], 'query', AbortSignal.timeout(60_000));
    const question = parseQuestion(judged.query);
    const legs = scoreLegs(index, {
      question,
      sentence,
      limit: LIMIT,
      mayList: undefined,
      explain: false,
    });
    scored.push({
      judged,
      names,
      plain: { scores: plain(judged.query), weight: 1 },
      lexical: legs.lexical,
      words: legs.words ?? none,
      sentences: legs.sentences ?? none,
    });
  }
  return scored;
}

/** Sets that share their tools share the index. */
async function indexOf(tools: readonly SearchableTool[], embedder: Embedder): Promise<OfflineSearch> {
  const key = JSON.stringify(tools);
  if (last?.key !== key) last = { key, search: await openOfflineSearch(tools, { embedder }) };
  return last.search;
}
let last: { readonly key: string; readonly search: OfflineSearch } | undefined;

/** The measures of an order that some legs make together. */
export function qualityOf(scored: readonly Scored[], legsOf: (one: Scored) => readonly Leg[]): Quality {
  return measure(
    scored.map((one) => ({
      judged: one.judged,
      found: fuse(legsOf(one), one.names.length, LIMIT).map(({ row }) => one.names[row] ?? ''),
    })),
  );
}

/** The legs of each method, with the weights that the product has. */
export const LEGS_OF: Readonly<Record<(typeof METHODS)[number], (one: Scored) => readonly Leg[]>> = {
  'plain BM25': ({ plain }) => [plain],
  BM25F: ({ lexical }) => [lexical],
  words: ({ words }) => [words],
  sentences: ({ sentences }) => [sentences],
  'BM25F + words': ({ lexical, words }) => [lexical, words],
  all: ({ lexical, words, sentences }) => [lexical, words, sentences],
};

/** Prints the tables. */
export async function measureQuality(folder: string): Promise<void> {
  const embedder = EMBEDDER_TYPES.find(({ name }) => name === 'embedded')?.open({}, noServices());
  if (!embedder) throw new Error('there is no embedded embedder');
  const sets: { name: string; choose: Scored[]; report: Scored[] }[] = [];
  try {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      const { tools, queries } = parseJudgedSet(readFileSync(join(folder, file), 'utf8'));
      const scored = await scoreSet(tools, queries, embedder);
      const isChosen = ({ judged }: Scored): boolean => half(judged.query) === 0;
      sets.push({
        name: `${file.replace('.json', '')} (${tools.length} tools)`,
        choose: scored.filter(isChosen),
        report: scored.filter((one) => !isChosen(one)),
      });
    }
  } finally {
    await embedder.close();
  }
  const kept = sets.filter(({ choose, report }) => choose.length > 0 && report.length > 0);
  console.log('Recall@1 / @5 / @10 / nDCG@10 in percent, on the half of the questions that chose nothing\n');
  const totals = METHODS.map((): number[] => [0, 0, 0, 0]);
  for (const { name, report } of kept) {
    console.log(`${name}, ${report.length} questions`);
    for (const [at, method] of METHODS.entries()) {
      const { recallAt1, recallAt5, recallAt10, ndcgAt10 } = qualityOf(report, LEGS_OF[method]);
      const figures = [recallAt1, recallAt5, recallAt10, ndcgAt10].map((share) => share * 100);
      for (const [column, figure] of figures.entries()) totals[at]![column]! += figure / kept.length;
      console.log(`  ${method.padEnd(16)} ${row(figures)}`);
    }
  }
  console.log('macro average');
  for (const [at, method] of METHODS.entries())
    console.log(`  ${method.padEnd(16)} ${row(totals[at] ?? [])}`);
  showWeights(kept);
}

/** Which weights the other half would choose, and what they give here: the optimum is flat. */
function showWeights(sets: readonly { readonly choose: Scored[]; readonly report: Scored[] }[]): void {
  console.log('\nnDCG@10 by weight of words (down) and sentences (across): chosen half | reported half');
  console.log(`      ${GRID.map((weight) => String(weight).padStart(13)).join('')}`);
  for (const words of GRID) {
    const cells = GRID.map((sentences) => {
      const legsOf = (one: Scored): readonly Leg[] => [
        one.lexical,
        { ...one.words, weight: words },
        { ...one.sentences, weight: sentences },
      ];
      const macro = (half: 'choose' | 'report'): number =>
        sets.reduce((sum, set) => sum + qualityOf(set[half], legsOf).ndcgAt10, 0) / sets.length;
      return `${(macro('choose') * 100).toFixed(1)} | ${(macro('report') * 100).toFixed(1)}`.padStart(13);
    });
    console.log(`${String(words).padEnd(6)}${cells.join('')}`);
  }
}

function row(figures: readonly number[]): string {
  return figures.map((figure) => figure.toFixed(1).padStart(6)).join(' ');
}

function half(query: string): number {
  return (createHash('sha256').update(query).digest()[0] ?? 0) % 2;
}

/** What an embedder without network is opened with. */
export function noServices() {
  const refuse = (): Promise<never> => Promise.reject(new Error('no network here'));
  const log = { error: console.error, warn: console.error, info: () => undefined, debug: () => undefined };
  return {
    egress: { request: refuse, stream: refuse },
    log,
    region: '',
    openKey: () => Promise.resolve(undefined),
  };
}
