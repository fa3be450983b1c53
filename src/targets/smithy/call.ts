// One call of one operation, from arguments to result: request, propagation, credential, sending, reading, in this
// order. The credential comes last so that no argument and no propagated header can replace it.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { CallContext } from '../../core/call.ts';
import { reasonOf, toGatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { renderNoAnswer } from '../../core/no-answer.ts';
import type { OutboundRequest, UpstreamResponse } from '../../core/outbound.ts';
import { passHeaders } from '../../core/response-headers.ts';
import type { CatalogueEntry, ToolResult } from '../../core/tool.ts';
import { propagate } from '../propagation.ts';
import type { InvocableTool, TargetServices } from '../target-type.ts';
import { shapeName } from './model.ts';
import type { Exchange, Exchanger, Surroundings } from './exchange.ts';
import { openOperation, openService, type Operation, type ServiceRuntime } from './operation.ts';
import { collectPages } from './pages.ts';
import type { OperationPlan, ServicePlan } from './plan.ts';
import { renderAnswer, statusLine } from './result.ts';
import { waitFor } from './wait.ts';

const MAX_RESPONSE_BYTES = 6 * 1024 * 1024;

const SURROUNDINGS: Surroundings = {
  newToken: randomUUID,
  pause: (milliseconds, signal) => pause(milliseconds, undefined, { signal }),
};

/** Makes the tools of one target. Plans are read on a tool's first call. */
export function createCaller(
  services: TargetServices,
  surroundings: Surroundings = SURROUNDINGS,
): (entry: CatalogueEntry, shared: string | undefined) => InvocableTool {
  let opened: { readonly text: string | undefined; readonly runtime: ServiceRuntime } | undefined;

  const serviceOf = (text: string | undefined): ServiceRuntime => {
    if (opened?.text === text && opened !== undefined) return opened.runtime;
    const plan = JSON.parse(text ?? '{}') as ServicePlan;
    const endpoint = services.aws.endpointOf(plan.sdkId ?? plan.signingName ?? '');
    // An operator's endpoint for everything of AWS is not meant for services that are not AWS's.
    const isAws = plan.sdkId !== undefined || plan.signingName !== undefined;
    const runtime = openService(plan, {
      region: services.aws.region,
      ...(endpoint === undefined || !isAws ? {} : { endpoint }),
    });
    opened = { text, runtime };
    return runtime;
  };

  return (entry, shared) => {
    let operation: Operation | undefined;
    return {
      call(args, ctx) {
        operation ??= openOperation(
          JSON.parse(entry.plan) as OperationPlan,
          serviceOf(shared),
          surroundings.newToken,
        );
        return callOperation(operation, args, ctx, services, surroundings);
      },
    };
  };
}

async function callOperation(
  operation: Operation,
  args: JsonObject,
  ctx: CallContext,
  services: TargetServices,
  surroundings: Surroundings,
): Promise<ToolResult> {
  const { plan } = operation;
  const exchange: Exchanger = (given) => exchangeOnce(operation, given, ctx, services);
  // Arguments that make no request are the caller's fault, and no answer of the service.
  const first = await operation.buildRequest(args);
  try {
    if (plan.waiter !== undefined) return await waitFor(plan.waiter, args, exchange, ctx, surroundings.pause);
    const { answer, response } = await send(operation, first, ctx, services);
    const collected =
      plan.pages === undefined
        ? answer
        : await collectPages(plan.pages, args, answer, response, exchange, ctx);
    const result = renderAnswer(plan, collected, response);
    return result.isError && services.exceptionLevel === 'DEBUG' ? withDebug(result, plan, response) : result;
  } catch (thrown) {
    const error = toGatewayError(thrown);
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

async function exchangeOnce(
  operation: Operation,
  args: JsonObject,
  ctx: CallContext,
  services: TargetServices,
): Promise<Exchange> {
  return send(operation, await operation.buildRequest(args), ctx, services);
}

async function send(
  operation: Operation,
  built: OutboundRequest,
  ctx: CallContext,
  services: TargetServices,
): Promise<Exchange> {
  // Fields of AWS's own mean something to the service, and would be signed.
  const plain = propagate(built, ctx, services.propagation, (name) => name.startsWith('x-amz'));
  const { security } = operation.plan;
  let request = security === 'none' ? plain : await services.applyCredential(plain, ctx, security);
  const keepsCoding = operation.givesBytes;
  let answer = await sendRequest(request, ctx, services, keepsCoding);
  // Refused before anything was done, so that it may be sent once more.
  const renewed =
    answer.status === 401 && request !== plain
      ? await services.renewCredential(request, ctx, answer)
      : undefined;
  if (renewed) {
    request = renewed;
    answer = await sendRequest(request, ctx, services, keepsCoding);
  }
  const response = services.conceal(answer, request);
  passHeaders(response.headers, services.propagation.responseHeaders, ctx);
  return { answer: await operation.readAnswer(response), response };
}

function sendRequest(
  request: OutboundRequest,
  ctx: CallContext,
  { egress }: TargetServices,
  keepsCoding: boolean,
): Promise<UpstreamResponse> {
  return egress.request(request, {
    signal: ctx.signal,
    ...(ctx.trace ? { trace: ctx.trace } : {}),
    timeoutMs: Math.max(1, Math.ceil(ctx.deadline - performance.now())),
    maxResponseBytes: MAX_RESPONSE_BYTES,
    ...(keepsCoding ? { keepsCoding } : {}),
    ...(ctx.trace ? { trace: ctx.trace } : {}),
  });
}

function withDebug(result: ToolResult, plan: OperationPlan, response: UpstreamResponse): ToolResult {
  const text = `${shapeName(plan.operation)} answered ${statusLine(response.status)}`;
  return { ...result, _meta: { ...result._meta, debug: { type: 'text', text } } };
}
