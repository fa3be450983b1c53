// JSON without losing digits: integers beyond 2^53 become BigInt when read and are written back as they were.
// JavaScript's own reader changes 9007199254740993 silently, and an id changed by one names somebody else.

const LONG_NUMBER = /\d{16}/;
const INTEGER = /^-?\d{16,400}$/;

/** True when the text may hold an integer that a double cannot; a cheap screen before anything dearer. */
function hasLongNumber(text: string): boolean {
  return LONG_NUMBER.test(text);
}

/** JSON.parse, with unsafe integers as BigInt. @throws SyntaxError */
export function parseLossless(text: string): unknown {
  if (!hasLongNumber(text)) return JSON.parse(text);
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    context?.source !== undefined &&
    INTEGER.test(context.source)
      ? BigInt(context.source)
      : value;
  return JSON.parse(text, revive);
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
