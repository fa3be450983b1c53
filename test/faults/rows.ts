// The fault matrix: every row in order, and why some are not run.

import { BUSY_ROWS } from './busy-rows.ts';
import { CLOCK_ROWS } from './clock-rows.ts';
import { DISK_ROWS } from './disk-rows.ts';
import { KIND_ROWS } from './kind-rows.ts';
import { DNS_ROWS } from './dns-rows.ts';
import { ISSUER_ROWS } from './issuer-rows.ts';
import { KEY_ROWS } from './key-rows.ts';
import { MANY_ROWS } from './many-rows.ts';
import { DRAIN_ROW, LOAD_ROWS } from './load-rows.ts';
import { MEMORY_ROWS } from './memory-rows.ts';
import { NODE_ROWS, POSTGRES_ROWS } from './postgres-rows.ts';
import { POWER_ROW } from './power-cut.ts';
import { CannotRun } from './row.ts';
import type { Row } from './row.ts';
import { SOCKET_ROWS } from './socket-rows.ts';
import { KILL_ROW, STORE_ROWS } from './store-rows.ts';
import { UPSTREAM_ROWS } from './upstream-rows.ts';

const elsewhere = (id: string, words: string, reason: string): Row => ({
  id,
  words,
  run: () => Promise.reject(new CannotRun(reason)),
});

const OTHER_ROWS: readonly Row[] = [
  elsewhere('F33', 'interceptor down, slow, garbage', 'there are no interceptors yet'),
  elsewhere('F34', 'policies reloaded under load', 'there is no policy engine yet'),
];

/** All rows, in order. */
export const ROWS: readonly Row[] = [
  ...UPSTREAM_ROWS,
  ...KIND_ROWS,
  ...LOAD_ROWS,
  ...POSTGRES_ROWS,
  KILL_ROW,
  POWER_ROW,
  DRAIN_ROW,
  ...NODE_ROWS,
  ...STORE_ROWS,
  ...DISK_ROWS,
  ...ISSUER_ROWS,
  ...KEY_ROWS,
  ...SOCKET_ROWS,
  ...CLOCK_ROWS,
  ...MEMORY_ROWS,
  ...DNS_ROWS,
  ...BUSY_ROWS,
  ...MANY_ROWS,
  ...OTHER_ROWS,
];
