// One line of the log: the text of a record (record-text.ts), its place in the chain, and the hash that covers both. Knows
// no file.

import { hash } from 'node:crypto';
import { quote } from './canonical-json.ts';
import type { PendingRecord } from './record-text.ts';

/** Hexadecimal digits of SHA-256. */
const HASH_LENGTH = 64;
/** What the chain begins with. */
export const FIRST_HASH = '0'.repeat(HASH_LENGTH);
/** Between the canonical text and its hash on a line, and behind it. */
const HASH_MEMBER = ',"hash":"';
const LINE_END = '"}';
/** Bytes that the number, the hashes and the names of their members take at most. */
const CHAIN_BYTES = 256;

/** The end of a chain: the number and hash of its last record. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

export interface Sealer {
  /** Bytes that the line of a record takes at most. */
  room(record: PendingRecord): number;
  /** Writes the line of a record, with its line feed, at a place of some bytes; gives its end, and the chain's. */
  seal(
    record: PendingRecord,
    head: ChainHead,
    into: Buffer,
    start: number,
  ): { readonly end: number; readonly head: ChainHead };
}

/** Seals the records of one chain. */
export function createSealer(node: string): Sealer {
  const link = `,"node":${quote(node)},"prevHash":"`;
  return {
    room: (record) => record.end - record.start + link.length + CHAIN_BYTES,
    seal(record, head, into, start) {
      const { bytes } = record.room;
      const seq = head.seq + 1;
      let end = start + bytes.copy(into, start, record.start, record.link);
      end += into.write(`${link}${head.hash}"`, end, 'latin1');
      end += bytes.copy(into, end, record.link, record.number);
      end += into.write(String(seq), end, 'latin1');
      end += bytes.copy(into, end, record.number, record.end);
      const digest = hash('sha256', into.subarray(start, end));
      // In place of the last brace.
      end += into.write(`${HASH_MEMBER}${digest}${LINE_END}\n`, end - 1, 'latin1') - 1;
      return { end, head: { seq, hash: digest } };
    },
  };
}

/** A record as it was read back. */
export interface ReadRecord extends ChainHead {
  readonly prevHash: string;
  readonly node: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Reads a line that was sealed; undefined for anything whose hash is not its own, to the byte. */
export function readRecord(line: string): ReadRecord | undefined {
  const bodyEnd = line.length - LINE_END.length - HASH_LENGTH - HASH_MEMBER.length;
  if (bodyEnd <= 0 || !line.startsWith(HASH_MEMBER, bodyEnd) || !line.endsWith(LINE_END)) return undefined;
  const digest = line.slice(bodyEnd + HASH_MEMBER.length, -LINE_END.length);
  const body = `${line.slice(0, bodyEnd)}}`;
  if (hash('sha256', body) !== digest) return undefined;
  const members = parse(body);
  const { seq, prevHash, node } = members ?? {};
  if (!members || typeof seq !== 'number' || typeof prevHash !== 'string' || typeof node !== 'string')
    return undefined;
  return { seq, hash: digest, prevHash, node, members };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
