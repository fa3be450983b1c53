// The chain and its files: canonical JSON, what a crash leaves behind, what every kind of tampering looks like, disks that
// fail, and how long segments are kept. Through the log itself, without a server.

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuditLog } from '../src/audit/audit-log.ts';
import type { AuditOptions } from '../src/audit/audit-log.ts';
import { canonicalJson } from '../src/audit/canonical-json.ts';
import { FIRST_HASH, createSealer, readRecord } from '../src/audit/record.ts';
import type { ChainHead } from '../src/audit/record.ts';
import { createRecordTexts } from '../src/audit/record-text.ts';
import { createSigner, readPublicKeys } from '../src/audit/segment.ts';
import type { Signer } from '../src/audit/segment.ts';
import { verifyAudit } from '../src/audit/verify.ts';
import type { AuditFact } from '../src/core/audit.ts';
import { systemClock } from '../src/lib/clock.ts';
import { Secret } from '../src/lib/secret.ts';
import { createRecordingLog } from './support/app.ts';
import { auditRecords, segmentsIn } from './support/audit.ts';
import './support/property-seed.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function folderOfTest(): string {
  const parent = mkdtempSync(join(tmpdir(), 'gatewright-audit-'));
  closing.push(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'audit');
}

const newSigner = (): Signer => {
  const { privateKey } = generateKeyPairSync('ed25519');
  return createSigner(new Secret(String(privateKey.export({ type: 'pkcs8', format: 'pem' }))));
};
const SIGNER = newSigner();
const KEYS = [createPublicKey(SIGNER.publicKey)];

const fact = (eventName: string, more: Partial<AuditFact> = {}): AuditFact => ({
  eventName,
  category: 'Data',
  isReadOnly: false,
  actor: { kind: 'service' },
  ...more,
});

function openLog(
  folder: string,
  change: Partial<AuditOptions> = {},
  mode: 'required' | 'best-effort' = 'required',
) {
  const { log, lines } = createRecordingLog();
  const audit = createAuditLog({
    folder,
    settings: { mode, showsArguments: false, retentionDays: 365 },
    digestKey: Buffer.alloc(32, 7),
    signer: SIGNER,
    region: 'us-east-1',
    accountId: '000000000000',
    version: '1',
    clock: systemClock,
    log,
    ...change,
  });
  closing.push(() => audit.close());
  return { audit, lines };
}

/** A chain of three segments, ended in order. */
async function chain(folder: string): Promise<readonly string[]> {
  const { audit } = openLog(folder, { maxSegmentBytes: 2_000 });
  audit.start();
  for (let index = 0; segmentsIn(folder).length < 3; index += 1) {
    await audit.commit(fact(`E${index}`));
    await audit.flush();
  }
  await audit.commit(fact('Last'));
  await audit.close();
  return segmentsIn(folder).map((file) => join(folder, file));
}

const linesIn = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const writeLines = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
const problems = (folder: string): readonly string[] =>
  verifyAudit(folder, KEYS).faults.map(({ problem }) => problem);

describe('canonical JSON', () => {
  it('is one text for one value, whatever the order of its members', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== 'object' || value === null) return value;
      const copy = Object.create(null) as Record<string, unknown>;
      for (const [name, member] of Object.entries(value).reverse())
        Object.defineProperty(copy, name, { value: shuffled(member), enumerable: true });
      return copy;
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(shuffled(value))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it('says what the value says, members sorted by UTF-16 code units', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    // RFC 8785 §3.2.3.
    expect(
      canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, 1: 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
    expect(canonicalJson({ 10: 1, 9: 2, b: undefined, a: 9007199254740993n })).toBe(
      '{"10":1,"9":2,"a":9007199254740993}',
    );
    expect(canonicalJson('\ud800')).toBe('"\ufffd"');
    expect(canonicalJson([1e30, 4.5, 2e-3, 1e-27, -0])).toBe('[1e+30,4.5,0.002,1e-27,0]');
  });
});

describe('records', () => {
  const texts = createRecordTexts({ region: 'us-east-1', accountId: '000000000000' });
  const sealer = createSealer('node-000000000000');
  /** Among other bytes, as in a batch. */
  function seal(one: AuditFact, head: ChainHead): { readonly line: string; readonly head: ChainHead } {
    const record = texts.make(one, 'id', 0);
    const bytes = Buffer.alloc(sealer.room(record) + 7, 'x');
    const sealed = sealer.seal(record, head, bytes, 7);
    const text = bytes.toString('utf8', 7, sealed.end);
    expect(text.endsWith('\n')).toBe(true);
    return { line: text.slice(0, -1), head: sealed.head };
  }
  const anyText = fc.string({ unit: 'binary' });
  const anyObject = fc.dictionary(anyText, fc.jsonValue());
  const optional = {
    eventSource: anyText,
    isServiceEvent: fc.boolean(),
    requestId: anyText,
    sourceIpAddress: anyText,
    userAgent: anyText,
    requestParameters: anyObject,
    responseElements: anyObject,
    errorCode: anyText,
    errorMessage: fc.string({ unit: 'binary', maxLength: 2_000 }),
    resources: fc.array(fc.record({ arn: anyText, type: anyText })),
    decision: fc.constantFrom('allow', 'deny'),
    reason: anyText,
    gatewayId: anyText,
    targetId: anyText,
    tool: anyText,
    durationMs: fc.double({ noNaN: true, min: 0, max: 1e9 }),
    phase: fc.constantFrom('intent', 'outcome'),
    credential: fc.record({
      named: fc.record(
        { type: anyText, providerArns: fc.array(anyText), grantType: anyText },
        { requiredKeys: ['type', 'providerArns'] },
      ),
      destination: fc.option(anyText, { nil: undefined }),
      requests: fc.nat(),
      renewals: fc.nat(),
    }),
    more: anyObject,
  };
  const needed = {
    eventName: fc.string(),
    category: fc.constantFrom('Management', 'Data'),
    isReadOnly: fc.boolean(),
    actor: fc.oneof(
      fc.constant({ kind: 'service' } as const),
      fc.record({ kind: fc.constant('unknown' as const), accessKeyId: fc.string({ unit: 'binary' }) }),
      fc.record({
        kind: fc.constant('principal' as const),
        principal: fc.record({ type: fc.constant('oauth-user' as const), id: fc.string({ unit: 'binary' }) }),
      }),
    ),
  };
  const anyFact = fc.record(
    { ...needed, ...optional },
    { requiredKeys: ['eventName', 'category', 'isReadOnly', 'actor'] },
  );

  it('are read back as they were sealed, canonical to the byte, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { minLength: 1, maxLength: 5 }), (drawn) => {
        const facts = drawn as AuditFact[];
        let head = { seq: 0, hash: FIRST_HASH };
        for (const one of facts) {
          const sealed = seal(one, head);
          expect(sealed.line).not.toContain('\n');
          const record = readRecord(sealed.line);
          expect(record).toMatchObject({ seq: head.seq + 1, prevHash: head.hash, hash: sealed.head.hash });
          const { hash, ...members } = JSON.parse(sealed.line) as Record<string, unknown>;
          expect(hash).toBe(sealed.head.hash);
          expect(sealed.line.startsWith(canonicalJson(members).slice(0, -1))).toBe(true);
          ({ head } = sealed);
        }
      }),
    );
  });

  it('wait in memory that is used again only when they are written', () => {
    const waiting = fc.array(fc.tuple(fc.nat(40_000), fc.boolean()), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(waiting, (drawn) => {
        const kept = drawn.map(([length, isWritten], index) => {
          const reason = `${index} `.repeat(length / 3);
          const record = texts.make(fact('E', { requestParameters: { reason } }), 'id', 0);
          if (isWritten) texts.release(record);
          return { record, reason, isWritten };
        });
        for (const { record, reason } of kept.filter(({ isWritten }) => !isWritten)) {
          const bytes = Buffer.alloc(sealer.room(record));
          const { end } = sealer.seal(record, { seq: 0, hash: FIRST_HASH }, bytes, 0);
          const read = readRecord(bytes.toString('utf8', 0, end - 1));
          expect(read?.members['requestParameters']).toEqual({ reason });
        }
        for (const { record, isWritten } of kept) if (!isWritten) texts.release(record);
      }),
    );
  });

  it('are not read when any one character is another', () => {
    const { line } = seal(fact('E'), { seq: 0, hash: FIRST_HASH });
    fc.assert(
      fc.property(fc.nat(line.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        fc.pre(line[at] !== other);
        expect(readRecord(line.slice(0, at) + other + line.slice(at + 1))).toBeUndefined();
      }),
    );
  });
});

describe('tampering', () => {
  it('is not seen where there is none', async () => {
    const folder = folderOfTest();
    await chain(folder);
    const report = verifyAudit(folder, KEYS);
    expect(report.faults).toEqual([]);
    expect(report.chains).toMatchObject([{ segments: 3, firstSeq: 1, unsigned: 0, isStopped: true }]);
    expect(report.chains[0]?.records).toBe(report.chains[0]?.lastSeq);
    expect(auditRecords(folder).map(({ seq }) => seq)).toEqual(
      Array.from({ length: report.chains[0]?.lastSeq ?? 0 }, (_, index) => index + 1),
    );
  });

  it('of any byte of any segment is found', async () => {
    const folder = folderOfTest();
    const paths = await chain(folder);
    const whole = paths.map((path) => readFileSync(path));
    fc.assert(
      fc.property(fc.nat(2), fc.nat(), fc.integer({ min: 1, max: 255 }), (segment, position, change) => {
        const path = paths[segment] ?? '';
        const before = whole[segment] ?? Buffer.alloc(1);
        const bytes = Buffer.from(before);
        const at = position % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ change;
        writeFileSync(path, bytes);
        const { faults } = verifyAudit(folder, KEYS);
        writeFileSync(path, before);
        expect(faults.length, `byte ${at} of segment ${segment}`).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
    expect(problems(folder)).toEqual([]);
  });

  it('names the first record that is wrong', async () => {
    const folder = folderOfTest();
    const [first = ''] = await chain(folder);
    const lines = linesIn(first);
    lines[2] = (lines[2] ?? '').replace('"eventName":"E', '"eventName":"F');
    writeLines(first, lines);
    expect(verifyAudit(folder, KEYS).faults[0]).toMatchObject({
      line: 3,
      seq: 3,
      problem: expect.stringContaining('was changed'),
    });
  });

  it('by taking a record out, exchanging two, or putting one in twice is found', async () => {
    const folder = folderOfTest();
    const [first = ''] = await chain(folder);
    const lines = linesIn(first);
    const [one = '', two = '', three = '', ...rest] = lines;
    writeLines(first, [one, three, ...rest]);
    expect(verifyAudit(folder, KEYS).faults[0]).toMatchObject({
      line: 2,
      seq: 2,
      problem: '1 records are missing before record 3',
    });
    writeLines(first, [one, three, two, ...rest]);
    expect(problems(folder)[0]).toContain('missing');
    writeLines(first, [one, two, two, three, ...rest]);
    expect(problems(folder)[0]).toBe('record 2 stands where record 3 should');
    writeLines(first, [two, three, ...rest]);
    expect(problems(folder)[0]).toContain('does not begin with its first record');
  });

  it('by cutting off the end of a closed segment is found, also of the last one', async () => {
    const folder = folderOfTest();
    const paths = await chain(folder);
    for (const path of paths) {
      const lines = linesIn(path);
      writeLines(path, lines.slice(0, -1));
      expect(problems(folder)[0], path).toMatch(/its end was cut off/);
      writeLines(path, lines.slice(0, -2));
      expect(problems(folder)[0], path).toMatch(/its end was cut off|missing/);
      writeLines(path, lines);
    }
    const [, second = '', third = ''] = paths;
    const kept = readFileSync(third);
    unlinkSync(third);
    expect(problems(folder)).toEqual(['the segment was closed, and is missing']);
    writeFileSync(third, kept);
    unlinkSync(second);
    expect(problems(folder)[0]).toContain('the segment is missing');
  });

  it('by a footer that somebody else made is found', async () => {
    const folder = folderOfTest();
    const [first = ''] = await chain(folder);
    const lines = linesIn(first);
    const { footer } = JSON.parse(lines.at(-1) ?? '') as { footer: Parameters<Signer['sign']>[0] };
    // With a key of their own, all else being right.
    const {
      publicKey: _key,
      version: _version,
      ...said
    } = footer as typeof footer & {
      publicKey: string;
      version: number;
    };
    writeLines(first, [...lines.slice(0, -1), newSigner().sign(said)]);
    expect(problems(folder)).toEqual(['the footer is not signed with the key of this log']);
    // The right signature of another segment.
    const [, second = ''] = segmentsIn(folder).map((file) => join(folder, file));
    writeLines(first, [...lines.slice(0, -1), linesIn(second).at(-1) ?? '']);
    expect(problems(folder)).toEqual(['the footer is not that of the records before it']);
    // Its numbers changed.
    writeLines(first, [...lines.slice(0, -1), (lines.at(-1) ?? '').replace('"lastSeq":', '"lastSeq":1')]);
    expect(problems(folder)).toEqual([
      'the footer is not signed with the key of this log',
      'the footer is not that of the records before it',
    ]);
    writeLines(first, [...lines, lines[0] ?? '']);
    expect(problems(folder)[0]).toBe('something stands behind the footer');
  });

  it('by writing the whole history anew needs the key', async () => {
    const folder = folderOfTest();
    const forger = newSigner();
    const { audit } = openLog(folder, { signer: forger });
    audit.start();
    await audit.commit(fact('Invented'));
    await audit.close();
    expect(problems(folder)[0]).toBe('the footer is not signed with the key of this log');
    // The folder's own key says nothing about itself: a copy kept elsewhere does.
    const own = readPublicKeys(readFileSync(join(folder, 'public-key.pem'), 'utf8'));
    expect(verifyAudit(folder, own).faults).toEqual([]);
  });

  it('by putting a segment of another chain in place is found', async () => {
    const [folder, other] = [folderOfTest(), folderOfTest()];
    const [, second = ''] = await chain(folder);
    const [, foreign = ''] = await chain(other);
    writeFileSync(second, readFileSync(foreign));
    expect(problems(folder)[0]).toContain('belongs to another chain');
  });
});

describe('after an end that was none', () => {
  it('the chain goes on, what was torn is cut off, and a record says so', async () => {
    const folder = folderOfTest();
    const { audit } = openLog(folder);
    audit.start();
    await audit.commit(fact('Before'));
    const [file = ''] = segmentsIn(folder);
    // What a kill in the middle of a write leaves behind.
    const bytes = readFileSync(join(folder, file));
    await audit.close();
    const torn = folderOfTest();
    restore(torn, file, Buffer.concat([bytes, bytes.subarray(0, 300)]));
    const { audit: resumed, lines } = openLog(torn);
    await resumed.commit(fact('After'));
    await resumed.close();
    expect(verifyAudit(torn, KEYS).faults).toEqual([]);
    const records = auditRecords(torn);
    expect(records.map(({ eventName }) => eventName)).toEqual([
      'StartAuditLog',
      'StartServer',
      'Before',
      'ResumeAuditLog',
      'After',
      'StopServer',
    ]);
    expect(records[3]?.requestParameters).toMatchObject({ isClean: false, tornBytes: 300, lastSeq: 3 });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', tornBytes: 300 }));
  });

  it('wherever a power cut tears the last write, every record before it is kept', async () => {
    const folder = folderOfTest();
    const { audit } = openLog(folder);
    audit.start();
    for (let index = 0; index < 4; index += 1) await audit.commit(fact(`E${index}`));
    const [file = ''] = segmentsIn(folder);
    const bytes = readFileSync(join(folder, file));
    await audit.close();
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), fc.uint8Array({ maxLength: 600 }), async (length, garbage) => {
        const torn = folderOfTest();
        const durable = bytes.subarray(0, length);
        const kept = durable.toString('latin1').split('\n').length - 1;
        restore(torn, file, Buffer.concat([durable, garbage]));
        const { audit: resumed } = openLog(torn);
        await resumed.commit(fact('After'));
        await resumed.close();
        expect(verifyAudit(torn, KEYS).faults).toEqual([]);
        expect(
          auditRecords(torn)
            .slice(0, kept)
            .map(({ seq }) => seq),
        ).toEqual(Array.from({ length: kept }, (_, index) => index + 1));
        expect(auditRecords(torn).map(({ eventName }) => eventName)).toContain('After');
      }),
      { numRuns: 40 },
    );
  });

  it('what was changed meanwhile is not smoothed over: the chain goes on behind it, and stays broken', async () => {
    const folder = folderOfTest();
    const { audit } = openLog(folder, { signer: undefined as never });
    audit.start();
    for (let index = 0; index < 4; index += 1) await audit.commit(fact(`E${index}`));
    await audit.close();
    const [file = ''] = segmentsIn(folder);
    const path = join(folder, file);
    const lines = linesIn(path);
    writeLines(
      path,
      lines.filter((_line, index) => index !== 3),
    );
    const { audit: resumed } = openLog(folder);
    await resumed.commit(fact('After'));
    await resumed.close();
    expect(segmentsIn(folder)).toHaveLength(2);
    expect(linesIn(path)).toHaveLength(lines.length - 1);
    expect(verifyAudit(folder, KEYS).faults[0]).toMatchObject({
      seq: 4,
      problem: expect.stringContaining('missing'),
    });
    expect(
      auditRecords(folder).find(({ eventName }) => eventName === 'ResumeAuditLog')?.requestParameters,
    ).toMatchObject({ brokenSegment: 1 });
  });

  function restore(folder: string, file: string, bytes: Buffer): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
});

describe('several processes', () => {
  it('each have a chain of their own, and take up those that are left', async () => {
    const folder = folderOfTest();
    const [one, two] = [openLog(folder).audit, openLog(folder).audit];
    await Promise.all([one.commit(fact('One')), two.commit(fact('Two'))]);
    await Promise.all([one.close(), two.close()]);
    expect(verifyAudit(folder, KEYS)).toMatchObject({ chains: [{}, {}], faults: [] });
    const [three, four, five] = [openLog(folder).audit, openLog(folder).audit, openLog(folder).audit];
    await Promise.all([three.commit(fact('3')), four.commit(fact('4')), five.commit(fact('5'))]);
    await Promise.all([three.close(), four.close(), five.close()]);
    const { chains, faults } = verifyAudit(folder, KEYS);
    expect(faults).toEqual([]);
    expect(chains).toHaveLength(3);
    expect(new Set(auditRecords(folder).map(({ eventName }) => eventName))).toEqual(
      new Set(['StartAuditLog', 'ResumeAuditLog', 'One', 'Two', '3', '4', '5', 'StopServer']),
    );
  });
});

describe('settings and time', () => {
  it('a change of settings is a record', async () => {
    const folder = folderOfTest();
    const first = openLog(folder).audit;
    await first.commit(fact('E'));
    await first.close();
    const second = openLog(folder, {
      settings: { mode: 'required', showsArguments: true, retentionDays: 30 },
    }).audit;
    await second.commit(fact('F'));
    await second.close();
    expect(
      auditRecords(folder).find(({ eventName }) => eventName === 'ChangeAuditSettings')?.requestParameters,
    ).toEqual({
      from: { arguments: false, mode: 'required', retentionDays: 365 },
      settings: { arguments: true, mode: 'required', retentionDays: 30 },
    });
  });

  it('segments are closed by size and by age', async () => {
    const folder = folderOfTest();
    let now = Date.parse('2026-01-01T00:00:00Z');
    const clock = { now: () => now, monotonic: () => now };
    const { audit, lines } = openLog(folder, { clock, maxSegmentMs: 3_600_000 });
    await audit.commit(fact('E'));
    now += 3_600_001;
    await audit.commit(fact('F'));
    await audit.commit(fact('G'));
    await audit.close();
    expect(segmentsIn(folder)).toHaveLength(2);
    expect(
      auditRecords(folder).find(({ eventName }) => eventName === 'RotateAuditSegment')?.requestParameters,
    ).toMatchObject({ closed: 1, segment: 2 });
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'an audit segment was closed', segment: 1 }));
    expect(verifyAudit(folder, KEYS).faults).toEqual([]);
  });

  it('old segments are deleted by a record that says so, and what stays verifies', async () => {
    const folder = folderOfTest();
    const day = 86_400_000;
    let now = Date.now() - 400 * day;
    const clock = { now: () => now, monotonic: () => now };
    const options = {
      clock,
      maxSegmentMs: day,
      settings: { mode: 'required', showsArguments: false, retentionDays: 30 } as const,
    };
    const { audit } = openLog(folder, options);
    for (let index = 0; index < 4; index += 1) {
      await audit.commit(fact(`E${index}`));
      await audit.flush();
      now += day + 1;
    }
    now += 28 * day;
    await audit.commit(fact('Late'));
    await audit.flush();
    const before = segmentsIn(folder);
    expect(before.length).toBeLessThan(5);
    expect(before[0]).not.toContain('00000001');
    await audit.close();
    const deleted = auditRecords(folder).filter(({ eventName }) => eventName === 'DeleteAuditSegments');
    expect(deleted).toHaveLength(1);
    expect(verifyAudit(folder, KEYS).faults).toEqual([]);
    // Whoever deletes more than the log says is found out.
    unlinkSync(join(folder, before[0] ?? ''));
    expect(problems(folder)[0]).toMatch(/missing/);
  });

  it('a segment without a footer is never deleted, however old', async () => {
    const folder = folderOfTest();
    const first = openLog(folder, { signer: undefined as never }).audit;
    await first.commit(fact('E'));
    await first.close();
    const [file = ''] = segmentsIn(folder);
    utimesSync(join(folder, file), 0, 0);
    const second = openLog(folder, {
      settings: { mode: 'required', showsArguments: false, retentionDays: 1 },
      clock: { now: () => Date.now() + 10 * 86_400_000, monotonic: () => performance.now() },
    }).audit;
    await second.commit(fact('F'));
    await second.close();
    expect(auditRecords(folder).map(({ eventName }) => eventName)).toContain('E');
  });
});

describe('a log that cannot be written', () => {
  /** In the way of the folder lies a file, until it is moved. */
  const blocked = (): { folder: string; free: () => void } => {
    const folder = folderOfTest();
    writeFileSync(folder, '');
    return { folder, free: () => unlinkSync(folder) };
  };

  it('refuses what is required to be recorded, and goes on when it can', async () => {
    const { folder, free } = blocked();
    const { audit, lines } = openLog(folder);
    audit.start();
    await expect(audit.commit(fact('Refused'))).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('audit log cannot be written'),
    });
    await expect(audit.commit(fact('Done'), true)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(audit.figures()).toMatchObject({ records: 0, dropped: 0 });
    expect(audit.figures().failedWrites).toBeGreaterThan(0);
    free();
    await audit.commit(fact('After'));
    await audit.close();
    const names = auditRecords(folder).map(({ eventName }) => eventName);
    // What was refused did not happen; what had happened is recorded late.
    expect(names).not.toContain('Refused');
    expect(names).toEqual(['StartAuditLog', 'RecoverAuditLog', 'StartServer', 'Done', 'After', 'StopServer']);
    expect(lines.filter(({ msg }) => msg === 'the audit log cannot be written')).toHaveLength(1);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'the audit log can be written again' }));
  });

  it('never holds anybody up where it does its best, and counts what found no room', async () => {
    const { folder, free } = blocked();
    const { audit } = openLog(folder, { maxQueue: 10 }, 'best-effort');
    for (let index = 0; index < 25; index += 1) expect(audit.commit(fact(`E${index}`))).toBeUndefined();
    await audit.flush();
    expect(audit.figures()).toMatchObject({ dropped: 15, queue: 10 });
    free();
    await audit.flush();
    audit.record(fact('After'));
    await audit.close();
    const records = auditRecords(folder);
    expect(
      records.find(({ eventName }) => eventName === 'DropAuditRecords')?.requestParameters,
    ).toMatchObject({ count: 15 });
    expect(records.filter(({ eventName }) => eventName.startsWith('E'))).toHaveLength(10);
    expect(verifyAudit(folder, KEYS).faults).toEqual([]);
  });

  it('of which the file is taken away under its hands begins a new one, and the loss is found', async () => {
    const folder = folderOfTest();
    const { audit } = openLog(folder);
    await audit.commit(fact('E'));
    renameSync(folder, `${folder}-elsewhere`);
    closing.push(() => rmSync(`${folder}-elsewhere`, { recursive: true, force: true }));
    await audit.commit(fact('F'));
    await audit.close();
    expect(verifyAudit(`${folder}-elsewhere`, KEYS).chains[0]?.records).toBeGreaterThan(0);
  });
});

describe('refusals of whoever has proved nothing', () => {
  const refusal = (sourceIpAddress: string): AuditFact =>
    fact('InvokeGateway', { actor: { kind: 'unknown' }, decision: 'deny', sourceIpAddress });

  it('are recorded up to a rate, and counted beyond it, and take nothing from others', async () => {
    const folder = folderOfTest();
    const { audit: log } = openLog(folder);
    for (let at = 0; at < 5_000; at += 1) log.record(refusal('192.0.2.1'));
    for (let at = 0; at < 50; at += 1) log.record(refusal('192.0.2.2'));
    for (let at = 0; at < 300; at += 1) log.record(fact('InvokeGateway', { decision: 'deny' }));
    await log.close();
    const records = auditRecords(folder);
    const from = (address: string): number =>
      records.filter(({ sourceIPAddress }) => sourceIPAddress === address).length;
    // A token more may come back while the test runs.
    expect(from('192.0.2.1')).toBeLessThanOrEqual(125);
    expect(from('192.0.2.1')).toBeGreaterThanOrEqual(120);
    expect(from('192.0.2.2')).toBe(50);
    expect(from('gatewright')).toBeGreaterThanOrEqual(300);
    const [counted] = records.filter(({ eventName }) => eventName === 'CountRefusals');
    const left = 5_000 - from('192.0.2.1');
    expect(counted?.requestParameters).toMatchObject({
      count: left,
      addresses: [{ address: '192.0.2.1', count: left }],
    });
    expect(records.at(-1)?.eventName).toBe('StopServer');
    expect(verifyAudit(folder, KEYS).faults).toEqual([]);
  });

  it('count what comes to nothing too; what they do, and the ends of what was announced, are recorded each time', async () => {
    const folder = folderOfTest();
    const { audit: log } = openLog(folder);
    const step = (more: Partial<AuditFact>): AuditFact =>
      fact('GiveUserConsent', {
        actor: { kind: 'unknown' },
        decision: 'allow',
        sourceIpAddress: 'a',
        ...more,
      });
    for (let at = 0; at < 1_000; at += 1) log.record(step({ errorCode: 'NotFound' }));
    for (let at = 0; at < 300; at += 1) log.record(step({}));
    for (let at = 0; at < 300; at += 1) log.record(step({ errorCode: 'NotFound', phase: 'outcome' }));
    await log.close();
    const steps = auditRecords(folder).filter(({ eventName }) => eventName === 'GiveUserConsent');
    const failed = steps.filter(({ errorCode }) => errorCode !== undefined);
    expect(steps.length - failed.length).toBe(300);
    expect(failed.length).toBeGreaterThanOrEqual(420);
    expect(failed.length).toBeLessThanOrEqual(425);
  });

  it('from very many addresses do not fill the disk either', async () => {
    const folder = folderOfTest();
    const { audit: log } = openLog(folder);
    for (let at = 0; at < 20_000; at += 1) log.record(refusal(`2001:db8::${at.toString(16)}`));
    await log.close();
    const records = auditRecords(folder);
    expect(records.length).toBeLessThan(1_250);
    const [counted] = records.filter(({ eventName }) => eventName === 'CountRefusals');
    expect(Number(counted?.requestParameters?.['count'])).toBeGreaterThan(18_000);
    expect(counted?.requestParameters?.['addresses']).toHaveLength(10);
  });
});
