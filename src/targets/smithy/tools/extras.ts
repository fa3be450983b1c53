// What tools can do besides one request: collect several pages, and wait for a state (Smithy: paginated, waitable).

import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import type { Operation } from '../load/service.ts';
import { trait, type Shape } from '../model.ts';
import type { AcceptorPlan, PagesPlan, WaiterPlan } from '../plan.ts';
import { isModest } from './expressions.ts';

const MIN_DELAY_SECONDS = 2;
const MAX_DELAY_SECONDS = 120;

/** How the pages of an operation follow each other; undefined where it has none. */
export function pagesOf(service: Shape, operation: Operation, maxPages: number): PagesPlan | undefined {
  const own = trait(operation.shape.traits, 'paginated');
  if (!isJsonObject(own)) return undefined;
  const shared = trait(service.traits, 'paginated');
  const paginated: JsonObject = { ...(isJsonObject(shared) ? shared : {}), ...own };
  const { inputToken, outputToken, items } = paginated;
  if (typeof inputToken !== 'string' || typeof outputToken !== 'string') return undefined;
  return { inputToken, outputToken, maxPages, ...(typeof items === 'string' ? { items } : {}) };
}

/** A waiter with what a model should know of it. */
export interface NamedWaiter {
  readonly plan: WaiterPlan;
  readonly documentation?: string;
}

/** The waiters of an operation. */
export function waitersOf(operation: Operation): NamedWaiter[] {
  const waitable = operation.shape.traits['smithy.waiters#waitable'];
  if (!isJsonObject(waitable)) return [];
  return Object.entries(waitable).flatMap(([name, value]) => {
    const acceptors =
      isJsonObject(value) && Array.isArray(value['acceptors'])
        ? readAcceptors(value['acceptors'] as readonly JsonValue[])
        : [];
    if (!isJsonObject(value) || acceptors.length === 0) return [];
    const { documentation, minDelay, maxDelay } = value;
    const least = seconds(minDelay, MIN_DELAY_SECONDS);
    return [
      {
        plan: {
          name,
          acceptors,
          minDelay: least,
          maxDelay: Math.max(least, seconds(maxDelay, MAX_DELAY_SECONDS)),
        },
        ...(typeof documentation === 'string' ? { documentation } : {}),
      },
    ];
  });
}

function readAcceptors(values: readonly JsonValue[]): AcceptorPlan[] {
  return values.flatMap((value) => {
    if (!isJsonObject(value)) return [];
    const { state, matcher } = value;
    const isKnown = state === 'success' || state === 'failure' || state === 'retry';
    return isKnown && isJsonObject(matcher) && hasModestPaths(matcher) ? [{ state, matcher }] : [];
  });
}

function hasModestPaths({ output, inputOutput }: JsonObject): boolean {
  return [output, inputOutput].every((each) => !isJsonObject(each) || isModest(String(each['path'])));
}

function seconds(value: JsonValue | undefined, usual: number): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.min(value, 3_600) : usual;
}
