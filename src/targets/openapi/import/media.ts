// Media types: which kind of body each one is, and which of several to use.

import type { BodyKind } from '../plan.ts';

/** A media type without parameters, in lower case. */
export function essence(mediaType: string): string {
  return (mediaType.split(';')[0] ?? '').trim().toLowerCase();
}

/** True for JSON and for the types that are written as JSON. */
export function isJson(mediaType: string): boolean {
  return /^(application|text)\/(json|.*\+json|x-json)$/.test(essence(mediaType));
}

/** How a body of a media type is written. */
export function kindOf(mediaType: string): BodyKind {
  const type = essence(mediaType);
  if (isJson(type) || type === '*/*' || type === 'application/*' || type === '') return 'json';
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (type.startsWith('multipart/')) return 'multipart';
  if (
    type.startsWith('text/') ||
    isXml(type) ||
    /^application\/(x-ndjson|ndjson|jsonl|jsonlines|x-jsonlines|json-seq|x-yaml|yaml|graphql|javascript|sql|sparql-.*|toml)$/.test(
      type,
    ) ||
    type.endsWith('+yaml')
  )
    return 'text';
  return 'binary';
}

/** True for XML types: their bodies travel as text. */
export function isXml(mediaType: string): boolean {
  return /^(application|text)\/(xml|.*\+xml)$/.test(essence(mediaType));
}

const ORDER: readonly ((type: string) => boolean)[] = [
  (type) => type === 'application/json',
  (type) => isJson(type) && !type.endsWith('patch+json'),
  (type) => type === 'application/x-www-form-urlencoded',
  (type) => type.startsWith('multipart/'),
  isJson,
  (type) => type === '*/*' || type === 'application/*',
  (type) => kindOf(type) === 'text' && !isXml(type),
  isXml,
];

/** The media types in the order in which they are preferred for a request; the document's order else. */
export function preferMedia<T>(types: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  const rank = (type: string): number => {
    const found = ORDER.findIndex((matches) => matches(essence(type)));
    return found < 0 ? ORDER.length : found;
  };
  // `examples` beside the types is a slip of indentation, not a type.
  const real = types.filter(([type]) => type.includes('/'));
  return [...(real.length > 0 ? real : types)].sort((left, right) => rank(left[0]) - rank(right[0]));
}
