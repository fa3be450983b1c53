// Room in memory for large answers that are being received at the same time. Who finds none waits, and its sender with it:
// nothing is lost, and a burst of large answers does not end the process. Small answers never ask. An upstream that sends
// slowly keeps its room, so no upstream may have all of it.

/** What an answer may be without asking for room (bytes). */
export const SMALL_ANSWER_BYTES = 64 * 1024;

const TOTAL_BYTES = 128 * 1024 * 1024;
const ORIGIN_BYTES = 48 * 1024 * 1024;

export interface AnswerRoom {
  /**
   * Asks for room for a whole answer, so that those who are in can always come to their end.
   * @param origin of the upstream
   * @param bytes largest size that the answer can come to
   * @param go called once there is room; at once, before this returns, when there is some
   * @returns ends it, or the waiting for it; to be called once
   */
  enter(origin: string, bytes: number, go: () => void): () => void;
  /** Answers that wait. */
  readonly waiting: number;
}

interface Entry {
  readonly origin: string;
  readonly bytes: number;
  readonly go: () => void;
}

/** Room of some size. @param originBytes for the answers of one upstream together */
export function createAnswerRoom(totalBytes = TOTAL_BYTES, originBytes = ORIGIN_BYTES): AnswerRoom {
  let free = totalBytes;
  const taken = new Map<string, number>();
  const waiting = new Set<Entry>();
  const inside = new Set<Entry>();

  const fits = ({ origin, bytes }: Entry): boolean =>
    bytes <= free && (taken.get(origin) ?? 0) + bytes <= originBytes;
  const letIn = (entry: Entry): void => {
    inside.add(entry);
    free -= entry.bytes;
    taken.set(entry.origin, (taken.get(entry.origin) ?? 0) + entry.bytes);
    entry.go();
  };
  const leave = (entry: Entry): void => {
    waiting.delete(entry);
    if (!inside.delete(entry)) return;
    free += entry.bytes;
    const rest = (taken.get(entry.origin) ?? 0) - entry.bytes;
    if (rest > 0) taken.set(entry.origin, rest);
    else taken.delete(entry.origin);
    for (const next of waiting) {
      // In order, but nobody waits for the room of another upstream.
      if (next.bytes > free) break;
      if (!fits(next)) continue;
      waiting.delete(next);
      letIn(next);
    }
  };
  return {
    enter(origin, bytes, go) {
      // The largest there is may always come in alone.
      const entry = { origin, bytes: Math.min(bytes, originBytes, totalBytes), go };
      if (fits(entry)) letIn(entry);
      else waiting.add(entry);
      return () => leave(entry);
    },
    get waiting() {
      return waiting.size;
    },
  };
}
