// One chain on disk, appended to: lines are made, written and synced a batch at a time (group commit), and count only when
// they are durable. What fails is taken back to the last durable byte. Segments are closed with a signed footer.

import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../lib/sync-folder.ts';
import { claimChain } from './claim.ts';
import type { Claim } from './claim.ts';
import { createSealer } from './record.ts';
import type { ChainHead } from './record.ts';
import type { PendingRecord } from './record-text.ts';
import { segmentFile } from './segment.ts';
import type { Signer } from './segment.ts';
import { findChainEnd } from './segment-file.ts';
import type { ChainEnd } from './segment-file.ts';

/** Memory for a batch: at first, and as much as is kept after a large one. */
const FIRST_BYTES = 256 * 1024;
const KEPT_BYTES = 4 * 1024 * 1024;

export interface JournalOptions {
  readonly folder: string;
  /** Without one segments stay open. */
  readonly signer?: Signer;
  readonly maxSegmentBytes: number;
  readonly maxSegmentMs: number;
}

export interface ClosedSegment {
  readonly node: string;
  readonly number: number;
  readonly head: ChainHead;
}

interface Segment {
  readonly number: number;
  readonly handle: FileHandle;
  /** Everything before is durable. */
  offset: number;
  first: { readonly seq: number; readonly prevHash: string; readonly at: number } | undefined;
  lastAt: number;
}

export interface Journal {
  readonly node: string;
  /** How the chain was found. */
  readonly found: ChainEnd;
  /** Number of the segment that the next record goes into. */
  readonly segment: () => number;
  /** Makes records durable, in order. @throws Error of the file system; then none of them is there */
  append(records: readonly PendingRecord[]): Promise<void>;
  /** From now on segments are closed with this key. @throws Error of the file system */
  useSigner(signer: Signer): Promise<void>;
  /** Whether the segment is full or old enough to be closed. @param now milliseconds since the epoch */
  isDue(now: number): boolean;
  /** Closes the segment with a footer, where there is a key; undefined when it stays open. @throws as `append` */
  closeSegment(): Promise<ClosedSegment | undefined>;
  /** Lets go of the chain. */
  close(): Promise<void>;
}

/** Claims a chain of the folder and finds its end. @throws Error of the file system */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const claim = claimChain(options.folder);
  try {
    return await goOn(claim, options);
  } catch (thrown) {
    claim.release();
    throw thrown;
  }
}

async function goOn(claim: Claim, options: JournalOptions): Promise<Journal> {
  const { folder } = options;
  let { signer } = options;
  const { node } = claim;
  const sealer = createSealer(node);
  const found = findChainEnd(folder, node);
  let { head } = found;
  let closed = found.isClosed || found.number === 0 ? found.number : found.number - 1;
  let segment = found.isClosed || found.number === 0 ? undefined : await reopen(folder, node, found);
  if (signer) await publishKey(folder, signer);
  // One batch is written at a time, and each into the same memory.
  let batch = Buffer.allocUnsafe(FIRST_BYTES);

  async function current(): Promise<Segment> {
    if (segment) return segment;
    const number = closed + 1;
    const handle = await open(join(folder, segmentFile({ node, number })), 'wx', 0o600);
    syncFolder(folder);
    segment = { number, handle, offset: 0, first: undefined, lastAt: 0 };
    return segment;
  }

  return {
    node,
    found,
    segment: () => segment?.number ?? closed + 1,
    async useSigner(found) {
      await publishKey(folder, found);
      signer = found;
    },
    async append(records) {
      const [first] = records;
      if (!first) return;
      const into = await current();
      const before = head;
      let next = head;
      let length = 0;
      for (const record of records) {
        batch = withRoom(batch, length, sealer.room(record));
        ({ end: length, head: next } = sealer.seal(record, next, batch, length));
      }
      await write(into, batch.subarray(0, length));
      if (batch.length > KEPT_BYTES) batch = Buffer.allocUnsafe(FIRST_BYTES);
      into.first ??= { seq: before.seq + 1, prevHash: before.hash, at: first.at };
      into.lastAt = records.at(-1)?.at ?? first.at;
      head = next;
    },
    isDue: (now) =>
      segment?.first !== undefined &&
      signer !== undefined &&
      (segment.offset >= options.maxSegmentBytes || now - segment.first.at >= options.maxSegmentMs),
    async closeSegment() {
      const { first, lastAt = 0 } = segment ?? {};
      if (!segment || !first || !signer) return undefined;
      const { number, handle } = segment;
      const footer = signer.sign({
        node,
        number,
        firstSeq: first.seq,
        lastSeq: head.seq,
        prevHash: first.prevHash,
        lastHash: head.hash,
        from: new Date(first.at).toISOString(),
        to: new Date(lastAt).toISOString(),
      });
      await write(segment, Buffer.from(`${footer}\n`));
      segment = undefined;
      closed = number;
      await handle.close();
      // A second copy: a segment that is said to be closed, and has no footer, was cut off. Without it nothing is lost.
      await replace(join(folder, `${node}.head`), `${footer}\n`).catch(() => undefined);
      return { node, number, head };
    },
    async close() {
      await segment?.handle.close();
      segment = undefined;
      claim.release();
    },
  };
}

/** The same bytes with room for so many more. */
function withRoom(batch: Buffer<ArrayBuffer>, used: number, more: number): Buffer<ArrayBuffer> {
  const needed = used + more;
  if (needed <= batch.length) return batch;
  const larger = Buffer.allocUnsafe(Math.max(needed, 2 * batch.length));
  batch.copy(larger, 0, 0, used);
  return larger;
}

/** An open segment as it was left; what is behind its last record is cut off. */
async function reopen(folder: string, node: string, found: ChainEnd): Promise<Segment> {
  const { number, keptBytes, tornBytes, first, last } = found;
  const handle = await open(join(folder, segmentFile({ node, number })), 'r+');
  if (tornBytes > 0) {
    await handle.truncate(keptBytes);
    await handle.datasync();
  }
  return {
    number,
    handle,
    offset: keptBytes,
    first: first && { seq: first.seq, prevHash: first.prevHash, at: timeOf(first.members) },
    lastAt: last ? timeOf(last.members) : 0,
  };
}

const timeOf = ({ eventTime }: Readonly<Record<string, unknown>>): number => Date.parse(String(eventTime));

/** All of it, durable, or nothing. */
async function write(segment: Segment, bytes: Buffer): Promise<void> {
  const { handle, offset } = segment;
  try {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
    await handle.datasync();
  } catch (thrown) {
    const isBack = await handle.truncate(offset).then(
      () => true,
      () => false,
    );
    // The file has to be looked at anew.
    if (!isBack) throw new Error('a failed write cannot be taken back', { cause: thrown });
    throw thrown;
  }
  segment.offset += bytes.length;
}

/** Beside the segments, for whoever verifies them; keys of before stay. */
async function publishKey(folder: string, { publicKey }: Signer): Promise<void> {
  const path = join(folder, 'public-key.pem');
  const known = await readFile(path, 'utf8').catch(() => '');
  if (!known.includes(publicKey.trim())) await replace(path, `${known}${publicKey}`);
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, text, { mode: 0o600, flush: true });
    await rename(draft, path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
}
