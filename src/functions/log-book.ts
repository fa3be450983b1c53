// What functions write, line by line: the last lines of each are kept to be read, and all go to the log of the house,
// bounded in length and in number, so that a chatty function cannot fill the disk or hide other lines.

import type { Log } from '../core/call.ts';
import type { Clock } from '../lib/clock.ts';
import type { FunctionLogLine } from './function-host.ts';

/** Lines kept of one function. */
const MAX_LINES = 1_000;
/** What they hold together, of one function (characters). */
const MAX_KEPT = 256 * 1024;
/** Functions whose lines are kept. */
const MAX_FUNCTIONS = 200;
/** Longest line (bytes of UTF-8); the rest is left out. */
export const MAX_LOG_LINE_BYTES = 8 * 1024;
const BURST = 500;
const LINES_PER_SECOND = 50;

export interface LogEntry {
  readonly name: string;
  readonly version: string;
  readonly instance: string;
  readonly requestId?: string;
  readonly text: string;
}

/** In blocks: taking off the first of an array moves all others. */
function shorten(shelf: Shelf): void {
  let size = 0;
  let from = shelf.lines.length;
  for (const { text } of shelf.lines.toReversed()) {
    size += text.length;
    if (size > MAX_KEPT || shelf.lines.length - from >= MAX_LINES) break;
    from -= 1;
    shelf.size = size;
  }
  shelf.lines = shelf.lines.slice(from);
}

export interface LogBook {
  add(entry: LogEntry): void;
  lines(name: string, after: number): readonly FunctionLogLine[];
}

interface Shelf {
  lines: FunctionLogLine[];
  /** Characters of all lines. */
  size: number;
  room: number;
  last: number;
  left: number;
}

/** An empty book. */
export function createLogBook(log: Log, clock: Clock): LogBook {
  const shelves = new Map<string, Shelf>();
  let sequence = 0;

  function shelfOf(name: string): Shelf {
    const known = shelves.get(name);
    if (known) return known;
    const made: Shelf = { lines: [], size: 0, room: BURST, last: clock.monotonic(), left: 0 };
    shelves.set(name, made);
    const [oldest] = shelves.keys();
    if (shelves.size > MAX_FUNCTIONS && oldest !== undefined) shelves.delete(oldest);
    return made;
  }

  return Object.freeze({
    add({ name, version, instance, requestId, text }: LogEntry): void {
      const shelf = shelfOf(name);
      const line = { sequence: (sequence += 1), time: clock.now(), version, text };
      shelf.lines.push(requestId === undefined ? line : { ...line, requestId });
      shelf.size += text.length;
      if (shelf.lines.length > 2 * MAX_LINES || shelf.size > 2 * MAX_KEPT) shorten(shelf);
      const now = clock.monotonic();
      shelf.room = Math.min(BURST, shelf.room + ((now - shelf.last) / 1000) * LINES_PER_SECOND);
      shelf.last = now;
      if (shelf.room < 1) {
        shelf.left += 1;
        return;
      }
      shelf.room -= 1;
      log.info(
        {
          function: name,
          version,
          instance,
          requestId,
          line: text,
          linesLeftOut: shelf.left === 0 ? undefined : shelf.left,
        },
        'function says',
      );
      shelf.left = 0;
    },
    lines: (name: string, after: number) =>
      (shelves.get(name)?.lines ?? []).slice(-MAX_LINES).filter(({ sequence }) => sequence > after),
  });
}
