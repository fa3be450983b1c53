// F25: a disk that reports errors when it is told to keep what was written. The store is not trusted again before a restart;
// nothing is acknowledged that is not kept.

import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GetGatewayCommand, ListGatewaysCommand } from '@aws-sdk/client-bedrock-agentcore-control';
import { auditRecords } from '../support/audit.ts';
import { runGatewright, startServer } from '../support/process.ts';
import { EGRESS, apiOf, call, calls, controlOf, goodShare, make, makeGateway } from './house.ts';
import type { Answer } from './house.ts';
import { openHostileUpstream } from './hostile-upstream.ts';
import { atLeast, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';
import { failSyncs } from './sync-errors.ts';

const REQUIRED = { ...EGRESS, GATEWRIGHT_AUDIT: 'required' };
const WRITES = 12;

async function syncFails(): Promise<readonly Check[]> {
  const upstream = await openHostileUpstream();
  let server = await startServer({ env: REQUIRED });
  const { dataDir } = server;
  const made = await make(controlOf(server), 'kept', { api: apiOf(upstream.url, 'find', 'postfind') });
  const ask = (count: number, tool = 'find'): Promise<readonly Answer[]> =>
    calls(count, 4, (turn) => call(`${server.url}${made.path}`, `api___${tool}`, `${tool}${turn}`));
  const acknowledged: string[] = [made.gatewayId];
  const refused: string[] = [];
  /** Writes, each of which is kept or refused with a typed error. */
  const write = async (count: number): Promise<readonly string[]> => {
    const faults: string[] = [];
    for (let done = 0; done < count; done += 1) {
      const name = `g${randomBytes(6).toString('hex')}`;
      await makeGateway(controlOf(server), name).then(
        ({ gatewayId }) => void acknowledged.push(gatewayId),
        (thrown: Error & { $metadata?: { httpStatusCode?: number } }) => {
          refused.push(name);
          faults.push(`${thrown.name} ${thrown.$metadata?.httpStatusCode}: ${thrown.message}`);
        },
      );
    }
    return faults;
  };
  const isTyped = (fault: string): boolean => fault.startsWith('InternalServerException 50');
  const readiness = async (): Promise<string> => {
    const answer = await fetch(`${server.url}/readyz`);
    return `${answer.status} ${await answer.text()}`;
  };
  const before = await write(WRITES);
  await ask(8);

  const store = ['gatewright.db', 'gatewright.db-wal', 'gatewright.db-shm'].map((name) =>
    join(dataDir, name),
  );
  const onStore = await failSyncs(server.child.pid ?? 0, [...store, dataDir]);
  const during = await write(WRITES);
  const meanwhile = await ask(80);
  const failed = onStore.count();
  await onStore.stop();
  // The disk says that all is well again; what it has forgotten nobody knows.
  const after = await write(WRITES);
  const said = await readiness();
  const listed = (await controlOf(server).send(new ListGatewaysCommand({ maxResults: 100 }))).items ?? [];
  const later = await ask(80);
  const alarms = server.lines.filter(
    ({ level, msg }) => level === 'error' && msg === 'the store is closed for writing',
  ).length;
  await server.kill('SIGKILL');

  server = await startServer({ dataDir, env: REQUIRED });
  let lost = 0;
  for (const gatewayIdentifier of acknowledged)
    await controlOf(server)
      .send(new GetGatewayCommand({ gatewayIdentifier }))
      .catch(() => (lost += 1));
  const again = await write(WRITES);
  const served = await ask(80);

  const folder = join(dataDir, 'audit');
  const onAudit = await failSyncs(
    server.child.pid ?? 0,
    readdirSync(folder).map((name) => join(folder, name)),
  );
  const unrecorded = await ask(40, 'postfind');
  const auditFailed = onAudit.count();
  await onAudit.stop();
  await until('calls are recorded again', async () => goodShare(await ask(4)) === 1, 30_000);
  const { code } = await server.stop();
  const recorded = new Set(auditRecords(folder).map(({ requestID }) => requestID));
  const verified = await runGatewright(['audit', 'verify', '--data-dir', dataDir]);
  return [
    exactly('writes before', before.length, 0),
    atLeast('syncs of the store that failed', failed, 1),
    exactly('writes meanwhile refused, typed', during.filter(isTyped).length, WRITES),
    exactly('calls meanwhile', goodShare(meanwhile), 1),
    exactly('writes after it refused, typed', after.filter(isTyped).length, WRITES),
    exactly('readyz', /^200 .*degraded/.test(said) ? 'degraded' : said, 'degraded'),
    exactly('the refusal says what to do', String(after.every((fault) => fault.includes('restart'))), 'true'),
    exactly('lines in the log that say so', alarms, 1),
    exactly('gateways listed', listed.length, acknowledged.length - WRITES),
    exactly('calls after it', goodShare(later), 1),
    exactly('acknowledged and lost', lost, 0),
    exactly('after a restart: writes refused, calls', `${again.length}, ${goodShare(served)}`, '0, 1'),
    atLeast('syncs of the audit log that failed', auditFailed, 1),
    exactly(
      'calls meanwhile that came to a result without a record',
      unrecorded.filter(({ isGood, requestId }) => isGood && !recorded.has(requestId)).length,
      0,
    ),
    atLeast('calls meanwhile refused with 503', unrecorded.filter(({ status }) => status === 503).length, 30),
    exactly('exit code', code ?? -1, 0),
    exactly('audit verify', verified.code ?? -1, 0),
  ];
}

export const DISK_ROWS: readonly Row[] = [
  { id: 'F25', words: 'the disk reports errors on fsync', run: syncFails },
];
