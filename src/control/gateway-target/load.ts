// Finding a target of a gateway, and turning its row into the answers of the target operations.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TargetDocument } from '../../core/resources.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { findTargetType } from '../../targets/target-type.ts';
import { present } from '../context.ts';
import type { ControlContext } from '../context.ts';
import { wholeConfiguration } from './payload.ts';

/** @throws GatewayError NotFound when the gateway has no such target. */
export async function loadTarget(
  reader: StoreReader,
  gatewayId: string,
  targetId: string,
): Promise<Row<'gateway-target'>> {
  const row = await reader.get('gateway-target', targetId);
  if (row?.parentId !== gatewayId)
    throw new GatewayError('NotFound', `Target with id ${targetId} not found on gateway ${gatewayId}`);
  return row;
}

/** The whole of a target, as Create, Get, Update and Synchronize answer it. */
export async function renderTarget(row: Row<'gateway-target'>, ctx: ControlContext): Promise<JsonObject> {
  const { document } = row;
  // What the data plane sees of a target that is ready, but out of order at the moment.
  const trouble = document.status === 'READY' ? ctx.healthOf?.(row.parentId, row.id) : undefined;
  const statusReasons = trouble ? [...document.statusReasons, trouble.reason] : document.statusReasons;
  return present({
    gatewayArn: ctx.arns.gateway(row.parentId),
    targetId: row.id,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    status: document.status,
    statusReasons: statusReasons.length > 0 ? statusReasons : undefined,
    name: row.name,
    description: document.description,
    targetConfiguration: await wholeConfiguration(ctx.store, document),
    credentialProviderConfigurations: document.credentialProviderConfigurations,
    lastSynchronizedAt: document.lastSynchronizedAt,
    metadataConfiguration: document.metadataConfiguration,
    privateEndpoint: document.privateEndpoint,
    authorizationData: authorizationData(document),
    protocolType: document.targetConfiguration['mcp'] === undefined ? undefined : 'MCP',
  });
}

/** Where consent is to be given, as long as the target waits for it. */
function authorizationData({ status, authorization }: TargetDocument): JsonObject | undefined {
  return status.endsWith('_PENDING_AUTH') && authorization ? { oauth2: { ...authorization } } : undefined;
}

/** A target in a list. */
export function renderTargetSummary(row: Row<'gateway-target'>, ctx: ControlContext): JsonObject {
  const { document } = row;
  const found = findTargetType(document.targetConfiguration, ctx.targetTypes);
  return present({
    targetId: row.id,
    name: row.name,
    status: document.status,
    description: document.description,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    lastSynchronizedAt: document.lastSynchronizedAt,
    authorizationData: authorizationData(document),
    targetType: found?.type.type,
    resourcePriority: found?.config['resourcePriority'],
    listingMode: found?.config['listingMode'],
  });
}
