// Targets whose tools can only be read on somebody's behalf (AUTHORIZATION_CODE, no tools in the configuration): they
// wait for a consent (…_PENDING_AUTH) of a user made up for the purpose, and go on when it is complete. A consent that
// nobody gives ends the waiting, so that the target can be changed or deleted.

import { randomUUID } from 'node:crypto';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TargetDocument, TargetStatus } from '../../core/resources.ts';
import type { StoreTransaction } from '../../stores/store.ts';
import { everyRow } from '../context.ts';
import type { ControlContext } from '../context.ts';
import { isSynchronized } from './mcp-server.ts';

const WAITING: Readonly<Record<string, TargetStatus>> = Object.freeze({
  CREATING: 'CREATE_PENDING_AUTH',
  UPDATING: 'UPDATE_PENDING_AUTH',
  SYNCHRONIZING: 'SYNCHRONIZE_PENDING_AUTH',
});
const GOING_ON: Readonly<Record<string, readonly [next: TargetStatus, failed: TargetStatus]>> = Object.freeze(
  {
    CREATE_PENDING_AUTH: ['CREATING', 'FAILED'],
    UPDATE_PENDING_AUTH: ['UPDATING', 'UPDATE_UNSUCCESSFUL'],
    SYNCHRONIZE_PENDING_AUTH: ['SYNCHRONIZING', 'SYNCHRONIZE_UNSUCCESSFUL'],
  },
);
/** A little longer than a consent can take. */
const WAIT_MS = 11 * 60_000;

type Wanted = Pick<TargetDocument, 'targetConfiguration' | 'credentialProviderConfigurations'>;

/** The status to begin with, and the consent to wait for if there is one to wait for. */
export async function beginStatus(
  tx: StoreTransaction,
  at: { readonly gatewayId: string; readonly targetId: string },
  status: 'CREATING' | 'UPDATING' | 'SYNCHRONIZING',
  wanted: Wanted,
  ctx: ControlContext,
): Promise<Pick<TargetDocument, 'status' | 'authorization'>> {
  const oauth = authorizationCodeOf(wanted);
  if (!oauth || !isSynchronized(wanted.targetConfiguration)) return { status };
  const userId = `${at.gatewayId}${at.targetId}${randomUUID()}`;
  const returnUrl = oauth['defaultReturnUrl'];
  const authorizationUrl = await ctx.identity.consents.begin(tx, {
    ...at,
    userId,
    providerArn: String(oauth['providerArn']),
    scopes: oauth['scopes'] as readonly string[],
    customParameters: (oauth['customParameters'] as Readonly<Record<string, string>> | undefined) ?? {},
    ...(typeof returnUrl === 'string' ? { returnUrl } : {}),
  });
  return { status: WAITING[status] ?? status, authorization: { authorizationUrl, userId } };
}

/** The `oauthCredentialProvider` of a target that acts by its users' consent. */
export function authorizationCodeOf({ credentialProviderConfigurations }: Wanted): JsonObject | undefined {
  const provider = credentialProviderConfigurations[0]?.['credentialProvider'];
  const oauth = isJsonObject(provider) ? provider['oauthCredentialProvider'] : undefined;
  return isJsonObject(oauth) && oauth['grantType'] === 'AUTHORIZATION_CODE' ? oauth : undefined;
}

/** The consent is there: the target goes on to read its tools. */
export async function goOn(targetId: string, ctx: ControlContext): Promise<void> {
  await ctx.store.transaction(async (tx) => {
    const row = await tx.get('gateway-target', targetId);
    const [status] = GOING_ON[row?.document.status ?? ''] ?? [];
    if (row && status)
      await tx.replace('gateway-target', row, { ...row.document, status, statusReasons: [] });
  });
  ctx.wake('gateway-target', targetId);
}

/** Ends the waiting of targets whose consent was not given in time. */
export async function endWaiting(ctx: Pick<ControlContext, 'store' | 'clock'>): Promise<void> {
  for await (const { id, updatedAt, document } of everyRow(ctx.store, 'gateway-target')) {
    if (!GOING_ON[document.status] || ctx.clock.now() - updatedAt < WAIT_MS) continue;
    await ctx.store.transaction(async (tx) => {
      const row = await tx.get('gateway-target', id);
      const [, status] = GOING_ON[row?.document.status ?? ''] ?? [];
      if (!row || !status) return;
      const statusReasons = ['Consent was not given within ten minutes. Update the target, or delete it.'];
      const { authorization: _over, ...rest } = row.document;
      await tx.replace('gateway-target', row, { ...rest, status, statusReasons });
    });
  }
}
