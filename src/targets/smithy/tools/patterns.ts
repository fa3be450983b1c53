// Which regular expressions a schema may keep: arguments are matched in linear time (RE2), and clients match with
// ECMAScript's `u` mode. Smithy's are mostly both; those that are not are left to the service.

import { createPatternCompiler } from '../../../lib/json-schema/pattern.ts';
import type { PatternCheck } from './constraints.ts';

const MAX_LENGTH = 2_000;

/** A check that remembers its answers for the length of one import. */
export function createPatternCheck(): PatternCheck {
  const known = new Map<string, boolean>();
  const compile = createPatternCompiler(256);
  return (pattern) => {
    let usable = known.get(pattern);
    if (usable === undefined) {
      usable = pattern.length <= MAX_LENGTH && isEcmaScript(pattern) && compile(pattern) !== undefined;
      known.set(pattern, usable);
    }
    return usable;
  };
}

/** Only the syntax is looked at; nothing is ever matched with the built-in engine. */
function isEcmaScript(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').source !== '';
  } catch {
    return false;
  }
}
