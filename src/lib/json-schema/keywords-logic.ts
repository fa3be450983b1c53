// Keywords that combine schemas for one value: allOf, anyOf, oneOf, not, if/then/else (JSON Schema Core §10.2).
// When no alternative fits, the faults of the one that came nearest are told: that is what a caller can act on.

import { applyInPlace, attempt, fail, type Check, type Run, type SchemaFault } from './check.ts';
import type { CompileSub } from './keywords-object.ts';

type Schema = Readonly<Record<string, unknown>>;

const MAX_EXPLAINED_LEVELS = 3;

/** The checks of all combining keywords. */
export function compileLogicKeywords(schema: Schema, compile: CompileSub): Check[] {
  const checks: Check[] = [];
  const list = (keyword: string): Check[] => {
    const value = schema[keyword];
    return Array.isArray(value) ? value.map((sub) => compile(sub)) : [];
  };
  for (const check of list('allOf')) checks.push((value, run) => applyInPlace(check, value, run));
  const anyOf = list('anyOf');
  if (anyOf.length > 0) checks.push(compileAnyOf(anyOf));
  const oneOf = list('oneOf');
  if (oneOf.length > 0) checks.push(compileOneOf(oneOf));
  if (schema['not'] !== undefined) {
    const check = compile(schema['not']);
    checks.push(
      (value, run) => !tried(check, value, run) || fail(run, 'must not match the schema under `not`'),
    );
  }
  if (schema['if'] !== undefined) checks.push(compileCondition(schema, compile));
  return checks;
}

function compileAnyOf(alternatives: readonly Check[]): Check {
  return (value, run) => {
    let passed = false;
    for (const check of alternatives) {
      passed = attempt(check, value, run) || passed;
      // With annotations wanted, every alternative that fits has its say.
      if (passed && run.frame === undefined) break;
    }
    return passed || explain(alternatives, value, run);
  };
}

function compileOneOf(alternatives: readonly Check[]): Check {
  return (value, run) => {
    const fitting: number[] = [];
    for (const [at, check] of alternatives.entries()) if (attempt(check, value, run)) fitting.push(at);
    if (fitting.length === 1) return true;
    if (fitting.length === 0) return explain(alternatives, value, run);
    return fail(
      run,
      `must match exactly one of ${alternatives.length} alternatives, but matches ${fitting.length}`,
    );
  };
}

function compileCondition(schema: Schema, compile: CompileSub): Check {
  const condition = compile(schema['if']);
  const onTrue = schema['then'] === undefined ? undefined : compile(schema['then']);
  const onFalse = schema['else'] === undefined ? undefined : compile(schema['else']);
  return (value, run) => {
    const branch = attempt(condition, value, run) ? onTrue : onFalse;
    return branch === undefined || applyInPlace(branch, value, run);
  };
}

/** As attempt, but what was looked at does not count (annotations of `not` are dropped). */
function tried(check: Check, value: unknown, run: Run): boolean {
  run.silent += 1;
  const passed = check(value, run);
  run.silent -= 1;
  return passed;
}

function explain(alternatives: readonly Check[], value: unknown, run: Run): false {
  if (run.silent > 0) return false;
  fail(run, `must match one of ${alternatives.length} alternatives`);
  if (run.explaining >= MAX_EXPLAINED_LEVELS) return false;
  const { faults } = run;
  run.explaining += 1;
  let nearest: readonly SchemaFault[] = [];
  for (const check of alternatives) {
    run.faults = [];
    check(value, run);
    if (nearest.length === 0 || depthOf(run.faults) > depthOf(nearest)) nearest = run.faults;
  }
  run.explaining -= 1;
  run.faults = faults;
  for (const fault of nearest.slice(0, 3)) if (faults.length < 8) faults.push(fault);
  return false;
}

function depthOf(faults: readonly SchemaFault[]): number {
  return Math.max(0, ...faults.map(({ path }) => path.split('/').length));
}
