// Bodies of application/x-www-form-urlencoded (OAS Encoding Object; RFC 1866 §8.2.1 with `%20` for spaces, which
// every server reads). Without an encoding: lists repeat the name, objects are JSON text (OAS 3.0.4 defaults).

import type { JsonValue } from '../../core/json.ts';
import { formText, serialiseContent } from './content.ts';
import { encodeReserved, encodeStrict } from '../../lib/percent.ts';
import type { PropertyEncoding } from './plan.ts';
import { serialise } from './serialise.ts';

/** Writes the properties as one form. */
export function encodeForm(
  properties: readonly (readonly [string, JsonValue])[],
  encoding: Readonly<Record<string, PropertyEncoding>>,
): string {
  return properties
    .map(([name, value]) =>
      encodeProperty(name, value, Object.hasOwn(encoding, name) ? encoding[name] : undefined),
    )
    .filter((part) => part !== undefined && part !== '')
    .join('&');
}

function encodeProperty(
  name: string,
  value: JsonValue,
  encoding: PropertyEncoding | undefined,
): string | undefined {
  const { style, explode, allowReserved, contentType } = encoding ?? {};
  if (style !== undefined || explode !== undefined || allowReserved !== undefined) {
    const chosen = style ?? 'form';
    return serialise(value, {
      name,
      style: chosen,
      explode: explode ?? chosen === 'form',
      encode: allowReserved === true ? (text) => encodeReserved(text, 'form') : encodeStrict,
      encodeName: encodeStrict,
      // Stripe, Rails and PHP, whose forms are declared this way, keep only the last of a repeated name.
      deepArrays: 'brackets',
    });
  }
  if (contentType !== undefined && typeof value === 'object' && value !== null) {
    const values: readonly JsonValue[] = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
    const type = firstMediaType(contentType);
    return values
      .map((item) => `${encodeStrict(name)}=${encodeStrict(serialiseContent(item, type))}`)
      .join('&');
  }
  return formText({ [name]: value });
}

function firstMediaType(contentType: string): string {
  return contentType.split(',')[0]?.trim() ?? contentType;
}
