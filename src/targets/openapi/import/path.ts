// The path of an operation: cuts the fragment, takes a fixed query apart, and reads the template's variables with
// their modifiers (RFC 6570 and the habits of routers). What comes out holds only `{name}` parts.

import type { ParameterStyle } from '../plan.ts';

/** A variable of a path template. */
export interface PathVariable {
  readonly name: string;
  readonly style?: ParameterStyle;
  readonly explode?: boolean;
  /** May hold slashes. */
  readonly multiSegment?: boolean;
}

export interface PathReading {
  /** Begins with `/`; variables written as `{name}`. */
  readonly template: string;
  readonly variables: readonly PathVariable[];
  /** Fixed pairs of the query. */
  readonly query: readonly (readonly [string, string])[];
  /** Query keys whose value is a variable: [key, variable]. */
  readonly queryVariables: readonly (readonly [string, string])[];
}

/** Reads a path; `declared` are the names of its path parameters. */
export function readPath(path: string, declared: ReadonlySet<string>): PathReading {
  const [beforeFragment] = splitOutsideBraces(path, '#');
  const [place, query] = splitOutsideBraces(beforeFragment, '?');
  const variables: PathVariable[] = [];
  const slashed = place.startsWith('/') ? place : `/${place}`;
  const template = slashed
    .replaceAll(/\{([^{}/]*(?:\{[^{}]*\}[^{}]*)*|[^{}]*)\}/g, (whole, inner: string) => {
      const variable = readVariable(inner, declared);
      if (variable === undefined) return whole;
      if (!variables.some((known) => known.name === variable.name)) variables.push(variable);
      return `{${variable.name}}`;
    })
    .replaceAll(/(?<=\/):([A-Za-z_]\w*)/g, (whole, name: string) => {
      // Express habit, taken up only where the document declares the parameter.
      if (!declared.has(name)) return whole;
      if (!variables.some((known) => known.name === name)) variables.push({ name });
      return `{${name}}`;
    });
  const pairs: (readonly [string, string])[] = [];
  const queryVariables: (readonly [string, string])[] = [];
  for (const part of query?.split('&') ?? []) {
    if (part === '') continue;
    const [key, value = ''] = splitOutsideBraces(part, '=');
    const variable = /^\{([^{}]+)\}$/.exec(value)?.[1];
    if (variable === undefined) pairs.push([decode(key), decode(value)]);
    else queryVariables.push([decode(key), variable]);
  }
  return { template, variables, query: pairs, queryVariables };
}

function readVariable(inner: string, declared: ReadonlySet<string>): PathVariable | undefined {
  if (declared.has(inner)) return { name: inner };
  const [, prefix = '', rest = ''] = /^([.;+#/?&]?)(.*)$/s.exec(inner) ?? [];
  const [, body = '', pattern] = /^([^:]+)(?::(.*))?$/s.exec(rest) ?? [];
  const [, name = '', suffix = ''] = /^(.*?)(\*|\+|\.\.\.|\?|!)?$/s.exec(body) ?? [];
  if (name.trim() === '') return undefined;
  const label: Partial<Record<string, ParameterStyle>> = { '.': 'label', ';': 'matrix' };
  const style = label[prefix];
  const many =
    prefix === '+' ||
    prefix === '#' ||
    suffix === '+' ||
    suffix === '...' ||
    (pattern !== undefined && /^(path|\.[*+]\??)$/.test(pattern));
  return {
    name: name.trim(),
    ...(style === undefined ? {} : { style }),
    ...(suffix === '*' ? { explode: true } : {}),
    ...(many || (suffix === '*' && style === undefined) ? { multiSegment: true } : {}),
  };
}

function splitOutsideBraces(text: string, mark: string): [string, string | undefined] {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const letter = text[index];
    if (letter === '{') depth += 1;
    else if (letter === '}') depth = Math.max(0, depth - 1);
    else if (letter === mark && depth === 0) return [text.slice(0, index), text.slice(index + 1)];
  }
  return [text, undefined];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
