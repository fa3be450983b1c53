// Schemas that contain themselves in place: not as a member, which is fine, but by `allOf` of one that names them as
// its alternative. Generators write every hierarchy so (`Pet: oneOf [Cat]`, `Cat: allOf [Pet]`), and no validator
// comes to an end with it. What is meant: a child is its parent without the alternatives, and something more.

import { isRaw, listMember, member, type Raw } from './raw.ts';
import type { References } from './references.ts';
import type { Work } from './work.ts';

/** What following references needs of the import around it. */
export interface CircleContext {
  readonly references: References;
  readonly work: Work;
}

/** Keywords, and what was found through them: the hundred children of one parent all ask the same of it. */
interface Applicators {
  readonly keywords: readonly string[];
  readonly reached: WeakMap<Raw, ReadonlySet<unknown>>;
}

const ALL: Applicators = { keywords: ['allOf', 'anyOf', 'oneOf'], reached: new WeakMap() };
const ALTERNATIVES: Applicators = { keywords: ['anyOf', 'oneOf'], reached: new WeakMap() };

/**
 * A part of an `allOf` as it is, or, where it leads back to one of the schemas around it, without the alternatives
 * that do so. `around`: the schemas that the part stands in, in place.
 */
export function withoutCircle(
  part: unknown,
  base: string,
  around: readonly unknown[],
  context: CircleContext,
): unknown {
  if (typeof member(part, '$ref') !== 'string') return part;
  context.work.spend(1);
  const found = context.references.follow(part, base);
  if ('missing' in found || !isRaw(found.node) || found.base !== base) return part;
  // It says of itself that it is itself.
  if (around.includes(found.node)) return {};
  if (!leadsTo(found.node, base, around, ALL, context)) return part;
  const { oneOf: _, anyOf: __, discriminator: ___, ...rest } = found.node;
  const inside = [...around, found.node];
  const parts = listMember(rest, 'allOf').map((each) => withoutCircle(each, base, inside, context));
  return parts.length === 0 ? rest : { ...rest, allOf: parts };
}

/** True when an alternative leads back to the schema it stands in by way of alternatives alone. */
export function isCircularAlternative(
  branch: unknown,
  base: string,
  schema: Raw,
  context: CircleContext,
): boolean {
  if (typeof member(branch, '$ref') !== 'string') return false;
  return leadsTo(branch, base, [schema], ALTERNATIVES, context);
}

/** True when a schema is, or applies in place, one of the targets. */
function leadsTo(
  start: unknown,
  base: string,
  targets: readonly unknown[],
  applicators: Applicators,
  context: CircleContext,
): boolean {
  const found = context.references.follow(start, base);
  if ('missing' in found || !isRaw(found.node)) return false;
  let reached = applicators.reached.get(found.node);
  if (reached === undefined) {
    reached = closureOf(found.node, found.base, applicators.keywords, context);
    applicators.reached.set(found.node, reached);
  }
  return targets.some((target) => reached.has(target));
}

/** A schema and all that it applies in place, through references and the keywords. */
function closureOf(
  start: Raw,
  base: string,
  keywords: readonly string[],
  context: CircleContext,
): ReadonlySet<unknown> {
  const seen = new Set<unknown>();
  const open: { node: unknown; base: string }[] = [{ node: start, base }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const found = context.references.follow(at.node, at.base);
    if ('missing' in found || !isRaw(found.node) || seen.has(found.node)) continue;
    seen.add(found.node);
    context.work.spend(1);
    for (const keyword of keywords)
      for (const node of listMember(found.node, keyword)) open.push({ node, base: found.base });
  }
  return seen;
}
