// Both frozen requirement sets of the MCP conformance suite, against a gateway whose one target is the fixture MCP
// server with everything the suite asks for. Every scenario passes, those that are not scored included, with as many
// checks as against the fixture itself: a scenario that checks less, or nothing, has not passed.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { openFixtureServer } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { faultsOf, runRequirements } from './suite.ts';
import type { Revision } from './suite.ts';

/** Fewest checks of each scenario that must succeed. A scenario that a release of the suite has lost fails, too. */
const MINIMUM: Readonly<Record<Revision, Readonly<Record<string, number>>>> = {
  '2025-11-25': {
    'completion-complete': 1,
    'dns-rebinding-protection': 2,
    'elicitation-sep1034-defaults': 5,
    'elicitation-sep1330-enums': 5,
    'json-schema-2020-12': 7,
    'logging-set-level': 1,
    ping: 1,
    'prompts-get-embedded-resource': 1,
    'prompts-get-simple': 1,
    'prompts-get-with-args': 1,
    'prompts-get-with-image': 1,
    'prompts-list': 1,
    'resources-list': 1,
    'resources-read-binary': 1,
    'resources-read-text': 1,
    'resources-subscribe': 1,
    'resources-templates-read': 1,
    'resources-unsubscribe': 1,
    'server-initialize': 2,
    'server-session-lifecycle': 3,
    // The second check is for answers that come as streams, which lists need not.
    'server-sse-multiple-streams': 1,
    // The third is about a stream closed half-way. That of the target is; the gateway's own stays open.
    'server-sse-polling': 2,
    'tools-call-audio': 1,
    'tools-call-elicitation': 1,
    'tools-call-embedded-resource': 1,
    'tools-call-error': 1,
    'tools-call-image': 1,
    'tools-call-mixed-content': 1,
    'tools-call-sampling': 1,
    'tools-call-simple-text': 1,
    'tools-call-with-logging': 1,
    'tools-call-with-progress': 1,
    'tools-list': 2,
  },
  '2026-07-28': {
    caching: 7,
    'completion-complete': 1,
    'dns-rebinding-protection': 2,
    'http-custom-header-server-validation': 9,
    'http-header-validation': 13,
    'input-required-result-basic-elicitation': 2,
    'input-required-result-basic-list-roots': 2,
    'input-required-result-basic-sampling': 2,
    'input-required-result-capability-check': 1,
    'input-required-result-ignore-extra-params': 1,
    'input-required-result-missing-input-response': 1,
    'input-required-result-multi-round': 3,
    'input-required-result-multiple-input-requests': 2,
    'input-required-result-non-tool-request': 2,
    'input-required-result-request-state': 2,
    'input-required-result-result-type': 1,
    'input-required-result-tampered-state': 1,
    'input-required-result-unsupported-methods': 1,
    'input-required-result-validate-input': 2,
    'json-schema-2020-12': 7,
    'prompts-get-embedded-resource': 1,
    'prompts-get-simple': 1,
    'prompts-get-with-args': 1,
    'prompts-get-with-image': 1,
    'prompts-list': 1,
    'resources-list': 1,
    'resources-read-binary': 1,
    'resources-read-text': 1,
    'resources-templates-read': 1,
    'sep-2164-resource-not-found': 3,
    'server-sse-multiple-streams': 1,
    'server-stateless': 30,
    'tasks-capability-negotiation': 4,
    'tasks-dispatch-and-envelope': 8,
    'tasks-lifecycle': 8,
    'tasks-mrtr-composition': 1,
    'tasks-mrtr-input': 3,
    'tasks-request-headers': 4,
    'tasks-request-state-removal': 2,
    'tasks-required-task-error': 2,
    // The suite skips its only check, whatever the server does.
    'tasks-status-notifications': 0,
    'tasks-wire-fields': 3,
    'tools-call-audio': 1,
    'tools-call-embedded-resource': 1,
    'tools-call-error': 1,
    'tools-call-image': 1,
    'tools-call-mixed-content': 1,
    'tools-call-simple-text': 1,
    'tools-call-with-progress': 1,
    'tools-list': 3,
  },
};

let app: TestApp;
let fixture: FixtureServer;
let url: string;

beforeAll(async () => {
  fixture = await openFixtureServer({ record: false });
  app = await openTestApp();
  ({ url } = await app.gateway({
    tags: { 'gatewright:tool-names': 'bare' },
    mcp: {
      sessionConfiguration: { sessionTimeoutInSeconds: 3_600 },
      streamingConfiguration: { enableResponseStreaming: true },
    },
    servers: { fixture: fixture.url },
  }));
});
afterAll(async () => {
  await app.close();
  await fixture.close();
});

test.each(['2025-11-25', '2026-07-28'] as const)('requirements of %s', async (revision) => {
  const results = await runRequirements(url, revision);
  const minimum = MINIMUM[revision];
  expect([...results.keys()].sort()).toEqual(Object.keys(minimum).sort());
  const faults = [...results].flatMap(([scenario, checks]) =>
    faultsOf(scenario, checks, minimum[scenario] ?? 1),
  );
  expect(faults).toEqual([]);
});
