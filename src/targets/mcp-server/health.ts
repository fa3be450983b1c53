// What is known to be wrong with a target: a run of failures of one kind, forgotten with the first success. Pure.

import { GatewayError } from '../../core/errors.ts';
import { RelayedError } from '../../core/relay.ts';
import type { TargetHealth } from '../../core/relay.ts';
import type { Clock } from '../../lib/clock.ts';

/** Failures in a row before a target counts as ill. */
const FAILURES = 2;

export interface HealthRecord {
  succeeded(): void;
  failed(thrown: unknown, isGivenUp: boolean): void;
  state(): TargetHealth | undefined;
}

/** A record that knows of nothing wrong. */
export function createHealthRecord(clock: Clock): HealthRecord {
  let failures = 0;
  let since = 0;
  let last: Omit<TargetHealth, 'since'> | undefined;
  const succeed = (): void => {
    failures = 0;
    last = undefined;
  };
  return {
    succeeded: succeed,
    failed(thrown, isGivenUp) {
      // An error of the protocol is an answer, and a client that goes away says nothing about the server.
      if (thrown instanceof RelayedError) succeed();
      if (isGivenUp || !(thrown instanceof GatewayError)) return;
      const state = STATES.get(thrown.code);
      if (!state) return;
      if (failures === 0) since = clock.now();
      failures += 1;
      last = { state, reason: thrown.message };
    },
    state: () => (last && failures >= FAILURES ? { ...last, since } : undefined),
  };
}

const STATES: ReadonlyMap<string, TargetHealth['state']> = new Map([
  ['UpstreamRefused', 'unreachable'],
  ['UpstreamBlocked', 'unreachable'],
  ['UpstreamTimeout', 'unresponsive'],
  ['UpstreamInvalid', 'failing'],
]);
