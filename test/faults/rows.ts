// The fault matrix: every row in order, and why some are not run here.

import type { Row } from './row.ts';
import { UPSTREAM_ROWS } from './upstream-rows.ts';

/** All rows, in order. */
export const ROWS: readonly Row[] = [...UPSTREAM_ROWS];
