// Streams of calls in sessions, for clients that lose their connection (MCP 2025-03-26 to 2025-11-25, resumability).
// A lost connection is no cancellation: the call goes on for a while, and what it sent can be had again over another
// connection, also through another process.

import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Mailbox, McpSession } from '../sessions/session.ts';
import type { EventSource, EventStream } from './event-stream.ts';
import { receiveFrames, sendFrames } from './remote-frames.ts';

/** How long a call goes on for a client that is away (milliseconds). */
const RESUME_WITHIN_MS = 4_000;
/** Ids of streams of calls begin with this letter, those of GET streams with another one. */
const CALL = 'c';
/** Finished streams that are kept for clients that lost their last events. */
const KEPT_STREAMS = 2_000;
const KEPT_CHARACTERS = 32 * 1024 * 1024;
const KEPT_MS = 30_000;

export interface CallStreams {
  /** Options of the stream of one call. `abandon` is called when nobody came back in time. */
  optionsFor(session: McpSession, abandon: () => void): CallStreamOptions;
  /**
   * A stream with everything after an event, wherever the call runs.
   * @returns undefined when there is no such stream (any more)
   */
  resume(session: McpSession, lastEventId: string): Promise<EventSource | undefined>;
  close(): void;
}

interface CallStreamOptions {
  readonly id: string;
  readonly isKept: true;
  readonly isPrimed: boolean;
  readonly onOpen: (stream: EventStream) => void;
  readonly onGone: () => void;
  readonly onBack: () => void;
}

/** The call streams of this process. */
export function createCallStreams(mailbox: Mailbox): CallStreams {
  const open = new Map<string, { readonly session: string; readonly stream: EventStream }>();
  const finished = new LRUCache<string, { readonly session: string; readonly stream: EventStream }>({
    max: KEPT_STREAMS,
    maxSize: KEPT_CHARACTERS,
    sizeCalculation: ({ stream }) => stream.size + 1,
    ttl: KEPT_MS,
  });
  const timers = new Set<NodeJS.Timeout>();
  const find = (id: string) => open.get(id) ?? finished.get(id);

  function optionsFor(session: McpSession, abandon: () => void): CallStreamOptions {
    const id = `${CALL}${randomBytes(12).toString('base64url')}`;
    let timer: NodeJS.Timeout | undefined;
    let stopServing: (() => void) | undefined;
    const forgetTimer = (): void => {
      if (!timer) return;
      clearTimeout(timer);
      timers.delete(timer);
      timer = undefined;
    };
    return {
      id,
      isKept: true,
      isPrimed: session.version >= '2025-11-25',
      onOpen(stream) {
        const entry = { session: session.key, stream };
        open.set(id, entry);
        stopServing = mailbox.wait(addressOf(session, id), (text) => {
          const { after, back } = JSON.parse(text) as { after: number; back: string };
          sendFrames(stream, after, back, mailbox);
        });
        void stream.whenEnded.then(() => {
          forgetTimer();
          stopServing?.();
          open.delete(id);
          finished.set(id, entry);
        });
      },
      onGone() {
        timer = setTimeout(() => {
          forgetTimer();
          abandon();
        }, RESUME_WITHIN_MS);
        timer.unref();
        timers.add(timer);
      },
      onBack: forgetTimer,
    };
  }

  async function resume(session: McpSession, lastEventId: string): Promise<EventSource | undefined> {
    const [id = '', number = ''] = lastEventId.split('.', 2);
    if (!/^[\w-]{17}$/.test(id) || !/^\d{1,9}$/.test(number)) return undefined;
    const after = Number(number);
    const here = find(id);
    // Another session's stream is as unknown as one that never was.
    if (here)
      return here.session === session.key && here.stream.holds(after) ? here.stream.from(after) : undefined;
    return resumeElsewhere(session, id, after);
  }

  async function resumeElsewhere(
    session: McpSession,
    id: string,
    after: number,
  ): Promise<EventSource | undefined> {
    const back = `resumed/${randomBytes(18).toString('base64url')}`;
    const { stream, stop } = receiveFrames(back, mailbox);
    try {
      if (await mailbox.post(addressOf(session, id), JSON.stringify({ after, back }), session.key))
        return stream;
    } catch (thrown) {
      stop();
      throw thrown;
    }
    stop();
    return undefined;
  }

  return Object.freeze({
    optionsFor,
    resume,
    close(): void {
      for (const timer of timers) clearTimeout(timer);
      finished.clear();
    },
  });
}

function addressOf(session: McpSession, id: string): string {
  return `stream/${session.key}/${id}`;
}
