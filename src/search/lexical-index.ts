// Words of tools, field by field, and who has them: the lexical part of the index, scored by BM25F (Robertson and
// Zaragoza): a word counts by field, saturates over all fields together, and counts less in long fields and when many
// tools have it. Counts are made over the tools that may be seen and over no others, so that a score tells nothing of the rest.

import { FIELDS } from './document.ts';
import type { Field, ToolTexts } from './document.ts';
import { termOf, wordsOf } from './text.ts';

/** How much a word in each field counts; docs/search.md says how these were chosen. */
export const FIELD_WEIGHTS: Readonly<Record<Field, number>> = Object.freeze({
  name: 3,
  target: 0.5,
  description: 1,
  parameterNames: 0.5,
  parameterDescriptions: 0.3,
  targetDescription: 0.2,
  output: 0.1,
});
const K1 = 1.2;
const B = 0.75;
const COUNT = FIELDS.length;
/** An entry is one number: tool, field, how often. */
const FIELD_BITS = 3;
const COUNT_BITS = 6;
const MAX_COUNT = 2 ** COUNT_BITS - 1;
const MAX_TOOLS = 2 ** (30 - FIELD_BITS - COUNT_BITS);

/** Who has a term. `entries` are in order of tools, then fields. */
interface Postings {
  entries: number[];
  /** Each tool that has it, and its weight over all tools; made when first needed. */
  ready?: { readonly tools: Int32Array; readonly weights: Float32Array };
}

/** Which tools may be seen. */
export interface Visible {
  /** 1 for each tool that may be. */
  readonly flags: Uint8Array;
  readonly count: number;
}

export interface LexicalIndex {
  readonly size: number;
  /** Adds the next tool; gives the words of each field, for whoever needs them too. @throws RangeError beyond 2 million */
  add(texts: ToolTexts): readonly (readonly string[])[];
  /** Adds each tool’s score for these terms to `scores`; true when a term matched any tool that may be seen. */
  score(terms: readonly string[], scores: Float64Array, visible?: Visible): boolean;
  /** The fields in which a tool has a term. */
  fieldsWith(term: string, tool: number): readonly Field[];
  /** About what it holds (bytes). */
  bytes(): number;
}

/** An index without tools. */
export function createLexicalIndex(weights: Readonly<Record<Field, number>> = FIELD_WEIGHTS): LexicalIndex {
  const fieldWeights = FIELDS.map((field) => weights[field]);
  const index = new Map<string, Postings>();
  const lengths: number[] = [];
  let size = 0;
  let entryCount = 0;
  let wholeAverages: Float64Array | undefined;

  function averagesOf(visible: Visible | undefined): Float64Array {
    const sums = new Float64Array(COUNT);
    for (let tool = 0; tool < size; tool += 1)
      if (!visible || visible.flags[tool] === 1)
        for (let field = 0; field < COUNT; field += 1) sums[field]! += lengths[tool * COUNT + field]!;
    const count = Math.max(1, visible?.count ?? size);
    return sums.map((sum) => Math.max(sum / count, 1e-9));
  }

  /** Each tool that has the term and may be seen, with its weight: counts by field and the field’s length. */
  function weigh(
    { entries }: Postings,
    averages: Float64Array,
    visible?: Visible,
  ): NonNullable<Postings['ready']> {
    const tools: number[] = [];
    const result: number[] = [];
    for (const entry of entries) {
      const tool = entry >>> (FIELD_BITS + COUNT_BITS);
      if (visible && visible.flags[tool] !== 1) continue;
      const field = (entry >>> COUNT_BITS) & (2 ** FIELD_BITS - 1);
      const length = lengths[tool * COUNT + field]! / averages[field]!;
      const weight = (fieldWeights[field]! * (entry & MAX_COUNT)) / (1 - B + B * length);
      if (tools.at(-1) === tool) result[result.length - 1]! += weight;
      else {
        tools.push(tool);
        result.push(weight);
      }
    }
    return { tools: Int32Array.from(tools), weights: Float32Array.from(result) };
  }

  function addEntry(term: string, tool: number, field: number): void {
    let postings = index.get(term);
    if (!postings) index.set(term, (postings = { entries: [] }));
    delete postings.ready;
    const { entries } = postings;
    const place = (tool << (FIELD_BITS + COUNT_BITS)) | (field << COUNT_BITS);
    const last = entries.at(-1) ?? -1;
    if (last >>> COUNT_BITS !== place >>> COUNT_BITS) {
      entries.push(place | 1);
      entryCount += 1;
    } else if ((last & MAX_COUNT) < MAX_COUNT) entries[entries.length - 1] = last + 1;
  }

  return {
    get size() {
      return size;
    },
    add(texts) {
      if (size >= MAX_TOOLS) throw new RangeError(`An index holds ${MAX_TOOLS} tools at most.`);
      const tool = size;
      size += 1;
      wholeAverages = undefined;
      return FIELDS.map((field, number) => {
        const words = wordsOf(texts[field]);
        lengths.push(words.length);
        for (const word of words) addEntry(termOf(word), tool, number);
        return words;
      });
    },
    score(terms, scores, visible) {
      let hasMatch = false;
      const averages = visible ? averagesOf(visible) : (wholeAverages ??= averagesOf(undefined));
      const count = visible?.count ?? size;
      for (const term of terms) {
        const postings = index.get(term);
        if (!postings) continue;
        const { tools, weights: having } = visible
          ? weigh(postings, averages, visible)
          : (postings.ready ??= weigh(postings, averages));
        if (tools.length === 0) continue;
        hasMatch = true;
        const rarity = Math.log(1 + (count - tools.length + 0.5) / (tools.length + 0.5));
        for (let at = 0; at < tools.length; at += 1) {
          const weight = having[at]!;
          scores[tools[at]!]! += (rarity * weight) / (K1 + weight);
        }
      }
      return hasMatch;
    },
    fieldsWith(term, tool) {
      const entries = index.get(term)?.entries ?? [];
      const first = tool << (FIELD_BITS + COUNT_BITS);
      const fields: Field[] = [];
      for (let at = firstAtLeast(entries, first); at < entries.length; at += 1) {
        const entry = entries[at]!;
        if (entry >>> (FIELD_BITS + COUNT_BITS) !== tool) break;
        fields.push(FIELDS[(entry >>> COUNT_BITS) & (2 ** FIELD_BITS - 1)]!);
      }
      return fields;
    },
    bytes: () => entryCount * 16 + lengths.length * 8 + index.size * 120,
  };
}

function firstAtLeast(sorted: readonly number[], wanted: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
