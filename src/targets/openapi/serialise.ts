// Parameter styles: one argument value → the text that stands for it (OAS 3.0/3.1/3.2 "Style Examples", RFC 6570 §3).
// Knows nothing of URLs, headers or safety; callers put the text in its place.

import { isJsonObject, type JsonValue } from '../../core/json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import type { ParameterStyle } from './plan.ts';

/** Turns one name or scalar into the form that its place on the wire needs. */
export type EncodeText = (text: string) => string;

/** What one value is written with. */
export interface StyleOptions {
  readonly name: string;
  readonly style: ParameterStyle;
  readonly explode: boolean;
  /** For values. */
  readonly encode: EncodeText;
  /** For names; as `encode` unless given. */
  readonly encodeName?: EncodeText;
  /** How arrays of scalars inside `deepObject` are written: `a[b]=1&a[b]=2`, or `a[b][]=1&a[b][]=2`. */
  readonly deepArrays?: 'repeated' | 'brackets';
}

/** The text, or undefined where the parameter is left out (the table's "n/a" for undefined values). */
export function serialise(value: JsonValue, options: StyleOptions): string | undefined {
  if (isEmpty(value)) return serialiseEmpty(options);
  switch (options.style) {
    case 'matrix':
      return serialiseMatrix(value, options);
    case 'label':
      return `.${joined(value, options, options.explode ? '.' : ',')}`;
    case 'simple':
      return joined(value, options, ',');
    case 'form':
      return serialisePairs(value, options, '&', ',');
    case 'cookie':
      return serialisePairs(value, options, '; ', ',');
    case 'spaceDelimited':
      return serialisePairs(value, options, '&', '%20');
    case 'pipeDelimited':
      return serialisePairs(value, options, '&', '%7C');
    case 'tabDelimited':
      return serialisePairs(value, options, '&', '%09');
    default:
      return serialiseDeep(value, options);
  }
}

/** The text of a scalar, or the JSON text of anything else: what stands for a value nested deeper than a style goes. */
export function scalarText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? stringifyLossless(value) : String(value);
}

/** The members of an object that have a value, in their order. RFC 6570 §2.3 leaves undefined ones out. */
export function definedMembers(value: JsonValue): [string, JsonValue][] {
  return Object.entries(value as Record<string, JsonValue | undefined>).filter(
    (member): member is [string, JsonValue] => member[1] !== undefined && member[1] !== null,
  );
}

/** The names a value brings along itself when it is an exploded object: these are the caller's words. */
export function explodedNames(
  value: JsonValue,
  { style, explode }: Pick<StyleOptions, 'style' | 'explode'>,
): readonly string[] {
  return explode && style !== 'deepObject' && isJsonObject(value) ? Object.keys(value) : [];
}

// RFC 6570 §2.3: null, and lists and objects without members, are "undefined". The table writes these as it
// writes the empty string.
function isEmpty(value: JsonValue): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.every((item) => item === null);
  return typeof value === 'object' && definedMembers(value).length === 0;
}

function serialiseEmpty({ style, name, encodeName, encode }: StyleOptions): string | undefined {
  const wireName = (encodeName ?? encode)(name);
  switch (style) {
    case 'matrix':
      return `;${wireName}`;
    case 'label':
      return '.';
    case 'simple':
      return '';
    case 'form':
    case 'cookie':
      return `${wireName}=`;
    default:
      return undefined;
  }
}

function serialiseMatrix(value: JsonValue, options: StyleOptions): string {
  const name = (options.encodeName ?? options.encode)(options.name);
  if (options.explode && Array.isArray(value))
    return items(value)
      .map((item) => (item === '' ? `;${name}` : `;${name}=${options.encode(scalarText(item))}`))
      .join('');
  if (options.explode && isJsonObject(value)) return `;${joined(value, options, ';')}`;
  return `;${name}=${joined(value, options, ',')}`;
}

/** Scalars, lists and objects in one run: `a,b`, `k,v,k,v`, or `k=v,k=v` when exploded. */
function joined(value: JsonValue, options: StyleOptions, separator: string): string {
  const { encode, encodeName = encode, explode } = options;
  if (Array.isArray(value))
    return items(value)
      .map((item) => encode(scalarText(item)))
      .join(separator);
  if (!isJsonObject(value)) return encode(scalarText(value));
  return definedMembers(value)
    .map(([key, member]) => `${encodeName(key)}${explode ? '=' : separator}${encode(scalarText(member))}`)
    .join(separator);
}

/** `name=…` pairs. A delimited style with `explode` is not defined; it is written as `form` is, which servers expect. */
function serialisePairs(value: JsonValue, options: StyleOptions, between: string, delimiter: string): string {
  const { encode, encodeName = encode, explode } = options;
  const name = encodeName(options.name);
  if (!explode) return `${name}=${joined(value, options, delimiter)}`;
  if (Array.isArray(value))
    return items(value)
      .map((item) => `${name}=${encode(scalarText(item))}`)
      .join(between);
  if (!isJsonObject(value)) return `${name}=${encode(scalarText(value))}`;
  return definedMembers(value)
    .map(([key, member]) => `${encodeName(key)}=${encode(scalarText(member))}`)
    .join(between);
}

// The specification defines deepObject for one level of scalars. Deeper objects nest their brackets, lists of
// scalars repeat the name, lists of objects are numbered, and a list at the top is `name[]=`: what Rails, PHP, qs read.
function serialiseDeep(value: JsonValue, options: StyleOptions): string {
  const { encode, encodeName = encode, deepArrays = 'repeated' } = options;
  const pairs: string[] = [];
  const write = (path: string, node: JsonValue, depth: number): void => {
    if (Array.isArray(node)) {
      const numbered = node.some((item) => typeof item === 'object' && item !== null);
      const suffix = depth === 0 || deepArrays === 'brackets' ? '[]' : '';
      items(node).forEach((item, at) =>
        write(numbered ? `${path}[${at}]` : `${path}${suffix}`, item, depth + 1),
      );
    } else if (isJsonObject(node))
      for (const [key, member] of definedMembers(node)) write(`${path}[${key}]`, member, depth + 1);
    else pairs.push(`${encodeName(path)}=${encode(scalarText(node))}`);
  };
  write(options.name, value, 0);
  return pairs.join('&');
}

function items(value: readonly JsonValue[]): readonly JsonValue[] {
  return value.filter((item) => item !== null);
}
