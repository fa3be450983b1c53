// What a function is invoked with (AgentCore, Lambda targets): the arguments as the event, and a client context that says
// which tool is meant. Handlers written for AgentCore read both.

import type { CallContext } from '../../core/call.ts';
import type { JsonObject } from '../../core/json.ts';
import { stringifyLossless } from '../../lib/lossless-json.ts';
import { propagate } from '../propagation.ts';
import type { TargetServices } from '../target-type.ts';

/** The version of the contract between gateway and function. */
const MESSAGE_VERSION = '1.0';
/** `propagate` fills a request; what is needed of this one are the headers and the query it ends up with. */
const NOWHERE = Object.freeze({ method: 'POST', url: new URL('https://function.invalid/'), headers: {} });

export interface ToolIdentity {
  /** `target___tool`, whatever the gateway calls it: handlers split it at `___`. */
  readonly fullName: string;
  readonly targetId: string;
}

/** JSON text of the event. */
export function eventOf(args: JsonObject): string {
  return stringifyLossless(args);
}

/** JSON text of the client context. */
export function clientContextOf(
  { fullName, targetId }: ToolIdentity,
  ctx: CallContext,
  propagation: TargetServices['propagation'],
): string {
  const { headers, url } = propagate(NOWHERE, ctx, propagation);
  const query = [...url.searchParams];
  return JSON.stringify({
    custom: {
      bedrockAgentCoreMessageVersion: MESSAGE_VERSION,
      bedrockAgentCoreToolName: fullName,
      bedrockAgentCoreGatewayId: ctx.gatewayId,
      bedrockAgentCoreTargetId: targetId,
      bedrockAgentCoreAwsRequestId: ctx.requestId,
      ...(ctx.messageId === undefined ? {} : { bedrockAgentCoreMcpMessageId: messageIdOf(ctx.messageId) }),
      ...(Object.keys(headers).length === 0 ? {} : { bedrockAgentCorePropagatedHeaders: headers }),
      ...(query.length === 0 ? {} : { bedrockAgentCorePropagatedQueryParameters: Object.fromEntries(query) }),
    },
  });
}

/** A number beyond JavaScript's is given as text, so that no digit is lost. */
function messageIdOf(id: string | number | bigint): string | number {
  return typeof id === 'bigint' ? String(id) : id;
}
