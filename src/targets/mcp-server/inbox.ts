// What comes back for one request over pipes: a queue between a program that writes and a call that reads, with the
// same patience as for HTTP (alive.ts).

import { GatewayError } from '../../core/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Message } from './message.ts';
import type { SendOptions } from './transport.ts';

/** Notifications that wait for a slow client; more are dropped, since nothing can slow down a pipe that others share. */
const MAX_WAITING = 1_000;

export interface Inbox {
  push(message: Message): void;
  end(): void;
  fail(fault: Error): void;
  /** To be read once. @throws GatewayError */
  messages(): AsyncIterable<Message>;
}

export interface InboxOptions extends SendOptions {
  readonly label: string;
  readonly idleMs: number;
  readonly clock: Clock;
  /** Called when nobody waits for the answer any more. */
  readonly onLeft: () => void;
}

/** An inbox that is empty. */
export function createInbox(options: InboxOptions): Inbox {
  const { ctx, isWaitedFor, isListening = false, label, idleMs, clock, onLeft } = options;
  const waiting: Message[] = [];
  let isEnded = false;
  let fault: Error | undefined;
  let wake: (() => void) | undefined;
  let wasWaitedFor = false;

  const fail = (thrown: Error): void => {
    if (isEnded) return;
    fault ??= thrown;
    wake?.();
  };
  const leave = (reason: GatewayError): void => {
    fail(reason);
    onLeft();
  };

  /** Until something happens. */
  async function nap(): Promise<void> {
    const remaining = ctx.deadline - clock.monotonic();
    const timeMs = isListening ? undefined : Math.max(0, Math.min(idleMs, remaining));
    const timer = timeMs === undefined ? undefined : setTimeout(tire, timeMs);
    await new Promise<void>((resolve) => void (wake = resolve));
    wake = undefined;
    clearTimeout(timer);
  }
  function tire(): void {
    // After the client has answered, the server has all its time again.
    const isExcused = wasWaitedFor;
    wasWaitedFor = isWaitedFor?.() === true;
    if ((isExcused || wasWaitedFor) && ctx.deadline > clock.monotonic()) wake?.();
    else leave(new GatewayError('UpstreamTimeout', `${label} sent nothing for too long and owes an answer.`));
  }

  async function* read(): AsyncGenerator<Message, void, undefined> {
    const onAbort = (): void =>
      leave(new GatewayError('UpstreamTimeout', `The call to ${label} was given up.`));
    ctx.signal.addEventListener('abort', onAbort, { once: true });
    if (ctx.signal.aborted) onAbort();
    try {
      for (;;) {
        for (let next = waiting.shift(); next; next = waiting.shift()) yield next;
        if (fault) throw fault;
        if (isEnded) return;
        await nap();
      }
    } finally {
      ctx.signal.removeEventListener('abort', onAbort);
      if (!isEnded) onLeft();
    }
  }

  return {
    push(message) {
      if (message.kind === 'notification' && waiting.length >= MAX_WAITING) return;
      waiting.push(message);
      wake?.();
    },
    end() {
      isEnded = true;
      wake?.();
    },
    fail,
    messages: read,
  };
}
