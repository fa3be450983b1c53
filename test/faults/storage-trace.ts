// What a process does to its files, as strace sees it, and what of it a disk would have after a power cut at some moment:
// everything that a finished fsync covers, and of the rest nothing, or any part.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closing } from '../support/process.ts';
import { straceOf } from './strace.ts';

/** What changes a file, or makes it durable. */
const CALLS = 'trace=pwrite64,write,pwritev,ftruncate,fsync,fdatasync';
/** The unit that a disk writes whole. */
const SECTOR = 512;

interface Operation {
  readonly file: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly what:
    | { readonly kind: 'write'; readonly bytes: Buffer; readonly at: number }
    | { readonly kind: 'truncate'; readonly size: number }
    | { readonly kind: 'sync' };
}

export interface StorageTrace {
  readonly operations: readonly Operation[];
}

/** What becomes of what was not synced: all of it lost, any whole operations kept, or torn within. */
export type Loss = 'all' | 'some' | 'torn';

/** Follows a running process's writes to some files. @throws CannotRun without strace */
export async function traceStorage(
  pid: number,
  files: readonly string[],
): Promise<{ stop(): Promise<StorageTrace> }> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-trace-'));
  closing.unshift(() => rmSync(folder, { recursive: true, force: true }));
  const tracer = await straceOf(
    pid,
    ['-ff', '-o', join(folder, 'trace'), '-ttt', '-T', '-y', '-xx', '-s', '33554432', '-e', CALLS],
    files,
  );
  return {
    async stop() {
      await tracer.stop();
      const operations = readdirSync(folder)
        .flatMap((name) => readFileSync(join(folder, name), 'latin1').split('\n'))
        .map(parseLine)
        .filter((operation) => operation !== undefined)
        .sort((one, other) => one.from - other.from);
      return { operations };
    },
  };
}

const LINE = /^(\d+\.\d+) (\w+)\(\d+<([^>]*)>(?:, (.*))?\) += (-?\d+).* <(\d+\.\d+)>$/;

function parseLine(line: string): Operation | undefined {
  const [, start = '', call = '', path = '', rest = '', result = '', seconds = ''] = LINE.exec(line) ?? [];
  if (start === '' || Number(result) < 0) return undefined;
  const from = Number(start) * 1_000;
  const place = { file: unescape(path).toString(), from, to: from + Number(seconds) * 1_000 };
  if (call === 'fsync' || call === 'fdatasync') return { ...place, what: { kind: 'sync' } };
  if (call === 'ftruncate') return { ...place, what: { kind: 'truncate', size: Number(rest) } };
  const [, text, at] = /^"([^"]*)", \d+, (\d+)$/.exec(rest) ?? [];
  // A write without a place, or of several parts, is one that this file does not know.
  if (call !== 'pwrite64' || text === undefined) throw new Error(`not followed: ${line.slice(0, 200)}`);
  const bytes = unescape(text).subarray(0, Number(result));
  return { ...place, what: { kind: 'write', bytes, at: Number(at) } };
}

/** `\x41\x42` → bytes; text that is not escaped as it is. */
function unescape(text: string): Buffer {
  return text.startsWith('\\x')
    ? Buffer.from(text.replaceAll('\\x', ''), 'hex')
    : Buffer.from(text, 'latin1');
}

/**
 * A file after a power cut.
 * @param base what it held when the trace began
 * @param cut milliseconds since the epoch
 * @param chance a number from 0 to 1, for each choice
 */
export function afterPowerCut(
  { operations }: StorageTrace,
  file: string,
  base: Buffer,
  cut: number,
  loss: Loss,
  chance: () => number,
): Buffer {
  const own = operations.filter((operation) => operation.file === file && operation.from <= cut);
  // Of several syncs the one that covers most: what it found written when it began.
  const synced = Math.max(
    -Infinity,
    ...own.filter(({ what, to }) => what.kind === 'sync' && to <= cut).map(({ from }) => from),
  );
  // Once as large as it ever gets, or each write would copy it.
  const room = Math.max(
    base.length,
    ...own.map(({ what }) => (what.kind === 'write' ? what.at + what.bytes.length : 0)),
  );
  const content = Buffer.alloc(room);
  base.copy(content);
  let length = base.length;
  for (const { what, to } of own) {
    if (what.kind === 'sync') continue;
    const isDurable = to <= synced;
    if (!isDurable && (loss === 'all' || chance() < 0.5)) continue;
    if (what.kind === 'truncate') {
      content.fill(0, Math.min(what.size, length), length);
      length = what.size;
      continue;
    }
    const bytes =
      isDurable || loss !== 'torn'
        ? what.bytes
        : what.bytes.subarray(0, Math.floor((chance() * what.bytes.length) / SECTOR) * SECTOR);
    bytes.copy(content, what.at);
    if (bytes.length > 0) length = Math.max(length, what.at + bytes.length);
  }
  return content.subarray(0, length);
}

/** Operations that a power cut at that moment can undo. */
export function unsyncedAt({ operations }: StorageTrace, cut: number): number {
  const synced = new Map<string, number>();
  for (const { file, what, from, to } of operations)
    if (what.kind === 'sync' && to <= cut) synced.set(file, from);
  return operations.filter(
    ({ file, what, from, to }) => what.kind !== 'sync' && from <= cut && to > (synced.get(file) ?? -Infinity),
  ).length;
}
