// Which regular expressions a schema may keep. Arguments are matched with RE2 (no backtracking, so a document
// cannot make the gateway hang) and clients match with ECMAScript's `u` mode: a pattern has to suit both.

import { RE2JS } from 're2js';

/** Says whether a pattern can be kept. Answers are remembered for the length of one import. */
export type PatternCheck = (pattern: string) => boolean;

const MAX_LENGTH = 2000;

/** Creates the check with its memory. */
export function createPatternCheck(): PatternCheck {
  const known = new Map<string, boolean>();
  return (pattern) => {
    const before = known.get(pattern);
    if (before !== undefined) return before;
    const usable = isUsable(pattern);
    known.set(pattern, usable);
    return usable;
  };
}

function isUsable(pattern: string): boolean {
  if (pattern.length > MAX_LENGTH) return false;
  // `/^a$/i` is a literal pasted from source code: as an expression it would refuse every value.
  if (/^\/\^.*\/[dgimsuvy]*$/s.test(pattern)) return false;
  try {
    // Only the syntax is looked at; nothing is ever matched with the built-in engine.
    const checked = new RegExp(pattern, 'u');
    return RE2JS.compile(RE2JS.translateRegExp(checked.source)) !== undefined;
  } catch {
    return false;
  }
}
