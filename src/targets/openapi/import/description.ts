// The texts a model reads about a tool: title and description, no longer than every client accepts.

import { member, proseMember } from './raw.ts';

const MAX_DESCRIPTION = 1024;
const MAX_TITLE = 128;

/** The tool's title, when the operation has a summary. */
export function titleOf(operation: unknown): string | undefined {
  const summary = proseMember(operation, 'summary')?.trim().replaceAll(/\s+/g, ' ');
  return summary === undefined ? undefined : shorten(summary, MAX_TITLE);
}

/** The tool's description: summary and description of the operation, else its method and path. */
export function describe(operation: unknown, method: string, path: string): string {
  const summary = proseMember(operation, 'summary')?.trim();
  const long = proseMember(operation, 'description')?.trim();
  const parts =
    long === undefined
      ? [summary]
      : summary === undefined || long.startsWith(summary)
        ? [long]
        : [summary, long];
  const text = parts.filter((part) => part !== undefined).join('\n\n');
  const deprecated =
    member(operation, 'deprecated') === true && !/^\W*deprecated/i.test(text) ? 'Deprecated. ' : '';
  return shorten(deprecated + (text === '' ? `${method} ${path}` : text), MAX_DESCRIPTION);
}

/** Cuts at the end of a sentence, else of a word. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const room = text.slice(0, length - 1);
  const sentence = Math.max(room.lastIndexOf('. '), room.lastIndexOf('.\n'), room.lastIndexOf('\n\n'));
  if (sentence > length * 0.6) return room.slice(0, sentence + 1).trimEnd();
  const word = room.search(/\s\S*$/);
  const cut = word > length * 0.6 ? room.slice(0, word) : room.replace(/[\uD800-\uDBFF]$/, '');
  return `${cut.trimEnd()}…`;
}
