// What somebody asks → the words to look for. Bounded, whatever is sent.

import { GatewayError } from '../core/errors.ts';
import { STOP_WORDS } from './stop-words.ts';
import { termOf, wordsOf } from './text.ts';

/** Longer questions are refused: no question about tools needs more, and each character costs. */
export const MAX_QUERY_LENGTH = 4_096;
/** Of the text of a question so much is given to a model of sentences (characters): tools are described in less. */
const MAX_SENTENCE = 1_000;
/** Of the words of a question so many are looked for. */
const MAX_WORDS = 96;

export interface Question {
  /** For models of sentences. */
  readonly text: string;
  /** Telling words, in order; all words where none is telling. */
  readonly words: readonly string[];
  /** What to look up in the lexical index: each once. */
  readonly terms: readonly string[];
}

/** @throws GatewayError Validation when the question is too long */
export function parseQuestion(text: string): Question {
  if (text.length > MAX_QUERY_LENGTH)
    throw new GatewayError('Validation', `query: must have at most ${MAX_QUERY_LENGTH} characters`, {
      fields: [
        { name: 'query', message: `Member must have length less than or equal to ${MAX_QUERY_LENGTH}` },
      ],
      reason: 'FieldValidationFailed',
    });
  const all = wordsOf(text);
  const telling = all.filter((word) => !STOP_WORDS.has(word));
  const words = (telling.length > 0 ? telling : all).slice(0, MAX_WORDS);
  return {
    text: text.trim().slice(0, MAX_SENTENCE).toWellFormed(),
    words,
    terms: [...new Set(words.map(termOf))],
  };
}
