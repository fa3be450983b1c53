// The index of one gateway’s tools: words, word vectors, and vectors of sentences as they come. Made in small slices, so
// that calls go on meanwhile; searched without waiting. Tools that the caller may not see are taken out before anything
// is counted, so that an answer is what it would be if they were not there.

import { createHash } from 'node:crypto';
import { sentenceOf, textsOf } from './document.ts';
import { fuse } from './fusion.ts';
import type { Leg } from './fusion.ts';
import { createLexicalIndex } from './lexical-index.ts';
import type { LexicalIndex, Visible } from './lexical-index.ts';
import type { Question } from './question.ts';
import type { SearchHit, SearchableTool } from './tool-search.ts';
import { createVectorTable, packVector } from './vectors.ts';
import type { VectorTable } from './vectors.ts';
import type { WordTable } from './words/word-table.ts';
import { vectorOfTool, vectorOfWords } from './words/word-vectors.ts';

/** What the legs count beside the lexical one; docs/search.md says how these were chosen. */
export const WORDS_WEIGHT = 0.4;
/** A leg of sentences takes part when at least this share of the tools has a vector. */
const MIN_FILLED = 0.5;
/** Without a word in common, and with no word vector of a tool as near as this, a question is taken for nonsense. */
const WORDS_RELATED_FROM = 0.15;
/** How long one slice of building may hold up everything else (milliseconds). */
const SLICE_MS = 6;

/** Vectors of sentences of one model, and how they count. */
export interface Sentences {
  readonly model: string;
  readonly weight: number;
  /** See Embedder. */
  readonly relatedFrom: number;
  readonly table: VectorTable;
}

export interface GatewayIndex {
  readonly tools: readonly SearchableTool[];
  readonly lexical: LexicalIndex;
  readonly words: VectorTable | undefined;
  /** What the word vectors are of. */
  readonly wordTable: WordTable | undefined;
  /** Absent as long as no model has given a vector. */
  sentences?: Sentences;
  /** What a model of sentences reads of a tool. */
  sentence(row: number): string;
  /** Names that text, the same for the same text. */
  sentenceKey(row: number): string;
}

/** Makes the index; the lexical part and the word vectors are whole, sentences are not there yet. */
export async function buildIndex(
  tools: readonly SearchableTool[],
  wordTable: WordTable | undefined,
  signal: AbortSignal,
): Promise<GatewayIndex> {
  const lexical = createLexicalIndex();
  const words = wordTable && createVectorTable(tools.length, wordTable.dimensions);
  const keys: string[] = [];
  let sliceEnds = performance.now() + SLICE_MS;
  for (const [row, tool] of tools.entries()) {
    const texts = textsOf(tool);
    const fields = lexical.add(texts);
    const vector = wordTable && vectorOfTool(fields, wordTable);
    const packed = vector && packVector(vector);
    if (packed) words?.set(row, packed);
    keys.push(keyOf(sentenceOf(texts)));
    if (performance.now() < sliceEnds) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    sliceEnds = performance.now() + SLICE_MS;
  }
  return {
    tools,
    lexical,
    words,
    wordTable,
    sentence: (row) => (tools[row] ? sentenceOf(textsOf(tools[row])) : ''),
    sentenceKey: (row) => keys[row] ?? '',
  };
}

/** Gives an index the vectors of sentences that the one before it has of the same texts. */
export function takeOver(from: GatewayIndex, to: GatewayIndex): void {
  const { sentences } = from;
  if (!sentences) return;
  const rowOf = new Map(from.tools.map((_, row) => [from.sentenceKey(row), row]));
  const table = createVectorTable(to.tools.length, sentences.table.dimensions);
  for (const row of to.tools.keys()) {
    const before = rowOf.get(to.sentenceKey(row));
    if (before !== undefined && sentences.table.has(before)) table.set(row, sentences.table.get(before));
  }
  to.sentences = { ...sentences, table };
}

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest().toString('latin1', 0, 16);
}

export interface RankRequest {
  readonly question: Question;
  /** The question’s vector by the model of `sentences`, if there is one. */
  readonly sentence: Float32Array | undefined;
  readonly limit: number;
  readonly mayList: ((name: string) => boolean) | undefined;
  readonly explain: boolean;
}

export interface RankAnswer {
  readonly hits: readonly SearchHit[];
  readonly legs: readonly string[];
}

/** What each leg says of a question, before it is brought together. */
export interface Legs {
  readonly lexical: Leg;
  readonly words?: Leg;
  readonly sentences?: Leg;
  /** A word of the question is in a tool that may be seen. */
  readonly hasMatch: boolean;
}

/** Scores all tools by each leg. */
export function scoreLegs(index: GatewayIndex, request: RankRequest, visible?: Visible): Legs {
  const scores = new Float64Array(index.tools.length);
  const hasMatch = index.lexical.score(request.question.terms, scores, visible);
  const words = wordsLeg(index, request);
  const sentences = sentencesLeg(index, request, visible);
  return {
    lexical: { scores, weight: 1 },
    ...(words ? { words } : {}),
    ...(sentences ? { sentences } : {}),
    hasMatch,
  };
}

/** The best tools for a question. */
export function rank(index: GatewayIndex, request: RankRequest): RankAnswer {
  const { question, limit, mayList } = request;
  const size = index.tools.length;
  const visible = mayList && visibleOf(index.tools, mayList);
  const count = visible?.count ?? size;
  if (count === 0) return { hits: [], legs: [] };
  const { lexical, words, sentences, hasMatch } = scoreLegs(index, request, visible);
  const named = [
    { name: 'lexical', leg: lexical },
    ...(words ? [{ name: 'words', leg: words }] : []),
    ...(sentences ? [{ name: index.sentences?.model ?? '', leg: sentences }] : []),
  ];
  const legs = named.map(({ name }) => name);
  // With few tools the caller can as well have them all, in order.
  const isNonsense =
    count > limit &&
    !hasMatch &&
    !isAlike(words, WORDS_RELATED_FROM, visible) &&
    !isAlike(sentences, index.sentences?.relatedFrom ?? 0, visible);
  if (isNonsense) return { hits: [], legs };
  const ranked = fuse(
    named.map(({ leg }) => leg),
    size,
    limit,
    visible,
  );
  const wordsAt = words ? 1 : -1;
  const sentencesAt = sentences ? named.length - 1 : -1;
  return {
    legs,
    hits: ranked.map(({ row, score, parts }) => ({
      name: index.tools[row]?.name ?? '',
      score,
      lexical: parts[0] ?? 0,
      words: parts[wordsAt] ?? 0,
      sentence: parts[sentencesAt] ?? 0,
      ...(request.explain ? { explanation: explain(index, question, row) } : {}),
    })),
  };
}

function visibleOf(tools: readonly SearchableTool[], mayList: (name: string) => boolean): Visible {
  const flags = new Uint8Array(tools.length);
  let count = 0;
  for (const [row, { name }] of tools.entries())
    if (mayList(name)) {
      flags[row] = 1;
      count += 1;
    }
  return { flags, count };
}

function wordsLeg({ words, wordTable, tools }: GatewayIndex, { question }: RankRequest): Leg | undefined {
  const vector = words && wordTable && vectorOfWords(question.words, wordTable);
  if (!vector) return undefined;
  const scores = new Float64Array(tools.length);
  words.cosines(vector, scores);
  return { scores, weight: WORDS_WEIGHT };
}

function sentencesLeg(
  { sentences, tools }: GatewayIndex,
  { sentence }: RankRequest,
  visible: Visible | undefined,
): Leg | undefined {
  if (!sentences || !sentence) return undefined;
  if (filledOf(sentences.table, visible) < (visible?.count ?? tools.length) * MIN_FILLED) return undefined;
  if (sentence.length !== sentences.table.dimensions) return undefined;
  const scores = new Float64Array(tools.length);
  sentences.table.cosines(sentence, scores);
  const isWhole = sentences.table.filled === tools.length;
  return {
    scores,
    weight: sentences.weight,
    ...(isWhole ? {} : { has: (row: number) => sentences.table.has(row) }),
  };
}

/** How many of the tools that may be seen have a vector: others must not decide how these are ranked. */
function filledOf(table: { readonly filled: number; has(row: number): boolean }, visible?: Visible): number {
  if (!visible) return table.filled;
  return visible.flags.reduce((sum, flag, row) => sum + (flag === 1 && table.has(row) ? 1 : 0), 0);
}

function isAlike(leg: Leg | undefined, least: number, visible: Visible | undefined): boolean {
  return leg?.scores.some((score, row) => score >= least && (!visible || visible.flags[row] === 1)) ?? false;
}

function explain(
  index: GatewayIndex,
  { terms }: Question,
  row: number,
): NonNullable<SearchHit['explanation']> {
  const tool = index.tools[row];
  const matches = terms.flatMap((term) => {
    const fields = index.lexical.fieldsWith(term, row);
    return fields.length === 0 ? [] : [{ term, fields }];
  });
  return { description: tool ? textsOf(tool).description : '', matches };
}
