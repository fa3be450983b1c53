// Work that many calls wait for together, begun in the name of one of them. What that one caller lacks, a consent or a
// permission, must neither fail the calls of others nor be shown to them.

import type { CallContext } from '../../core/call.ts';
import type { Principal } from '../../core/principal.ts';
import { whileCalled } from './context.ts';

/** Joins the work under way, or begins it. Whoever waits for another caller's work and sees it fail begins their own. */
export function createSharedWork<T>(
  label: string,
  work: (call: CallContext) => Promise<T>,
): (call: CallContext) => Promise<T> {
  let running: { readonly caller: string; readonly outcome: Promise<T> } | undefined;

  function begin(
    call: CallContext,
    caller: string,
  ): { readonly caller: string; readonly outcome: Promise<T> } {
    const outcome = work(call).finally(() => void (running = undefined));
    running = { caller, outcome };
    return running;
  }

  return async (call) => {
    const caller = callerOf(call.principal);
    for (;;) {
      const joined = running ?? begin(call, caller);
      try {
        return await whileCalled(joined.outcome, call, label);
      } catch (thrown) {
        if (joined.caller === caller || call.signal.aborted) throw thrown;
      }
    }
  };
}

/** A text that is the same for the same caller only. */
export function callerOf({ type, issuer, id }: Principal): string {
  return JSON.stringify([type, issuer ?? '', id]);
}
