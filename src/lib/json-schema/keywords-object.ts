// Keywords for objects (JSON Schema Core §10.3.2 and §11.3, Validation §6.5). Names are looked up as own members
// only, so that `__proto__`, `constructor` and `toString` are names like any other.

import { applyChild, applyInPlace, fail, spend, type Check } from './check.ts';
import { lazily, type PatternCompiler } from './pattern.ts';

type Schema = Readonly<Record<string, unknown>>;
type Members = Readonly<Record<string, unknown>>;
/** Compiles a subschema of the same document. */
export type CompileSub = (schema: unknown) => Check;

/** The checks of all object keywords but unevaluatedProperties. */
export function compileObjectKeywords(
  schema: Schema,
  compile: CompileSub,
  patterns: PatternCompiler,
): Check[] {
  const checks: Check[] = [];
  const add = (check: (members: Members, run: Parameters<Check>[1]) => boolean): void => {
    checks.push((value, run) => !isMembers(value) || check(value, run));
  };
  const required = namesIn(schema['required']);
  if (required.length > 0)
    add((members, run) => {
      let passed = true;
      for (const name of required) if (!Object.hasOwn(members, name)) passed = fail(run, 'is required', name);
      return passed;
    });
  const members = compileMembers(schema, compile, patterns);
  if (members !== undefined) add(members);

  const { minProperties, maxProperties, propertyNames } = schema;
  if (typeof minProperties === 'number')
    add(
      (value, run) =>
        Object.keys(value).length >= minProperties ||
        fail(run, `must have at least ${minProperties} members`),
    );
  if (typeof maxProperties === 'number')
    add(
      (value, run) =>
        Object.keys(value).length <= maxProperties || fail(run, `must have at most ${maxProperties} members`),
    );
  if (propertyNames !== undefined) {
    const check = compile(propertyNames);
    add((value, run) => {
      let passed = true;
      for (const name of Object.keys(value)) {
        const { frame } = run;
        run.frame = undefined;
        run.silent += 1;
        const isAllowed = check(name, run);
        run.silent -= 1;
        run.frame = frame;
        if (!isAllowed) passed = fail(run, 'is not an allowed name', name);
      }
      return passed;
    });
  }
  for (const [name, needed] of entriesOf(schema['dependentRequired']))
    for (const other of namesIn(needed))
      add(
        (value, run) =>
          !Object.hasOwn(value, name) ||
          Object.hasOwn(value, other) ||
          fail(run, `is required when ${name} is given`, other),
      );
  for (const [name, dependent] of entriesOf(schema['dependentSchemas'])) {
    const check = compile(dependent);
    add((value, run) => !Object.hasOwn(value, name) || applyInPlace(check, value, run));
  }
  return checks;
}

/** `unevaluatedProperties`: runs after all other keywords of its schema. */
export function compileUnevaluatedProperties(subschema: unknown, compile: CompileSub): Check {
  const check = compile(subschema);
  return (value, run) => {
    const { frame } = run;
    if (!isMembers(value) || frame === undefined || frame.members === 'all') return true;
    let passed = true;
    for (const name of Object.keys(value))
      if (!frame.members.has(name))
        passed =
          (subschema === false
            ? fail(run, 'is not a known member', name)
            : applyChild(check, value[name], name, run)) && passed;
    frame.members = 'all';
    return passed;
  };
}

// properties, patternProperties and additionalProperties in one pass.
function compileMembers(
  schema: Schema,
  compile: CompileSub,
  patterns: PatternCompiler,
): ((members: Members, run: Parameters<Check>[1]) => boolean) | undefined {
  const named = new Map(entriesOf(schema['properties']).map(([name, sub]) => [name, compile(sub)] as const));
  const patterned = entriesOf(schema['patternProperties']).map(([pattern, sub]) => ({
    pattern: lazily(patterns, pattern),
    check: compile(sub),
  }));
  const rest = schema['additionalProperties'];
  const restCheck = rest === undefined ? undefined : compile(rest);
  if (named.size === 0 && patterned.length === 0 && restCheck === undefined) return undefined;

  const known = [...named.keys()];
  const message = `is not a known member; known are: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`;
  const isWhole = patterned.length === 0 && (rest === undefined || rest === true);
  return (members, run) => {
    let passed = true;
    const look = (check: Check, name: string): void => {
      spend(run, 1);
      if (run.frame !== undefined && run.frame.members !== 'all') run.frame.members.add(name);
      if (!applyChild(check, members[name], name, run)) passed = false;
    };
    // Few known names, perhaps many given: or the other way round. Both are bounded by the smaller side here.
    if (isWhole) for (const [name, check] of named) if (Object.hasOwn(members, name)) look(check, name);
    if (isWhole && (rest === undefined || run.frame === undefined)) return passed;
    for (const name of Object.keys(members)) {
      const own = named.get(name);
      if (own !== undefined && !isWhole) look(own, name);
      let isKnown = own !== undefined;
      for (const { pattern, check } of patterned) {
        const compiled = pattern(run);
        if (compiled === undefined) continue;
        spend(run, 1 + compiled.costOn(name));
        if (!compiled.matches(name)) continue;
        isKnown = true;
        look(check, name);
      }
      if (isKnown || restCheck === undefined) continue;
      if (rest === false) passed = fail(run, known.length === 0 ? 'is not a known member' : message, name);
      else look(restCheck, name);
    }
    return passed;
  };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entriesOf(value: unknown): [string, unknown][] {
  return isMembers(value) ? Object.entries(value) : [];
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}
