// Every scenario of the MCP conformance suite for clients that needs no interactive authorization, against the gateway's
// own client of MCP servers. One by one, since a scenario that has checked nothing counts as passed for the suite.

import { expect, test } from 'vitest';
import { faultsOf, runClientScenario } from './suite.ts';
import type { Revision } from './suite.ts';

/** Scenario and the fewest checks that must succeed. */
const SCENARIOS: readonly (readonly [Revision, string, number])[] = [
  ['2025-11-25', 'initialize', 1],
  ['2025-11-25', 'tools_call', 1],
  ['2025-11-25', 'elicitation-sep1034-client-defaults', 5],
  ['2025-11-25', 'sse-retry', 3],
  ['2026-07-28', 'tools_call', 1],
  ['2026-07-28', 'request-metadata', 5],
  ['2026-07-28', 'sep-2322-client-request-state', 5],
  ['2026-07-28', 'http-standard-headers', 9],
  ['2026-07-28', 'http-custom-headers', 18],
  ['2026-07-28', 'http-invalid-tool-headers', 12],
  ['2026-07-28', 'json-schema-ref-no-deref', 1],
  ['2026-07-28', 'json-schema-2020-12-preservation', 8],
];

test.each(SCENARIOS)('%s %s', async (revision, scenario, minimum) => {
  const command = `"${process.execPath}" "${import.meta.dirname}/client-program.ts"`;
  const checks = await runClientScenario(command, revision, scenario);
  expect(faultsOf(scenario, checks, minimum)).toEqual([]);
});
