// How much one dead and one hung server of twenty delay the list of all: the time of `tools/list` over the whole gateway,
// as a ratio to the time when all are alive, in one run. Budget 1.2 for both ways of listing.

import { openTestApp } from '../test/support/app.ts';
import { openFixtureServer } from '../test/support/fixture-server.ts';
import { postModern } from '../test/support/mcp-stream.ts';

const TARGETS = 20;
const ROUNDS = 30;
const BUDGET = 1.2;

const app = await openTestApp();
const fixtures = await Promise.all(
  Array.from({ length: TARGETS }, () => openFixtureServer({ eras: 'modern' })),
);
let isKept = true;
for (const listingMode of ['DEFAULT', 'DYNAMIC']) {
  for (const fixture of fixtures) fixture.behave('serve');
  const { url } = await app.gateway({
    mcp: { disableMcpListToolsPagination: true },
    servers: Object.fromEntries(
      fixtures.map((fixture, index) => [`s${index}`, { endpoint: fixture.url, listingMode }]),
    ),
  });
  await measure(url);
  const alive = await measure(url);
  fixtures[3]?.behave('refuse');
  fixtures[7]?.behave('hang');
  const first = await once(url);
  const broken = await measure(url);
  const ratio = median(broken) / median(alive);
  isKept &&= ratio <= BUDGET;
  console.log(
    `${listingMode.padEnd(8)} all alive ${median(alive).toFixed(1)} ms  one dead, one hung ${median(broken).toFixed(1)} ms  ratio ${ratio.toFixed(2)}  (the first list after the fault: ${first.toFixed(0)} ms)`,
  );
}
console.log(`budget ${BUDGET}: ${isKept ? 'kept' : 'exceeded'}`);
await app.close();
await Promise.all(fixtures.map((fixture) => fixture.close()));
process.exit(isKept ? 0 : 1);

async function measure(url: string): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await once(url));
  return times;
}

async function once(url: string): Promise<number> {
  const started = performance.now();
  await (await postModern(url, 'tools/list', {})).text();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
