// Runs the MCP conformance suite as a program and reads what it found. Knows the suite's folders, and no product.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export type Revision = '2025-11-25' | '2026-07-28';
/** What scenarios for clients are of: a revision, or an extension, which is of none. */
export type ClientRevision = Revision | '2025-03-26' | 'extension';

export interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string;
}

const program = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);

/** Every server scenario of a frozen requirement set, with its checks. */
export async function runRequirements(
  url: string,
  revision: Revision,
): Promise<Map<string, readonly Check[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-conformance-'));
  try {
    // Its exit code says whether everything passed, which is not what we ask: the results are read one by one.
    await new Promise<void>((resolve) => {
      execFile(
        process.execPath,
        [program, 'server', '--url', url, '--requirements', revision, '--output-dir', folder],
        { maxBuffer: 16 * 1024 * 1024, timeout: 50_000 },
        () => resolve(),
      );
    });
    const results = readdirSync(folder).map((name): [string, readonly Check[]] => [
      scenarioOf(name),
      readChecks(join(folder, name, 'checks.json')),
    ]);
    return new Map(results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** No checks for a scenario that broke down half-way. */
function readChecks(file: string): readonly Check[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Check[]) : [];
}

/** One scenario for clients, played against the program that `command` starts. */
export async function runClientScenario(
  command: string,
  revision: ClientRevision,
  scenario: string,
): Promise<readonly Check[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewright-conformance-'));
  const when = revision === 'extension' ? [] : ['--spec-version', revision];
  const wish = ['--command', command, '--scenario', scenario, ...when];
  try {
    const said = await new Promise<string>((resolve) => {
      execFile(
        process.execPath,
        [program, 'client', ...wish, '--output-dir', folder],
        { maxBuffer: 16 * 1024 * 1024, timeout: 50_000 },
        (_error, stdout, stderr) => resolve(stdout + stderr),
      );
    });
    // A folder for the run, within one for the group of a scenario that has one.
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const name = files.find((file) => file.endsWith('checks.json'));
    if (name === undefined) throw new Error(`the suite left no results: ${said.slice(-2_000)}`);
    return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Check[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Folders are named `server-<scenario>-<time>`. */
function scenarioOf(folder: string): string {
  return folder.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, '');
}

/** What is wrong with a scenario: `scenario:check` for each fault, `scenario` when nothing was proved at all. */
export function faultsOf(scenario: string, checks: readonly Check[], minimum: number): string[] {
  const faults = new Set(
    checks
      .filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
      .map(({ id }) => `${scenario}:${id}`),
  );
  // The suite's own check of every message is no proof that the scenario did anything.
  const proved = checks.filter(({ id, status }) => status === 'SUCCESS' && id !== 'wire-schema-valid').length;
  if (faults.size === 0 && proved < minimum) faults.add(`${scenario}:only ${proved} of ${minimum} checks`);
  return [...faults];
}
