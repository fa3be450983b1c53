// RotateVaultKey: a new master key, every sealed value rewrapped under it, then the old key is let go. What is broken off
// half-way (also by `kill -9`) goes on where it was when it is run again: both keys stay until nothing needs the old one.

import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ResourceKind, SealedSecret } from '../../core/resources.ts';
import { everyRow } from '../context.ts';
import type { ControlContext, Handler } from '../context.ts';

/** Kinds without sealed values, some of them large. */
const WITHOUT: ReadonlySet<ResourceKind> = new Set([
  'catalogue',
  'inline-payload',
  'client-token',
  'mailbox',
  'function-code',
  'function-code-part',
]);
const LEASE = 'vault-rotation';
/** Longer than the rewrapping of one row can take, twice. */
const LEASE_MS = 10_000;
const RETRY_MS = 250;
const MEMBERS = ['v', 'kekId', 'wrappedKey', 'iv', 'ciphertext', 'tag', 'bound'];

/** Handles RotateVaultKey. */
export const rotateVaultKey: Handler = async (_input, ctx) => {
  const hold = createHold(ctx);
  try {
    await hold.take();
    return await rotate(ctx, () => hold.keep());
  } finally {
    await hold.release();
  }
};

/** One rotation at a time: one process's keys must not go while another's rewrapping relies on them. */
function createHold({ store, clock }: ControlContext) {
  const owner = newId();
  let until = 0;
  const renew = async (): Promise<boolean> => {
    const now = clock.monotonic();
    if (!(await store.lease(LEASE, owner, LEASE_MS))) return false;
    until = now + LEASE_MS;
    return true;
  };
  const conflict = (): GatewayError =>
    new GatewayError('Conflict', 'A rotation of the master key is under way already.');
  return {
    /** The lease of a process that was killed runs out meanwhile. */
    async take(): Promise<void> {
      const end = clock.monotonic() + LEASE_MS + RETRY_MS;
      while (!(await renew())) {
        if (clock.monotonic() > end) throw conflict();
        await sleep(RETRY_MS);
      }
    },
    async keep(): Promise<void> {
      if (clock.monotonic() > until - LEASE_MS / 2 && !(await renew())) throw conflict();
    },
    release: () => store.lease(LEASE, owner, 0),
  };
}

async function rotate(ctx: ControlContext, keepHold: () => Promise<void>): Promise<JsonObject> {
  await ctx.vault.begin();
  const counts = { rewrapped: 0, unreadable: 0 };
  // What was sealed just before the new key was there may have been stored behind the first look.
  let before: number;
  do {
    before = counts.rewrapped;
    counts.unreadable = 0;
    for (const kind of ctx.resourceKinds)
      if (!WITHOUT.has(kind))
        for await (const { id } of everyRow(ctx.store, kind)) {
          await keepHold();
          await rewrapRow(kind, id, counts, ctx);
        }
  } while (counts.rewrapped > before);
  // A value that did not open before does not open now; the old keys stay as long as there is one.
  if (counts.unreadable === 0) await ctx.vault.finish();
  ctx.log.info({ kekId: ctx.vault.kekId(), ...counts }, 'the master key was rotated');
  return { keyId: ctx.vault.kekId() ?? '', ...counts };
}

/** One row in one transaction, read anew: what somebody else wrote meanwhile is not overwritten. */
async function rewrapRow(
  kind: ResourceKind,
  id: string,
  counts: { rewrapped: number; unreadable: number },
  ctx: ControlContext,
): Promise<void> {
  await ctx.store.transaction(async (tx) => {
    const row = await tx.get(kind, id);
    if (!row) return;
    let changed = 0;
    const document = mapSealed(row.document, (sealed) => {
      try {
        const rewrapped = ctx.vault.rewrap(sealed);
        if (rewrapped) changed += 1;
        return rewrapped ?? sealed;
      } catch (thrown) {
        const { message, details } = toGatewayError(thrown);
        counts.unreadable += 1;
        ctx.log.error(
          { kind, id, reason: details.internal ?? message },
          'a sealed value cannot be rewrapped',
        );
        return sealed;
      }
    });
    if (changed === 0) return;
    counts.rewrapped += changed;
    await tx.replace(kind, row, document as never, { quiet: true });
  });
}

/** The same document with each sealed value in it changed. */
function mapSealed(value: unknown, change: (sealed: SealedSecret) => SealedSecret): unknown {
  if (Array.isArray(value)) return value.map((entry) => mapSealed(entry, change));
  if (!isJsonObject(value)) return value;
  if (MEMBERS.every((member) => Object.hasOwn(value, member)))
    return change(value as unknown as SealedSecret);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapSealed(member, change)]));
}
