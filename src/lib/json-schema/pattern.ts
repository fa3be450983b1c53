// Regular expressions of schemas, in linear time (re2js). A pattern of the document never reaches the native
// engine, which can take exponential time (T-113). ECMA-262 syntax as far as RE2 knows it; the rest is not asserted.

import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';
import { spend, type Run } from './check.ts';

export interface Pattern {
  /** Instructions of its program: what it costs to compile and to hold. */
  readonly size: number;
  /** Says whether a text contains a match. */
  matches(text: string): boolean;
  /** What a match on this text may cost, in steps of a validation's budget: time grows with text times pattern. */
  costOn(text: string): number;
}

export interface PatternCompiler {
  /** The pattern, or undefined for patterns without a linear-time form (lookaround, back references). */
  (pattern: string): Pattern | undefined;
}

const MAX_PATTERN_LENGTH = 8_192;
// RE2 refuses counts above this. The bound is then left open: more is accepted, nothing valid is refused.
const MAX_COUNT = 1_000;
// Characters times instructions that take about as long as one step of a validation.
const WORK_PER_STEP = 1_024;
// Longer programs come from counted repetitions only, and take seconds to make.
const MAX_PROGRAM = 20_000;
// RE2's `\s` is ASCII; ECMA-262's is not.
const WHITE_SPACE = '\\t-\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff';

/** A compiler that remembers the patterns it met last, also those that cannot be compiled. */
export function createPatternCompiler(maxEntries = 2_000): PatternCompiler {
  const known = new LRUCache<string, { readonly pattern: Pattern | undefined }>({ max: maxEntries });
  return (pattern) => {
    let entry = known.get(pattern);
    if (entry === undefined) {
      entry = { pattern: compile(pattern) };
      known.set(pattern, entry);
    }
    return entry.pattern;
  };
}

function compile(pattern: string): Pattern | undefined {
  if (pattern.length > MAX_PATTERN_LENGTH || expandedSize(pattern) > MAX_PROGRAM) return undefined;
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(adapt(pattern)));
    const size = compiled.programSize();
    return {
      size,
      matches: (text) => compiled.test(text),
      costOn: (text) => Math.floor((text.length * size) / WORK_PER_STEP),
    };
  } catch {
    return undefined;
  }
}

const TOKEN = /\\u\{[0-9A-Fa-f]+\}|\\[pP]\{[\w=]+\}|\\[\s\S]|\{\d+(?:,\d*)?\}|[\s\S]/gu;

/** About how many instructions a pattern has once its counted repetitions are written out. */
function expandedSize(pattern: string): number {
  const outer: number[] = [];
  let size = 0;
  let last = 0;
  let isInClass = false;
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (isInClass) isInClass = token !== ']';
    else if (token === '(') {
      outer.push(size);
      size = 0;
    } else if (token === ')') {
      last = size + 2;
      size = (outer.pop() ?? 0) + last;
    } else if (token.startsWith('{') && token.length > 1) {
      const count = Math.max(1, ...token.slice(1, -1).split(',').map(Number));
      size += last * (count - 1);
      last *= count;
    } else {
      isInClass = token === '[';
      if (!/^[*+?|]$/.test(token)) last = 1;
      size += 1;
    }
  }
  return size;
}

/** Rewrites what ECMA-262 and RE2 read differently, token by token. */
function adapt(pattern: string): string {
  let adapted = '';
  let isInClass = false;
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (token === '\\s') adapted += isInClass ? WHITE_SPACE : `[${WHITE_SPACE}]`;
    else if (token === '\\S' && !isInClass) adapted += `[^${WHITE_SPACE}]`;
    else if (/^\\[pP]\{/.test(token)) adapted += renameProperty(token);
    else if (token === '.' && !isInClass) adapted += '[^\\n\\r\\u2028\\u2029]';
    else if (token.startsWith('{') && token.length > 1 && !isInClass) adapted += boundCount(token);
    else adapted += token;
    if (token === '[') isInClass = true;
    else if (token === ']') isInClass = false;
  }
  return adapted;
}

// RE2 knows general categories by their short names and scripts by their bare ones.
const CATEGORIES: Readonly<Record<string, string>> = {
  Letter: 'L',
  Uppercase_Letter: 'Lu',
  Lowercase_Letter: 'Ll',
  Titlecase_Letter: 'Lt',
  Modifier_Letter: 'Lm',
  Other_Letter: 'Lo',
  Mark: 'M',
  Nonspacing_Mark: 'Mn',
  Number: 'N',
  Decimal_Number: 'Nd',
  digit: 'Nd',
  Letter_Number: 'Nl',
  Punctuation: 'P',
  punct: 'P',
  Symbol: 'S',
  Separator: 'Z',
  Space_Separator: 'Zs',
  Other: 'C',
  Control: 'Cc',
  cntrl: 'Cc',
};

function renameProperty(token: string): string {
  const name = token.slice(3, -1).replace(/^(?:General_Category|gc|Script|sc|Script_Extensions|scx)=/, '');
  return `${token.slice(0, 3)}${Object.hasOwn(CATEGORIES, name) ? CATEGORIES[name] : name}}`;
}

function boundCount(token: string): string {
  const [low = '', high] = token.slice(1, -1).split(',');
  const isOpen = high === '';
  if (Number(low) <= MAX_COUNT && (high === undefined || isOpen || Number(high) <= MAX_COUNT)) return token;
  return `{${Math.min(Number(low), MAX_COUNT)},}`;
}

/** The pattern that `patterns` makes, compiled at the cost of the run that first needs it, and then kept. */
export function lazily(patterns: PatternCompiler, pattern: string): (run: Run) => Pattern | undefined {
  let entry: { readonly pattern: Pattern | undefined } | undefined;
  return (run) => {
    if (entry === undefined) {
      entry = { pattern: patterns(pattern) };
      spend(run, (entry.pattern?.size ?? 0) >> 2);
    }
    return entry.pattern;
  };
}
