// Several pages of a paginated operation as one output (smithy.api#paginated), up to the cap that the target's settings
// have. Where it stops before the end, the token for the rest is in the output, as the service gave it.

import type { CallContext } from '../../core/call.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { UpstreamResponse } from '../../core/outbound.ts';
import type { Exchanger } from './exchange.ts';
import type { Answer } from './operation.ts';
import type { PagesPlan } from './plan.ts';
import { argumentOf } from './runtime/input.ts';

/** All pages together are no larger than one answer may be. */
const MAX_BYTES = 6 * 1024 * 1024;

/** The first answer with the pages behind it. */
export async function collectPages(
  plan: PagesPlan,
  args: JsonObject,
  first: Answer,
  response: UpstreamResponse,
  exchange: Exchanger,
  ctx: CallContext,
): Promise<Answer> {
  if (first.kind !== 'output' || plan.items === undefined) return first;
  let { output } = first;
  let items = valueAt(output, plan.items);
  let bytes = response.body.length;
  const tokens = new Set<JsonValue>();
  for (let page = 2; page <= plan.maxPages; page += 1) {
    const token = valueAt(output, plan.outputToken);
    if (!isToken(token) || tokens.has(token) || bytes > MAX_BYTES || ctx.signal.aborted) break;
    tokens.add(token);
    const next = await exchange({ ...args, [argumentOf(plan.inputToken)]: token });
    bytes += next.response.body.length;
    // What is there is given; the token of the page that failed is in it.
    if (next.answer.kind !== 'output' || bytes > MAX_BYTES) break;
    items = join(items, valueAt(next.answer.output, plan.items));
    output = next.answer.output;
  }
  return items === undefined ? first : { kind: 'output', output: withValueAt(output, plan.items, items) };
}

function isToken(value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && value !== null && value !== '';
}

function join(before: JsonValue | undefined, next: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(before) && Array.isArray(next))
    return [...(before as JsonValue[]), ...(next as JsonValue[])];
  if (isJsonObject(before) && isJsonObject(next)) return { ...before, ...next };
  return before ?? next;
}

/** The value at a dotted path. */
function valueAt(value: JsonValue | undefined, path: string): JsonValue | undefined {
  let at: JsonValue | undefined = value;
  for (const name of path.split('.')) at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return at;
}

function withValueAt(value: JsonObject, path: string, placed: JsonValue): JsonObject {
  const [name = '', ...rest] = path.split('.');
  const inner = value[name];
  return {
    ...value,
    [name]: rest.length === 0 || !isJsonObject(inner) ? placed : withValueAt(inner, rest.join('.'), placed),
  };
}
