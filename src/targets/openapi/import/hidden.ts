// Which properties a direction takes away: what only the API may write is no argument, and what only the caller
// may write is no answer. Marks count through references and `allOf`.

import { entriesOf, isRaw, listMember, member, type Raw } from './raw.ts';
import type { References } from './references.ts';
import type { Work } from './work.ts';

/** What finding them needs to know of the import around it. */
export interface HidingContext {
  readonly references: References;
  /** Requests lose readOnly properties, responses writeOnly ones. */
  readonly direction: 'request' | 'response';
  readonly work: Work;
  /** 3.1 and later: members beside a `$ref` count. */
  readonly jsonSchema: boolean;
}

/** Properties that the direction takes away, also those that a part of an `allOf` marks. */
export function hiddenProperties(raw: Raw, base: string, context: HidingContext, depth = 0): Set<string> {
  const hidden = new Set<string>();
  for (const [name, property] of entriesOf(member(raw, 'properties')))
    if (isHidden(property, base, context, 0)) hidden.add(name);
  if (depth < 4)
    for (const part of listMember(raw, 'allOf')) {
      context.work.spend(1);
      const found = context.references.follow(part, base);
      if (!('missing' in found) && isRaw(found.node))
        for (const name of hiddenProperties(found.node, found.base, context, depth + 1)) hidden.add(name);
    }
  return hidden;
}

function isHidden(property: unknown, base: string, context: HidingContext, depth: number): boolean {
  const flag = context.direction === 'request' ? 'readOnly' : 'writeOnly';
  if (!isRaw(property) || depth > 4) return false;
  const isReference = typeof member(property, '$ref') === 'string';
  if (member(property, flag) === true && (!isReference || context.jsonSchema)) return true;
  if (isReference) {
    const found = context.references.follow(property, base);
    return (
      !('missing' in found) && found.node !== property && isHidden(found.node, found.base, context, depth + 1)
    );
  }
  return listMember(property, 'allOf').some((part) => isHidden(part, base, context, depth + 1));
}
