// `npm run scorecard`: runs the tests of the security checks and prints one line a check. Exit code 1 when one fails, or
// when a check has lost its test.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { CHECKS } from './checks.ts';

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const ROOT = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'gatewright-scorecard-'));
const output = join(folder, 'report.json');
const files = [...new Set(CHECKS.flatMap(({ tests }) => tests.map(([file]) => file)))];
console.log(`Running the tests of ${CHECKS.length} checks in ${files.length} files …`);
spawnSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=json',
    `--outputFile=${output}`,
    ...files,
  ],
  { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] },
);
const report = JSON.parse(readFileSync(output, 'utf8')) as Report;
rmSync(folder, { recursive: true, force: true });
const results = new Map(
  report.testResults.map(({ name, assertionResults }) => [relative(ROOT, name), assertionResults]),
);

let failed = 0;
for (const { id, severity, what, tests } of CHECKS) {
  const shown = tests.map(([file, name]) => {
    const met = (results.get(file) ?? []).filter(({ fullName }) => name.test(fullName));
    const ran = met.filter(({ status }) => status === 'passed' || status === 'failed');
    return {
      file,
      isShown: ran.length > 0 && ran.every(({ status }) => status === 'passed'),
      count: ran.length,
    };
  });
  const isPassed = shown.every(({ isShown }) => isShown);
  if (!isPassed) failed += 1;
  const proof = shown.map(
    ({ file, count, isShown }) => `${file} (${isShown ? count : `FAILED or missing, ${count}`})`,
  );
  console.log(`${isPassed ? 'pass' : 'FAIL'}  ${id.padEnd(4)} ${severity}  ${what}  ←  ${proof.join(', ')}`);
}
console.log(`${CHECKS.length - failed} of ${CHECKS.length} checks pass`);
process.exitCode = failed === 0 ? 0 : 1;
