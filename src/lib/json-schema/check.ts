// What the parts of the validator share: a compiled check, and the state of one validation run with its budgets.
// No keyword is known here. JSON Schema 2020-12 Core §7 (annotations), MCP "tools" (bounded validation).

/** One thing wrong with the value: where (JSON pointer, '' for the whole) and what. */
export interface SchemaFault {
  readonly path: string;
  readonly message: string;
}

/** A compiled schema or keyword: true when the value passes. Faults go to the run, unless it is silent. */
export type Check = (value: unknown, run: Run) => boolean;

/** Which members and items of one value some keyword has looked at; kept only for unevaluatedProperties and -Items. */
export interface Frame {
  members: Set<string> | 'all';
  /** Items from the first on. */
  leading: number;
  items: Set<number>;
}

/** One part of the document with its own `$id`. */
export interface Resource {
  readonly root: unknown;
  uri: string;
  readonly anchors: Map<string, unknown>;
  readonly dynamicAnchors: Map<string, unknown>;
}

/** The state of one validation. */
export interface Run {
  faults: SchemaFault[];
  readonly path: (string | number)[];
  /** Above 0: branches are tried, nothing is reported. */
  silent: number;
  /** Nested explanations of failed alternatives, which cost time. */
  explaining: number;
  steps: number;
  readonly maxSteps: number;
  depth: number;
  frame: Frame | undefined;
  /** Frame of the schema that was applied last. */
  lastFrame: Frame | undefined;
  /** Resources entered, outermost first: the dynamic scope. */
  readonly scope: Resource[];
}

const MAX_FAULTS = 8;
const MAX_INSTANCE_DEPTH = 128;
// Deeper than any honest chain of references; a schema that refers to itself in place never ends otherwise.
const MAX_EVALUATION_DEPTH = 600;

/** Thrown to leave a run whose budget is used up; never leaves this folder. */
export class BudgetExceeded extends Error {}

/** A fresh run. */
export function createRun(maxSteps: number): Run {
  return {
    faults: [],
    path: [],
    silent: 0,
    explaining: 0,
    steps: 0,
    maxSteps,
    depth: 0,
    frame: undefined,
    lastFrame: undefined,
    scope: [],
  };
}

/** Reports a fault at the current place, or at one member of it. Always false, for `return fail(…)`. */
export function fail(run: Run, message: string, member?: string | number): false {
  if (run.silent === 0 && run.faults.length < MAX_FAULTS)
    run.faults.push({ path: pointer(member === undefined ? run.path : [...run.path, member]), message });
  return false;
}

/** Uses up budget. */
export function spend(run: Run, steps: number): void {
  run.steps += steps;
  if (run.steps > run.maxSteps) throw new BudgetExceeded('is too complex to be validated');
}

/** Counts one schema applied inside another. The caller lowers `depth` afterwards. */
export function enter(run: Run): void {
  spend(run, 1);
  run.depth += 1;
  if (run.depth > MAX_EVALUATION_DEPTH) throw new BudgetExceeded('is too complex to be validated');
}

/** Applies a check to a member or item. */
export function applyChild(check: Check, value: unknown, key: string | number, run: Run): boolean {
  run.path.push(key);
  if (run.path.length > MAX_INSTANCE_DEPTH)
    throw new BudgetExceeded(`is nested deeper than ${MAX_INSTANCE_DEPTH} levels`);
  const passed = check(value, run);
  run.path.pop();
  return passed;
}

/** Applies a check to the same value, and takes over what it has looked at when it passes. */
export function applyInPlace(check: Check, value: unknown, run: Run): boolean {
  const { frame } = run;
  if (frame === undefined) return check(value, run);
  run.lastFrame = undefined;
  const passed = check(value, run);
  if (passed && run.lastFrame !== undefined) mergeFrame(frame, run.lastFrame);
  return passed;
}

/** As applyInPlace, without reporting. */
export function attempt(check: Check, value: unknown, run: Run): boolean {
  run.silent += 1;
  const passed = applyInPlace(check, value, run);
  run.silent -= 1;
  return passed;
}

/** A frame with nothing looked at. */
export function createFrame(): Frame {
  return { members: new Set(), leading: 0, items: new Set() };
}

function mergeFrame(into: Frame, from: Frame): void {
  if (from.members === 'all') into.members = 'all';
  else if (into.members !== 'all') for (const name of from.members) into.members.add(name);
  into.leading = Math.max(into.leading, from.leading);
  for (const at of from.items) into.items.add(at);
}

/** RFC 6901. */
export function pointer(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
