// Both frozen requirement sets of the MCP conformance suite, against a gateway with an OpenAPI target. Everything the
// suite asks of a server is run. What fails is listed in expected-failures.yml with a reason; a failure that is not
// listed fails here, and so does a listed one that passes. Scenarios that check nothing do not count as passed.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { openUpstream } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';
import { fixtureDocument } from './fixture-api.ts';
import { faultsOf, runRequirements } from './suite.ts';
import type { Revision } from './suite.ts';

/** Fewest checks that must succeed; one where nothing is said. */
const MINIMUM: Readonly<Record<Revision, Readonly<Record<string, number>>>> = {
  '2025-11-25': { 'dns-rebinding-protection': 2, 'tools-list': 2 },
  '2026-07-28': {
    'server-stateless': 20,
    'http-header-validation': 13,
    'dns-rebinding-protection': 2,
    'tools-list': 3,
    caching: 3,
  },
};
/** Scenarios that a release of the suite must still have, or this test proves less than it says. */
const NEEDED: Readonly<Record<Revision, readonly string[]>> = {
  '2025-11-25': [
    'server-initialize',
    'ping',
    'tools-list',
    'tools-call-simple-text',
    'tools-call-image',
    'tools-call-audio',
    'tools-call-embedded-resource',
    'tools-call-error',
    'dns-rebinding-protection',
  ],
  '2026-07-28': [
    'server-stateless',
    'tools-list',
    'tools-call-simple-text',
    'tools-call-image',
    'tools-call-audio',
    'tools-call-embedded-resource',
    'tools-call-error',
    'server-sse-multiple-streams',
    'dns-rebinding-protection',
    'caching',
    'http-header-validation',
  ],
};

const listed = parse(readFileSync(new URL('expected-failures.yml', import.meta.url), 'utf8')) as Record<
  Revision,
  Record<string, string>
>;
let app: TestApp;
let upstream: Upstream;
let url: string;

beforeAll(async () => {
  upstream = await openUpstream();
  app = await openTestApp();
  ({ url } = await app.gateway({
    tags: { 'gatewright:tool-names': 'bare' },
    targets: { fixture: fixtureDocument(upstream) },
  }));
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

test.each(['2025-11-25', '2026-07-28'] as const)('requirements of %s', async (revision) => {
  const results = await runRequirements(url, revision);
  expect([...results.keys()]).toEqual(expect.arrayContaining([...NEEDED[revision]]));
  const expected = listed[revision];
  const faults = [...results].flatMap(([scenario, checks]) =>
    faultsOf(scenario, checks, MINIMUM[revision][scenario] ?? 1),
  );
  const isListed = (fault: string): boolean =>
    fault in expected || fault.slice(0, fault.indexOf(':')) in expected;
  expect(
    faults.filter((fault) => !isListed(fault)),
    'failures that are not listed',
  ).toEqual([]);
  const stale = Object.keys(expected).filter(
    (entry) => !faults.some((fault) => fault === entry || fault.startsWith(`${entry}:`)),
  );
  expect(stale, 'listed, but they pass').toEqual([]);
  expect(
    Object.entries(expected).filter(([, reason]) => typeof reason !== 'string' || reason.length < 10),
    'entries without a reason',
  ).toEqual([]);
});
