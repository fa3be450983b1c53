// Moves resources from transient states to their end: gateways in reconcile-gateway.ts, targets in
// reconcile-target.ts. This file decides what is worked on, when, and by which process: a lease per resource,
// so that another process takes over what this one leaves; the change feed, so that it hears of it.

import { toGatewayError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { endWaiting } from './gateway-target/authorization.ts';
import { sweepClientTokens } from './client-token.ts';
import { everyRow } from './context.ts';
import { stepGateway } from './reconcile-gateway.ts';
import { stepTarget } from './reconcile-target.ts';
import type { Outcome, ReconcileServices } from './reconcile-step.ts';
import { createWorkQueue } from './work-queue.ts';
import { createGatewayIdentity } from './workload-identity/workload-identity.ts';
import { isBehind } from '../stores/store.ts';
import type { Store } from '../stores/store.ts';

type Kind = 'gateway' | 'gateway-target';

export interface Reconciler {
  /** A handler has changed the row: what is under way for it begins again. */
  readonly wake: (kind: Kind, id: string) => void;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly settled: () => Promise<void>;
}

const CONCURRENCY = 5;
const FEED_MS = 5000;
const CONSENT_MS = 60 * 1000;
const SWEEP_MS = 60 * 60 * 1000;
const MAX_BACKOFF_MS = 30_000;

/** True for a state that the reconciler has to end. */
export const isTransient = (status: string): boolean =>
  ['CREATING', 'UPDATING', 'SYNCHRONIZING', 'DELETING'].includes(status);

/** A reconciler that has not started; `wake` works from the beginning. */
export function createReconciler(services: ReconcileServices): Reconciler {
  const { store, clock, log } = services;
  const leaseTtlMs = services.reconcile?.leaseTtlMs ?? 5000;
  const owner = newId();
  const queue = createWorkQueue(CONCURRENCY);
  const stopping = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const failures = new Map<string, number>();
  const attempts = new Map<string, AbortController>();
  let seen = 0;

  function wake(kind: Kind, id: string): void {
    attempts.get(`${kind}/${id}`)?.abort();
    enqueue(kind, id);
  }

  function enqueue(kind: Kind, id: string): void {
    const key = `${kind}/${id}`;
    queue.add(key, async () => {
      try {
        const againMs = await work(kind, id);
        failures.delete(key);
        return againMs;
      } catch (thrown) {
        const error = toGatewayError(thrown);
        const count = (failures.get(key) ?? 0) + 1;
        failures.set(key, count);
        const { internal } = error.details;
        log.error(
          { resource: key, code: error.code, internal, reason: error.message, count },
          'reconciliation failed',
        );
        return Math.min(500 * 2 ** count, MAX_BACKOFF_MS);
      }
    });
  }

  async function work(kind: Kind, id: string): Promise<number | undefined> {
    const row = await store.get(kind, id);
    if (!row || !isTransient(row.document.status)) return undefined;
    const lease = `reconcile/${kind}/${id}`;
    if (!(await store.lease(lease, owner, leaseTtlMs))) return Math.min(leaseTtlMs / 4, 1000);
    const renewal = setInterval(() => {
      store.lease(lease, owner, leaseTtlMs).catch((error: unknown) => {
        log.warn({ lease, reason: String(error) }, 'lease not renewed');
      });
    }, leaseTtlMs / 3);
    try {
      let outcome: Outcome = 'changed';
      while (outcome === 'changed' && !stopping.signal.aborted) {
        // Known before the row is read: whatever changes the row after that breaks this attempt off.
        const attempt = new AbortController();
        attempts.set(`${kind}/${id}`, attempt);
        outcome = await (kind === 'gateway'
          ? stepGateway(id, services)
          : stepTarget(id, services, { stopping: stopping.signal, superseded: attempt.signal }));
      }
      return outcome === 'retry' && !stopping.signal.aborted ? 1000 : undefined;
    } finally {
      clearInterval(renewal);
      attempts.delete(`${kind}/${id}`);
      await store.lease(lease, owner, 0);
    }
  }

  /** What is in a transient state, whoever left it so. */
  async function takeUp(): Promise<void> {
    for (const kind of ['gateway', 'gateway-target'] as const)
      for await (const row of everyRow(store, kind))
        if (isTransient(row.document.status)) enqueue(kind, row.id);
  }

  /** Hears of what other processes left in a transient state. */
  async function follow(): Promise<void> {
    for (;;) {
      const changes = await store.changes(seen);
      if (isBehind(changes, seen)) await takeUp();
      const resources = new Map(changes.map((change) => [`${change.kind}/${change.id}`, change]));
      for (const { kind, id } of resources.values())
        if (kind === 'gateway' || kind === 'gateway-target') enqueue(kind, id);
      seen = changes.at(-1)?.sequence ?? seen;
      if (changes.length < 1000) return;
    }
  }

  function every(ms: number, task: () => Promise<void>): void {
    const timer = setInterval(() => {
      task().catch((error: unknown) => {
        log.warn({ reason: toGatewayError(error).message }, 'background task failed');
      });
    }, ms);
    timers.push(timer.unref());
  }

  return Object.freeze({
    wake,
    async start(): Promise<void> {
      seen = await store.sequence();
      await takeUp();
      await nameGateways(store);
      await sweepClientTokens(store, clock.now());
      every(FEED_MS, follow);
      every(SWEEP_MS, () => sweepClientTokens(store, clock.now()));
      every(CONSENT_MS, () => endWaiting(services));
    },
    async stop(): Promise<void> {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
      await queue.close();
    },
    settled: () => queue.idle(),
  });
}

/** Gateways of a version before they had identities get theirs. */
async function nameGateways(store: Store): Promise<void> {
  for await (const { id } of everyRow(store, 'gateway'))
    await store.transaction(async (tx) => {
      if (!(await tx.get('workload-identity', id))) await createGatewayIdentity(tx, id);
    });
}
