// Tokens that applications act with: sealed, short-lived, and good for nothing but the next operations of this service.
// They say which application asks, and for which user; what they say is never taken from the application again.

import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TokenUser } from '../../core/resources.ts';
import type { WorkloadClaims } from '../../identity/identity.ts';
import { Secret } from '../../lib/secret.ts';
import type { ControlContext, Handler } from '../context.ts';
import { loadWorkload } from './workload-identity.ts';

const LIFE_MS = 60 * 60_000;

/** Handles GetWorkloadAccessToken. */
export const getWorkloadAccessToken: Handler = async (input, ctx) => {
  const workload = await loadWorkload(ctx.store, input['workloadName'] as string);
  return issue({ workloadId: workload.id }, undefined, ctx);
};

/** Handles GetWorkloadAccessTokenForJWT: the token has to be a genuine one of an issuer that a gateway here trusts. */
export const getWorkloadAccessTokenForJwt: Handler = async (input, ctx) => {
  const workload = await loadWorkload(ctx.store, input['workloadName'] as string);
  const token = new Secret(input['userToken'] as string);
  const user = await ctx.verifyUserToken(token, workload.document.gatewayId);
  return issue({ workloadId: workload.id, user }, token, ctx);
};

/** Handles GetWorkloadAccessTokenForUserId. */
export const getWorkloadAccessTokenForUserId: Handler = async (input, ctx) => {
  const workload = await loadWorkload(ctx.store, input['workloadName'] as string);
  return issue({ workloadId: workload.id, user: { userId: input['userId'] as string } }, undefined, ctx);
};

function issue(claims: WorkloadClaims, subject: Secret | undefined, ctx: ControlContext): JsonObject {
  const text = JSON.stringify({ ...claims, subject: subject?.reveal(), until: ctx.clock.now() + LIFE_MS });
  return { workloadAccessToken: ctx.sealer.seal('workload-token', text, [ctx.arns.accountId]) };
}

/**
 * Who a workload token speaks for.
 * @throws GatewayError Unauthenticated when it is none of ours, or over, or its workload is gone
 */
export async function openWorkloadToken(
  input: JsonObject,
  ctx: ControlContext,
): Promise<{ readonly claims: WorkloadClaims; readonly subject?: Secret }> {
  const token = input['workloadIdentityToken'] as string;
  const text = ctx.sealer.open('workload-token', token, [ctx.arns.accountId]);
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!isJsonObject(value) || Number(value['until']) <= ctx.clock.now()) throw invalid();
  const workloadId = String(value['workloadId']);
  if (!(await ctx.store.get('workload-identity', workloadId))) throw invalid();
  const { user, subject } = value;
  return {
    claims: { workloadId, ...(isJsonObject(user) ? { user: user as unknown as TokenUser } : {}) },
    ...(typeof subject === 'string' ? { subject: new Secret(subject) } : {}),
  };
}

function invalid(): GatewayError {
  return new GatewayError('Unauthenticated', 'The workload identity token is invalid or has expired.');
}
