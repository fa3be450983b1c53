// Text → words, as all legs of the search see it: names of tools are split where people would split them, letters are
// folded, runs of Chinese, Japanese and Korean characters become pairs. Knows nothing of tools, fields or scores.

import { stemmer } from 'stemmer';

/** What of one text is looked at (characters): descriptions of tools are far shorter. */
const MAX_TEXT = 16_384;
/** Longer words are ids, keys or noise. */
const MAX_WORD = 40;
/** Words in writings without spaces, to be cut into pairs. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]+/gu;
const HAS_UNSPACED = new RegExp(UNSPACED.source, 'u');
const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** `fooBar`, `HTTPServer`, `invoice2`; an `s` after capitals is their plural (`listURLs`). */
const CASE_BREAK = /(?<=\p{Ll}|\d)(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})(?!\p{Lu}s(?!\p{Ll}))/gu;
const DIGIT_BREAK = /(?<=\p{L}{3})(?=\d)|(?<=\d{3})(?=\p{L}{3})/gu;
/** More marks than any writing puts on a letter; ordering a long run of them costs the square of its length. */
const PILE_OF_MARKS = /(\p{M}{8})\p{M}+/gu;
const APOSTROPHE = /(?<=\p{L})['’](?:s(?!\p{L}))?(?=\p{L}|[^\p{L}]|$)/gu;

/** The words of a text, in order, in lower case. */
export function wordsOf(text: string): string[] {
  // Cut twice: one character can become eighteen.
  const whole = text.slice(0, MAX_TEXT).replace(PILE_OF_MARKS, '$1').normalize('NFKC').slice(0, MAX_TEXT);
  const plain = whole.replace(APOSTROPHE, '');
  const broken = plain.replace(CASE_BREAK, ' ').replace(DIGIT_BREAK, ' ').toLowerCase();
  const words: string[] = [];
  for (const word of broken.match(WORD) ?? [])
    if (HAS_UNSPACED.test(word)) splitUnspaced(word, words);
    else if (word.length <= MAX_WORD) words.push(fold(word));
  return words;
}

/** The form in which two words count as one: the stem of English words, others as they are. */
export function termOf(word: string): string {
  const known = terms.get(word);
  if (known !== undefined) return known;
  const term = /^[a-z]{3,}$/.test(word) ? stemmer(word) : word;
  if (terms.size >= MAX_REMEMBERED) terms.clear();
  terms.set(word, term);
  return term;
}
const terms = new Map<string, string>();
const MAX_REMEMBERED = 50_000;

/** `Café` and `cafe` are one word; letters of other scripts keep their marks. */
function fold(word: string): string {
  // oxlint-disable-next-line no-control-regex -- the range of ASCII
  if (/^[\u0000-\u007f]*$/.test(word)) return word;
  return word.replace(/[\u00c0-\u024f]/g, (letter) => letter.normalize('NFD').replace(/\p{M}/gu, ''));
}

function splitUnspaced(word: string, into: string[]): void {
  let end = 0;
  for (const match of word.matchAll(UNSPACED)) {
    if (match.index > end) into.push(fold(word.slice(end, match.index)));
    const letters = Array.from(match[0]);
    if (letters.length === 1) into.push(match[0]);
    for (let at = 1; at < letters.length; at += 1) into.push(`${letters[at - 1]}${letters[at]}`);
    end = match.index + match[0].length;
  }
  if (end < word.length) into.push(fold(word.slice(end)));
}
