// What the audit log is told of requests that reach a target, and of callers who are not let in. Arguments and results
// are digests unless the operator wants them. Where the log is required, the intent is durable before anything leaves.

import { NO_AUDIT, userAgentOf } from '../core/audit.ts';
import type { AuditFact, AuditResource } from '../core/audit.ts';
import { GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { RelayedError } from '../core/relay.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import { ProtocolError } from './error-response.ts';
import type { McpExchange, McpServices } from './step.ts';
import type { Method, MethodContext } from './methods/method.ts';

/** AgentCore's name of a request to a gateway among CloudTrail's data events. */
const EVENT = 'InvokeGateway';
const GATEWAY_TYPE = 'AWS::BedrockAgentCore::Gateway';
const TARGET_TYPE = 'AWS::BedrockAgentCore::GatewayTarget';
/** Of arguments and results that the operator wants to see (characters). */
const MAX_SHOWN = 16 * 1024;
const MAX_NAME = 256;
const DENIALS: ReadonlySet<string> = new Set(['Unauthenticated', 'Forbidden']);
/** Messages that are made of names and states of ours, and never of arguments. */
const TELLING: ReadonlySet<string> = new Set([
  ...DENIALS,
  'Throttled',
  'Unavailable',
  'CredentialUnavailable',
]);

type Noted = Parameters<MethodContext['note']>[0];

/** The method, recorded. */
export function audited(method: Method): Method {
  return (ctx) => (ctx.audit.mode === 'off' ? method(ctx) : callRecorded(method, ctx));
}

async function callRecorded(method: Method, ctx: MethodContext): Promise<string> {
  const { audit, clock } = ctx;
  const noted: Noted = {};
  const started = clock.monotonic();
  const asked = factOf(ctx);
  const isTwofold = audit.mode === 'required';
  const end = (more: Partial<AuditFact>): void =>
    audit.record({
      ...asked,
      ...subjectOf(ctx, noted),
      ...(isTwofold ? { phase: 'outcome' } : {}),
      decision: 'allow',
      ...more,
      durationMs: clock.monotonic() - started,
    });
  if (isTwofold)
    try {
      await audit.commit({ ...asked, ...subjectOf(ctx, namedTool(ctx)), phase: 'intent', decision: 'allow' });
    } catch (thrown) {
      end({ ...failureOf(thrown), decision: 'deny', reason: 'The audit log could not be written.' });
      throw thrown;
    }
  try {
    const text = await method({
      ...ctx,
      note(fields) {
        Object.assign(noted, fields);
        ctx.note(fields);
      },
    });
    end({
      responseElements: {
        isError: noted.isError === true,
        ...(audit.showsArguments && text.length <= MAX_SHOWN
          ? { result: text }
          : { resultHmac: audit.digest(text) }),
      },
      ...(noted.isError === true ? { errorCode: 'ToolError' } : {}),
    });
    return text;
  } catch (thrown) {
    end(failureOf(thrown));
    throw thrown;
  }
}

function factOf(ctx: MethodContext): AuditFact {
  const { snapshot, call, remoteAddress } = ctx;
  return {
    eventName: EVENT,
    category: 'Data',
    isReadOnly: false,
    actor: { kind: 'principal', principal: call.principal },
    requestId: call.requestId,
    ...userAgentOf(ctx.headers),
    ...(remoteAddress === undefined ? {} : { sourceIpAddress: remoteAddress }),
    gatewayId: snapshot.gatewayId,
    requestParameters: parametersOf(ctx),
  };
}

/** Members in canonical order: the log need not sort them then. */
function parametersOf({ snapshot, request, audit }: MethodContext): JsonObject {
  const { name, uri, arguments: given, argument, inputResponses } = request.params;
  const args = given ?? argument ?? inputResponses ?? {};
  const isShown = audit.showsArguments && stringifyLossless(args).length <= MAX_SHOWN;
  return {
    ...(isShown ? { arguments: args } : { argumentsHmac: audit.digest(args) }),
    gatewayIdentifier: snapshot.gatewayId,
    method: request.method,
    ...(typeof name === 'string' ? { name: name.slice(0, MAX_NAME) } : {}),
    ...(typeof uri === 'string'
      ? { uriHmac: audit.digest(uri), uriScheme: uri.split(':', 1)[0]?.slice(0, 32) }
      : {}),
  };
}

/** The tool as the gateway knows it, before it is looked for in earnest. */
function namedTool({ snapshot, request }: MethodContext): Noted {
  const { name } = request.params;
  const tool = typeof name === 'string' ? snapshot.tools.get(name) : undefined;
  return tool ? { tool: tool.name, targetId: tool.targetId } : {};
}

/** By snapshot and target, so that each list is made once. */
const resourcesOf = new WeakMap<GatewaySnapshot, Map<string, readonly AuditResource[]>>();

function resourcesIn(snapshot: GatewaySnapshot, targetId: string): readonly AuditResource[] {
  let known = resourcesOf.get(snapshot);
  if (!known) resourcesOf.set(snapshot, (known = new Map()));
  let resources = known.get(targetId);
  if (!resources) {
    const { gatewayArn } = snapshot;
    const gateway = { arn: gatewayArn, type: GATEWAY_TYPE };
    resources =
      targetId === '' ? [gateway] : [gateway, { arn: `${gatewayArn}/target/${targetId}`, type: TARGET_TYPE }];
    known.set(targetId, resources);
  }
  return resources;
}

function subjectOf({ snapshot }: MethodContext, { tool, targetId }: Noted): Partial<AuditFact> {
  return {
    resources: resourcesIn(snapshot, targetId ?? ''),
    ...(tool === undefined ? {} : { tool }),
    ...(targetId === undefined ? {} : { targetId }),
  };
}

function failureOf(thrown: unknown): Partial<AuditFact> {
  if (thrown instanceof GatewayError) {
    const isDenied = DENIALS.has(thrown.code);
    return {
      errorCode: thrown.code,
      ...(TELLING.has(thrown.code) ? { errorMessage: thrown.message } : {}),
      ...(isDenied ? { decision: 'deny', reason: thrown.details.internal ?? thrown.message } : {}),
    };
  }
  if (thrown instanceof ProtocolError || thrown instanceof RelayedError)
    return { errorCode: String(thrown.code) };
  return { errorCode: 'Internal' };
}

/** Records a caller who was not let in. */
export function recordRefusal(
  exchange: McpExchange,
  fault: GatewayError | undefined,
  services: McpServices,
): void {
  const audit = services.audit ?? NO_AUDIT;
  if (audit.mode === 'off' || !fault) return;
  if (!DENIALS.has(fault.code) && !fault.details.challenge) return;
  const { requestId, gatewayId, head } = exchange;
  const arn = services.snapshotOf(gatewayId)?.gatewayArn;
  const [claimed] =
    /(?<=^AWS4-HMAC-SHA256 +Credential=)[^,\s/]+/.exec(head.headers['authorization']?.[0] ?? '') ?? [];
  audit.record({
    eventName: EVENT,
    category: 'Data',
    isReadOnly: false,
    actor: { kind: 'unknown', ...(claimed === undefined ? {} : { accessKeyId: claimed }) },
    requestId,
    ...userAgentOf(head.headers),
    ...(head.remoteAddress === undefined ? {} : { sourceIpAddress: head.remoteAddress }),
    gatewayId,
    requestParameters: { gatewayIdentifier: gatewayId },
    ...(arn === undefined ? {} : { resources: [{ arn, type: GATEWAY_TYPE }] }),
    errorCode: fault.code,
    errorMessage: fault.message,
    decision: 'deny',
    reason: fault.details.internal ?? fault.message,
  });
}
