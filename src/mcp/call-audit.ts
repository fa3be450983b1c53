// What the audit log is told of requests that reach a target, and of callers who are not let in. Arguments are digests, and
// results are left out, unless the operator wants them. Where the log is required, the intent is durable before anything leaves.

import { NO_AUDIT, shortUserAgent, userAgentOf } from '../core/audit.ts';
import type { AuditFact, AuditResource } from '../core/audit.ts';
import { GatewayError, reasonOf } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { RelayedError } from '../core/relay.ts';
import type { GatewaySnapshot } from '../snapshot/snapshot.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';
import { ProtocolError } from './error-response.ts';
import type { McpExchange, McpServices } from './step.ts';
import type { Method, MethodContext, Noted } from './methods/method.ts';

/** AgentCore's name of a request to a gateway among CloudTrail's data events. */
const EVENT = 'InvokeGateway';
const GATEWAY_TYPE = 'AWS::BedrockAgentCore::Gateway';
const TARGET_TYPE = 'AWS::BedrockAgentCore::GatewayTarget';
const PROVIDER_TYPE = 'AWS::BedrockAgentCore::CredentialProvider';
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

/** The method, recorded. */
export function audited(method: Method): Method {
  return (ctx) => {
    const { mode } = ctx.audit;
    if (mode === 'off') return method(ctx);
    if (ctx.call.credential) ctx.call.credential.isTold = true;
    return mode === 'required' ? callAnnounced(method, ctx) : callRecorded(method, ctx);
  };
}

/** With one record when its end is known. */
async function callRecorded(method: Method, ctx: MethodContext): Promise<string> {
  const started = ctx.clock.monotonic();
  // Of the arguments as they came, whatever becomes of them.
  const asked = parametersOf(ctx);
  try {
    const text = await method(ctx);
    ctx.audit.record(factOf(ctx, asked, successOf(ctx, text), started));
    return text;
  } catch (thrown) {
    ctx.audit.record(factOf(ctx, asked, failureOf(thrown), started));
    throw thrown;
  }
}

/** With a record before anything leaves, and one when its end is known. */
async function callAnnounced(method: Method, ctx: MethodContext): Promise<string> {
  const { audit, clock } = ctx;
  const started = clock.monotonic();
  const asked = parametersOf(ctx);
  const end = (outcome: Outcome): void =>
    audit.record(factOf(ctx, asked, { ...outcome, phase: 'outcome' }, started));
  try {
    await audit.commit(factOf(ctx, asked, { phase: 'intent', decision: 'allow' }, undefined, namedTool(ctx)));
  } catch (thrown) {
    end({ ...failureOf(thrown), decision: 'deny', reason: 'The audit log could not be written.' });
    throw thrown;
  }
  try {
    const text = await method(ctx);
    end(successOf(ctx, text));
    return text;
  } catch (thrown) {
    end(failureOf(thrown));
    throw thrown;
  }
}

/** What came of a call, as far as its record says. */
type Outcome = Pick<
  AuditFact,
  'decision' | 'errorCode' | 'errorMessage' | 'phase' | 'reason' | 'responseElements'
>;

const FINE: Outcome = Object.freeze({
  decision: 'allow',
  responseElements: Object.freeze({ isError: false }),
});
const FAULT: Outcome = Object.freeze({
  decision: 'allow',
  errorCode: 'ToolError',
  responseElements: Object.freeze({ isError: true }),
});

function successOf({ audit, noted }: MethodContext, text: string): Outcome {
  const outcome = noted.isError === true ? FAULT : FINE;
  return audit.showsArguments && text.length <= MAX_SHOWN
    ? { ...outcome, responseElements: { ...outcome.responseElements, result: text } }
    : outcome;
}

function factOf(
  { snapshot, call, clock, headers, remoteAddress, noted }: MethodContext,
  requestParameters: JsonObject,
  outcome: Outcome,
  started: number | undefined,
  { tool, targetId }: Noted = noted,
): AuditFact {
  const used = call.credential?.used;
  const fact: { -readonly [Member in keyof AuditFact]: AuditFact[Member] } = {
    eventName: EVENT,
    category: 'Data',
    isReadOnly: false,
    actor: { kind: 'principal', principal: call.principal },
    requestId: call.requestId,
    gatewayId: snapshot.gatewayId,
    resources: resourcesIn(snapshot, targetId ?? '', used?.named.providerArns ?? NO_PROVIDERS),
    requestParameters,
    ...outcome,
  };
  // Members that may be missing are set one by one, which costs less than to spread them.
  const userAgent = headers['user-agent']?.[0];
  if (userAgent !== undefined) fact.userAgent = shortUserAgent(userAgent);
  if (remoteAddress !== undefined) fact.sourceIpAddress = remoteAddress;
  if (targetId !== undefined) fact.targetId = targetId;
  if (tool !== undefined) fact.tool = tool;
  if (used) fact.credential = used;
  if (started !== undefined) fact.durationMs = clock.monotonic() - started;
  return fact;
}

/** Members in canonical order: the log need not sort them then. */
function parametersOf({ snapshot, request, audit }: MethodContext): JsonObject {
  const { name, uri, arguments: given, argument, inputResponses } = request.params;
  const args = given ?? argument ?? inputResponses ?? {};
  const isShown = audit.showsArguments && stringifyLossless(args).length <= MAX_SHOWN;
  const parameters: Record<string, JsonValue> = isShown
    ? { arguments: args }
    : { argumentsHmac: audit.digest(args) };
  parameters['gatewayIdentifier'] = snapshot.gatewayId;
  parameters['method'] = request.method;
  if (typeof name === 'string') parameters['name'] = name.slice(0, MAX_NAME);
  if (typeof uri === 'string') {
    parameters['uriHmac'] = audit.digest(uri);
    parameters['uriScheme'] = uri.split(':', 1)[0]?.slice(0, 32) ?? '';
  }
  return parameters;
}

/** The tool as the gateway knows it, before it is looked for in earnest. */
function namedTool({ snapshot, request }: MethodContext): Noted {
  const { name } = request.params;
  const tool = typeof name === 'string' ? snapshot.tools.get(name) : undefined;
  return tool ? { tool: tool.name, targetId: tool.targetId } : {};
}

const NO_PROVIDERS: readonly string[] = [];

/** By snapshot, target and credential, so that each list is made once. */
const resourcesOf = new WeakMap<
  GatewaySnapshot,
  Map<string, Map<readonly string[], readonly AuditResource[]>>
>();

function resourcesIn(
  snapshot: GatewaySnapshot,
  targetId: string,
  providerArns: readonly string[],
): readonly AuditResource[] {
  let ofTargets = resourcesOf.get(snapshot);
  if (!ofTargets) resourcesOf.set(snapshot, (ofTargets = new Map()));
  let ofTarget = ofTargets.get(targetId);
  if (!ofTarget) ofTargets.set(targetId, (ofTarget = new Map()));
  let resources = ofTarget.get(providerArns);
  if (!resources) {
    const { gatewayArn } = snapshot;
    resources = [
      { arn: gatewayArn, type: GATEWAY_TYPE },
      ...(targetId === '' ? [] : [{ arn: `${gatewayArn}/target/${targetId}`, type: TARGET_TYPE }]),
      ...providerArns.map((arn) => ({ arn, type: PROVIDER_TYPE })),
    ];
    ofTarget.set(providerArns, resources);
  }
  return resources;
}

function failureOf(thrown: unknown): Outcome {
  if (thrown instanceof GatewayError) {
    const isDenied = DENIALS.has(thrown.code);
    return {
      errorCode: thrown.code,
      ...(TELLING.has(thrown.code) ? { errorMessage: thrown.message } : {}),
      ...(isDenied ? { decision: 'deny', reason: reasonOf(thrown) } : { decision: 'allow' }),
    };
  }
  const isNamed = thrown instanceof ProtocolError || thrown instanceof RelayedError;
  return { decision: 'allow', errorCode: isNamed ? String(thrown.code) : 'Internal' };
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
    reason: reasonOf(fault),
  });
}
