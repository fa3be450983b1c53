// A queue of keyed work: at most `limit` pieces at once, never two for one key, a key that comes up again while
// its piece runs is run once more. A piece may ask to be run again after a while.

/** Milliseconds after which the piece is to be run again, or undefined when it is done. Must not reject. */
export type Piece = () => Promise<number | undefined>;

export interface WorkQueue {
  add(key: string, piece: Piece): void;
  /** Drops what waits and fulfils when what runs has ended. Nothing can be added any more. */
  close(): Promise<void>;
  /** Fulfils when nothing runs, waits, or is to be run again. */
  idle(): Promise<void>;
}

/** An empty queue. */
export function createWorkQueue(limit: number): WorkQueue {
  const waiting = new Map<string, Piece>();
  const running = new Map<string, Promise<void>>();
  const delayed = new Map<string, NodeJS.Timeout>();
  let watchers: (() => void)[] = [];
  let isClosed = false;

  function add(key: string, piece: Piece): void {
    if (isClosed) return;
    clearTimeout(delayed.get(key));
    delayed.delete(key);
    waiting.set(key, piece);
    pump();
  }

  function pump(): void {
    for (const [key, piece] of waiting) {
      if (running.size >= limit) break;
      if (running.has(key)) continue;
      waiting.delete(key);
      running.set(key, run(key, piece));
    }
    if (waiting.size + running.size + delayed.size > 0) return;
    const idle = watchers;
    watchers = [];
    for (const watcher of idle) watcher();
  }

  async function run(key: string, piece: Piece): Promise<void> {
    const againMs = await piece();
    running.delete(key);
    if (againMs !== undefined && !isClosed && !waiting.has(key))
      delayed.set(
        key,
        setTimeout(() => add(key, piece), againMs),
      );
    pump();
  }

  return Object.freeze({
    add,
    async close(): Promise<void> {
      isClosed = true;
      waiting.clear();
      for (const timer of delayed.values()) clearTimeout(timer);
      delayed.clear();
      await Promise.all(running.values());
      pump();
    },
    idle: () =>
      new Promise<void>((resolve) => {
        watchers.push(resolve);
        pump();
      }),
  });
}
