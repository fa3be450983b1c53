// One target from a transient state to its end: read the source, make the tools, have the data plane serve
// them, and only then say READY. Until then, and whenever it fails, the tools served before stay.

import { GatewayError, reasonOf, toGatewayError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { LiveTarget, TargetDocument, TargetStatus } from '../core/resources.ts';
import { settingsOf } from '../core/settings.ts';
import type { Catalogue } from '../core/tool.ts';
import type { Row, StoreTransaction } from '../stores/store.ts';
import { findTargetType } from '../targets/target-type.ts';
import { present } from './context.ts';
import { isSynchronized } from './gateway-target/mcp-server.ts';
import { wholeConfiguration } from './gateway-target/payload.ts';
import type { AttemptSignals, Outcome, ReconcileServices } from './reconcile-step.ts';
import { statusReasonsOf } from './status-reasons.ts';

type TargetRow = Row<'gateway-target'>;

const FAILED_STATUS: Readonly<Partial<Record<TargetStatus, TargetStatus>>> = Object.freeze({
  CREATING: 'FAILED',
  UPDATING: 'UPDATE_UNSUCCESSFUL',
  SYNCHRONIZING: 'SYNCHRONIZE_UNSUCCESSFUL',
});

/** Does what the target's state asks for. @throws whatever the store throws, to be tried again. */
export async function stepTarget(
  id: string,
  services: ReconcileServices,
  signals: AttemptSignals,
): Promise<Outcome> {
  const { store, publish, log } = services;
  const row = await store.get('gateway-target', id);
  switch (row?.document.status) {
    case 'CREATING':
    case 'UPDATING':
    case 'SYNCHRONIZING':
      return renew(row, services, signals);
    case 'DELETING':
      // Whatever else is wrong with the gateway, a target can be deleted.
      await publish(row.parentId).catch((thrown: unknown) => {
        log.warn({ targetId: id, reason: reasonOf(thrown) }, 'gateway not published before deletion');
      });
      await store.transaction((tx) => removeTarget(tx, id));
      return 'done';
    default:
      return 'done';
  }
}

async function renew(row: TargetRow, services: ReconcileServices, signals: AttemptSignals): Promise<Outcome> {
  let catalogue: Catalogue;
  try {
    catalogue = await discover(row, services, signals);
  } catch (thrown) {
    // Stopped half-way, not failed: the next start begins again.
    if (signals.stopping.aborted) return 'retry';
    if (signals.superseded.aborted) return 'changed';
    return fail(row, thrown, row.document.live, services);
  }
  const next = await putLive(row, catalogue, services);
  if (!next) return 'changed';
  try {
    await services.publish(row.parentId);
  } catch (thrown) {
    if (signals.stopping.aborted || toGatewayError(thrown).code === 'Unavailable') throw thrown;
    return fail(next, thrown, row.document.live, services);
  }
  const { lastSynchronizedAt } = row.document;
  return finish(
    next,
    {
      status: 'READY',
      statusReasons: [],
      ...present({
        lastSynchronizedAt: isSynchronization(row.document) ? services.clock.now() : lastSynchronizedAt,
      }),
    },
    services,
  );
}

/** Asked for, or implied: creating and updating a target reads the lists of an MCP server. */
function isSynchronization({ status, targetConfiguration }: TargetDocument): boolean {
  return status === 'SYNCHRONIZING' || isSynchronized(targetConfiguration);
}

async function discover(
  row: TargetRow,
  services: ReconcileServices,
  signals: AttemptSignals,
): Promise<Catalogue> {
  const { document } = row;
  const configuration = await wholeConfiguration(services.store, document);
  const found = findTargetType(configuration, services.targetTypes);
  if (!found) throw new GatewayError('Validation', 'Targets of this kind are not available in this version.');
  const timeout = AbortSignal.timeout(services.reconcile?.discoverTimeoutMs ?? 120_000);
  const [credential] = document.credentialProviderConfigurations;
  const catalogue = await found.type.discover(found.config, {
    settings: settingsOf(document.tags),
    ...present({ credential: credential && placementOf(credential, services) }),
    readSource: services.readSource,
    openServices: () => services.openServices(row.parentId, row.id, document),
    signal: AbortSignal.any([signals.stopping, signals.superseded, timeout]),
    log: services.log,
  });
  const tools = catalogue.entries.length;
  const limit = services.quotas.toolsPerTarget;
  if (tools > limit)
    throw new GatewayError(
      'QuotaExceeded',
      `The source makes ${tools} tools, and a target can have ${limit} at most. Leave some out with the settings ` +
        'gatewright:include-tags, gatewright:include-paths or gatewright:include-methods (tags of the target), or ' +
        'divide the source among several targets.',
    );
  return catalogue;
}

/** Where the credential goes; `by-document` when its configuration leaves that to the target's document. */
function placementOf(configuration: JsonObject, services: ReconcileServices) {
  const type = services.credentialTypes.find(
    (candidate) => candidate.type === configuration['credentialProviderType'],
  );
  if (!type) return undefined;
  return type.placement(configuration['credentialProvider'] as JsonObject | undefined) ?? 'by-document';
}

/** Stores the tools beside the old ones and points the target at them; undefined when the target has changed. */
function putLive(
  row: TargetRow,
  catalogue: Catalogue,
  services: ReconcileServices,
): Promise<TargetRow | undefined> {
  const { targetConfiguration, credentialProviderConfigurations, metadataConfiguration } = row.document;
  const catalogueId = newId();
  const own = { id: catalogueId, parentId: row.id, name: catalogueId };
  const live: LiveTarget = {
    targetConfiguration,
    credentialProviderConfigurations,
    ...present({ metadataConfiguration }),
    catalogueId,
  };
  return services.store.transaction(async (tx) => {
    const now = await tx.get('gateway-target', row.id);
    if (now?.revision !== row.revision) return undefined;
    await tx.create('catalogue', { ...own, document: catalogue });
    return tx.replace('gateway-target', now, { ...now.document, live }, { quiet: true });
  });
}

/** The end of a failed attempt: what was served before the attempt is what is served. */
function fail(
  row: TargetRow,
  thrown: unknown,
  live: LiveTarget | undefined,
  services: ReconcileServices,
): Promise<Outcome> {
  const { live: _attempted, ...document } = row.document;
  return finish(
    { ...row, document: { ...document, ...present({ live }) } },
    {
      status: FAILED_STATUS[row.document.status] ?? 'FAILED',
      statusReasons: statusReasonsOf(thrown, { gatewayId: row.parentId, targetId: row.id }, services.log),
    },
    services,
  );
}

/** Writes the final state, and removes catalogues and documents that nothing refers to any more. */
function finish(row: TargetRow, end: Partial<TargetDocument>, services: ReconcileServices): Promise<Outcome> {
  return services.store.transaction(async (tx): Promise<Outcome> => {
    const now = await tx.get('gateway-target', row.id);
    if (now?.revision !== row.revision) return 'changed';
    await tx.replace('gateway-target', now, { ...row.document, ...end }, { quiet: true });
    await removeBelongings(tx, row.id, [row.document.live?.catalogueId, row.document.payloadId]);
    return 'done';
  });
}

async function removeBelongings(
  tx: StoreTransaction,
  targetId: string,
  except: readonly (string | undefined)[],
): Promise<void> {
  for (const kind of ['catalogue', 'inline-payload'] as const) {
    const { rows } = await tx.list(kind, targetId, { limit: 100 });
    for (const { id } of rows) if (!except.includes(id)) await tx.remove(kind, id);
  }
}

/** Removes a target and all that belongs to it. */
export async function removeTarget(tx: StoreTransaction, id: string): Promise<void> {
  await removeBelongings(tx, id, []);
  const { rows } = await tx.list('tool-vectors', id, { limit: 100 });
  for (const row of rows) await tx.remove('tool-vectors', row.id);
  await tx.remove('gateway-target', id);
}
