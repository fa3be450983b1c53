// Waiters (Smithy, "Waiters"): calls an operation until its answer says success or failure, no longer than the caller
// has time. Knows acceptors and delays, no protocol.

import jmespath from 'jmespath';
import type { CallContext } from '../../core/call.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { ToolResult } from '../../core/tool.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import type { Exchange, Exchanger, Surroundings } from './exchange.ts';
import { shapeName } from './model.ts';
import type { Answer } from './operation.ts';
import type { AcceptorPlan, WaiterPlan } from './plan.ts';

/** Left for the answer to reach the caller. */
const RESERVE_MS = 1_000;

/** Waits; ends with success, failure, or when there is no time for another try. */
export async function waitFor(
  plan: WaiterPlan,
  args: JsonObject,
  exchange: Exchanger,
  ctx: CallContext,
  pause: Surroundings['pause'],
): Promise<ToolResult> {
  let delay = plan.minDelay * 1_000;
  for (let attempt = 1; ; attempt += 1) {
    const found = await exchange(args);
    const state = judge(plan, args, found.answer);
    if (state !== 'retry') return renderEnd(plan, state, attempt, found);
    if (performance.now() + delay + RESERVE_MS > ctx.deadline) return renderNotYet(plan, attempt, found);
    await pause(delay, ctx.signal);
    delay = Math.min(delay * 2, plan.maxDelay * 1_000);
  }
}

/** The state of the first acceptor that matches; an error that none expects is a failure. */
export function judge(plan: WaiterPlan, args: JsonObject, answer: Answer): AcceptorPlan['state'] {
  for (const { state, matcher } of plan.acceptors) if (matches(matcher, args, answer)) return state;
  return answer.kind === 'output' ? 'retry' : 'failure';
}

function matches(matcher: JsonObject, args: JsonObject, answer: Answer): boolean {
  const { success, errorType, output, inputOutput } = matcher;
  if (typeof success === 'boolean') return success === (answer.kind === 'output');
  if (typeof errorType === 'string')
    return (
      answer.kind === 'error' &&
      (answer.error.name === shapeName(`#${errorType.split('#').pop() ?? ''}`) ||
        answer.error.code === errorType)
    );
  if (answer.kind !== 'output') return false;
  if (isJsonObject(output)) return compare(output, answer.output);
  if (isJsonObject(inputOutput)) return compare(inputOutput, { input: args, output: answer.output });
  return false;
}

function compare({ path, expected, comparator }: JsonObject, value: JsonValue): boolean {
  if (typeof path !== 'string' || typeof expected !== 'string') return false;
  const found = search(value, path);
  switch (comparator) {
    case 'stringEquals':
      return found === expected;
    case 'booleanEquals':
      return String(found) === expected && typeof found === 'boolean';
    case 'allStringEquals':
      return (
        Array.isArray(found) && found.length > 0 && (found as unknown[]).every((item) => item === expected)
      );
    case 'anyStringEquals':
      return Array.isArray(found) && (found as unknown[]).includes(expected);
    default:
      return false;
  }
}

/** JMESPath; an expression that cannot be evaluated finds nothing. */
function search(value: JsonValue, path: string): unknown {
  try {
    return jmespath.search(value, path) as unknown;
  } catch {
    return undefined;
  }
}

function renderEnd(
  plan: WaiterPlan,
  state: 'success' | 'failure',
  attempts: number,
  { answer }: Exchange,
): ToolResult {
  const tries = `${attempts} ${attempts === 1 ? 'try' : 'tries'}`;
  const head =
    state === 'success'
      ? `${plan.name}: reached after ${tries}.`
      : `${plan.name}: cannot be reached any more (after ${tries}).`;
  return {
    content: [
      { type: 'text', text: head },
      { type: 'text', text: textOf(answer) },
    ],
    isError: state === 'failure',
  };
}

function renderNotYet(plan: WaiterPlan, attempts: number, { answer }: Exchange): ToolResult {
  const text = `${plan.name}: not yet, after ${attempts} tries. Call this tool again to keep waiting. The last answer follows.`;
  return {
    content: [
      { type: 'text', text },
      { type: 'text', text: textOf(answer) },
    ],
    isError: true,
  };
}

function textOf(answer: Answer): string {
  if (answer.kind === 'output') return stringifyLossless(answer.output);
  if (answer.kind === 'unfit') return `The answer does not fit the model: ${answer.reason}.`;
  const { name, message } = answer.error;
  return message === undefined ? name : `${name}: ${message}`;
}
