// The audit log of one process (core/audit.ts): facts wait in a bounded queue, batches of them become durable records, and
// whoever needs a record to be durable waits for its batch. The page to read first. When the disk fails, everything
// that is waited for is refused, what is not is kept as long as there is room, and the log goes on when the disk does.

import type { Audit, AuditFact, AuditMode } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { Clock } from '../lib/clock.ts';
import { canonicalJson } from './canonical-json.ts';
import { openJournal } from './journal.ts';
import { createKeyedHash } from './keyed-hash.ts';
import type { Journal } from './journal.ts';
import { createRefusals } from './refusals.ts';
import type { PendingRecord } from './record-text.ts';
import { createRecordQueue } from './record-queue.ts';
import type { Entry } from './record-queue.ts';
import { findExpired, removeSegments } from './retention.ts';
import { LAST_EVENT } from './segment-file.ts';
import type { Signer } from './segment.ts';
import { serviceFact } from './service-events.ts';

/** Records that may wait. What is not waited for and finds no room is dropped, and counted. */
const MAX_QUEUE = 8192;
/** How long records that nobody waits for are gathered (milliseconds). */
const GATHER_MS = 100;
const RETRY_MS = 1_000;
/** How long a call waits for its record (milliseconds). */
const COMMIT_MS = 5_000;
const CLOSE_MS = 5_000;
const LOOK_MS = 60_000;
const DAY_MS = 86_400_000;
/** Whether the keys of the installation are there. */
const KEYS_EVENT = 'OpenAuditKeys';
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;

export interface AuditSettings {
  readonly mode: AuditMode;
  readonly showsArguments: boolean;
  readonly retentionDays: number;
}

export interface AuditOptions {
  readonly folder: string;
  readonly settings: AuditSettings;
  readonly digestKey: Buffer;
  /** Absent: segments stay open until there is one. */
  readonly signer?: Signer;
  readonly region: string;
  readonly accountId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes and milliseconds after which a segment is closed. Default 16 MiB, and a day. */
  readonly maxSegmentBytes?: number;
  readonly maxSegmentMs?: number;
  /** Records that may wait. */
  readonly maxQueue?: number;
}

export interface AuditFigures {
  readonly records: number;
  readonly dropped: number;
  readonly failedWrites: number;
  readonly queue: number;
}

export interface AuditLog extends Audit {
  figures(): AuditFigures;
  /** Records the start of the process. */
  start(): void;
  /** The installation's keys, as soon as they are there: digests and signatures are made with them from now on. */
  useKeys(keys: { readonly digestKey: Buffer; readonly signer: Signer }): void;
  /** Everything that waits is written, or cannot be. */
  flush(): Promise<void>;
  /** Records the end, and closes the chain. */
  close(): Promise<void>;
}

const unwritable = (cause?: unknown): GatewayError =>
  new GatewayError(
    'Unavailable',
    'The audit log cannot be written, and this server does nothing that it cannot record (GATEWRIGHT_AUDIT=required). Try again later; the operator finds the reason in the log.',
    { retryAfterMs: RETRY_MS, ...(cause === undefined ? {} : { cause }) },
  );

/** The log of this process. Opens no file before there is something to write; what fails then is tried again. */
export function createAuditLog(options: AuditOptions): AuditLog {
  const { clock, log, settings } = options;
  const isRequired = settings.mode === 'required';
  let keyedHash = createKeyedHash(options.digestKey);
  let { signer } = options;
  const refusals = createRefusals(clock);
  const queue = createRecordQueue(options, options.maxQueue ?? MAX_QUEUE);
  let journal: Journal | undefined;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failingSince: number | undefined;
  const figures = { records: 0, failedWrites: 0 };
  let isClosing = false;
  let looked = -Infinity;

  const own = (name: string, parameters: JsonObject): PendingRecord =>
    queue.make(serviceFact(name, parameters));
  const shown = (): JsonObject => ({
    arguments: settings.showsArguments,
    mode: settings.mode,
    retentionDays: settings.retentionDays,
  });

  function schedule(waitMs: number): void {
    if (timer || running) return;
    timer = setTimeout(() => void flush(), waitMs);
    timer.unref();
  }

  function record(fact: AuditFact): void {
    if (!refusals.admits(fact)) return;
    queue.add(fact);
    if (failingSince !== undefined) schedule(RETRY_MS);
    else if (isRequired || queue.isBatch) void flush();
    else schedule(GATHER_MS);
  }

  function commit(fact: AuditFact, isKept = false): Promise<void> | undefined {
    if (!isRequired) {
      record(fact);
      return undefined;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const patience = setTimeout(() => reject(unwritable()), COMMIT_MS);
    const end = (): void => clearTimeout(patience);
    const waiter = {
      resolve(): void {
        end();
        resolve();
      },
      reject(fault: GatewayError): void {
        end();
        reject(fault);
      },
    };
    if (queue.addWaiting(fact, isKept, waiter)) void flush();
    else waiter.reject(unwritable());
    return promise;
  }

  /** One run at a time; what comes meanwhile is in its next batch. */
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    running ??= run().finally(() => {
      running = undefined;
      if (queue.length > 0) schedule(failingSince === undefined ? (isRequired ? 0 : GATHER_MS) : RETRY_MS);
    });
    return running;
  }

  async function run(): Promise<void> {
    // Those who come in the same turn share a batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    // What comes while these are written waits for its own turn, unless somebody waits for it: many small writes cost more
    // than few large ones.
    let left = isRequired || isClosing ? Infinity : queue.length;
    while (queue.length > 0 && left > 0) {
      const batch = queue.take();
      left -= batch.length;
      const mine = await openChain().then(
        (opened) => writeBatch(opened, batch),
        (thrown: unknown) => fail(batch, thrown),
      );
      if (!mine) return;
    }
  }

  async function openChain(): Promise<Journal> {
    if (journal) return journal;
    const opened = await openJournal({
      folder: options.folder,
      maxSegmentBytes: options.maxSegmentBytes ?? MAX_SEGMENT_BYTES,
      maxSegmentMs: options.maxSegmentMs ?? DAY_MS,
      ...(signer ? { signer } : {}),
    });
    try {
      await opened.append(firstRecords(opened));
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
    journal = opened;
    return opened;
  }

  /** What is to be known of a chain before it goes on. */
  function firstRecords({ found, segment }: Journal): readonly PendingRecord[] {
    const { number, isClean, isBroken, tornBytes, head, settings: before } = found;
    const parameters = { segment: segment(), settings: shown() };
    if (number === 0) return [own('StartAuditLog', parameters)];
    const resumed = own('ResumeAuditLog', {
      ...parameters,
      isClean,
      tornBytes,
      lastSeq: head.seq,
      lastHash: head.hash,
      ...(isBroken ? { brokenSegment: number } : {}),
    });
    if (!isClean || isBroken)
      log.warn({ lastSeq: head.seq, tornBytes, isBroken }, 'the audit log did not end in order; it goes on');
    if (before === undefined || canonicalJson(before) === canonicalJson(shown())) return [resumed];
    return [resumed, own('ChangeAuditSettings', { from: before as JsonValue, settings: shown() })];
  }

  async function writeBatch(into: Journal, batch: readonly Entry[]): Promise<boolean> {
    const recovered = failingSince;
    const lost = queue.dropped();
    const more = [
      ...(recovered === undefined
        ? []
        : [own('RecoverAuditLog', { since: timeText(recovered), failedWrites: figures.failedWrites })]),
      ...(lost === undefined
        ? []
        : [own('DropAuditRecords', { count: lost.count, since: timeText(lost.since) })]),
    ];
    const whole = [...more, ...batch.map((entry) => entry.record)];
    try {
      await into.append(whole);
    } catch (thrown) {
      return fail(batch, thrown);
    }
    figures.records += whole.length;
    queue.release(whole);
    for (const { waiter } of batch) waiter?.resolve();
    if (recovered !== undefined) {
      failingSince = undefined;
      log.warn({}, 'the audit log can be written again');
    }
    if (lost) queue.told(lost.count);
    await tidy(into).catch((thrown: unknown) => fail([], thrown));
    return true;
  }

  /** Takes a batch back: who waits is refused, what has happened waits on. */
  async function fail(batch: readonly Entry[], thrown: unknown): Promise<false> {
    figures.failedWrites += 1;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    if (failingSince === undefined) {
      failingSince = clock.now();
      log.error({ reason, mode: settings.mode }, 'the audit log cannot be written');
    }
    // Those behind them in the queue too: nobody is to wait for a disk that is known to fail.
    const all = [...batch, ...queue.takeAll()];
    for (const { waiter } of all) waiter?.reject(unwritable(thrown));
    queue.putBack(
      all.filter(({ isKept }) => isKept).map(({ record: waiting }) => ({ record: waiting, isKept: true })),
    );
    const isOnlyFull =
      thrown instanceof Error && 'code' in thrown && /^(ENOSPC|EDQUOT)$/.test(String(thrown.code));
    // Whatever else it was, what lies in the file has to be looked at again.
    if (!isOnlyFull && journal) {
      await journal.close().catch(() => undefined);
      journal = undefined;
    }
    return false;
  }

  /** Closes segments and deletes old ones, where it is time. */
  async function tidy(into: Journal): Promise<void> {
    if (!isClosing && into.isDue(clock.now())) await rotate(into);
    if (clock.monotonic() - looked < LOOK_MS || isClosing) return;
    looked = clock.monotonic();
    const expired = findExpired(options.folder, clock.now() - settings.retentionDays * DAY_MS);
    if (expired.length === 0) return;
    await into.append([own('DeleteAuditSegments', { segments: expired.map((segment) => ({ ...segment })) })]);
    figures.records += 1;
    removeSegments(options.folder, expired);
    log.info({ segments: expired.length, days: settings.retentionDays }, 'old audit segments were deleted');
  }

  async function rotate(into: Journal): Promise<void> {
    const closed = await into.closeSegment();
    if (!closed) return;
    const { node, number, head } = closed;
    // The one thing that whoever can change the files cannot reach: what was said of them elsewhere.
    log.info(
      { node, segment: number, lastSeq: head.seq, lastHash: head.hash },
      'an audit segment was closed',
    );
    await into.append([
      own('RotateAuditSegment', {
        closed: number,
        lastHash: head.hash,
        segment: number + 1,
        settings: shown(),
      }),
    ]);
    figures.records += 1;
  }

  function recordCounted(): void {
    const counted = refusals.summary();
    if (counted) record(serviceFact('CountRefusals', counted));
  }

  const look = setInterval(() => {
    recordCounted();
    if (journal && queue.length === 0) running ??= tidyQuietly(journal);
  }, LOOK_MS);
  look.unref();

  function tidyQuietly(into: Journal): Promise<void> {
    return tidy(into)
      .catch((thrown: unknown) => void fail([], thrown))
      .finally(() => {
        running = undefined;
        if (queue.length > 0) schedule(0);
      });
  }

  return {
    mode: settings.mode,
    showsArguments: settings.showsArguments,
    record,
    commit,
    digest: (value) => keyedHash(typeof value === 'string' ? value : canonicalJson(value)),
    figures: () => ({ ...figures, dropped: queue.allDropped, queue: queue.length }),
    start() {
      record(serviceFact('StartServer', { settings: shown(), version: options.version }));
      if (!signer)
        record({
          ...serviceFact(KEYS_EVENT, { digests: 'process', signs: false }),
          errorCode: 'CredentialUnavailable',
        });
    },
    useKeys(keys) {
      keyedHash = createKeyedHash(keys.digestKey);
      ({ signer } = keys);
      // A folder that cannot take the public key is one that cannot take records either.
      journal?.useSigner(signer).catch((thrown: unknown) => fail([], thrown));
      record(serviceFact(KEYS_EVENT, { digests: 'installation', signs: true }));
    },
    flush,
    async close(): Promise<void> {
      clearInterval(look);
      isClosing = true;
      recordCounted();
      record(serviceFact(LAST_EVENT, { version: options.version }));
      await Promise.race([finish(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    },
  };

  async function finish(): Promise<void> {
    await flush();
    // Somebody else's batch may have been under way.
    if (queue.length > 0) await flush();
    clearTimeout(timer);
    if (queue.length > 0)
      log.error({ records: queue.length }, 'audit records are lost: they cannot be written');
    for (const { waiter } of queue.takeAll()) waiter?.reject(unwritable());
    await journal?.closeSegment().catch(() => undefined);
    await journal?.close().catch(() => undefined);
    journal = undefined;
  }
}

const timeText = (at: number): string => new Date(at).toISOString();
