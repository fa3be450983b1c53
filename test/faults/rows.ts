// The fault matrix: every row in order, and why some are not run here.

import { DRAIN_ROW, LOAD_ROWS } from './load-rows.ts';
import { NODE_ROWS, POSTGRES_ROWS } from './postgres-rows.ts';
import { POWER_ROW } from './power-cut.ts';
import type { Row } from './row.ts';
import { KILL_ROW, STORE_ROWS } from './store-rows.ts';
import { UPSTREAM_ROWS } from './upstream-rows.ts';

/** All rows, in order. */
export const ROWS: readonly Row[] = [
  ...UPSTREAM_ROWS,
  ...LOAD_ROWS,
  ...POSTGRES_ROWS,
  KILL_ROW,
  POWER_ROW,
  DRAIN_ROW,
  ...NODE_ROWS,
  ...STORE_ROWS,
];
