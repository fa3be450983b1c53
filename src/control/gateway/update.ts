// UpdateGateway: a full replacement, but for what is fixed at creation (name, authorizer type, protocol and
// protocol versions).

import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { present } from '../context.ts';
import type { Handler } from '../context.ts';
import type { Row } from '../../stores/store.ts';
import { targetsInTheWay } from '../gateway-target/mcp-server.ts';
import { validationFailure } from '../validate.ts';
import { loadGateway, renderGateway } from './load.ts';
import { checkGateway, gatewaySettings, supportedVersionsOf } from './settings.ts';
import type { GatewayInput } from './settings.ts';

/** Handles UpdateGateway. */
export const updateGateway: Handler = async (json, ctx) => {
  const input = json as GatewayInput & { readonly gatewayIdentifier: string };
  const updated = await ctx.store.transaction(async (tx) => {
    const row = await loadGateway(tx, input.gatewayIdentifier);
    if (row.document.status === 'DELETING')
      throw new GatewayError('Conflict', `Gateway ${row.id} is being deleted and cannot be updated`);
    checkUnchanged(row, input);
    // As a credential: see access.ts.
    if (ctx.caller.gateways !== undefined && input.roleArn !== row.document.roleArn)
      throw new GatewayError(
        'Forbidden',
        `User: ${ctx.caller.arn} is not authorized to change the role of gateway ${row.id}`,
      );
    checkGateway(input, ctx);
    const inTheWay = await targetsInTheWay(tx, row.id, {
      ...present({ protocolConfiguration: input.protocolConfiguration }),
      tags: row.document.tags,
    });
    if (inTheWay.length > 0) throw validationFailure(inTheWay);
    const protocolConfiguration = keepVersions(row, input.protocolConfiguration);
    const { protocolType } = row.document;
    return tx.replace('gateway', row, {
      ...gatewaySettings({
        ...input,
        ...(protocolType === undefined ? {} : { protocolType }),
        ...(protocolConfiguration === undefined ? {} : { protocolConfiguration }),
      }),
      status: 'UPDATING',
      statusReasons: [],
      tags: row.document.tags,
    });
  });
  ctx.wake('gateway', updated.id);
  return renderGateway(updated, ctx);
};

function checkUnchanged({ name, document }: Row<'gateway'>, input: GatewayInput): void {
  const faults: FieldFault[] = [];
  const refuse = (member: string, stays: string | undefined): void => {
    faults.push({
      name: member,
      message: `Member cannot be changed after creation; it is ${stays ?? 'not set'}`,
    });
  };
  if (input.name !== name) refuse('name', name);
  if (input.authorizerType !== document.authorizerType) refuse('authorizerType', document.authorizerType);
  if (input.protocolType !== undefined && input.protocolType !== document.protocolType)
    refuse('protocolType', document.protocolType);
  const given = supportedVersionsOf(input.protocolConfiguration);
  const stored = supportedVersionsOf(document.protocolConfiguration);
  if (given && given.toSorted().join() !== (stored ?? []).toSorted().join())
    refuse('protocolConfiguration.mcp.supportedVersions', stored?.join(', '));
  if (faults.length > 0) throw validationFailure(faults);
}

/** Versions are fixed at creation, so leaving them out of the replacement does not clear them. */
function keepVersions({ document }: Row<'gateway'>, given: JsonObject | undefined): JsonObject | undefined {
  const stored = supportedVersionsOf(document.protocolConfiguration);
  if (!stored) return given;
  const mcp = given?.['mcp'];
  return { mcp: { ...(isJsonObject(mcp) ? mcp : {}), supportedVersions: stored } };
}
