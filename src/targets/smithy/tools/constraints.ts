// Constraint traits → JSON Schema keywords: enumerations, lengths, ranges, patterns. For outputs none: what a service
// answers is not for us to judge.

import { isJsonObject, type JsonValue } from '../../../core/json.ts';
import { trait, type Shape, type Traits } from '../model.ts';

/** Whether a pattern can be used: in linear time here, and with the `u` flag by clients. */
export type PatternCheck = (pattern: string) => boolean;

type Keywords = Record<string, JsonValue>;

/** Keywords for a value of a shape as a member holds it; the member's traits win. */
export function constraintsOf(
  shape: Shape,
  member: Traits,
  { side, isPattern }: { readonly side: 'input' | 'output'; readonly isPattern: PatternCheck },
): Keywords {
  if (side === 'output') return {};
  const read = (name: string): JsonValue | undefined => trait(member, name) ?? trait(shape.traits, name);
  const out: Keywords = {};
  const values = enumValues(shape, member);
  if (values.length > 0) out['enum'] = [...values];
  const length = read('length');
  if (isJsonObject(length)) Object.assign(out, lengthKeywords(shape, length['min'], length['max'], out));
  const range = read('range');
  // A body may be text instead of base64, a decimal a string.
  if (isJsonObject(range) && shape.type !== 'bigDecimal') {
    if (typeof range['min'] === 'number') out['minimum'] = range['min'];
    if (typeof range['max'] === 'number') out['maximum'] = range['max'];
  }
  const pattern = read('pattern');
  if (typeof pattern === 'string' && shape.type === 'string' && isPattern(pattern)) out['pattern'] = pattern;
  if (shape.type === 'list' && trait(shape.traits, 'uniqueItems') !== undefined) out['uniqueItems'] = true;
  return out;
}

function lengthKeywords(
  shape: Shape,
  min: JsonValue | undefined,
  max: JsonValue | undefined,
  has: Keywords,
): Keywords {
  const [least, most] =
    shape.type === 'list'
      ? ['minItems', 'maxItems']
      : shape.type === 'map'
        ? ['minProperties', 'maxProperties']
        : ['minLength', 'maxLength'];
  // Lengths of bytes are checked by the service: the argument is base64, or text.
  if (shape.type === 'blob' || has['enum'] !== undefined) return {};
  return {
    ...(isCount(min) && min > 0 ? { [least]: min } : {}),
    ...(isCount(max) ? { [most]: max } : {}),
  };
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The values of an enumeration: shapes of 2.0, the enum trait of 1.0. */
function enumValues(shape: Shape, member: Traits): readonly (string | number)[] {
  if (shape.type === 'enum' || shape.type === 'intEnum')
    return [...shape.members].flatMap(([name, { traits }]) => {
      const value = trait(traits, 'enumValue') ?? (shape.type === 'enum' ? name : undefined);
      const isInternal = trait(traits, 'internal') !== undefined;
      return (typeof value === 'string' || typeof value === 'number') && !isInternal ? [value] : [];
    });
  const listed = trait(member, 'enum') ?? trait(shape.traits, 'enum');
  if (!Array.isArray(listed)) return [];
  return (listed as readonly JsonValue[]).flatMap((entry) => {
    const value = isJsonObject(entry) ? entry['value'] : undefined;
    return typeof value === 'string' ? [value] : [];
  });
}
