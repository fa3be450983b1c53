// One call of a function's tool: event and client context, invocation, answer, in this order. The function is found by
// its ARN alone; whether it runs here or at AWS the invoker knows.

import type { CallContext } from '../../core/call.ts';
import { GatewayError, reasonOf, toGatewayError } from '../../core/errors.ts';
import { MAX_FUNCTION_PAYLOAD } from '../../core/functions.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { passHeaders } from '../../core/response-headers.ts';
import type { CatalogueEntry, ToolResult } from '../../core/tool.ts';
import { compileSchema } from '../../lib/json-schema/compile.ts';
import type { InvocableTool, PreparedTarget, TargetServices } from '../target-type.ts';
import { clientContextOf, eventOf } from './event.ts';
import type { ToolIdentity } from './event.ts';
import { renderFunctionError, renderNotRun } from './failure.ts';
import { renderAnswer } from './result.ts';
import type { ToolPlan } from './result.ts';

/** Answers are larger than arguments. Beyond this they are not judged, and pass. */
const MAX_OUTPUT_STEPS = 1_000_000;

/** Makes the tools of `{ lambdaArn }` callable. */
export function prepareTools(config: JsonObject, services: TargetServices): PreparedTarget {
  const functionArn = String(config['lambdaArn']);
  return {
    createTool: (entry, targetName) =>
      createTool(entry, functionArn, `${targetName}___${entry.name}`, services),
  };
}

interface Operation {
  readonly plan: ToolPlan;
  readonly conforms: (value: JsonValue) => boolean;
}

function createTool(
  entry: CatalogueEntry,
  functionArn: string,
  fullName: string,
  services: TargetServices,
): InvocableTool {
  const identity: ToolIdentity = { fullName, targetId: services.targetId };
  let operation: Operation | undefined;
  return {
    call(args, ctx) {
      operation ??= openOperation(entry);
      return callFunction(functionArn, identity, operation, args, ctx, services);
    },
  };
}

function openOperation(entry: CatalogueEntry): Operation {
  const plan = JSON.parse(entry.plan) as ToolPlan;
  if (plan.structured === undefined) return { plan, conforms: () => true };
  const { outputSchema } = JSON.parse(entry.definition) as { readonly outputSchema?: JsonObject };
  const validate = compileSchema(outputSchema ?? {}, { maxSteps: MAX_OUTPUT_STEPS });
  return { plan, conforms: (value) => validate(value).length === 0 };
}

async function callFunction(
  functionArn: string,
  identity: ToolIdentity,
  { plan, conforms }: Operation,
  args: JsonObject,
  ctx: CallContext,
  services: TargetServices,
): Promise<ToolResult> {
  const payload = eventOf(args);
  try {
    if (payload.length > MAX_FUNCTION_PAYLOAD || Buffer.byteLength(payload) > MAX_FUNCTION_PAYLOAD)
      throw new GatewayError('TooLarge', 'The event is larger than a function can take.');
    const outcome = await services.functions.invoke(
      { functionArn, payload, clientContext: clientContextOf(identity, ctx, services.propagation) },
      ctx,
    );
    if (outcome.functionError !== undefined) {
      ctx.log.warn(
        { targetId: identity.targetId, functionArn, functionError: outcome.functionError },
        'a function failed',
      );
      return renderFunctionError(outcome, services.exceptionLevel);
    }
    const { result, headers } = renderAnswer(outcome.payload, plan, conforms);
    passHeaders(headers, services.propagation.responseHeaders, ctx);
    return result;
  } catch (thrown) {
    const error = toGatewayError(thrown);
    const result = renderNotRun(error, services.exceptionLevel);
    if (result === undefined) throw error;
    ctx.log.warn(
      {
        requestId: ctx.requestId,
        gatewayId: ctx.gatewayId,
        functionArn,
        code: error.code,
        detail: reasonOf(error),
      },
      'a call got no answer',
    );
    return result;
  }
}
