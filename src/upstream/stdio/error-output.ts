// What a stdio server writes to its error output, in the log: bounded in length and in number, so that a chatty
// program cannot fill the disk or hide other lines.

import type { Log } from '../../core/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { createLineReader } from '../../lib/lines.ts';
import type { LineReader } from '../../lib/lines.ts';

const MAX_LINE_BYTES = 2_000;
const BURST = 100;
const LINES_PER_SECOND = 10;

/** Takes the bytes of an error output and logs its lines. */
export function createErrorOutput(
  of: { readonly server: string; readonly pid: number },
  log: Log,
  clock: Clock,
): LineReader {
  let room = BURST;
  let last = clock.monotonic();
  let left = 0;
  return createLineReader(MAX_LINE_BYTES, (line) => {
    if (line.trim() === '') return;
    const now = clock.monotonic();
    room = Math.min(BURST, room + ((now - last) / 1000) * LINES_PER_SECOND);
    last = now;
    if (room < 1) {
      left += 1;
      return;
    }
    room -= 1;
    log.info({ ...of, line, linesLeftOut: left === 0 ? undefined : left }, 'stdio server says');
    left = 0;
  });
}
