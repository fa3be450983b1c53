// F22, F24, F35, F40: the store in its file, and the audit log beside it, through kill -9, full disks, hand-edited rows and
// upgrades that are broken off.

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  GetApiKeyCredentialProviderCommand,
  GetGatewayCommand,
  GetGatewayTargetCommand,
  ListGatewaysCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { auditRecords } from '../support/audit.ts';
import { closing, runGatewright, spawnGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer, Spawned } from '../support/process.ts';
import { EGRESS, apiOf, call, calls, controlOf, goodShare, make, makeGateway } from './house.ts';
import type { Answer, Made } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { CannotRun, atLeast, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';
import { storm } from './storm.ts';
import type { Acknowledged } from './storm.ts';

const REQUIRED = { ...EGRESS, GATEWRIGHT_AUDIT: 'required' };

/** Whether a database and its journal, as they lie there, are whole. */
function isWhole(dataDir: string): boolean {
  const copy = join(temporaryFolder(), 'copy.db');
  for (const end of ['', '-wal'])
    if (existsSync(join(dataDir, `gatewright.db${end}`)))
      copyFileSync(join(dataDir, `gatewright.db${end}`), `${copy}${end}`);
  const database = new DatabaseSync(copy);
  try {
    return database
      .prepare('pragma integrity_check')
      .all()
      .every((row) => row['integrity_check'] === 'ok');
  } finally {
    database.close();
  }
}

/** Whether a write that was acknowledged is there, and works. */
async function isThere(
  control: BedrockAgentCoreControlClient,
  server: RunningServer,
  one: Acknowledged,
): Promise<boolean> {
  if (one.kind === 'provider')
    return (await control.send(new GetApiKeyCredentialProviderCommand({ name: one.id }))).name === one.id;
  if (one.kind === 'gateway')
    return (await control.send(new GetGatewayCommand({ gatewayIdentifier: one.id }))).status === 'READY';
  const get = new GetGatewayTargetCommand({ gatewayIdentifier: one.parent, targetId: one.id });
  await until(`target ${one.id}`, async () => (await control.send(get)).status === 'READY', 20_000);
  const answer = await call(`${server.url}${one.path}`, 'api___find', one.id);
  return answer.isGood;
}

async function killLoop(): Promise<readonly Check[]> {
  const rounds = 20;
  const upstream = await openHostileUpstream();
  const keys = new Map<string, string>();
  const dataDir = join(temporaryFolder(), 'data');
  const acknowledged: Acknowledged[] = [];
  let damaged = 0;
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer({ dataDir, env: REQUIRED });
    const enough = acknowledged.length + randomInt(3, 24);
    await storm(controlOf(server), upstream.url, 4, (one) => {
      acknowledged.push(one);
      if (acknowledged.length < enough) return true;
      server.child.kill('SIGKILL');
      return false;
    });
    await server.kill('SIGKILL');
    if (!isWhole(dataDir)) damaged += 1;
  }
  const server = await startServer({ dataDir, env: REQUIRED });
  const control = controlOf(server);
  const lost: Acknowledged[] = [];
  for (const one of acknowledged) {
    if (!(await isThere(control, server, one).catch(() => false))) lost.push(one);
    if (one.kind === 'target' && one.key !== '') keys.set(one.id, one.key);
  }
  await server.stop();
  const audited = new Set(auditRecords(join(dataDir, 'audit')).map(({ requestID }) => requestID));
  const verified = await runGatewright(['audit', 'verify', '--data-dir', dataDir]);
  return [
    exactly('rounds', rounds, 20),
    atLeast('writes acknowledged', acknowledged.length, rounds * 3),
    exactly('of them lost', lost.length, 0),
    exactly(
      'without an audit record',
      acknowledged.filter(({ requestId }) => !audited.has(requestId)).length,
      0,
    ),
    atLeast('secrets', keys.size, rounds / 4),
    exactly(
      'that no longer open',
      [...keys].filter(([id, key]) => !upstream.keys.get(id)?.has(key)).length,
      0,
    ),
    exactly('files damaged', damaged, 0),
    exactly('audit verify', verified.code ?? -1, 0),
  ];
}

/** A file system of its own and a way to fill it. */
interface SmallDisk {
  fill(): void;
  free(): void;
}

function mountSmallDisk(path: string, size: string): SmallDisk {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path], {
      stdio: 'ignore',
    });
  } catch {
    throw new CannotRun('a small file system can be mounted by root only');
  }
  closing.push(() => execFileSync('umount', ['-l', path]));
  const filler = join(path, 'filler');
  return {
    fill() {
      for (let bytes = 16 * 1024 * 1024; bytes >= 1024; bytes = Math.floor(bytes / 4))
        for (let more = true; more;)
          try {
            writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
          } catch {
            more = false;
          }
    },
    free: () => rmSync(filler, { force: true }),
  };
}

/** Writes until one is refused, or enough were not. */
async function refusedWrite(control: BedrockAgentCoreControlClient): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const fault = await makeGateway(control, `fill${attempt}x${randomInt(1e9)}`).then(
      () => undefined,
      (thrown: Error) => `${thrown.name}: ${thrown.message}`,
    );
    if (fault !== undefined) return fault;
  }
  return 'never refused';
}

async function fullDisks(mode: 'required' | 'best-effort'): Promise<readonly Check[]> {
  const dataDir = join(temporaryFolder(), 'data');
  const store = mountSmallDisk(dataDir, '6m');
  const audit = mountSmallDisk(join(dataDir, 'audit'), '2m');
  const upstream = await openHostileUpstream();
  const server = await startServer({ dataDir, env: { ...EGRESS, GATEWRIGHT_AUDIT: mode } });
  const control = controlOf(server);
  const made = await make(control, 'full', { api: apiOf(upstream.url, 'find') });
  const ask = (count = 30): Promise<readonly Answer[]> =>
    calls(count, 4, () => call(`${server.url}${made.path}`, 'api___find'));
  const writesAgain = (): Promise<void> =>
    until('writes work again', () => makeGateway(control, `back${randomInt(1e9)}`).then(() => true), 30_000);
  const callsAgain = (): Promise<void> =>
    until('calls work again', async () => goodShare(await ask(5)) === 1, 30_000);

  store.fill();
  const onStore = await refusedWrite(control);
  const storeFull = await ask();
  store.free();
  await writesAgain();

  audit.fill();
  // Its file may have a little room left on its last page.
  const isRefused = ({ status }: Answer): boolean => status === 503;
  if (mode === 'required') await until('calls are refused', async () => (await ask(20)).some(isRefused));
  else await ask(400);
  const auditFull = await ask();
  const before = upstream.total();
  await ask();
  const reached = upstream.total() - before;
  if (mode === 'best-effort')
    await until('the log says so', () =>
      server.lines.some(({ level, msg }) => level === 'error' && msg === 'the audit log cannot be written'),
    );
  store.fill();
  const onBoth = await refusedWrite(control);
  const bothFull = await ask();
  store.free();
  audit.free();
  await callsAgain();
  await writesAgain();
  const { code } = await server.stop();
  const verified = await runGatewright(['audit', 'verify', '--data-dir', dataDir]);
  const isStopped = mode === 'required';
  const expected = isStopped ? 0 : 1;
  return [
    exactly(`${mode}: store full, write says so`, String(onStore.includes('disk is full')), 'true'),
    exactly('calls', goodShare(storeFull), 1),
    exactly('audit full, calls', goodShare(auditFull), expected),
    exactly('calls that reached the upstream', reached, expected * 30),
    exactly('both full, calls', goodShare(bothFull), expected),
    exactly('write refused', String(onBoth.startsWith('InternalServerException')), 'true'),
    exactly('after that, without a restart, exit code', code ?? -1, 0),
    exactly('audit verify', verified.code ?? -1, 0),
  ];
}

async function fullDisk(): Promise<readonly Check[]> {
  return [...(await fullDisks('required')), ...(await fullDisks('best-effort'))];
}

/** What hand-edited rows hold. */
const DAMAGE = ['{"half', '[]', 'null', '{}', '7', '"text"', '', '{"name":{"a":[1]}}'] as const;

async function malformedRows(): Promise<readonly Check[]> {
  const upstream = await openHostileUpstream();
  const first = await startServer({ env: EGRESS });
  const { dataDir } = first;
  const gateways: Made[] = [];
  for (let index = 0; index < DAMAGE.length * 2 + 4; index += 1)
    gateways.push(await make(controlOf(first), `g${index}`, { api: apiOf(upstream.url, 'find') }));
  await first.stop();
  const database = new DatabaseSync(join(dataDir, 'gatewright.db'));
  const whole = gateways.splice(0, 4);
  const badGateways = gateways.splice(0, DAMAGE.length);
  const badTargets = gateways;
  DAMAGE.forEach((damage, at) => {
    database
      .prepare('update gateway set document = ? where id = ?')
      .run(damage, badGateways[at]?.gatewayId ?? '');
    database
      .prepare('update gateway_target set document = ? where id = ?')
      .run(damage, badTargets[at]?.targetIds['api'] ?? '');
  });
  database.close();
  const server = await startServer({ dataDir, env: EGRESS });
  const control = controlOf(server);
  const answers = await calls(80, 4, (turn) => call(`${server.url}${whole[turn % 4]?.path}`, 'api___find'));
  const damagedAnswers = await Promise.all(
    [...badGateways, ...badTargets].map(({ path }) => call(`${server.url}${path}`, 'api___find')),
  );
  const untyped: string[] = [];
  for (const made of [...badGateways, ...badTargets]) {
    const isGateway = badGateways.includes(made);
    const outcome = await (
      isGateway
        ? control.send(new GetGatewayCommand({ gatewayIdentifier: made.gatewayId }))
        : control.send(
            new GetGatewayTargetCommand({
              gatewayIdentifier: made.gatewayId,
              targetId: made.targetIds['api'],
            }),
          )
    ).then(
      ({ status }) => (/FAILED/.test(String(status)) ? '' : `status ${status}`),
      ({ name, message }: Error) =>
        /^(InternalServer|Validation)Exception$/.test(name) ? '' : `${name}: ${message}`,
    );
    if (outcome !== '')
      untyped.push(
        `${isGateway ? 'gateway' : 'target'} ${DAMAGE[(isGateway ? badGateways : badTargets).indexOf(made)]}: ${outcome}`,
      );
  }
  const listed = (await control.send(new ListGatewaysCommand({ maxResults: 100 }))).items ?? [];
  const after = await make(control, 'after', { api: apiOf(upstream.url, 'find') });
  const isNewServed = (await call(`${server.url}${after.path}`, 'api___find')).isGood;
  const { code } = await server.stop();
  return [
    exactly('calls of what is whole', goodShare(answers), 1),
    exactly(
      'answers of what is damaged that are results',
      damagedAnswers.filter(({ isGood }) => isGood).length,
      0,
    ),
    exactly('damaged rows that are neither FAILED nor a typed error', untyped.join(' | ') || 0, 0),
    atLeast('gateways listed', listed.length, 4 + DAMAGE.length),
    exactly('what is new serves', String(isNewServed), 'true'),
    exactly('exit code', code ?? -1, 0),
  ];
}

/** Tables and indexes of a file, as they were made. */
function schemaOf(path: string): string {
  const database = new DatabaseSync(path);
  try {
    return database
      .prepare(
        "select name || ': ' || coalesce(sql, '') as line from sqlite_master where name not like 'sqlite_%' order by name",
      )
      .all()
      .map(({ line }) => String(line))
      .join('\n');
  } finally {
    database.close();
  }
}

function migrationsIn(path: string): number {
  const database = new DatabaseSync(path);
  try {
    const has = database.prepare("select 1 from sqlite_master where name = 'kysely_migration'").get();
    return has ? Number(database.prepare('select count(*) as n from kysely_migration').get()?.['n']) : 0;
  } finally {
    database.close();
  }
}

/** Starts a server in a new folder; resolves with the first sight of its database's journal. */
async function startUpgrade(dataDir: string): Promise<Spawned> {
  const run = spawnGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir]);
  const wal = join(dataDir, 'gatewright.db-wal');
  while (!existsSync(wal) && run.child.exitCode === null) await new Promise(setImmediate);
  return run;
}

async function brokenUpgrade(): Promise<readonly Check[]> {
  const rounds = 10;
  const clean = { dataDir: join(temporaryFolder(), 'data') };
  const whole = await startUpgrade(clean.dataDir);
  const from = performance.now();
  await whole.line(({ msg }) => msg === 'ready');
  // All of the upgrade, and a little of what comes after.
  const spanMs = performance.now() - from;
  await whole.kill('SIGTERM');
  const [schema, all] = [
    schemaOf(join(clean.dataDir, 'gatewright.db')),
    migrationsIn(join(clean.dataDir, 'gatewright.db')),
  ];
  let [inBetween, notReady, different] = [0, 0, 0];
  let reason = '';
  for (let round = 0; round < rounds; round += 1) {
    const dataDir = join(temporaryFolder(), 'data');
    const path = join(dataDir, 'gatewright.db');
    const run = await startUpgrade(dataDir);
    // More of them early: the upgrade is only the beginning of a start.
    const end = performance.now() + spanMs * (round / rounds) ** 2;
    while (performance.now() < end) await new Promise(setImmediate);
    await run.kill('SIGKILL');
    const copy = join(temporaryFolder(), 'copy.db');
    for (const end of ['', '-wal'])
      if (existsSync(`${path}${end}`)) copyFileSync(`${path}${end}`, `${copy}${end}`);
    if (migrationsIn(copy) < all) inBetween += 1;
    const again = spawnGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', dataDir]);
    const isReady = await again
      .line(({ msg }) => msg === 'ready')
      .then(
        () => true,
        (thrown: Error) => {
          reason ||= thrown.message;
          return false;
        },
      );
    await again.kill('SIGTERM');
    if (!isReady) notReady += 1;
    else if (schemaOf(path) !== schema) different += 1;
  }
  const database = new DatabaseSync(join(clean.dataDir, 'gatewright.db'));
  database.exec("insert into kysely_migration (name, timestamp) values ('9999-later', '2099-01-01')");
  database.close();
  const before = schemaOf(join(clean.dataDir, 'gatewright.db'));
  const older = await runGatewright(['serve', '--listen', '127.0.0.1:0', '--data-dir', clean.dataDir]);
  return [
    atLeast('upgrades killed half-way', inBetween, 2),
    exactly(
      `of ${rounds} not ready at the next start${reason === '' ? '' : ` (${reason.slice(0, 300)})`}`,
      notReady,
      0,
    ),
    exactly('with another schema', different, 0),
    exactly(
      'older version refuses a newer file',
      String(older.code === 1 && older.stdout.includes('newer version')),
      'true',
    ),
    exactly('and leaves it alone', String(schemaOf(join(clean.dataDir, 'gatewright.db')) === before), 'true'),
  ];
}

export const KILL_ROW: Row = { id: 'F22', words: 'kill -9 in a storm of writes, 20 times', run: killLoop };

export const STORE_ROWS: readonly Row[] = [
  { id: 'F24', words: 'disk full: store, audit log, both; each audit mode', run: fullDisk },
  { id: 'F35', words: 'hand-edited rows in the store', run: malformedRows },
  { id: 'F40', words: 'kill -9 in a schema upgrade; older version after it', run: brokenUpgrade },
];
