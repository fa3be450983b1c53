// What the audit log is told when a credential goes onto a call: which one, of which target, on behalf of whom. Never the
// secret itself. Where the log is required, nothing leaves before the record is durable; elsewhere it stands in the record
// of the call, where the call has one.

import type { Audit, AuditFact } from '../core/audit.ts';
import type { NamedCredential } from '../core/call-credential.ts';
import type { CallContext } from '../core/call.ts';
import { toGatewayError } from '../core/errors.ts';
import type { FunctionInvoker } from '../core/functions.ts';
import type { OutboundRequest } from '../core/outbound.ts';
import type { TargetServices } from '../targets/target-type.ts';

const EVENT = 'UseCredential';
/** What a context without a caller is known by (targets/mcp-server/context.ts). */
const OWN_WORK = 'own';

/** Whose credential it is. */
export interface TargetCredential extends NamedCredential {
  readonly gatewayId: string;
  readonly gatewayArn: string;
  readonly targetId: string;
}

type Applied = Pick<TargetServices, 'applyCredential' | 'conceal' | 'renewCredential'>;

/** The same, recorded. */
export function recordUses(applied: Applied, named: TargetCredential, audit: Audit | undefined): Applied {
  if (!audit || audit.mode === 'off') return applied;
  const factOf = createFacts(named);
  const use = async <R extends OutboundRequest | undefined>(
    ctx: CallContext,
    isRenewal: boolean,
    apply: () => Promise<R>,
  ): Promise<R> => {
    let request: R;
    try {
      request = await apply();
    } catch (thrown) {
      const { code } = toGatewayError(thrown);
      audit.record({ ...factOf(ctx, isRenewal), errorCode: code, decision: 'deny', reason: code });
      throw thrown;
    }
    if (!request || isNoted(audit, ctx, named, isRenewal, request.url)) return request;
    // Not awaited where there is nothing to wait for.
    const durable = audit.commit(factOf(ctx, isRenewal, request.url));
    if (durable) await durable;
    return request;
  };
  return {
    applyCredential: (request, ctx, placement) =>
      use(ctx, false, () => applied.applyCredential(request, ctx, placement)),
    conceal: applied.conceal,
    renewCredential: (request, ctx, refusal) =>
      use(ctx, true, () => applied.renewCredential(request, ctx, refusal)),
  };
}

/** Functions that are called with the gateway's own credentials; those of this installation need none. */
export function recordFunctionUses(
  functions: FunctionInvoker,
  named: TargetCredential,
  audit: Audit | undefined,
  isLocal: (functionArn: string) => boolean,
): FunctionInvoker {
  if (!audit || audit.mode === 'off') return functions;
  const factOf = createFacts(named);
  return {
    async invoke(invocation, ctx) {
      if (!isLocal(invocation.functionArn) && !isNoted(audit, ctx, named, false, undefined))
        await audit.commit(factOf(ctx, false));
      return functions.invoke(invocation, ctx);
    },
  };
}

/** Notes the use for the record of the call; false when it needs a record of its own. */
function isNoted(
  audit: Audit,
  { credential }: CallContext,
  named: TargetCredential,
  isRenewal: boolean,
  url: URL | undefined,
): boolean {
  if (audit.mode === 'required' || credential?.isTold !== true) return false;
  const destination = url?.origin;
  const used = (credential.used ??= { named, destination, requests: 0, renewals: 0 });
  if (used.named !== named || used.destination !== destination) return false;
  used.requests += 1;
  if (isRenewal) used.renewals += 1;
  return true;
}

function createFacts({ gatewayId, gatewayArn, targetId, type, providerArns, grantType }: TargetCredential) {
  const resources = [
    { arn: gatewayArn, type: 'AWS::BedrockAgentCore::Gateway' },
    ...providerArns.map((arn) => ({ arn, type: 'AWS::BedrockAgentCore::CredentialProvider' })),
  ];
  const parameters = {
    ...(providerArns[0] === undefined ? {} : { credentialProviderArn: providerArns[0] }),
    credentialProviderType: type,
    ...(grantType === undefined ? {} : { grantType }),
  };
  return ({ principal, requestId }: CallContext, isRenewal: boolean, url?: URL): AuditFact => ({
    eventName: EVENT,
    category: 'Data',
    isReadOnly: true,
    actor: requestId === OWN_WORK ? { kind: 'service' } : { kind: 'principal', principal },
    ...(requestId === OWN_WORK ? {} : { requestId }),
    gatewayId,
    targetId,
    resources,
    decision: 'allow',
    requestParameters: {
      ...parameters,
      // Where it went; never the query, which may be where it is.
      ...(url === undefined ? {} : { destination: url.origin }),
      ...(isRenewal ? { isRenewal } : {}),
    },
  });
}
