// Reads a body while its sender is alive: a silence that nobody explains ends it, and so does the call's deadline.

import { GatewayError } from '../../core/errors.ts';
import type { UpstreamStream } from '../../core/outbound.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SendOptions } from './transport.ts';

/** The chunks of a body. @throws GatewayError UpstreamTimeout */
export async function* readAlive(
  answer: UpstreamStream,
  { ctx, isWaitedFor, isListening = false }: SendOptions,
  { label, idleMs, clock }: { readonly label: string; readonly idleMs: number; readonly clock: Clock },
): AsyncGenerator<Buffer, void, undefined> {
  let fault: GatewayError | undefined;
  const watch = (): NodeJS.Timeout => setTimeout(check, idleMs);
  let wasWaitedFor = false;
  const check = (): void => {
    // After the client has answered, the server has all its time again.
    const isExcused = wasWaitedFor;
    wasWaitedFor = isWaitedFor?.() === true;
    if (isExcused || wasWaitedFor) {
      timer = watch();
      return;
    }
    fault = new GatewayError(
      'UpstreamTimeout',
      `${label} sent nothing for ${Math.round(idleMs / 100) / 10} s and owes an answer.`,
    );
    answer.cancel();
  };
  let timer: NodeJS.Timeout | undefined;
  const end = isListening
    ? undefined
    : setTimeout(endCall, Math.min(2 ** 31 - 1, ctx.deadline - clock.monotonic()));
  function endCall(): void {
    fault = new GatewayError('UpstreamTimeout', `${label} did not answer in time.`);
    answer.cancel();
  }
  const chunks = answer.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      if (!isListening) timer = watch();
      const next = await chunks.next();
      clearTimeout(timer);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (thrown) {
    throw fault ?? thrown;
  } finally {
    clearTimeout(timer);
    clearTimeout(end);
    answer.cancel();
    await chunks.return?.();
  }
}
