// One connection that listens for the changes of other processes (PostgreSQL, LISTEN). While it is away, notifications are
// lost: after each reconnection the listeners are told as if there had been one, and they look for themselves.

import { Client } from 'pg';
import type { ClientConfig } from 'pg';

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
/** How often it is found out whether the connection still leads anywhere: one that only listens would never notice. */
const BEAT_MS = 15_000;

export interface NotificationOptions {
  readonly settings: ClientConfig;
  readonly channel: string;
  /** What this process puts into its own notifications, of which it knows already. */
  readonly own: string;
  readonly onTrouble: (thrown: unknown) => void;
  /** Between two questions to the server, each of which has to be answered within this time too. */
  readonly beatMs?: number;
}

export interface Notifications {
  /** Fulfils when the first attempt to listen has ended, one way or the other. */
  readonly ready: Promise<void>;
  listen(listener: () => void): void;
  close(): Promise<void>;
}

/** Connects in the background, and again whenever the connection is lost. */
export function followNotifications({
  settings,
  channel,
  own,
  onTrouble,
  beatMs = BEAT_MS,
}: NotificationOptions): Notifications {
  const listeners = new Set<() => void>();
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let retryMs = FIRST_RETRY_MS;
  let isClosed = false;
  let wasAway = false;
  const tell = (): void => {
    for (const listener of listeners) listener();
  };

  async function connect(): Promise<void> {
    // A listening connection rests for long: what ends hanging statements must not end it.
    const { query_timeout: _query, statement_timeout: _statement, ...lasting } = settings;
    const next = new Client(lasting);
    let isOver = false;
    let isAnswered = true;
    const retry = (thrown: unknown): void => {
      if (isOver) return;
      isOver = true;
      clearInterval(beat);
      next.end().catch(() => undefined);
      if (isClosed) return;
      wasAway = true;
      onTrouble(thrown);
      timer = setTimeout(() => void connect(), retryMs);
      timer.unref();
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    };
    next.on('error', retry);
    next.on('end', () => retry(new Error('the connection that listens for changes was closed')));
    next.on('notification', ({ payload }) => {
      if (payload !== own) tell();
    });
    const beat = setInterval(() => {
      if (!isAnswered) {
        retry(new Error('the connection that listens for changes fell silent'));
        return;
      }
      isAnswered = false;
      next.query('select 1').then(() => (isAnswered = true), retry);
    }, beatMs);
    beat.unref();
    client = next;
    try {
      await next.connect();
      await next.query(`listen ${channel}`);
      retryMs = FIRST_RETRY_MS;
      if (wasAway) tell();
      wasAway = false;
    } catch (thrown) {
      retry(thrown);
    }
  }

  return {
    ready: connect(),
    listen: (listener) => void listeners.add(listener),
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
