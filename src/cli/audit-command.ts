// `gatewright audit verify` and `audit export`: the audit log as files, of a server that runs or does not. They change
// nothing and need no server.

import { readFileSync, readdirSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { exportRecords } from '../audit/export.ts';
import type { RecordFilter } from '../audit/export.ts';
import { fingerprintOf, readPublicKeys } from '../audit/segment.ts';
import { verifyAudit } from '../audit/verify.ts';
import type { AuditReport, ChainReport } from '../audit/verify.ts';
import { auditFolder } from '../open-audit.ts';
import { addSettingFlags, configOrFaults, reportUsageFaults } from './settings-flags.ts';
import type { Environment } from './settings-flags.ts';

const FAULTS_SHOWN = 20;
const PAGE_BYTES = 64 * 1024;

/** Adds the commands. */
export function addAuditCommands(program: Command, env: Environment): void {
  const audit = program
    .command('audit')
    .description('The audit log: who did what, and that nobody changed it.');
  addVerify(audit, env);
  addExport(audit, env);
}

function addVerify(audit: Command, env: Environment): void {
  const command = audit
    .command('verify [folder]')
    .description('check every record, chain and signature; exit code 1 when something is wrong')
    .option(
      '--public-key <file>',
      'the key that has to have signed, kept where nobody who can write the folder can change it; default: public-key.pem in the folder',
    )
    .option('--json', 'the whole report as JSON')
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command).action((given: string | undefined, flags: Record<string, unknown>) => {
    const folder = folderOf(given, env, flags);
    if (folder === undefined) return;
    const { publicKey: file } = flags;
    const path = typeof file === 'string' ? file : join(folder, 'public-key.pem');
    const keys = readKeys(path, typeof file === 'string');
    if (!keys) return;
    const report = verifyAudit(folder, keys);
    if (flags['json'] === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else process.stdout.write(`${describe(folder, report, keys, typeof file === 'string').join('\n')}\n`);
    // Every log begins with a record: a folder without any is another one, or was emptied.
    if (report.faults.length > 0 || report.chains.length === 0) process.exitCode = 1;
  });
}

function addExport(audit: Command, env: Environment): void {
  const command = audit
    .command('export [folder]')
    .description('write records to stdout, in order of time')
    .option('--from <time>', 'ISO 8601, for example 2026-11-01 or 2026-11-01T08:00:00Z; included')
    .option('--to <time>', 'the same; not included')
    .option('--gateway <id>', 'of one gateway only')
    .option('--event <name>', 'of one event only, for example CreateGateway or InvokeGateway')
    .addOption(
      new Option(
        '--format <format>',
        'cloudtrail: {"Records": […]}; jsonl: one record a line, as they are kept',
      )
        .choices(['cloudtrail', 'jsonl'])
        .default('jsonl'),
    )
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command).action(async (given: string | undefined, flags: Record<string, unknown>) => {
    const folder = folderOf(given, env, flags);
    const filter = filterOf(flags);
    if (folder === undefined || !filter) return;
    await write(folder, filter, flags['format'] === 'cloudtrail');
  });
}

const EXAMPLES = `
Examples:
  gatewright audit verify
  gatewright audit verify /backup/audit --public-key /safe/place/audit-key.pem
  gatewright audit export --from 2026-11-01 --to 2026-12-01 --format cloudtrail > november.json
  gatewright audit export --event CreateGateway | jq .userIdentity.arn

Without a folder, that of the data directory (GATEWRIGHT_DATA_DIR) is meant.`;

/** Undefined, and said, when there is none. */
function folderOf(
  given: string | undefined,
  env: Environment,
  flags: Record<string, unknown>,
): string | undefined {
  const outcome = given === undefined ? configOrFaults(env, flags) : undefined;
  if (given === undefined && !outcome) return undefined;
  const folder = given === undefined && outcome ? auditFolder(outcome.config) : resolve(given ?? '');
  try {
    readdirSync(folder);
    return folder;
  } catch (thrown) {
    const isMissing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    fail(
      isMissing
        ? `There is no audit log at ${folder}.`
        : `The audit log at ${folder} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
    return undefined;
  }
}

function readKeys(path: string, isGiven: boolean): readonly KeyObject[] | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // A log that never could sign has none: its chains are checked all the same.
    if (!isGiven) return [];
    fail(`The public key ${path} cannot be read.`);
    return undefined;
  }
  try {
    const keys = readPublicKeys(text);
    if (keys.length > 0) return keys;
  } catch {
    // Said below.
  }
  fail(`${path} holds no Ed25519 public key in PEM.`);
  return undefined;
}

function describe(
  folder: string,
  { chains, faults }: AuditReport,
  keys: readonly KeyObject[],
  isKeyGiven: boolean,
): readonly string[] {
  const records = chains.reduce((sum, chain) => sum + chain.records, 0);
  const lines = [`Audit log ${folder}`, ...chains.flatMap(describeChain)];
  for (const key of keys) lines.push(`signing key  SHA-256 ${fingerprintOf(key)}`);
  if (!isKeyGiven && keys.length > 0)
    lines.push(
      'The key was read from the folder itself: compare its SHA-256 with a copy kept elsewhere, or use --public-key.',
    );
  if (faults.length === 0) {
    lines.push(
      chains.length === 0
        ? 'There are no records: this is not the folder of a log, or somebody has emptied it.'
        : `OK: ${records} records in ${chains.length} ${chains.length === 1 ? 'chain' : 'chains'} verify.`,
    );
    return lines;
  }
  const [first] = faults;
  lines.push(
    '',
    `BROKEN: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}. The first: ${first ? faultText(first) : ''}`,
    ...faults.slice(1, FAULTS_SHOWN).map((fault) => `  ${faultText(fault)}`),
  );
  if (faults.length > FAULTS_SHOWN)
    lines.push(`  and ${faults.length - FAULTS_SHOWN} more (--json shows all)`);
  return lines;
}

function describeChain({
  node,
  segments,
  records,
  from,
  to,
  unsigned,
  lastSeq,
  lastHash,
}: ChainReport): string[] {
  return [
    `${node}  ${records} records in ${segments} ${segments === 1 ? 'segment' : 'segments'}, ${from} to ${to}`,
    `  last: record ${lastSeq}, hash ${lastHash}${unsigned === 0 ? '' : `; ${unsigned} records not signed yet`}`,
  ];
}

function faultText({ file, line, seq, problem }: AuditReport['faults'][number]): string {
  const place = [
    file,
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(seq === undefined ? [] : [`record ${seq}`]),
  ];
  return `${place.join(', ')}: ${problem}`;
}

function filterOf(flags: Record<string, unknown>): RecordFilter | undefined {
  const faults: string[] = [];
  const time = (name: 'from' | 'to'): number | undefined => {
    const text = flags[name];
    if (typeof text !== 'string') return undefined;
    const at = /^\d{4}-\d\d-\d\d(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at)) faults.push(`--${name}: “${text}” is no time such as 2026-11-01T08:00:00Z`);
    return at;
  };
  const [from, to] = [time('from'), time('to')];
  if (faults.length > 0) {
    reportUsageFaults('the command line is wrong', faults);
    return undefined;
  }
  const { gateway, event } = flags;
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(typeof gateway === 'string' ? { gatewayId: gateway } : {}),
    ...(typeof event === 'string' ? { eventName: event } : {}),
  };
}

async function write(folder: string, filter: RecordFilter, isCloudTrail: boolean): Promise<void> {
  let text = isCloudTrail ? '{"Records":[' : '';
  let isFirst = true;
  for (const { line } of exportRecords(folder, filter)) {
    text += isCloudTrail ? `${isFirst ? '\n' : ',\n'}${line}` : `${line}\n`;
    isFirst = false;
    if (text.length < PAGE_BYTES) continue;
    await toStdout(text);
    text = '';
  }
  await toStdout(isCloudTrail ? `${text}\n]}\n` : text);
}

/** At the reader's pace. */
async function toStdout(text: string): Promise<void> {
  if (process.stdout.write(text)) return;
  await new Promise((done) => process.stdout.once('drain', done));
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
