// A server has said that its lists have changed: its target is synchronised, as SynchronizeGatewayTargets would do it.
// At most once in a while for each target, however often the server says so, and not right after its lists were read
// for another reason; the last word is never lost.

import { reasonOf } from '../core/errors.ts';
import type { TargetStatus } from '../core/resources.ts';
import type { ControlContext } from './context.ts';
import { isSynchronized } from './gateway-target/mcp-server.ts';

/** Longer than published clients take between two polls of a target that they wait for. */
const EVERY_MS = 2_500;
const SETTLED: readonly TargetStatus[] = ['READY', 'SYNCHRONIZE_UNSUCCESSFUL'];
const UNDER_WAY: readonly TargetStatus[] = ['CREATING', 'UPDATING', 'SYNCHRONIZING'];

export interface Resynchronizer {
  /** Fulfils when the synchronisation is begun, or put off until the last one is long enough ago. */
  readonly resynchronize: (targetId: string) => Promise<void>;
  /** Forgets what was put off. */
  readonly stop: () => void;
}

/**
 * Works for targets that are READY, or were when they could not be synchronised the last time, and whose lists are
 * kept here; asked of any other it does nothing.
 */
export function createResynchronizer(
  ctx: Pick<ControlContext, 'store' | 'clock' | 'log' | 'wake'>,
  everyMs: number = EVERY_MS,
): Resynchronizer {
  /** Targets synchronised just now. `again`: asked for once more meanwhile. */
  const recent = new Map<string, { readonly timer: NodeJS.Timeout; again: boolean }>();
  let isStopped = false;

  async function resynchronize(targetId: string): Promise<void> {
    if (isStopped) return;
    const last = recent.get(targetId);
    if (last) {
      last.again = true;
      return;
    }
    const timer = setTimeout(() => {
      const wish = recent.get(targetId);
      recent.delete(targetId);
      if (wish?.again === true)
        resynchronize(targetId).catch((thrown: unknown) => {
          ctx.log.warn({ targetId, reason: reasonOf(thrown) }, 'target not synchronised');
        });
    }, everyMs).unref();
    recent.set(targetId, { timer, again: false });
    await begin(targetId);
  }

  async function begin(targetId: string): Promise<void> {
    const begun = await ctx.store.transaction(async (tx) => {
      const row = await tx.get('gateway-target', targetId);
      if (!row || !isSynchronized(row.document.targetConfiguration)) return undefined;
      const { status, lastSynchronizedAt = 0 } = row.document;
      const isFresh = Math.abs(ctx.clock.now() - lastSynchronizedAt) < everyMs;
      // Its lists may have been read before they changed, so once more later. Pollers get to see READY in between.
      const last = UNDER_WAY.includes(status) || isFresh ? recent.get(targetId) : undefined;
      if (last) last.again = true;
      if (isFresh || !SETTLED.includes(status)) return undefined;
      return tx.replace('gateway-target', row, {
        ...row.document,
        status: 'SYNCHRONIZING',
        statusReasons: [],
      });
    });
    if (!begun) return;
    ctx.log.info(
      { gatewayId: begun.parentId, targetId },
      'target is synchronised: its server says that its lists have changed',
    );
    ctx.wake('gateway-target', targetId);
  }

  return Object.freeze({
    resynchronize,
    stop(): void {
      isStopped = true;
      for (const { timer } of recent.values()) clearTimeout(timer);
      recent.clear();
    },
  });
}
