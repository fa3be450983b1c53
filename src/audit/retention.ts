// Segments that are older than they have to be kept: whole ones with a footer only, and only from the beginning of a chain,
// so that what stays is one piece.

import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../lib/sync-folder.ts';
import { listSegments } from './segment-file.ts';
import { isFooterLine, readFooter, segmentFile } from './segment.ts';
import type { Footer } from './segment.ts';

/** More than a footer has. */
const FOOTER_BYTES = 4096;

/** What is noted of a segment before it is deleted: what comes after it can then still be checked. */
export interface ExpiredSegment {
  readonly node: string;
  readonly number: number;
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly to: string;
}

/** Segments whose last record is from before `before` (milliseconds since the epoch). @throws Error of the file system */
export function findExpired(folder: string, before: number): readonly ExpiredSegment[] {
  const expired: ExpiredSegment[] = [];
  const kept = new Set<string>();
  for (const name of listSegments(folder)) {
    if (kept.has(name.node)) continue;
    const footer = footerOf(join(folder, segmentFile(name)));
    if (!footer || Date.parse(footer.to) >= before) {
      kept.add(name.node);
      continue;
    }
    const { lastSeq, lastHash, to } = footer;
    expired.push({ ...name, lastSeq, lastHash, to });
  }
  return expired;
}

/** The footer at the end of a file, without the rest of it. */
function footerOf(path: string): Footer | undefined {
  const file = openSync(path, 'r');
  try {
    const end = Buffer.alloc(FOOTER_BYTES);
    const { size } = fstatSync(file);
    const length = readSync(file, end, 0, FOOTER_BYTES, Math.max(0, size - FOOTER_BYTES));
    const [, line = ''] = /(?:^|\n)([^\n]*)\n$/.exec(end.toString('utf8', 0, length)) ?? [];
    return isFooterLine(line) ? readFooter(line, [])?.footer : undefined;
  } finally {
    closeSync(file);
  }
}

/** Deletes them. */
export function removeSegments(folder: string, segments: readonly ExpiredSegment[]): void {
  for (const segment of segments) rmSync(join(folder, segmentFile(segment)), { force: true });
  syncFolder(folder);
}
