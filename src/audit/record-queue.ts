// Records on their way to the file, in order and bounded: facts become text some at a time, what finds no room is dropped
// and counted, and what could not be written is put back. Knows no file.

import type { AuditFact } from '../core/audit.ts';
import type { GatewayError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { createRecordTexts } from './record-text.ts';
import type { PendingRecord, RecordScope } from './record-text.ts';

/** Records that are written together. */
const BATCH = 1024;
/** Facts whose texts are made in one go, which costs a third less than to make them one by one between calls. */
const TEXTS = 32;

/** A record that waits. */
export interface Entry {
  readonly record: PendingRecord;
  /** Present while somebody waits for it. */
  readonly waiter?: { resolve(): void; reject(fault: GatewayError): void };
  /** The fact has happened: it is recorded later should the log not be writable now. */
  readonly isKept: boolean;
}

/** Records that found no room. */
export interface Dropped {
  readonly count: number;
  /** Time of the first one, milliseconds since the epoch. */
  readonly since: number;
}

export interface RecordQueue {
  /** Everything that waits. */
  readonly length: number;
  /** Whether there is enough to be written at once. */
  readonly isBatch: boolean;
  /** Takes a fact that nobody waits for. */
  add(fact: AuditFact): void;
  /** Takes one that somebody waits for; false when there is no room. */
  addWaiting(fact: AuditFact, isKept: boolean, waiter: NonNullable<Entry['waiter']>): boolean;
  /** A record that is not queued. */
  make(fact: AuditFact): PendingRecord;
  /** The next records, at most a batch. */
  take(): readonly Entry[];
  /** Everything, to be looked through. */
  takeAll(): readonly Entry[];
  /** Puts what was taken back to its place, before whatever has come since. */
  putBack(entries: readonly Entry[]): void;
  /** Lets go of the memory of records that are written. */
  release(records: readonly PendingRecord[]): void;
  /** What was dropped and is not told yet. */
  dropped(): Dropped | undefined;
  /** That much of it has been told. */
  told(count: number): void;
  /** What was dropped in all. */
  readonly allDropped: number;
}

/** An empty queue. @param room records that may wait */
export function createRecordQueue(
  options: RecordScope & { readonly clock: Pick<Clock, 'now'> },
  room: number,
): RecordQueue {
  const { clock } = options;
  const texts = createRecordTexts(options);
  const queue: Entry[] = [];
  /** Facts that have no text yet, and when they were. */
  const fresh: AuditFact[] = [];
  const times: number[] = [];
  let dropped: Dropped | undefined;
  let allDropped = 0;

  const make = (fact: AuditFact): PendingRecord => texts.make(fact, newId(), clock.now());

  function push(entry: Entry): boolean {
    if (queue.length < room) {
      queue.push(entry);
      return true;
    }
    allDropped += 1;
    dropped = { since: dropped?.since ?? entry.record.at, count: (dropped?.count ?? 0) + 1 };
    return false;
  }

  function makeTexts(): void {
    for (const [index, fact] of fresh.entries())
      push({ record: texts.make(fact, newId(), times[index] ?? clock.now()), isKept: true });
    fresh.length = 0;
    times.length = 0;
  }

  function take(count: number): readonly Entry[] {
    makeTexts();
    return queue.splice(0, count);
  }

  return {
    get length() {
      return queue.length + fresh.length;
    },
    get isBatch() {
      return queue.length >= BATCH;
    },
    get allDropped() {
      return allDropped;
    },
    add(fact) {
      fresh.push(fact);
      times.push(clock.now());
      if (fresh.length >= TEXTS) makeTexts();
    },
    addWaiting(fact, isKept, waiter) {
      makeTexts();
      return push({ record: make(fact), isKept, waiter });
    },
    make,
    take: () => take(BATCH),
    takeAll: () => take(Infinity),
    putBack: (entries) => void queue.unshift(...entries),
    release(records) {
      for (const record of records) texts.release(record);
    },
    dropped: () => dropped,
    told(count) {
      if (dropped) dropped = dropped.count > count ? { ...dropped, count: dropped.count - count } : undefined;
    },
  };
}
