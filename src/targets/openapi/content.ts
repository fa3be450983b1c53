// Parameters with `content` (OAS Parameter Object): one value written in a media type, before any URL encoding.
// Knows only media types, not places.

import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import { encodeStrict } from '../../lib/percent.ts';
import { scalarText } from './serialise.ts';

/** `application/json`, `text/json` and everything that ends in `+json`. Parameters of the media type are ignored. */
export function isJsonMediaType(contentType: string): boolean {
  return /^\s*(?:application\/json|text\/json|[^;\s]+\+json)\s*(?:;|$)/i.test(contentType);
}

/** True for `application/x-www-form-urlencoded`. */
export function isFormMediaType(contentType: string): boolean {
  return /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(contentType);
}

/** The text of a value in a media type: JSON, a form, or the plain text. */
export function serialiseContent(value: JsonValue, contentType: string): string {
  if (isJsonMediaType(contentType)) return stringifyLossless(value);
  if (isFormMediaType(contentType) && isJsonObject(value)) return formText(value);
  return scalarText(value);
}

/** A form without encodings: lists repeat the name, deeper values are JSON text (OAS 3.0.4 defaults). */
export function formText(value: JsonObject): string {
  return Object.entries(value)
    .flatMap(([name, member]) => {
      if (member === undefined) return [];
      const items: readonly JsonValue[] = Array.isArray(member) ? (member as readonly JsonValue[]) : [member];
      return items.map(
        (item) => `${encodeStrict(name)}=${item === null ? '' : encodeStrict(scalarText(item))}`,
      );
    })
    .join('&');
}
