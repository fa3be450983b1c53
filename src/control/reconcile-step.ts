// What one step of reconciliation is given and gives back. Types only.

import type { ControlServices, Quotas } from './context.ts';

export interface ReconcileServices extends Omit<ControlServices, 'quotas'> {
  readonly quotas: Quotas;
}

/** `changed`: somebody else wrote the row meanwhile, look again. */
export type Outcome = 'done' | 'changed' | 'retry';

/** Why an attempt is broken off: the process stops, or the row has changed under it. */
export interface AttemptSignals {
  readonly stopping: AbortSignal;
  readonly superseded: AbortSignal;
}
