// The texts a model reads about a tool and its arguments: Smithy's documentation as plain text, no longer than needed.

import { plainText } from '../../../lib/plain-text.ts';
import { textTrait, trait, type Traits } from '../model.ts';

/** Longest description of a tool that every client accepts. */
export const MAX_DESCRIPTION = 1024;

/** The documentation of a shape or member as one plain text, shortened; undefined where there is none. */
export function documentationOf(traits: Traits, length: number): string | undefined {
  const written = textTrait(traits, 'documentation');
  if (written === undefined || length < 20) return undefined;
  const text = reflow(plainText(written));
  return text === '' ? undefined : shorten(text, length);
}

/** Lines that were broken for a width of their own, and list items that stand apart from their mark, joined. */
function reflow(text: string): string {
  return text
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/^ ?- *\n+ */gm, '- ')
    .replaceAll(/([^\n]) ?\n(?! ?(?:- |\n|\d+\. ))/g, '$1 ')
    .replaceAll(/\n{2,}(?=- )/g, '\n')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
}

/** The description of an operation's tool. */
export function describeOperation(traits: Traits, fallback: string): string {
  const text = documentationOf(traits, MAX_DESCRIPTION) ?? fallback;
  const isDeprecated =
    trait(traits, 'deprecated') !== undefined && !/^\W*(this \w+ is )?deprecated/i.test(text);
  return shorten(isDeprecated ? `Deprecated. ${text}` : text, MAX_DESCRIPTION);
}

/** Cuts at the end of a sentence, else of a word. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const room = text.slice(0, length - 1);
  const sentence = Math.max(room.lastIndexOf('. '), room.lastIndexOf('.\n'), room.lastIndexOf('\n\n'));
  if (sentence > length * 0.4) return room.slice(0, sentence + 1).trimEnd();
  const word = room.search(/\s\S*$/);
  const cut = word > length * 0.6 ? room.slice(0, word) : room;
  return `${cut
    .trimEnd()
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}
