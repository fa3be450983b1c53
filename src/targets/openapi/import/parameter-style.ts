// How a parameter's value is written: the defaults of each location (OpenAPI §4.8.12.2) and what Swagger 2.0's
// `collectionFormat` means in those terms.

import type { ParameterStyle } from '../plan.ts';
import { member, textMember } from './raw.ts';

/** Where a parameter of OpenAPI 3 can stand. */
export type ParameterPlace = 'path' | 'query' | 'header' | 'cookie' | 'querystring';

export interface StyleReading {
  readonly style: ParameterStyle;
  readonly explode: boolean;
  /** A style was written that its location does not have. */
  readonly mended?: string;
}

const ALLOWED: Readonly<Record<ParameterPlace, readonly ParameterStyle[]>> = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form', 'cookie'],
  querystring: ['form'],
};

/** Style and explode of an OpenAPI 3 parameter. */
export function readStyle(parameter: unknown, place: ParameterPlace): StyleReading {
  const allowed = ALLOWED[place];
  const written = textMember(parameter, 'style');
  const style = allowed.find((name) => name === written) ?? allowed[0] ?? 'form';
  const flag = member(parameter, 'explode');
  const exploded = style === 'form' || style === 'cookie' || style === 'deepObject';
  return {
    style,
    explode: typeof flag === 'boolean' && style !== 'deepObject' ? flag : exploded,
    ...(written !== undefined && written !== style
      ? { mended: `style "${written.slice(0, 30)}" is not one of ${place} parameters` }
      : {}),
  };
}

/** Style and explode of a Swagger 2.0 parameter, or of a field of a form. */
export function readCollectionFormat(parameter: unknown, place: ParameterPlace): StyleReading {
  const plain = ALLOWED[place][0] as ParameterStyle;
  switch (textMember(parameter, 'collectionFormat')) {
    case 'multi':
      return { style: plain, explode: true };
    case 'ssv':
      return { style: 'spaceDelimited', explode: false };
    case 'tsv':
      return { style: 'tabDelimited', explode: false };
    case 'pipes':
      return { style: 'pipeDelimited', explode: false };
    default:
      return { style: plain, explode: false };
  }
}
