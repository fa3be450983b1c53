// One call of one operation, from arguments to result: request, propagation, credential, sending, rendering, in
// this order. The credential comes last so that no argument and no propagated header can replace it (T-60).

import type { CallContext } from '../../core/call.ts';
import { reasonOf, toGatewayError, type GatewayError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { renderNoAnswer } from '../../core/no-answer.ts';
import type { OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import { passHeaders } from '../../core/response-headers.ts';
import type { CatalogueEntry, ToolResult } from '../../core/tool.ts';
import { compileSchema } from '../../lib/json-schema/compile.ts';
import type { InvocableTool, TargetServices } from '../target-type.ts';

import type { OperationPlan } from './plan.ts';
import { propagate } from '../propagation.ts';
import { prepareRequest, type BuildRequest } from './request.ts';
import { renderResult, statusLine } from './result.ts';

const MAX_RESPONSE_BYTES = 6 * 1024 * 1024;
// Answers are larger than arguments. Beyond this they are not judged, and pass.
const MAX_OUTPUT_STEPS = 1_000_000;

interface Operation {
  readonly plan: OperationPlan;
  readonly buildRequest: BuildRequest;
  readonly conforms: (value: JsonValue) => boolean;
}

/** A tool whose plan is read on its first call. */
export function createTool(entry: CatalogueEntry, services: TargetServices): InvocableTool {
  let operation: Operation | undefined;
  return {
    call(args, ctx) {
      operation ??= openOperation(entry);
      return callOperation(operation, args, ctx, services);
    },
  };
}

function openOperation(entry: CatalogueEntry): Operation {
  const plan = JSON.parse(entry.plan) as OperationPlan;
  return {
    plan,
    buildRequest: prepareRequest(plan),
    conforms: plan.structured === undefined ? () => true : readOutputSchema(entry),
  };
}

function readOutputSchema(entry: CatalogueEntry): (value: JsonValue) => boolean {
  const { outputSchema } = JSON.parse(entry.definition) as { readonly outputSchema?: JsonObject };
  if (outputSchema === undefined) return () => true;
  const validate = compileSchema(outputSchema, { maxSteps: MAX_OUTPUT_STEPS });
  return (value) => validate(value).length === 0;
}

async function callOperation(
  { plan, buildRequest, conforms }: Operation,
  args: JsonObject,
  ctx: CallContext,
  services: TargetServices,
): Promise<ToolResult> {
  const plain = propagate(buildRequest(args), ctx, services.propagation);
  try {
    // `none`: the operation says that it is public, so the secret stays at home.
    let request =
      plan.security === 'none' ? plain : await services.applyCredential(plain, ctx, plan.security);
    let answer = await send(request, ctx, services);
    // Refused before anything was done, so that it may be sent once more.
    const renewed =
      answer.status === 401 && request !== plain
        ? await services.renewCredential(request, ctx, answer)
        : undefined;
    if (renewed) {
      request = renewed;
      answer = await send(request, ctx, services);
    }
    const response = services.conceal(answer, request);
    passHeaders(response.headers, services.propagation.responseHeaders, ctx);
    const result = renderResult(response, {
      requestId: ctx.requestId,
      method: plan.method,
      conforms,
      ...(plan.structured === undefined ? {} : { structured: plan.structured }),
    });
    return result.isError && services.exceptionLevel === 'DEBUG'
      ? withDebug(result, plan, response.status)
      : result;
  } catch (thrown) {
    const error: GatewayError = toGatewayError(thrown);
    const result = renderNoAnswer(error, services.exceptionLevel, 'The API');
    if (result === undefined) throw error;
    ctx.log.warn(
      {
        requestId: ctx.requestId,
        gatewayId: ctx.gatewayId,
        code: error.code,
        detail: reasonOf(error),
      },
      'a call got no answer',
    );
    return result;
  }
}

function send(
  request: OutboundRequest,
  ctx: CallContext,
  { egress }: TargetServices,
): Promise<UpstreamResponse> {
  return egress.request(request, {
    signal: ctx.signal,
    ...(ctx.trace ? { trace: ctx.trace } : {}),
    timeoutMs: Math.max(1, Math.ceil(ctx.deadline - performance.now())),
    maxResponseBytes: MAX_RESPONSE_BYTES,
  });
}

// The template, not the URL: that one holds the caller's values and perhaps a key.
function withDebug(result: ToolResult, plan: OperationPlan, status: number): ToolResult {
  const text = `${plan.method} ${plan.server}${plan.path} answered ${statusLine(status)}`;
  return { ...result, _meta: { ...result._meta, debug: { type: 'text', text } } };
}
