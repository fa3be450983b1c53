// The tool search, measured: quality on data sets of questions with known answers, beside what others do, and cost beside
// a `tools/call` in the same run. `npm run bench:search -- [folder of data sets]`.

import { existsSync } from 'node:fs';
import { measureCost } from './search-cost.ts';
import { measureQuality } from './search-quality.ts';

const folder = process.argv[2] ?? new URL('../../shared/corpus/toolsearch/', import.meta.url).pathname;
if (existsSync(folder)) await measureQuality(folder);
else console.log(`no data sets at ${folder}: quality is not measured`);
await measureCost();
