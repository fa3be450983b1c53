// Messages to whichever process waits for them. Most are delivered in this process without anybody else noticing; one
// whose addressee is elsewhere is laid in the store, sealed, and its process finds it there through the change feed.
// For the few messages that belong to a live stream of one process: a client's answer to a server's question, a
// cancellation, a stream to be resumed.

import { createHash } from 'node:crypto';
import { GatewayError, reasonOf } from '../core/errors.ts';
import type { Log } from '../core/call.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import { isBehind } from '../stores/store.ts';
import type { Store } from '../stores/store.ts';
import type { Mailbox } from './session.ts';

/** How often the feed is read while somebody waits here. */
const FEED_MS = 200;
/** How long a sender waits for its message to be taken. */
const TAKEN_WITHIN_MS = 1_500;
/** How long a message lies that nobody takes. */
const KEPT_MS = 60_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** Messages of one sender (as many as one call may ask questions), and of all senders together, that lie in the store. */
const MAX_OF_SENDER = 32;
const MAX_OF_SENDERS = 256;

export interface MailboxServices {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
}

/** The mailbox of this process. */
export function createMailbox({ store, sealer, clock, log }: MailboxServices): Mailbox {
  /** By row id, so that a change in the feed is looked up without opening anything. */
  const waiting = new Map<string, { readonly address: string; readonly listener: (text: string) => void }>();
  const laid = createTally();
  let timer: NodeJS.Timeout | undefined;
  let seen: number | undefined;
  let isReading = false;

  async function read(): Promise<void> {
    if (isReading) return;
    isReading = true;
    try {
      if (seen === undefined) {
        seen = await store.sequence();
        // Laid there since somebody began to wait, but before the feed was looked at.
        for (const id of waiting.keys()) await take(id);
      }
      const changes = await store.changes(seen);
      if (isBehind(changes, seen)) for (const id of waiting.keys()) await take(id);
      seen = changes.at(-1)?.sequence ?? seen;
      for (const { kind, id } of changes) if (kind === 'mailbox' && waiting.has(id)) await take(id);
    } catch (thrown) {
      log.warn({ reason: reasonOf(thrown) }, 'messages of other processes cannot be read');
    } finally {
      isReading = false;
    }
  }

  async function take(id: string): Promise<void> {
    const row = await store.get('mailbox', id);
    const waiter = waiting.get(id);
    if (!row || !waiter) return;
    const text = sealer.open('mailbox', row.document.sealed, [waiter.address]);
    if (!(await store.transaction((tx) => tx.remove('mailbox', id)))) return;
    if (text !== undefined && row.document.expiresAt > clock.now()) waiter.listener(text);
  }

  /** The feed is read only while somebody waits: most processes, most of the time, read nothing. */
  function follow(): void {
    if (waiting.size > 0 && !timer) {
      timer = setInterval(() => void read(), FEED_MS);
      timer.unref();
      void read();
    } else if (waiting.size === 0 && timer) {
      clearInterval(timer);
      timer = undefined;
      seen = undefined;
    }
  }

  async function lay(id: string, address: string, text: string): Promise<boolean> {
    const document = {
      sealed: sealer.seal('mailbox', text, [address]),
      expiresAt: clock.now() + KEPT_MS,
    };
    const isLaid = await store.transaction(async (tx) => {
      const before = await tx.get('mailbox', id);
      // Another message to the same address: its sender would take its disappearing for its being taken.
      if (before && before.document.expiresAt > clock.now()) return false;
      if (before) await tx.remove('mailbox', id);
      await tx.create('mailbox', { id, name: id, document });
      return true;
    });
    return isLaid && (await isTaken(id));
  }

  async function isTaken(id: string): Promise<boolean> {
    const until = clock.monotonic() + TAKEN_WITHIN_MS;
    while (clock.monotonic() < until) {
      await new Promise((resolve) => setTimeout(resolve, FEED_MS / 2));
      if (!(await store.get('mailbox', id))) return true;
    }
    return !(await store.transaction((tx) => tx.remove('mailbox', id)));
  }

  return Object.freeze({
    wait(address: string, listener: (text: string) => void): () => void {
      const id = idOf(address);
      const entry = { address, listener };
      waiting.set(id, entry);
      follow();
      return () => {
        if (waiting.get(id) === entry) waiting.delete(id);
        follow();
      };
    },
    async post(address: string, text: string, sender?: string): Promise<boolean> {
      const id = idOf(address);
      const here = waiting.get(id);
      if (here) {
        here.listener(text);
        return true;
      }
      if (text.length > MAX_CHARACTERS) return false;
      return sender === undefined ? lay(id, address, text) : laid.count(sender, () => lay(id, address, text));
    },
    close(): void {
      clearInterval(timer);
      waiting.clear();
    },
  });
}

/** How many messages of each sender are on the way. */
function createTally() {
  const counts = new Map<string, number>();
  let all = 0;
  return {
    async count<T>(sender: string, work: () => Promise<T>): Promise<T> {
      const before = counts.get(sender) ?? 0;
      if (before >= MAX_OF_SENDER || all >= MAX_OF_SENDERS)
        throw new GatewayError('Throttled', 'Too many messages are on their way. Please retry in a moment.', {
          retryAfterMs: TAKEN_WITHIN_MS,
        });
      counts.set(sender, before + 1);
      all += 1;
      try {
        return await work();
      } finally {
        const rest = (counts.get(sender) ?? 1) - 1;
        if (rest > 0) counts.set(sender, rest);
        else counts.delete(sender);
        all -= 1;
      }
    },
  };
}

/** Addresses hold what clients may not choose for others; the store sees their hash only. */
function idOf(address: string): string {
  return createHash('sha256').update(address).digest('base64url');
}
