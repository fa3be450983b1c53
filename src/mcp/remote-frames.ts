// The rest of a call's stream on its way to another process, which has the client now: in batches, one after another,
// each with what has come since the one before.

import type { Mailbox } from '../sessions/session.ts';
import { EventStream } from './event-stream.ts';
import type { EventSink } from './event-stream.ts';

/** Characters on the way at a time, beyond which the sender of messages has to wait. */
const MAX_PENDING = 1024 * 1024;

interface Batch {
  readonly frames: readonly string[];
  readonly isLast: boolean;
}

/** Sends everything after an event until the end, or until nobody takes it. */
export function sendFrames(stream: EventStream, after: number, back: string, mailbox: Mailbox): void {
  let pending: string[] = [];
  let characters = 0;
  let isEnded = false;
  let isSending = false;

  async function send(): Promise<void> {
    if (isSending) return;
    isSending = true;
    for (let isLast = false; !isLast && (pending.length > 0 || isEnded);) {
      const batch: Batch = { frames: pending, isLast: isEnded };
      isLast = isEnded;
      [pending, characters] = [[], 0];
      if (!(await mailbox.post(back, JSON.stringify(batch)))) {
        stream.gone(sink);
        return;
      }
      stream.drained(sink);
    }
    isSending = false;
  }
  const begin = (): void => {
    // Whatever it is that fails: the client is not there any more, and may come back.
    send().catch(() => stream.gone(sink));
  };
  const sink: EventSink = {
    write(frame) {
      pending.push(frame);
      characters += frame.length;
      begin();
      return characters < MAX_PENDING;
    },
    end() {
      isEnded = true;
      begin();
    },
  };
  if (!stream.resume(sink, after)) sink.end();
}

/** The other end: a stream that is fed by another process. `stop` when nothing will come. */
export function receiveFrames(
  back: string,
  mailbox: Mailbox,
): { readonly stream: EventStream; readonly stop: () => void } {
  const stream = new EventStream({ onGone: () => stop() });
  const stop = mailbox.wait(back, (text) => {
    const { frames, isLast } = JSON.parse(text) as Batch;
    for (const frame of frames) void stream.pushFrame(frame);
    // A client this slow can come back for the rest; nobody else can be made to wait for it here.
    if (!isLast && !stream.isBehind) return;
    stop();
    stream.end();
  });
  return { stream, stop };
}
