// JSON as both planes read it: UTF-8 that is UTF-8, no member twice, bounded depth (RFC 8259, RFC 7493).
// Duplicate members are refused because two readers could see two different values. The usual case costs
// one scan, one JSON.parse and one walk; only a faulty text is read again, slowly, to say where it is wrong.
// Messages never quote the text: it may hold a secret.

import { isUtf8 } from 'node:buffer';
import { GatewayError } from './errors.ts';
import type { JsonValue } from './json.ts';
import { parseLossless } from '../lib/lossless-json.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BYTE_ORDER_MARK = 0xfeff;

/** Deepest nesting of arrays and objects that is read unless the caller says otherwise. */
const DEFAULT_MAX_JSON_DEPTH = 64;
/**
 * Most values that are read unless the caller says otherwise. Texts of a few megabytes that are nothing but `[],[],[]`
 * or short members hold up the process for seconds; these are read in the time that one long string of that size takes.
 */
const DEFAULT_MAX_JSON_VALUES = 100_000;

export interface StrictJsonOptions {
  /** Deepest nesting; 64 unless said. */
  readonly maxDepth?: number;
  /** Most values, at all levels together; 100,000 unless said. */
  readonly maxValues?: number;
  /** Integers beyond 2^53 become BigInt instead of losing digits. */
  readonly lossless?: boolean;
}

/**
 * Reads one JSON text. A member `__proto__` becomes an ordinary own property.
 * @throws GatewayError Malformed; the message says what is wrong and at which line and column. TooLarge: too many values.
 */
export function parseStrictJson(bytes: Uint8Array, options: StrictJsonOptions = {}): JsonValue {
  const { maxDepth = DEFAULT_MAX_JSON_DEPTH, maxValues = DEFAULT_MAX_JSON_VALUES } = options;
  if (!isUtf8(bytes)) throw new GatewayError('Malformed', 'The text is not valid UTF-8.');
  const decoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const text = decoded.charCodeAt(0) === BYTE_ORDER_MARK ? decoded.slice(1) : decoded;
  const members = countMembers(text, maxDepth, maxValues);
  if (members === undefined) throw fault(text, maxDepth);
  let value: JsonValue;
  try {
    value = (options.lossless === true ? parseLossless(text) : JSON.parse(text)) as JsonValue;
  } catch {
    throw fault(text, maxDepth);
  }
  // A repeated member is in the text twice but in the value once.
  if (countOwnMembers(value) !== members) throw fault(text, maxDepth);
  return value;
}

/**
 * Number of colons outside strings, which is the number of members; undefined when nested too deeply.
 * @throws GatewayError TooLarge
 */
function countMembers(text: string, maxDepth: number, maxValues: number): number | undefined {
  let depth = 0;
  let members = 0;
  // Each value but the first follows a comma, or a bracket that opens (an empty list is counted twice).
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        if (at < 0) return members; // no closing quote: JSON.parse will refuse it
        break;
      case 0x3a:
        members++;
        break;
      case 0x2c:
        if (++values > maxValues) throw tooMany(maxValues);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > maxDepth) return undefined;
        if (++values > maxValues) throw tooMany(maxValues);
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
    }
  }
  return members;
}

function tooMany(maxValues: number): GatewayError {
  return new GatewayError('TooLarge', `The JSON text holds more than ${maxValues} values.`);
}

/** Index of the quote that closes the string opened at `start`, or -1. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

function countOwnMembers(value: JsonValue | undefined): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) count += countOwnMembers(item);
    return count;
  }
  const members = value as Readonly<Record<string, JsonValue>>;
  for (const name in members) count += 1 + countOwnMembers(members[name]);
  return count;
}

interface Fault {
  readonly at: number;
  readonly problem: string;
}

function fault(text: string, maxDepth: number): GatewayError {
  const { at, problem } = locateFault(text, maxDepth);
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = at - before.lastIndexOf('\n');
  return new GatewayError('Malformed', `Line ${line}, column ${column}: ${problem}.`);
}

/** Reads the text by the grammar and stops at the first thing wrong. Recursion is bounded by `maxDepth`. */
function locateFault(text: string, maxDepth: number): Fault {
  let at = 0;
  let found: Fault | undefined;

  const fail = (problem: string, where = at): false => {
    found ??= { at: where, problem: where >= text.length ? 'the text ends too early' : problem };
    return false;
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const token = pattern.exec(text)?.[0];
    if (token !== undefined) at += token.length;
    return token;
  };
  const space = () => match(/[ \t\n\r]*/y);
  const string = (): string | undefined => {
    const start = at;
    for (at++; text[at] !== '"'; at++) {
      const code = text.charCodeAt(at);
      if (!(code >= 0x20)) return void fail('a string holds a bare control character');
      if (code === BACKSLASH && match(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y) === undefined)
        return void fail('a string has a bad escape');
      else if (code === BACKSLASH) at--;
    }
    at++;
    return JSON.parse(text.slice(start, at)) as string;
  };

  /** The part between the brackets, one item at a time. */
  const items = (close: string, depth: number, item: () => boolean): boolean => {
    if (depth > maxDepth) return fail(`nested more than ${maxDepth} levels deep`, at);
    at++;
    space();
    if (text[at] === close) return at++ >= 0;
    for (;;) {
      space();
      if (!item()) return false;
      space();
      if (text[at] === close) return at++ >= 0;
      if (text[at] !== ',') return fail(`expected "," or "${close}"`);
      at++;
    }
  };
  const value = (depth: number): boolean => {
    space();
    switch (text[at]) {
      case '{': {
        const names = new Set<string>();
        return items('}', depth + 1, () => {
          const start = at;
          if (text[at] !== '"') return fail('expected a member name in double quotes');
          const name = string();
          if (name === undefined) return false;
          if (names.has(name)) return fail('this object has the same member twice', start);
          names.add(name);
          space();
          if (text[at] !== ':') return fail('expected ":" after a member name');
          at++;
          return value(depth + 1);
        });
      }
      case '[':
        return items(']', depth + 1, () => value(depth + 1));
      case '"':
        return string() !== undefined;
      default:
        return (
          match(/(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.+-])/y) !==
            undefined || fail('expected a value')
        );
    }
  };

  if (value(0)) {
    space();
    if (at < text.length) fail('something follows the end of the value');
  }
  return found ?? { at: 0, problem: 'the text is not valid JSON' };
}
