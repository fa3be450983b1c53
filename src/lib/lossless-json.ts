// JSON without losing digits: integers beyond 2^53 become BigInt when read and are written back as they were.
// JavaScript's own reader changes 9007199254740993 silently, and an id changed by one names somebody else.

import { randomUUID } from 'node:crypto';

const LONG_NUMBER = /\d{16}/;
const INTEGER = /^-?[1-9]\d{15,399}$/;
/** Begins texts that stand for long integers while JSON is read. Nobody outside this process can guess it. */
const MARK = `long-integer-${randomUUID()}:`;

/** True when the text may hold an integer that a double cannot; a cheap screen before anything dearer. */
function hasLongNumber(text: string): boolean {
  return LONG_NUMBER.test(text);
}

/** JSON.parse, with unsafe integers as BigInt. @throws SyntaxError */
export function parseLossless(text: string): unknown {
  if (!hasLongNumber(text)) return JSON.parse(text);
  const marked = markLongIntegers(text);
  // Not with a reviver: that is called for each value, which holds up everybody for seconds when there are millions.
  const value: unknown = JSON.parse(marked);
  return marked === text ? value : unmark(value);
}

/** The text with each integer that a double cannot hold in quotes and marked; faulty texts stay faulty. */
function markLongIntegers(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  const next = /"|-?\d{16,}/g;
  for (let found = next.exec(text); found; found = next.exec(text)) {
    const [token] = found;
    if (token === '"') {
      next.lastIndex = endOfString(text, found.index);
      continue;
    }
    const end = found.index + token.length;
    if (Number.isSafeInteger(Number(token)) || !INTEGER.test(token)) continue;
    if (!/^(?:|[\s:,[])$/.test(text.charAt(found.index - 1)) || !isEndOfValue(text, end)) continue;
    parts.push(text.slice(copied, found.index), `"${MARK}${token}"`);
    copied = end;
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(copied);
}

/** Index behind the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Whether a number may end here: a fraction, an exponent or a colon (numbers are no names) may not follow. */
function isEndOfValue(text: string, end: number): boolean {
  const rest = /[ \t\n\r]*/y;
  rest.lastIndex = end;
  rest.exec(text);
  return /^[,\]}]?$/.test(text.charAt(rest.lastIndex));
}

/** Puts integers where their marks are, in place; without recursion, since the value may be nested deeply. */
function unmark(value: unknown): unknown {
  const root = { value };
  const open: object[] = [root];
  const visit = (member: unknown, node: object, name: string | number): void => {
    if (typeof member === 'object' && member !== null) open.push(member);
    else if (typeof member === 'string' && member.startsWith(MARK))
      (node as Record<string | number, unknown>)[name] = BigInt(member.slice(MARK.length));
  };
  for (let node = open.pop(); node !== undefined; node = open.pop())
    if (Array.isArray(node)) for (let at = 0; at < node.length; at += 1) visit(node[at], node, at);
    else for (const name in node) visit((node as Record<string, unknown>)[name], node, name);
  return root.value;
}

/** JSON.stringify that writes a BigInt as the number it is. */
export function stringifyLossless(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    return JSON.stringify(value, (_key, member: unknown) =>
      typeof member === 'bigint' ? rawNumber(member) : member,
    );
  }
}

function rawNumber(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}
