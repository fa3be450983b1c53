// Finding a gateway, and turning its row into the answers of the gateway operations.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { present } from '../context.ts';
import type { ControlContext } from '../context.ts';

/** @throws GatewayError NotFound when there is no such gateway. */
export async function loadGateway(reader: StoreReader, id: string): Promise<Row<'gateway'>> {
  const row = await reader.get('gateway', id);
  if (!row) throw new GatewayError('NotFound', `Gateway with id ${id} not found`);
  return row;
}

/** The whole of a gateway, as Create, Get and Update answer it. */
export function renderGateway(row: Row<'gateway'>, ctx: ControlContext): JsonObject {
  const { document } = row;
  return present({
    gatewayArn: ctx.arns.gateway(row.id),
    gatewayId: row.id,
    gatewayUrl: ctx.publicUrlOf(row.id),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    status: document.status,
    statusReasons: document.statusReasons.length > 0 ? document.statusReasons : undefined,
    name: row.name,
    description: document.description,
    roleArn: document.roleArn,
    protocolType: document.protocolType,
    protocolConfiguration: document.protocolConfiguration,
    authorizerType: document.authorizerType,
    authorizerConfiguration: document.authorizerConfiguration,
    exceptionLevel: document.exceptionLevel,
    workloadIdentityDetails: { workloadIdentityArn: ctx.arns.workloadIdentity(row.id) },
    ...document.settings,
  });
}

/** A gateway in a list. */
export function renderGatewaySummary(row: Row<'gateway'>): JsonObject {
  const { document } = row;
  return present({
    gatewayId: row.id,
    name: row.name,
    status: document.status,
    description: document.description,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    authorizerType: document.authorizerType,
    protocolType: document.protocolType,
  });
}
