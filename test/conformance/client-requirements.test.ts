// Every scenario of the MCP conformance suite for clients that the requirement sets score, those of protected servers
// among them, and the ones of earlier revisions and extensions that this product has: against the gateway's own client of
// MCP servers, or, where a server is protected, against a whole gateway. One by one, since a scenario that has checked
// nothing counts as passed for the suite.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { faultsOf, runClientScenario } from './suite.ts';
import type { ClientRevision, Revision } from './suite.ts';

/** Scenario and the fewest checks that must succeed. */
type Wanted = Readonly<Record<string, number>>;

const SCORED_BY_BOTH: Wanted = {
  'auth/metadata-default': 18,
  'auth/metadata-var1': 18,
  'auth/metadata-var2': 18,
  'auth/metadata-var3': 18,
  'auth/basic-cimd': 12,
  'auth/scope-from-www-authenticate': 14,
  'auth/scope-from-scopes-supported': 14,
  'auth/scope-omitted-when-undefined': 14,
  'auth/scope-step-up': 21,
  'auth/scope-retry-limit': 10,
  'auth/token-endpoint-auth-basic': 19,
  'auth/token-endpoint-auth-post': 19,
  'auth/token-endpoint-auth-none': 19,
  'auth/pre-registration': 12,
};

const SCENARIOS: Readonly<Record<ClientRevision, Wanted>> = {
  '2025-03-26': {
    'auth/2025-03-26-oauth-metadata-backcompat': 13,
    'auth/2025-03-26-oauth-endpoint-fallback': 8,
  },
  '2025-11-25': {
    initialize: 1,
    tools_call: 1,
    'elicitation-sep1034-client-defaults': 5,
    'sse-retry': 3,
    ...SCORED_BY_BOTH,
  },
  '2026-07-28': {
    tools_call: 1,
    'request-metadata': 5,
    'sep-2322-client-request-state': 5,
    'http-standard-headers': 9,
    'http-custom-headers': 18,
    'http-invalid-tool-headers': 12,
    'json-schema-ref-no-deref': 1,
    'json-schema-2020-12-preservation': 8,
    ...SCORED_BY_BOTH,
    'auth/scope-step-up': 23,
    'auth/resource-mismatch': 2,
    'auth/offline-access-scope': 15,
    'auth/offline-access-not-supported': 14,
    'auth/authorization-server-migration': 27,
    'auth/iss-supported': 14,
    'auth/iss-not-advertised': 14,
    'auth/iss-supported-missing': 8,
    'auth/iss-wrong-issuer': 8,
    'auth/iss-unexpected': 8,
    'auth/iss-normalized': 8,
    'auth/metadata-issuer-mismatch': 3,
  },
  extension: {
    'auth/client-credentials-basic': 9,
    'auth/client-credentials-jwt': 9,
    'auth/dpop': 12,
    'auth/dpop-nonce': 14,
    'auth/enterprise-managed-authorization': 9,
    'auth/wif-jwt-bearer': 9,
  },
};

const cases = Object.entries(SCENARIOS).flatMap(([revision, scenarios]) =>
  Object.entries(scenarios).map(
    ([scenario, minimum]) => [revision as ClientRevision, scenario, minimum] as const,
  ),
);

test.concurrent.each(cases)('%s %s', async (revision, scenario, minimum) => {
  const command = `"${process.execPath}" "${import.meta.dirname}/client-program.ts"`;
  const checks = await runClientScenario(command, revision, scenario);
  expect(faultsOf(scenario, checks, minimum)).toEqual([]);
});

test.each<Revision>(['2025-11-25', '2026-07-28'])('all that %s scores is among them', (revision) => {
  const suite = dirname(
    createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'),
  );
  const { client } = parse(readFileSync(join(suite, 'requirements', `${revision}.yaml`), 'utf8')) as {
    readonly client: readonly string[];
  };
  expect(client.length).toBe(revision === '2025-11-25' ? 18 : 32);
  expect(client.filter((scenario) => SCENARIOS[revision][scenario] === undefined)).toEqual([]);
});
