// F23: a server is followed while it writes, and its store and audit log are looked at as a disk would have them after a power
// cut at any moment: everything that was acknowledged before is there, and nothing is damaged.

import { randomInt } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { auditRecords, segmentsIn } from '../support/audit.ts';
import { runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import { EGRESS, apiOf, call, controlOf, make, underLoad } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { CannotRun, atLeast, exactly, pause } from './row.ts';
import type { Check, Row } from './row.ts';
import { afterPowerCut, traceStorage, unsyncedAt } from './storage-trace.ts';
import type { Loss, StorageTrace } from './storage-trace.ts';
import { storm } from './storm.ts';
import type { Acknowledged } from './storm.ts';

const CUTS = 60;
/** Images that a whole server is started on, one in so many. */
const STARTED = 20;
const LOSSES: readonly Loss[] = ['all', 'some', 'torn'];
const TABLES = {
  provider: ['api_key_credential_provider', 'name'],
  gateway: ['gateway', 'id'],
  target: ['gateway_target', 'id'],
} as const;

interface Recording {
  readonly dataDir: string;
  /** Files by path, as they were when the recording began. */
  readonly base: ReadonlyMap<string, Buffer>;
  readonly trace: StorageTrace;
  readonly writes: readonly Acknowledged[];
  readonly calls: readonly { readonly requestId: string; readonly at: number }[];
  readonly from: number;
  readonly to: number;
}

async function record(): Promise<Recording> {
  if (process.platform !== 'linux') throw new CannotRun('what is synced is seen on Linux only');
  const upstream = await openHostileUpstream();
  const server = await startServer({ env: { ...EGRESS, GATEWRIGHT_AUDIT: 'required' } });
  const { dataDir } = server;
  const control = controlOf(server);
  const { path } = await make(control, 'before', { api: apiOf(upstream.url, 'find') });
  await call(`${server.url}${path}`, 'api___find');
  const [segment = ''] = segmentsIn(join(dataDir, 'audit'));
  const files = ['gatewright.db', 'gatewright.db-wal', join('audit', segment)].map((name) =>
    join(dataDir, name),
  );
  const following = await traceStorage(server.child.pid ?? 0, files);
  server.child.kill('SIGSTOP');
  await pause(100);
  // What lies there now counts as durable; what comes is followed.
  const base = new Map(files.map((file) => [file, readFileSync(file)]));
  const from = Date.now();
  server.child.kill('SIGCONT');
  const writes: Acknowledged[] = [];
  const answered: { requestId: string; at: number }[] = [];
  const end = performance.now() + 6_000;
  const beside = underLoad(
    1,
    async () => {
      const answer = await call(`${server.url}${path}`, 'api___find');
      if (answer.isGood) answered.push({ requestId: answer.requestId, at: Date.now() + 1 });
      return answer;
    },
    30,
  );
  await storm(control, upstream.url, 3, (one) => {
    writes.push(one);
    return performance.now() < end && writes.length < 90;
  });
  await beside.stop();
  const to = Date.now();
  const trace = await following.stop();
  await server.kill('SIGKILL');
  return { dataDir, base, trace, writes, calls: answered, from, to };
}

/** The folder as it would be found. */
function imageOf({ dataDir, base, trace }: Recording, cut: number, loss: Loss): string {
  const image = join(temporaryFolder(), 'data');
  mkdirSync(join(image, 'audit'), { recursive: true, mode: 0o700 });
  for (const [file, before] of base)
    writeFileSync(
      file.replace(dataDir, image),
      afterPowerCut(trace, file, before, cut, loss, () => randomInt(1_000) / 1_000),
      { mode: 0o600 },
    );
  for (const name of ['master.key', 'credentials', join('audit', 'public-key.pem')])
    if (existsSync(join(dataDir, name))) copyFileSync(join(dataDir, name), join(image, name));
  return image;
}

/** Everything wrong with an image. */
function faultsOf(recording: Recording, image: string, cut: number): readonly string[] {
  const faults: string[] = [];
  const audited = new Set(auditRecords(join(image, 'audit')).map(({ requestID }) => requestID));
  for (const { requestId, at } of [...recording.writes, ...recording.calls])
    if (at <= cut && !audited.has(requestId)) faults.push(`no audit record of ${requestId}`);
  const database = new DatabaseSync(join(image, 'gatewright.db'));
  try {
    const [first] = database.prepare('pragma integrity_check').all();
    if (first?.['integrity_check'] !== 'ok') faults.push(`damaged: ${String(first?.['integrity_check'])}`);
    for (const { kind, id, at } of recording.writes) {
      const [table, column] = TABLES[kind];
      if (at <= cut && !database.prepare(`select 1 from ${table} where ${column} = ?`).get(id))
        faults.push(`lost: ${kind} ${id}`);
    }
  } catch (thrown) {
    faults.push(`damaged: ${String(thrown)}`);
  } finally {
    database.close();
  }
  return faults;
}

/** A server goes on with an image, and its audit log verifies afterwards. */
async function goesOn(image: string): Promise<boolean> {
  const server = await startServer({ dataDir: image, env: EGRESS }).catch(() => undefined);
  if (!server) return false;
  const { code } = await server.stop();
  const verified = await runGatewright(['audit', 'verify', '--data-dir', image]);
  return code === 0 && verified.code === 0;
}

async function powerCuts(): Promise<readonly Check[]> {
  const recording = await record();
  const { trace, from, to, writes, calls, dataDir } = recording;
  let [started, wentOn] = [0, 0];
  const faults: string[] = [];
  let [unsynced, checked] = [0, 0];
  for (let index = 0; index < CUTS; index += 1) {
    const cut = from + ((to - from) * (index + randomInt(1_000) / 1_000)) / CUTS;
    const loss = LOSSES[index % LOSSES.length] ?? 'all';
    const image = imageOf(recording, cut, loss);
    const isStarted = index % STARTED === STARTED - 1;
    faults.push(...faultsOf(recording, image, cut));
    checked += [...writes, ...calls].filter(({ at }) => at <= cut).length;
    if (unsyncedAt(trace, cut) > 0) unsynced += 1;
    if (!isStarted) continue;
    started += 1;
    if (await goesOn(image)) wentOn += 1;
  }
  const count = (file: string): number =>
    trace.operations.filter((one) => one.file === join(dataDir, file)).length;
  return [
    atLeast('cuts', CUTS, 50),
    atLeast('with something to lose', unsynced, 3),
    atLeast('writes acknowledged', writes.length, 20),
    atLeast('operations on store and journal', count('gatewright.db') + count('gatewright.db-wal'), 100),
    atLeast('calls acknowledged', calls.length, 10),
    atLeast('acknowledgements looked for', checked, 500),
    exactly('lost or damaged', faults.length === 0 ? 0 : `${faults.length}: ${faults[0]}`, 0),
    exactly('servers that go on, audit verified', wentOn, started),
  ];
}

export const POWER_ROW: Row = {
  id: 'F23',
  words: 'power cut at 60 moments: store and audit log',
  run: powerCuts,
};
