// Segments that are older than they have to be kept: whole ones with a footer only, and only from the beginning of a chain,
// so that what stays is one piece.

import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../lib/sync-folder.ts';
import { linesOf, listSegments } from './segment-file.ts';
import { isFooterLine, readFooter, segmentFile } from './segment.ts';

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
    const path = join(folder, segmentFile(name));
    // What was written later needs no reading.
    const footer = statSync(path).mtimeMs < before ? footerOf(path) : undefined;
    if (!footer || Date.parse(footer.to) >= before) {
      kept.add(name.node);
      continue;
    }
    const { lastSeq, lastHash, to } = footer;
    expired.push({ ...name, lastSeq, lastHash, to });
  }
  return expired;
}

function footerOf(path: string) {
  let last = '';
  for (const { text, isWhole } of linesOf(readFileSync(path))) if (isWhole) last = text;
  return isFooterLine(last) ? readFooter(last, [])?.footer : undefined;
}

/** Deletes them. */
export function removeSegments(folder: string, segments: readonly ExpiredSegment[]): void {
  for (const segment of segments) rmSync(join(folder, segmentFile(segment)), { force: true });
  syncFolder(folder);
}
