// Resource policies of gateways: who may call them with a signature, beside what access keys are granted.

import { parseArn } from '../../core/arn.ts';
import { GatewayError } from '../../core/errors.ts';
import { policyFault } from '../../core/iam-policy.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StoreReader } from '../../stores/store.ts';
import type { ControlContext, Handler } from '../context.ts';
import { validationFailure } from '../validate.ts';

/** Handles PutResourcePolicy. */
export const putResourcePolicy: Handler = async (input, ctx) => {
  const policy = input['policy'] as string;
  const fault = policyFault(policy);
  if (fault !== undefined) throw validationFailure([{ name: 'policy', message: `Policy ${fault}` }]);
  const gatewayId = await ctx.store.transaction(async (tx) => {
    const { id, arn } = await requireGateway(tx, input, ctx);
    const row = await tx.find('resource-policy', '', arn);
    if (row) await tx.replace('resource-policy', row, { policy });
    else await tx.create('resource-policy', { id: arn, name: arn, document: { policy } });
    return id;
  });
  await ctx.publish(gatewayId);
  return { policy };
};

/** Handles GetResourcePolicy. */
export const getResourcePolicy: Handler = async (input, ctx) => {
  const { arn } = await requireGateway(ctx.store, input, ctx);
  const row = await ctx.store.find('resource-policy', '', arn);
  if (!row) throw new GatewayError('NotFound', `No resource policy found for ${arn}`);
  return { policy: row.document.policy };
};

/** Handles DeleteResourcePolicy. */
export const deleteResourcePolicy: Handler = async (input, ctx) => {
  const gatewayId = await ctx.store.transaction(async (tx) => {
    const { id, arn } = await requireGateway(tx, input, ctx);
    if (!(await tx.remove('resource-policy', arn)))
      throw new GatewayError('NotFound', `No resource policy found for ${arn}`);
    return id;
  });
  await ctx.publish(gatewayId);
  return {};
};

/** Policies are for gateways; an ARN in another spelling names the same one. */
async function requireGateway(
  reader: StoreReader,
  input: JsonObject,
  ctx: ControlContext,
): Promise<{ readonly id: string; readonly arn: string }> {
  const given = input['resourceArn'] as string;
  const named = parseArn(given, ctx.arns);
  if (named?.kind !== 'gateway' || !(await reader.get('gateway', named.id)))
    throw new GatewayError('NotFound', `Resource ${given} not found`);
  return { id: named.id, arn: ctx.arns.gateway(named.id) };
}
