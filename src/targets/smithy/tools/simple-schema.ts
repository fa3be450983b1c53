// JSON Schemas of simple shapes: texts, numbers, times, bytes and enumerations, as tools take and give them.

import type { JsonValue } from '../../../core/json.ts';
import { trait, type Member, type Shape } from '../model.ts';
import { constraintsOf, type PatternCheck } from './constraints.ts';

export type Side = 'input' | 'output';
export type Schema = Record<string, JsonValue>;

/** How much is told: characters of documentation at the top and below, and how deep shapes are shown. */
export interface Detail {
  readonly top: number;
  readonly nested: number;
  readonly depth: number;
}

/** Enumerations longer than this stand in `$defs` when they are used twice, and are left out where all is too large. */
export const LONG_ENUM = 12;

/** The schema of a value as a member holds it; the member's traits win. */
export function convertSimple(
  shape: Shape,
  traits: Member['traits'],
  options: { readonly side: Side; readonly isPattern: PatternCheck },
  detail: Detail,
): Schema {
  const constraints = constraintsOf(shape, traits, options);
  if (detail.depth < 4 && Array.isArray(constraints['enum']) && constraints['enum'].length > LONG_ENUM)
    delete constraints['enum'];
  // A range leaves out what is no number.
  const isRanged = constraints['minimum'] !== undefined || constraints['maximum'] !== undefined;
  const base: Schema =
    isRanged && (shape.type === 'float' || shape.type === 'double')
      ? { type: 'number' }
      : baseSchema(shape, options.side);
  const written =
    options.side === 'input' ? (trait(traits, 'default') ?? trait(shape.traits, 'default')) : undefined;
  // Zeros are what nothing is; to show them would only have them sent.
  const shown =
    (typeof written === 'string' && written !== '') ||
    (typeof written === 'number' && written !== 0) ||
    written === true;
  return {
    ...base,
    ...constraints,
    ...(shown && detail.nested > 0 && shape.type !== 'timestamp' ? { default: written } : {}),
  };
}

function baseSchema(shape: Shape, side: Side): Schema {
  switch (shape.type) {
    case 'boolean':
      return { type: 'boolean' };
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'bigInteger':
    case 'intEnum':
      return { type: 'integer' };
    case 'float':
    case 'double':
      return { anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }] };
    case 'bigDecimal':
      return { type: ['number', 'string'] };
    case 'timestamp':
      return side === 'input'
        ? { type: ['string', 'number'], format: 'date-time' }
        : { type: 'string', format: 'date-time' };
    case 'blob':
      return { ...BASE64 };
    case 'document':
      return {};
    default:
      return { type: 'string' };
  }
}

const BASE64: Schema = { type: 'string', contentEncoding: 'base64' };

/** Bytes that a caller gives: base64, or the text that they are. */
export function bytesOrText(): Schema {
  return {
    anyOf: [
      { ...BASE64, description: 'Base64.' },
      {
        type: 'object',
        properties: { text: { type: 'string' } },
        required: ['text'],
        additionalProperties: false,
        description: 'Text, sent as UTF-8.',
      },
    ],
  };
}

/** What remains of a schema when its inside is left open. */
export function openSchema(shape: Shape): Schema {
  return shape.type === 'list' ? { type: 'array', items: {} } : { type: 'object' };
}

/** How many values an enumeration has; none for all else. */
export function enumSize(shape: Shape): number {
  if (shape.type === 'enum') return shape.members.size;
  const listed = trait(shape.traits, 'enum');
  return Array.isArray(listed) ? listed.length : 0;
}
