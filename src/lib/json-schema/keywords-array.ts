// Keywords for arrays (JSON Schema Core §10.3.1 and §11.2, Validation §6.4).

import { applyChild, fail, spend, type Check, type Run } from './check.ts';
import { canonicalText } from './equality.ts';
import type { CompileSub } from './keywords-object.ts';

type Schema = Readonly<Record<string, unknown>>;

/** The checks of all array keywords but unevaluatedItems. */
export function compileArrayKeywords(schema: Schema, compile: CompileSub): Check[] {
  const checks: Check[] = [];
  const add = (check: (items: readonly unknown[], run: Run) => boolean): void => {
    checks.push((value, run) => !Array.isArray(value) || check(value, run));
  };
  const { minItems, maxItems, uniqueItems, contains } = schema;
  if (typeof minItems === 'number')
    add((items, run) => items.length >= minItems || fail(run, `must have at least ${minItems} items`));
  if (typeof maxItems === 'number')
    add((items, run) => items.length <= maxItems || fail(run, `must have at most ${maxItems} items`));
  if (uniqueItems === true) add(checkUnique);
  const items = compileItems(schema, compile);
  if (items !== undefined) add(items);
  if (contains !== undefined) add(compileContains(schema, compile(contains)));
  return checks;
}

/** `unevaluatedItems`: runs after all other keywords of its schema. */
export function compileUnevaluatedItems(subschema: unknown, compile: CompileSub): Check {
  const check = compile(subschema);
  return (value, run) => {
    const { frame } = run;
    if (!Array.isArray(value) || frame === undefined) return true;
    let passed = true;
    for (let at = frame.leading; at < value.length; at += 1)
      if (!frame.items.has(at)) passed = applyChild(check, value[at], at, run) && passed;
    frame.leading = Number.POSITIVE_INFINITY;
    return passed;
  };
}

function compileItems(
  schema: Schema,
  compile: CompileSub,
): ((items: readonly unknown[], run: Run) => boolean) | undefined {
  const prefix = (Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : []).map((sub) =>
    compile(sub),
  );
  const rest =
    schema['items'] === undefined || Array.isArray(schema['items']) ? undefined : compile(schema['items']);
  if (prefix.length === 0 && rest === undefined) return undefined;
  return (items, run) => {
    spend(run, items.length);
    let passed = true;
    for (let at = 0; at < items.length; at += 1) {
      const check = prefix[at] ?? rest;
      if (check === undefined) break;
      if (applyChild(check, items[at], at, run)) continue;
      passed = false;
      if (run.silent > 0) break;
    }
    if (run.frame !== undefined)
      run.frame.leading = Math.max(
        run.frame.leading,
        rest === undefined ? prefix.length : Number.POSITIVE_INFINITY,
      );
    return passed;
  };
}

function compileContains(schema: Schema, check: Check): (items: readonly unknown[], run: Run) => boolean {
  const { minContains, maxContains } = schema;
  const minimum = typeof minContains === 'number' ? minContains : 1;
  const maximum = typeof maxContains === 'number' ? maxContains : Number.POSITIVE_INFINITY;
  return (items, run) => {
    spend(run, items.length);
    let found = 0;
    run.silent += 1;
    for (let at = 0; at < items.length; at += 1) {
      if (!applyChild(check, items[at], at, run)) continue;
      found += 1;
      run.frame?.items.add(at);
    }
    run.silent -= 1;
    if (found < minimum)
      return fail(run, `must contain at least ${minimum} items of the asked kind, but has ${found}`);
    return (
      found <= maximum ||
      fail(run, `must contain at most ${maximum} items of the asked kind, but has ${found}`)
    );
  };
}

// Texts in a set instead of pairs: as quick for a hundred thousand items as for ten.
function checkUnique(items: readonly unknown[], run: Run): boolean {
  const seen = new Set<unknown>();
  for (const [at, item] of items.entries()) {
    spend(run, 1);
    const isScalar = typeof item !== 'object' || item === null;
    // A prefix keeps the texts of structures apart from strings that look like them.
    const key = isScalar ? (typeof item === 'string' ? `"${item}` : item) : canonicalText(item);
    if (!isScalar) spend(run, (key as string).length >> 4);
    if (seen.has(key)) return fail(run, 'repeats an earlier item; items must be unique', at);
    seen.add(key);
  }
  return true;
}
