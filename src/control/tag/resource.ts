// The resource an ARN names, and the change of its tags with what follows from changed settings.

import { parseArn } from '../../core/arn.ts';
import { GatewayError, reasonOf } from '../../core/errors.ts';
import type { Tags } from '../../core/resources.ts';
import { settingsOf } from '../../core/settings.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import type { ControlContext } from '../context.ts';
import { checkTags } from './check.ts';

type Named = 'api-key-credential-provider' | 'oauth2-credential-provider' | 'workload-identity';
type Tagged = 'gateway' | 'gateway-target' | Named;
type TaggedRow = { [K in Tagged]: { readonly kind: K; readonly row: Row<K> } }[Tagged];

/** @throws GatewayError NotFound when the ARN names nothing of this account, whatever the reason. */
export async function loadTagged(reader: StoreReader, arn: string, ctx: ControlContext): Promise<TaggedRow> {
  const reference = parseArn(arn, ctx.arns);
  const missing = new GatewayError('NotFound', `Resource ${arn} not found`);
  switch (reference?.kind) {
    case 'gateway': {
      const row = await reader.get('gateway', reference.id);
      if (row) return { kind: 'gateway', row };
      throw missing;
    }
    case 'gateway-target': {
      const row = await reader.get('gateway-target', reference.id);
      if (row && row.parentId === reference.gatewayId) return { kind: 'gateway-target', row };
      throw missing;
    }
    case 'api-key-credential-provider':
    case 'oauth2-credential-provider':
    case 'workload-identity': {
      const row = await reader.find(reference.kind, '', reference.name);
      if (row) return { kind: reference.kind, row } as TaggedRow;
      throw missing;
    }
    default:
      throw missing;
  }
}

/** Replaces the tags of a resource; changed settings take effect: at once on a gateway, by a new import on a target. */
export async function changeTags(
  arn: string,
  change: (tags: Tags) => Tags,
  ctx: ControlContext,
): Promise<void> {
  const changed = await ctx.store.transaction(async (tx) => {
    const { kind, row } = await loadTagged(tx, arn, ctx);
    const tags = change(row.document.tags);
    checkTags(tags, kind, ctx);
    const hasNewSettings = !sameSettings(row.document.tags, tags);
    switch (kind) {
      case 'gateway':
        await tx.replace(kind, row, { ...row.document, tags }, { quiet: !hasNewSettings });
        break;
      case 'gateway-target': {
        const document = { ...row.document, tags };
        const isSettled = !['CREATING', 'DELETING'].includes(document.status);
        if (hasNewSettings && isSettled)
          await tx.replace(kind, row, { ...document, status: 'UPDATING', statusReasons: [] });
        else await tx.replace(kind, row, document, { quiet: true });
        break;
      }
      default:
        await tx.replace(kind, row, { ...row.document, tags }, { quiet: true });
    }
    return { kind, id: row.id, hasNewSettings };
  });
  if (!changed.hasNewSettings) return;
  if (changed.kind === 'gateway')
    // The tags are stored; should this process not serve them yet, the change feed brings them.
    await ctx.publish(changed.id).catch((thrown: unknown) => {
      ctx.log.warn({ gatewayId: changed.id, reason: reasonOf(thrown) }, 'gateway not published');
    });
  if (changed.kind === 'gateway-target') ctx.wake('gateway-target', changed.id);
}

function sameSettings(before: Tags, after: Tags): boolean {
  const [a, b] = [settingsOf(before), settingsOf(after)];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => a[key] === b[key]);
}
