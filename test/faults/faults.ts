// `npm run faults [-- F1 F12 …]`: the fault matrix against the real process, row by row, one line each: id, words, pass or
// fail, and every figure beside its limit. Exit code 1 when a row fails.

import { closeAll, closing } from '../support/process.ts';
import { CannotRun, pause } from './row.ts';
import type { Check, Row } from './row.ts';
import { ROWS } from './rows.ts';

/** No row takes longer, whatever hangs (milliseconds). */
const ROW_LIMIT_MS = 150_000;
const WAITING_LIMIT_MS = 420_000;

type Outcome = 'pass' | 'FAIL' | 'not run';

const wanted = new Set(process.argv.slice(2).map((name) => name.toUpperCase()));
const known = new Set(ROWS.map(({ id }) => id));
const unknown = [...wanted].filter((id) => !known.has(id));
if (unknown.length > 0) {
  console.error(`There is no row ${unknown.join(', ')}. There are: ${[...known].join(', ')}.`);
  process.exit(2);
}
const chosen = ROWS.filter(({ id }) => wanted.size === 0 || wanted.has(id));
const counts: Record<Outcome, number> = { pass: 0, FAIL: 0, 'not run': 0 };
const started = performance.now();

// Those that only wait for a deadline wait beside the others, and what they need is closed after them.
const waiting: { row: Row; result: Promise<Result> }[] = [];
const kept: (() => unknown)[] = [];
for (const row of chosen) {
  if (!row.begin) continue;
  const begun = row.begin();
  const end = await begun.catch(() => () => begun.then((finish) => finish()));
  waiting.push({ row, result: attempt(end, WAITING_LIMIT_MS) });
  kept.push(...closing.splice(0));
}
for (const row of chosen) {
  const { run } = row;
  if (!run) continue;
  let result = await attempt(run, ROW_LIMIT_MS);
  await closeRow();
  let firstTry = '';
  if (result.outcome === 'FAIL' && row.isTimed === true) {
    firstTry = ` [second try; the first: ${result.missed}]`;
    result = await attempt(run, ROW_LIMIT_MS);
    await closeRow();
  }
  print(row, result, firstTry);
}
for (const { row, result } of waiting) print(row, await result);
closing.push(...kept);
await closeRow();
console.log(
  `${counts.pass} passed, ${counts.FAIL} failed, ${counts['not run']} not run, in ${Math.round((performance.now() - started) / 1000)} s`,
);
process.exit(counts.FAIL === 0 ? 0 : 1);

interface Result {
  readonly outcome: Outcome;
  readonly text: string;
  /** What did not hold, alone. */
  readonly missed: string;
  readonly seconds: number;
}

async function attempt(work: () => Promise<readonly Check[]>, limitMs: number): Promise<Result> {
  const from = performance.now();
  const seconds = (): number => Math.round((performance.now() - from) / 1000);
  try {
    const checks = await Promise.race([
      work(),
      pause(limitMs).then(() => {
        throw new Error(`not over after ${limitMs / 1000} s`);
      }),
    ]);
    const isKept = checks.every((check) => check.isKept);
    return {
      outcome: isKept ? 'pass' : 'FAIL',
      text: checks.map(figureOf).join('; '),
      missed: checks
        .filter((check) => !check.isKept)
        .map(figureOf)
        .join('; '),
      seconds: seconds(),
    };
  } catch (thrown) {
    if (thrown instanceof CannotRun)
      return { outcome: 'not run', text: thrown.message, missed: '', seconds: seconds() };
    const { message, cause } = thrown instanceof Error ? thrown : new Error(String(thrown));
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    const text = `${message}${reason}`.slice(0, 2000);
    return { outcome: 'FAIL', text, missed: text, seconds: seconds() };
  }
}

function figureOf({ what, figure, limit, isKept }: Check): string {
  return `${isKept ? '' : '!! '}${what} ${figure} (${limit})`;
}

function print({ id, words }: Row, { outcome, text, seconds }: Result, firstTry = ''): void {
  counts[outcome] += 1;
  console.log(`${id.padEnd(4)} ${words.padEnd(52)} ${outcome.padEnd(7)} ${text}${firstTry} [${seconds} s]`);
}

/** What a row has left running ends with it. */
async function closeRow(): Promise<void> {
  await closeAll().catch((thrown: unknown) => console.error(thrown));
}
