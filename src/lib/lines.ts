// Bytes → lines of bounded length. What is over the bound is not kept: the line is given cut, as soon as it is too
// long, and its rest is skipped.

const NEWLINE = 0x0a;

export interface LineReader {
  read(chunk: Buffer): void;
}

/** Gives each line as text without its end; `isCut` when it was longer than `maxBytes`. */
export function createLineReader(
  maxBytes: number,
  onLine: (line: string, isCut: boolean) => void,
): LineReader {
  let parts: Buffer[] = [];
  let bytes = 0;
  let isSkipping = false;

  function take(part: Buffer): void {
    if (isSkipping) return;
    const room = maxBytes - bytes;
    parts.push(part.length > room ? part.subarray(0, room) : part);
    bytes += part.length;
    if (part.length > room) {
      isSkipping = true;
      give(true);
    }
  }

  function give(isCut: boolean): void {
    const [first = Buffer.alloc(0)] = parts;
    const text = (parts.length > 1 ? Buffer.concat(parts) : first).toString('utf8');
    parts = [];
    bytes = 0;
    onLine(text.endsWith('\r') ? text.slice(0, -1) : text, isCut);
  }

  return {
    read(chunk: Buffer): void {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, start);
        if (end < 0) break;
        take(chunk.subarray(start, end));
        if (!isSkipping) give(false);
        isSkipping = false;
        start = end + 1;
      }
      if (start < chunk.length) take(chunk.subarray(start));
    },
  };
}
