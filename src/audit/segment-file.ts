// Segments on disk: which there are, what one holds, and where its chain ends. Reads only.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FIRST_HASH, readRecord } from './record.ts';
import type { ChainHead, ReadRecord } from './record.ts';
import { isFooterLine, parseSegmentFile, segmentFile } from './segment.ts';
import type { SegmentName } from './segment.ts';

const LINE_FEED = 0x0a;

/** The segments of a folder, by node and number; none when there is no such folder. @throws Error of the file system */
export function listSegments(folder: string): readonly SegmentName[] {
  let files: readonly string[];
  try {
    files = readdirSync(folder);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
  return files
    .map(parseSegmentFile)
    .filter((name) => name !== undefined)
    .sort((one, other) =>
      one.node === other.node ? one.number - other.number : one.node < other.node ? -1 : 1,
    );
}

/** One line of a file: its text, and where it begins. */
export interface Line {
  readonly text: string;
  readonly start: number;
  /** Without a line feed at its end: still being written, or torn. */
  readonly isWhole: boolean;
}

/** The lines of a file's bytes. */
export function* linesOf(bytes: Buffer): Generator<Line> {
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, start);
    const stop = end < 0 ? bytes.length : end;
    yield { text: bytes.toString('utf8', start, stop), start, isWhole: end >= 0 };
    start = stop + 1;
  }
}

/** Where a chain is to go on. */
export interface ChainEnd {
  /** The last segment; 0 when there is none. */
  readonly number: number;
  /** Closed, or broken: the chain goes on in a new segment. */
  readonly isClosed: boolean;
  readonly head: ChainHead;
  /** Of the last segment while it is open: bytes to keep, bytes behind them that are no record, and what the footer needs. */
  readonly keptBytes: number;
  readonly tornBytes: number;
  readonly first?: ReadRecord;
  readonly last?: ReadRecord;
  /** The process before ended the chain in order. */
  readonly isClean: boolean;
  /** The last segment does not verify: somebody or something changed what had been written. */
  readonly isBroken: boolean;
  /** Settings of the log as they were recorded last. */
  readonly settings?: unknown;
}

/** Name of the record that a process ends its chain with. */
export const LAST_EVENT = 'StopServer';

/** Finds the end of a node's chain. @throws Error of the file system */
export function findChainEnd(folder: string, node: string): ChainEnd {
  const numbers = listSegments(folder)
    .filter((name) => name.node === node)
    .map(({ number }) => number);
  const number = numbers.at(-1) ?? 0;
  const nothing = {
    isClosed: false,
    head: { seq: 0, hash: FIRST_HASH },
    keptBytes: 0,
    tornBytes: 0,
    isBroken: false,
  };
  if (number === 0) return { ...nothing, number, isClean: true };
  const end = scan(readFileSync(join(folder, segmentFile({ node, number }))), node);
  if (end.last) return { ...end, number, head: { seq: end.last.seq, hash: end.last.hash } };
  // Nothing in it: a process was stopped, or the disk was full, between opening it and the first record.
  const before = numbers.at(-2);
  if (before === undefined) return { ...end, number, head: nothing.head };
  const { last, settings } = scan(readFileSync(join(folder, segmentFile({ node, number: before }))), node);
  return {
    ...end,
    number,
    head: last ? { seq: last.seq, hash: last.hash } : nothing.head,
    isClean: last?.members['eventName'] === LAST_EVENT,
    ...(settings === undefined ? {} : { settings }),
  };
}

function scan(bytes: Buffer, node: string): Omit<ChainEnd, 'number' | 'head'> {
  let first: ReadRecord | undefined;
  let last: ReadRecord | undefined;
  let settings: unknown;
  let kept = 0;
  let isClosed = false;
  let isStopped = false;
  let isBroken = false;
  for (const { text, start, isWhole } of linesOf(bytes)) {
    if (isClosed) isBroken = true;
    const record = isWhole ? readRecord(text) : undefined;
    // A record that is whole in itself but stands behind something that is none was not torn off.
    if (isStopped && record) isBroken = true;
    if (isStopped) continue;
    if (isWhole && isFooterLine(text)) isClosed = true;
    else if (!record || !follows(record, last, node)) {
      isStopped = true;
      if (record) isBroken = true;
      continue;
    } else {
      first ??= record;
      last = record;
      settings = settingsOf(record) ?? settings;
    }
    kept = start + Buffer.byteLength(text) + 1;
  }
  return {
    isClosed: isClosed || isBroken,
    keptBytes: Math.min(kept, bytes.length),
    tornBytes: Math.max(0, bytes.length - kept),
    ...(first && last ? { first, last } : {}),
    isClean: last?.members['eventName'] === LAST_EVENT,
    isBroken,
    ...(settings === undefined ? {} : { settings }),
  };
}

/** Whether a record is the next one of the chain. */
export function follows(record: ReadRecord, last: ChainHead | undefined, node: string): boolean {
  return (
    record.node === node &&
    (last === undefined || (record.seq === last.seq + 1 && record.prevHash === last.hash))
  );
}

/** Records that begin something say by which settings. */
function settingsOf({ members }: ReadRecord): unknown {
  const { eventType, requestParameters } = members;
  if (eventType !== 'AwsServiceEvent' || typeof requestParameters !== 'object' || requestParameters === null)
    return undefined;
  return (requestParameters as Readonly<Record<string, unknown>>)['settings'];
}

/** Whether a chain of the folder was written by settings other than `off`. @throws Error of the file system */
export function wasRecording(folder: string): boolean {
  const nodes = new Set(listSegments(folder).map(({ node }) => node));
  return [...nodes].some((node) => {
    const { settings } = findChainEnd(folder, node);
    return typeof settings === 'object' && settings !== null && 'mode' in settings && settings.mode !== 'off';
  });
}
