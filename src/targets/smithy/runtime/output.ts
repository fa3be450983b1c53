// What the runtime read from an answer → JSON as the tool's output schema says: base64, ISO 8601, exact integers,
// defaults filled in. Every value is held against its shape: an answer of another shape is no success.

import type { JsonObject, JsonValue } from '../../../core/json.ts';
import { trait } from '../model.ts';
import type { OperationPlan, PlanMember, PlanShape } from '../plan.ts';
import { defaultOf } from './input.ts';
import { MAX_DEPTH, put, renderDocument, renderSimple, UnfitAnswer } from './output-values.ts';
import { parseTimestamp, renderTimestamp } from './timestamps.ts';

/** What is filled in for a required member that the service left out (client error correction). */
const CORRECTIONS: Readonly<Record<string, JsonValue>> = {
  boolean: false,
  byte: 0,
  short: 0,
  integer: 0,
  long: 0,
  float: 0,
  double: 0,
  bigInteger: 0,
  bigDecimal: 0,
  timestamp: '1970-01-01T00:00:00Z',
  string: '',
  enum: '',
  intEnum: 0,
  blob: '',
  document: null,
};

/**
 * The JSON of a structure that was read.
 * @throws UnfitAnswer
 */
export function renderOutput(plan: OperationPlan, id: string, value: unknown): JsonObject {
  const shape = plan.shapes[id];
  if (shape?.members === undefined) return {};
  return renderStructure(plan, shape, value ?? {}, '', 0);
}

function render(
  plan: OperationPlan,
  member: PlanMember,
  value: unknown,
  path: string,
  depth: number,
): JsonValue {
  if (depth > MAX_DEPTH) throw new UnfitAnswer(`${path}: is nested too deeply`);
  const shape = plan.shapes[member.target];
  if (shape === undefined) return {};
  switch (shape.type) {
    case 'structure':
      return renderStructure(plan, shape, value, path, depth + 1);
    case 'union':
      return renderUnion(plan, shape, value, path, depth + 1);
    case 'list':
      return renderList(plan, shape, value, path, depth + 1);
    case 'map':
      return renderMap(plan, shape, value, path, depth + 1);
    default:
      return renderSimple(shape, value, path);
  }
}

function renderStructure(
  plan: OperationPlan,
  shape: PlanShape,
  value: unknown,
  path: string,
  depth: number,
): JsonObject {
  const source = objectOf(value, path);
  const out: Record<string, JsonValue> = {};
  for (const member of shape.members ?? []) {
    const given = memberOf(source, member.name);
    const at = join(path, member.name);
    if (given !== undefined && given !== null) put(out, member.name, render(plan, member, given, at, depth));
    else {
      const filled = filledIn(plan, member, depth);
      if (filled !== undefined) put(out, member.name, filled);
    }
  }
  return out;
}

/** A member's value; a part of every object that the runtime took for one is none. */
function memberOf(source: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = Object.hasOwn(source, name) ? source[name] : undefined;
  return typeof value === 'function' ? undefined : value;
}

/** The default of a member, or for a required one the zero of its type. */
function filledIn(plan: OperationPlan, member: PlanMember, depth: number): JsonValue | undefined {
  const shape = plan.shapes[member.target];
  // A body that is not there stays away.
  if (trait(shape?.traits ?? {}, 'streaming') !== undefined) return undefined;
  const written = defaultOf(plan, member);
  if (written !== undefined && shape !== undefined) return defaultValue(shape, written);
  if (trait(member.traits ?? {}, 'required') === undefined || shape === undefined || depth > 8)
    return undefined;
  if (trait(member.traits ?? {}, 'httpPayload') !== undefined) return shape.type === 'blob' ? '' : undefined;
  if (shape.type === 'list') return [];
  if (shape.type === 'map') return {};
  if (shape.type === 'structure') return renderStructure(plan, shape, {}, member.name, depth + 1);
  return CORRECTIONS[shape.type];
}

/** Default values stand in the model in the model's own notation. */
function defaultValue(shape: PlanShape, written: JsonValue): JsonValue {
  if (shape.type !== 'timestamp') return written;
  const time = parseTimestamp(written);
  return time === undefined ? written : renderTimestamp(time);
}

function renderUnion(
  plan: OperationPlan,
  shape: PlanShape,
  value: unknown,
  path: string,
  depth: number,
): JsonObject {
  const source = objectOf(value, path);
  const out: Record<string, JsonValue> = {};
  for (const member of shape.members ?? []) {
    const given = memberOf(source, member.name);
    if (given === undefined || given === null) continue;
    put(out, member.name, render(plan, member, given, join(path, member.name), depth));
  }
  const members = Object.keys(out).length;
  if (members > 1) throw new UnfitAnswer(`${path || 'the answer'}: has several members of a union`);
  if (members === 1) return out;
  // A member that a newer version of the service has.
  const unknown = source['$unknown'];
  if (Array.isArray(unknown) && typeof unknown[0] === 'string') {
    put(out, unknown[0], renderDocument(unknown[1], path, depth));
    return out;
  }
  throw new UnfitAnswer(`${path || 'the answer'}: has no member of a union`);
}

function renderList(
  plan: OperationPlan,
  shape: PlanShape,
  value: unknown,
  path: string,
  depth: number,
): JsonValue {
  if (!Array.isArray(value)) throw new UnfitAnswer(`${path}: is no list`);
  const member = shape.members?.[0];
  const isSparse = trait(shape.traits ?? {}, 'sparse') !== undefined;
  const out: JsonValue[] = [];
  for (const [index, item] of (value as unknown[]).entries()) {
    if (item === undefined || item === null) {
      if (isSparse) out.push(null);
    } else
      out.push(
        member === undefined
          ? renderDocument(item, path, depth)
          : render(plan, member, item, `${path}[${index}]`, depth),
      );
  }
  return out;
}

function renderMap(
  plan: OperationPlan,
  shape: PlanShape,
  value: unknown,
  path: string,
  depth: number,
): JsonObject {
  const source = objectOf(value, path);
  const member = shape.members?.find(({ name }) => name === 'value');
  const isSparse = trait(shape.traits ?? {}, 'sparse') !== undefined;
  const out: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(source)) {
    if (item === undefined || item === null) {
      if (isSparse) put(out, key, null);
    } else if (member !== undefined) put(out, key, render(plan, member, item, join(path, key), depth));
  }
  return out;
}

function objectOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new UnfitAnswer(`${path || 'the answer'}: is no object`);
  return value as Record<string, unknown>;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
