// Checks a folder of segments: every record's hash and place, every footer and signature, that no segment is missing, and
// that what was deleted was deleted by the log itself. Reads only; needs no key but the public one.

import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../core/json.ts';
import { FIRST_HASH, readRecord } from './record.ts';
import type { ChainHead, ReadRecord } from './record.ts';
import { isFooterLine, readFooter, segmentFile } from './segment.ts';
import type { Footer } from './segment.ts';
import { LAST_EVENT, linesOf, listSegments } from './segment-file.ts';

export interface AuditFault {
  readonly file: string;
  /** Line of the file, from 1; absent where it is the file as a whole. */
  readonly line?: number;
  /** Number of the record that is wrong or that should stand there, as far as it is known. */
  readonly seq?: number;
  readonly problem: string;
}

export interface ChainReport {
  readonly node: string;
  readonly segments: number;
  readonly records: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Hash of the last record that verifies: what an anchor elsewhere is compared with. */
  readonly lastHash: string;
  /** Times of the first and the last record, ISO 8601; empty without records. */
  readonly from: string;
  readonly to: string;
  /** Records at the end that no footer has signed yet. */
  readonly unsigned: number;
  /** The last process that wrote it ended in order, or is still there. */
  readonly isStopped: boolean;
  readonly faults: readonly AuditFault[];
}

export interface AuditReport {
  readonly chains: readonly ChainReport[];
  readonly faults: readonly AuditFault[];
}

/** A segment that the log says it deleted. */
interface Deleted {
  readonly lastSeq: number;
  readonly lastHash: string;
}

type Deletions = Map<string, Deleted>;

/**
 * Checks all chains of a folder.
 * @param keys footers count when one of these has signed them
 * @throws Error of the file system
 */
export function verifyAudit(folder: string, keys: readonly KeyObject[]): AuditReport {
  const names = listSegments(folder);
  const nodes = [...new Set(names.map(({ node }) => node))];
  const deletions: Deletions = new Map();
  const walks = nodes.map((node) => {
    const numbers = names.filter((name) => name.node === node).map(({ number }) => number);
    return walkChain(folder, node, numbers, keys, deletions);
  });
  const chains = walks.map((walk) => walk(deletions));
  return { chains, faults: chains.flatMap(({ faults }) => faults) };
}

/** Reads a chain; what it begins with can be judged only when the deletions of all chains are known. */
function walkChain(
  folder: string,
  node: string,
  numbers: readonly number[],
  keys: readonly KeyObject[],
  deletions: Deletions,
): (deletions: Deletions) => ChainReport {
  const faults: AuditFault[] = [];
  let head: ChainHead | undefined;
  let first: ReadRecord | undefined;
  let last: ReadRecord | undefined;
  let records = 0;
  let unsigned = 0;
  let missing = 0;
  for (const [index, number] of numbers.entries()) {
    const before = numbers[index - 1];
    if (before !== undefined && number !== before + 1) {
      missing += 1;
      faults.push({
        file: segmentFile({ node, number: before + 1 }),
        ...(head ? { seq: head.seq + 1 } : {}),
        problem: `the segment is missing${number === before + 2 ? '' : `, and those up to number ${number - 1}`}`,
      });
      head = undefined;
    }
    const segment = walkSegment(folder, { node, number }, head, keys, deletions);
    faults.push(...segment.faults);
    const isLast = index === numbers.length - 1;
    if (!segment.footer && !isLast)
      faults.push({
        file: segmentFile({ node, number }),
        ...(segment.head ? { seq: segment.head.seq + 1 } : {}),
        problem: 'the segment has no footer, although another one follows it: its end was cut off',
      });
    first ??= segment.first;
    last = segment.last ?? last;
    records += segment.records;
    unsigned = segment.footer ? 0 : unsigned + segment.records;
    head = segment.head ?? head;
  }
  const end = numbers.at(-1) ?? 0;
  const cut = checkHead(folder, node, end, keys, faults);
  if (cut) faults.push(cut);
  return (known) => {
    const [start = 1] = numbers;
    const opening = checkOpening(node, start, first, known);
    return {
      node,
      segments: numbers.length,
      records,
      firstSeq: first?.seq ?? 0,
      lastSeq: last?.seq ?? 0,
      lastHash: last?.hash ?? FIRST_HASH,
      from: timeOf(first),
      to: timeOf(last),
      unsigned,
      isStopped: last?.members['eventName'] === LAST_EVENT,
      faults: opening ? [opening, ...faults] : faults,
    };
  };
}

/** A chain begins with record 1, or behind a segment that the log itself deleted. */
function checkOpening(
  node: string,
  number: number,
  first: ReadRecord | undefined,
  deletions: Deletions,
): AuditFault | undefined {
  const file = segmentFile({ node, number });
  if (number === 1)
    return first === undefined || (first.seq === 1 && first.prevHash === FIRST_HASH)
      ? undefined
      : { file, line: 1, seq: 1, problem: 'the chain does not begin with its first record' };
  const before = deletions.get(segmentFile({ node, number: number - 1 }));
  if (!before)
    return {
      file: segmentFile({ node, number: number - 1 }),
      problem: 'the segment is missing, and no record says that it was deleted because of its age',
    };
  if (first === undefined || (first.seq === before.lastSeq + 1 && first.prevHash === before.lastHash))
    return undefined;
  return {
    file,
    line: 1,
    seq: before.lastSeq + 1,
    problem: 'the first record does not follow the last one of the deleted segment',
  };
}

interface SegmentWalk {
  readonly faults: readonly AuditFault[];
  readonly records: number;
  readonly head: ChainHead | undefined;
  readonly first: ReadRecord | undefined;
  readonly last: ReadRecord | undefined;
  readonly footer: Footer | undefined;
}

function walkSegment(
  folder: string,
  name: { readonly node: string; readonly number: number },
  start: ChainHead | undefined,
  keys: readonly KeyObject[],
  deletions: Deletions,
): SegmentWalk {
  const file = segmentFile(name);
  const bytes = readFileSync(join(folder, file));
  const faults: AuditFault[] = [];
  let head = start;
  let first: ReadRecord | undefined;
  let last: ReadRecord | undefined;
  let footer: Footer | undefined;
  let records = 0;
  let line = 0;
  for (const { text, isWhole } of linesOf(bytes)) {
    line += 1;
    const next = head ? { seq: head.seq + 1 } : {};
    if (footer) {
      faults.push({ file, line, ...next, problem: 'something stands behind the footer' });
      break;
    }
    // Being written just now, or torn off when a process ended: nobody was told that it is there.
    if (!isWhole) break;
    if (isFooterLine(text)) {
      footer = checkFooter(text, { file, line }, { name, first, last, keys, faults });
      if (!footer) break;
      continue;
    }
    const record = readRecord(text);
    const problem = record
      ? placeFault(record, name.node, head)
      : 'the record was changed: its hash is not its own';
    if (!record || problem !== undefined) {
      faults.push({ file, line, ...next, problem: problem ?? '' });
      // What follows cannot be judged one by one; the next segment is, by its own.
      head = undefined;
      if (!record) continue;
    }
    records += 1;
    first ??= record;
    last = record;
    head = { seq: record.seq, hash: record.hash };
    noteDeletions(record, deletions);
  }
  return { faults, records, head, first, last, footer };
}

function placeFault(record: ReadRecord, node: string, head: ChainHead | undefined): string | undefined {
  if (record.node !== node) return `the record belongs to another chain (${record.node})`;
  if (!head) return undefined;
  if (record.seq > head.seq + 1)
    return `${record.seq - head.seq - 1} records are missing before record ${record.seq}`;
  if (record.seq <= head.seq) return `record ${record.seq} stands where record ${head.seq + 1} should`;
  return record.prevHash === head.hash ? undefined : 'the record does not follow the one before it';
}

function checkFooter(
  text: string,
  place: { readonly file: string; readonly line: number },
  segment: {
    readonly name: { readonly node: string; readonly number: number };
    readonly first: ReadRecord | undefined;
    readonly last: ReadRecord | undefined;
    readonly keys: readonly KeyObject[];
    readonly faults: AuditFault[];
  },
): Footer | undefined {
  const { name, first, last, keys, faults } = segment;
  const read = readFooter(text, keys);
  if (!read) {
    faults.push({ ...place, problem: 'the footer cannot be read' });
    return undefined;
  }
  const { footer, isSigned } = read;
  if (!isSigned) faults.push({ ...place, problem: 'the footer is not signed with the key of this log' });
  const isOfThis =
    footer.node === name.node &&
    footer.number === name.number &&
    footer.firstSeq === first?.seq &&
    footer.prevHash === first.prevHash &&
    footer.lastSeq === last?.seq &&
    footer.lastHash === last.hash;
  if (!isOfThis) faults.push({ ...place, problem: 'the footer is not that of the records before it' });
  return footer;
}

/** The copy of the last footer says that a segment was closed. */
function checkHead(
  folder: string,
  node: string,
  number: number,
  keys: readonly KeyObject[],
  faults: readonly AuditFault[],
): AuditFault | undefined {
  let line: string;
  try {
    line = readFileSync(join(folder, `${node}.head`), 'utf8').trimEnd();
  } catch {
    return undefined;
  }
  const read = readFooter(line, keys);
  if (!read?.isSigned) return { file: `${node}.head`, problem: 'the copy of the last footer is not signed' };
  const { footer } = read;
  if (footer.node !== node) return { file: `${node}.head`, problem: 'it belongs to another chain' };
  const file = segmentFile(footer);
  if (footer.number > number)
    return { file, seq: footer.firstSeq, problem: 'the segment was closed, and is missing' };
  if (footer.number < number || faults.some((fault) => fault.file === file)) return undefined;
  return readFileSync(join(folder, file), 'utf8').endsWith(`${line}\n`)
    ? undefined
    : { file, seq: footer.lastSeq, problem: 'the segment was closed, and its end was cut off' };
}

function noteDeletions({ members }: ReadRecord, deletions: Deletions): void {
  if (members['eventName'] !== 'DeleteAuditSegments' || members['eventType'] !== 'AwsServiceEvent') return;
  const parameters = members['requestParameters'];
  const segments: unknown = isJsonObject(parameters) ? parameters['segments'] : undefined;
  for (const segment of Array.isArray(segments) ? (segments as readonly unknown[]) : []) {
    if (!isJsonObject(segment)) continue;
    const { node, number, lastSeq, lastHash } = segment;
    if (typeof node === 'string' && typeof number === 'number')
      deletions.set(segmentFile({ node, number }), { lastSeq: Number(lastSeq), lastHash: String(lastHash) });
  }
}

const timeOf = (record: ReadRecord | undefined): string => {
  const time = record?.members['eventTime'];
  return typeof time === 'string' ? time : '';
};
