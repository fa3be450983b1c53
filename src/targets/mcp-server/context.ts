// Contexts for what the gateway sends to a server without a client that waits for it: probes and handshakes that many
// calls share, farewells, listening, discovery.

import type { CallContext, Log } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { ANONYMOUS } from '../../core/principal.ts';
import type { Clock } from '../../lib/clock.ts';

/** The context of work that nobody called for. */
export function ownContext(log: Log, clock: Clock, signal: AbortSignal, timeMs: number): CallContext {
  return {
    requestId: 'own',
    gatewayId: '',
    principal: ANONYMOUS,
    signal,
    deadline: clock.monotonic() + timeMs,
    log,
    inboundHeaders: {},
    inboundQuery: new URLSearchParams(),
  };
}

/** A call's context for work that must outlive the call: same caller, own time, no client. */
export function detach(call: CallContext, clock: Clock, signal: AbortSignal, timeMs: number): CallContext {
  const { client: _client, ...rest } = call;
  return { ...rest, signal, deadline: clock.monotonic() + timeMs };
}

/** Waits for work that others wait for too, no longer than the call lives. @throws GatewayError UpstreamTimeout */
export async function whileCalled<T>(work: Promise<T>, { signal }: CallContext, label: string): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const onAbort = (): void => gone.reject(givenUp(label));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, gone.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    gone.promise.catch(() => undefined);
  }
}

/** Sleeps, no longer than the call lives. @throws GatewayError UpstreamTimeout */
export function pause(timeMs: number, call: CallContext, label: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeMs);
  });
  return whileCalled(slept, call, label).finally(() => clearTimeout(timer));
}

function givenUp(label: string): GatewayError {
  return new GatewayError('UpstreamTimeout', `The call to ${label} was given up.`);
}
