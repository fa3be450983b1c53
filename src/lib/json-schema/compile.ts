// A validator of JSON Schema 2020-12 made of closures: no code generation, linear-time patterns, bounded time and
// depth, so that schemas and values of strangers are safe. Formats are annotations; references stay in the document.

import {
  applyInPlace,
  BudgetExceeded,
  createFrame,
  createRun,
  enter,
  fail,
  pointer,
  type Check,
  type Resource,
  type SchemaFault,
} from './check.ts';
import { compileArrayKeywords, compileUnevaluatedItems } from './keywords-array.ts';
import { compileLogicKeywords } from './keywords-logic.ts';
import { compileObjectKeywords, compileUnevaluatedProperties } from './keywords-object.ts';
import { compileType, compileValueKeywords } from './keywords-value.ts';
import { createPatternCompiler, type PatternCompiler } from './pattern.ts';
import { indexDocument, type DocumentIndex } from './references.ts';

export type { SchemaFault } from './check.ts';

/** Gives the first eight faults of a value, none when it is valid. The value is not changed. */
export type Validate = (value: unknown) => readonly SchemaFault[];

export interface CompileOptions {
  /** Shared between schemas, so that a pattern is compiled once. */
  readonly patterns?: PatternCompiler;
  /** Schemas applied to values in one validation before it is given up as too complex. Default 200,000. */
  readonly maxSteps?: number;
}

const NO_FAULTS: readonly SchemaFault[] = Object.freeze([]);
const DEFAULT_MAX_STEPS = 200_000;

/** Makes a validator. The schema is read on the first validation, and must not change afterwards. */
export function compileSchema(schema: unknown, options: CompileOptions = {}): Validate {
  const { maxSteps = DEFAULT_MAX_STEPS } = options;
  let check: Check | undefined;
  return (value) => {
    check ??= compileDocument(schema, options.patterns ?? createPatternCompiler(256));
    const run = createRun(maxSteps);
    try {
      return check(value, run) ? NO_FAULTS : run.faults;
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      return [{ path: pointer(run.path.slice(0, 16)), message: error.message }];
    }
  };
}

interface Document {
  readonly index: DocumentIndex;
  readonly patterns: PatternCompiler;
  /** Each subschema is compiled once, so that references may go round in circles. */
  readonly compiled: Map<object, Check>;
}

function compileDocument(schema: unknown, patterns: PatternCompiler): Check {
  const index = indexDocument(schema);
  return compileNode(schema, index.main, { index, patterns, compiled: new Map() });
}

function compileNode(schema: unknown, from: Resource, document: Document): Check {
  if (schema === false) return (_, run) => fail(run, 'is not allowed');
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return () => true;
  const known = document.compiled.get(schema);
  if (known !== undefined) return known;
  const check = compileKeywords(schema as Readonly<Record<string, unknown>>, from, document);
  document.compiled.set(schema, check);
  return check;
}

function compileKeywords(
  schema: Readonly<Record<string, unknown>>,
  from: Resource,
  document: Document,
): Check {
  const { index, patterns } = document;
  const resource = index.ownerOf(schema, from);
  const compile = (sub: unknown): Check => compileNode(sub, resource, document);
  const type = compileType(schema);
  const values = compileValueKeywords(schema, patterns);
  const applicators = [
    ...compileReferences(schema, resource, document),
    ...compileLogicKeywords(schema, compile),
    ...compileObjectKeywords(schema, compile, patterns),
    ...compileArrayKeywords(schema, compile),
  ];
  const last: Check[] = [];
  const { unevaluatedProperties, unevaluatedItems } = schema;
  if (unevaluatedProperties !== undefined)
    last.push(compileUnevaluatedProperties(unevaluatedProperties, compile));
  if (unevaluatedItems !== undefined) last.push(compileUnevaluatedItems(unevaluatedItems, compile));

  const checks = [...values, ...applicators];
  const all: Check = (value, run) => {
    if (type !== undefined && !type(value, run)) return false;
    let passed = true;
    for (const check of checks) {
      if (check(value, run)) continue;
      passed = false;
      if (run.silent > 0) return false;
    }
    if (passed) for (const check of last) passed = check(value, run) && passed;
    return passed;
  };
  // A leaf needs no bookkeeping: nothing below it can recurse.
  if (applicators.length === 0 && last.length === 0 && !index.usesUnevaluated) return all;
  const tracked = index.usesUnevaluated ? withFrame(all) : all;
  const scoped = index.usesDynamicReferences ? withScope(tracked, resource) : tracked;
  return (value, run) => {
    enter(run);
    const passed = scoped(value, run);
    run.depth -= 1;
    return passed;
  };
}

/** Gives each application of a schema its own account of what was looked at. */
function withFrame(check: Check): Check {
  return (value, run) => {
    const outer = run.frame;
    const own = createFrame();
    run.frame = own;
    const passed = check(value, run);
    run.frame = outer;
    run.lastFrame = own;
    return passed;
  };
}

function withScope(check: Check, resource: Resource): Check {
  return (value, run) => {
    if (run.scope.at(-1) === resource) return check(value, run);
    run.scope.push(resource);
    const passed = check(value, run);
    run.scope.pop();
    return passed;
  };
}

function compileReferences(
  schema: Readonly<Record<string, unknown>>,
  resource: Resource,
  document: Document,
): Check[] {
  const { $ref, $dynamicRef } = schema;
  const checks: Check[] = [];
  if (typeof $ref === 'string') {
    const found = document.index.resolve($ref, resource);
    if (found !== undefined) checks.push(lazily(() => compileNode(found.schema, found.resource, document)));
  }
  if (typeof $dynamicRef === 'string') checks.push(compileDynamicReference($dynamicRef, resource, document));
  return checks;
}

/** The outermost resource of the dynamic scope with that dynamic anchor wins (Core §8.2.3.2). */
function compileDynamicReference(reference: string, resource: Resource, document: Document): Check {
  const found = document.index.resolve(reference, resource);
  if (found === undefined) return () => true;
  const name = reference.slice(reference.indexOf('#') + 1);
  const initially = lazily(() => compileNode(found.schema, found.resource, document));
  if (!reference.includes('#') || found.resource.dynamicAnchors.get(name) !== found.schema) return initially;
  return (value, run) => {
    const outermost = run.scope.find(({ dynamicAnchors }) => dynamicAnchors.has(name));
    if (outermost === undefined) return initially(value, run);
    const target = outermost.dynamicAnchors.get(name);
    return applyInPlace(compileNode(target, outermost, document), value, run);
  };
}

// References may lead back to a schema that is being compiled.
function lazily(make: () => Check): Check {
  let check: Check | undefined;
  return (value, run) => {
    check ??= make();
    return applyInPlace(check, value, run);
  };
}
