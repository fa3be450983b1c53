// One gateway from a transient state to its end. A gateway is READY when the data plane serves it, and gone
// when the data plane does not serve it any more.

import { reasonOf, toGatewayError } from '../core/errors.ts';
import type { GatewayStatus } from '../core/resources.ts';
import type { StoreTransaction } from '../stores/store.ts';
import { everyRow } from './context.ts';
import type { Outcome, ReconcileServices } from './reconcile-step.ts';
import { removeTarget } from './reconcile-target.ts';
import { statusReasonsOf } from './status-reasons.ts';

/** Does what the gateway's state asks for. @throws whatever the store throws, to be tried again. */
export async function stepGateway(id: string, services: ReconcileServices): Promise<Outcome> {
  const { store, publish, log } = services;
  const row = await store.get('gateway', id);
  switch (row?.document.status) {
    case 'CREATING':
    case 'UPDATING': {
      const failed: GatewayStatus = row.document.status === 'CREATING' ? 'FAILED' : 'UPDATE_UNSUCCESSFUL';
      let status: GatewayStatus = 'READY';
      let statusReasons: readonly string[] = [];
      try {
        await publish(id);
      } catch (thrown) {
        if (toGatewayError(thrown).code === 'Unavailable') throw thrown;
        status = failed;
        statusReasons = statusReasonsOf(thrown, { gatewayId: id }, log);
      }
      return store.transaction(async (tx): Promise<Outcome> => {
        const now = await tx.get('gateway', id);
        if (now?.revision !== row.revision) return 'changed';
        await tx.replace('gateway', now, { ...now.document, status, statusReasons }, { quiet: true });
        return 'done';
      });
    }
    case 'DELETING':
      // A gateway that cannot be published can be deleted all the same.
      await publish(id).catch((thrown: unknown) => {
        log.warn({ gatewayId: id, reason: reasonOf(thrown) }, 'gateway not published before deletion');
      });
      await services.identity.tokens.removeTokens({ workloadId: id });
      await store.transaction((tx) => removeGateway(tx, id));
      return 'done';
    default:
      return 'done';
  }
}

/** DeleteGateway let only gateways through whose targets were going; what is left of them goes along. */
async function removeGateway(tx: StoreTransaction, id: string): Promise<void> {
  const targetIds: string[] = [];
  for await (const target of everyRow(tx, 'gateway-target', id)) targetIds.push(target.id);
  for (const targetId of targetIds) await removeTarget(tx, targetId);
  await tx.remove('workload-identity', id);
  await tx.remove('gateway', id);
}
