// F28, F36: work that could hold up the event loop of everybody: bodies of many values, patterns and schemas that explode, in
// arguments and answers; documents that are none, or bombs, pushed while calls go on. Others are answered as before.

import {
  GetGatewayTargetCommand,
  UpdateGatewayTargetCommand,
} from '@aws-sdk/client-bedrock-agentcore-control';
import type { BedrockAgentCoreControlClient } from '@aws-sdk/client-bedrock-agentcore-control';
import { startServer } from '../support/process.ts';
import { describeApi } from '../support/upstream.ts';
import { openProbe } from './health-probe.ts';
import type { Health } from './health-probe.ts';
import { EGRESS, apiOf, call, callWith, controlOf, goodShare, make, underLoad } from './house.ts';
import type { Answer } from './house.ts';
import { answerWith, openHostileUpstream } from './hostile-upstream.ts';
import { atLeast, atMost, exactly, until } from './row.ts';
import type { Check, Row } from './row.ts';

const MIB = 1024 * 1024;
/** Nearly the largest body that is taken, or read of an upstream. */
const LARGE = 5.8 * MIB;

/** Patterns that take for ever in engines that go back. */
const PATTERNS: readonly (readonly [pattern: string, of: string])[] = [
  ['^(a+)+$', 'a'],
  ['^(a|aa)+$', 'a'],
  ['(x+x+)+y', 'x'],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'],
  ['(a*)*b', 'a'],
  ['^(.*)*$', 'a'],
  ['(\\w+\\s?)*$', 'a'],
  ['^([0-9]{1,50}){1,50}$', '1'],
  ['(a{1,100}){1,9}$', 'a'],
  ['((a?){50}a{50})', 'a'],
];

const oneOfTwo = (depth: number): object =>
  depth === 0
    ? { type: 'object', required: ['x', 'y'] }
    : { anyOf: [oneOfTwo(depth - 1), oneOfTwo(depth - 1)] };

/** A schema for `v`, and a value that is dear to look at. */
const SCHEMAS: Readonly<Record<string, readonly [schema: object, value: () => unknown]>> = {
  ...Object.fromEntries(
    PATTERNS.map(([pattern, of], at): [string, [object, () => unknown]] => [
      `pattern${at}`,
      [{ type: 'string', pattern }, () => `${of.repeat(LARGE)}!`],
    ]),
  ),
  unique: [
    { type: 'array', uniqueItems: true },
    () => Array.from({ length: 40_000 }, (_, at) => ({ a: at })),
  ],
  alike: [
    { type: 'array', uniqueItems: true },
    () => Array.from({ length: 90 }, (_, at) => ({ a: 'x'.repeat(60_000), b: at })),
  ],
  anyOf: [{ type: 'array', items: oneOfTwo(7) }, () => Array.from({ length: 40_000 }, () => ({}))],
  names: [
    {
      type: 'object',
      patternProperties: Object.fromEntries(
        Array.from({ length: 50 }, (_, at) => [`^(a+)+${at}$`, { type: 'string' }]),
      ),
    },
    () => Object.fromEntries(Array.from({ length: 40_000 }, (_, at) => [`${'a'.repeat(100)}${at}`, 'x'])),
  ],
  values: [
    { type: 'array', items: { enum: Array.from({ length: 3_000 }, (_, at) => `value${at}`) } },
    () => Array.from({ length: 90_000 }, () => 'value2999'),
  ],
};

const filledWith = (unit: string): string => `[${unit.repeat(Math.floor(LARGE / unit.length)).slice(0, -1)}]`;
const members = (end: string): string =>
  `{${Array.from({ length: 400_000 }, (_, at) => `"m${at}":1`).join(',')}${end}}`;

/** Arguments as JSON texts. */
const TEXTS: Readonly<Record<string, () => string>> = {
  lists: () => filledWith('[],'),
  objects: () => filledWith('{},'),
  numbers: () => filledWith('1,'),
  longNumbers: () => filledWith('12345678901234567890,'),
  fractions: () => filledWith('1.5e300,'),
  oneNumber: () => '1'.repeat(LARGE),
  members: () => members(''),
  membersTwice: () => members(',"m1":2'),
  escapes: () => `"${'\\u0041'.repeat(LARGE / 6)}"`,
  quotes: () => `"${'\\"'.repeat(LARGE / 2)}"`,
  slashes: () => `"${'\\\\'.repeat(LARGE / 2)}"`,
  deep: () => '['.repeat(1_000_000) + ']'.repeat(1_000_000),
  broken: () => `[${'{},'.repeat(LARGE / 3)}`,
};

/** Answers of an API that promises a list. */
const ANSWERS: Readonly<Record<string, () => string>> = {
  answerLists: () => filledWith('[],'),
  answerObjects: () => filledWith('{"a":1},'),
  answerNumbers: () => filledWith('1,'),
  answerDeep: () => '['.repeat(1_000_000) + ']'.repeat(1_000_000),
  answerMembers: () => `[${members('')}]`,
};

async function dearWork(): Promise<readonly Check[]> {
  const upstream = await openHostileUpstream();
  const tools = {
    find: { query: { q: { type: 'string' } } },
    plain: { body: { type: 'object', properties: { v: { type: 'string' } } } },
    plainAnswer: { answer: { type: 'array' } },
    ...Object.fromEntries(
      Object.entries(SCHEMAS).map(([name, [schema]]) => [
        name,
        { body: { type: 'object', properties: { v: schema } } },
      ]),
    ),
    ...Object.fromEntries(Object.keys(ANSWERS).map((name) => [name, { answer: { type: 'array' } }])),
  };
  upstream.on('/plainAnswer', (socket) => answerWith(socket, 200, `["${'x'.repeat(LARGE)}"]`));
  for (const [name, text] of Object.entries(ANSWERS)) {
    const body = text();
    upstream.on(`/${name}`, (socket) => answerWith(socket, 200, body));
  }
  const server = await startServer({ env: EGRESS });
  const made = await make(controlOf(server), 'busy', {
    api: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(describeApi(upstream.url, tools)) } } },
  });
  const url = `${server.url}${made.path}`;
  await until('served', async () => (await call(url, 'api___find')).isGood);
  const odd: string[] = [];
  /** Each call twice, one after the other, and what others saw of the server meanwhile. */
  const during = async (ones: readonly (() => Promise<Answer>)[]): Promise<[Health, readonly Answer[]]> => {
    const probe = await openProbe(server.url);
    const answers: Answer[] = [];
    for (let round = 0; round < 2; round += 1) for (const one of ones) answers.push(await one());
    const health = await probe.end();
    for (const { status, text } of answers)
      if (![200, 400, 413].includes(status) || !text.startsWith('{"jsonrpc":"2.0"'))
        odd.push(`${status} ${text.slice(0, 100)}`);
    return [health, answers];
  };
  const send =
    (tool: string, text: () => string): (() => Promise<Answer>) =>
    () =>
      callWith(url, `api___${tool}`, text());
  const plain = send('plain', () => `{"v":"${'a'.repeat(LARGE)}"}`);
  const plainAnswer = send('plainAnswer', () => '{}');
  const groups: readonly (readonly [string, readonly (() => Promise<Answer>)[]])[] = [
    ['JSON', Object.values(TEXTS).map((text) => send('find', () => `{"q":"x","more":${text()}}`))],
    [
      'schemas',
      Object.entries(SCHEMAS).map(([name, [, value]]) =>
        send(name, () => `{"v":${JSON.stringify(value())}}`),
      ),
    ],
    ['answers', Object.keys(ANSWERS).map((name) => send(name, () => '{}'))],
  ];
  // As many large calls that are nothing special, before and in between: what such bodies cost by themselves.
  const baseline: Health[] = [];
  await during([plain, plainAnswer]);
  const checks: Check[] = [];
  let [count, failed] = [0, 0];
  for (const [what, ones] of groups) {
    const [before, plainAnswers] = await during(
      ones.map((_, at) => (at % 2 === 0 || what === 'JSON' ? plain : plainAnswer)),
    );
    baseline.push(before);
    const [health, answers] = await during(ones);
    count += answers.length;
    failed += health.failed + before.failed;
    checks.push(
      exactly(`${what}: plain calls that came to their results`, goodShare(plainAnswers), 1),
      atMost('p99 of health beside dear calls, to plain ones', health.p99 / before.p99, 10),
      atLeast('asked', health.asked, 20),
    );
  }
  const rest = await call(url, 'api___find');
  return [
    ...checks,
    exactly('dear calls', count, 2 * groups.reduce((sum, [, ones]) => sum + ones.length, 0)),
    exactly('answers that are not as they should be', odd.join(' | ') || 0, 0),
    exactly('health not 200', failed, 0),
    exactly('a call after it', String(rest.isGood), 'true'),
    exactly('process', server.child.exitCode === null ? 'running' : 'ended', 'running'),
  ];
}

const yamlHead = (more: string): string =>
  `openapi: 3.1.0\ninfo:\n  title: t\n  version: '1'\npaths: {}\n${more}`;

/** Documents that no import may take, and that must not cost the others anything. */
const DOCUMENTS: Readonly<Record<string, () => string>> = {
  cutOff: () => JSON.stringify(describeApi('http://127.0.0.1:1', manyOperations(9_000))).slice(0, 5 * MIB),
  noDocument: () => 'this is no document at all. '.repeat(190_000),
  otherKind: () => JSON.stringify({ hello: 'x'.repeat(5 * MIB) }),
  brokenRefs: () =>
    JSON.stringify(
      describeApi('http://127.0.0.1:1', manyOperations(9_000, { $ref: '#/components/schemas/none' })),
    ).replaceAll('"3.1.0"', '7'),
  aliases: () =>
    yamlHead(
      `x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n${Array.from({ length: 12 }, (_, at) => `x${at + 1}: &x${at + 1} [${Array.from({ length: 10 }, () => `*x${at}`).join(', ')}]`).join('\n')}\n`,
    ),
  deepYaml: () => yamlHead(`x: ${'['.repeat(200_000)}${']'.repeat(200_000)}\n`),
  deepBlocks: () =>
    yamlHead(`x:\n${Array.from({ length: 3_000 }, (_, at) => `${' '.repeat(at + 1)}a:`).join('\n')}\n`),
};

/** Documents that are odd, and may be taken with a remark: they go where nobody calls. */
const ODD: Readonly<Record<string, () => string>> = {
  keysTwice: () => yamlHead('x: 1\n'.repeat(900_000)),
  tags: () => yamlHead("x: !!js/function 'function () { process.exit() }'\n".repeat(2)),
};

const manyOperations = (count: number, schema: object = { type: 'string' }) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `operation${at}`,
      { description: 'x'.repeat(400), query: { q: schema } },
    ]),
  );

/** Pushes one into a live target and waits for the end of it. @returns what became of it */
async function push(
  control: BedrockAgentCoreControlClient,
  target: { readonly gatewayIdentifier: string; readonly targetId: string },
  text: string,
): Promise<string> {
  try {
    await control.send(
      new UpdateGatewayTargetCommand({
        ...target,
        targetConfiguration: { mcp: { openApiSchema: { inlinePayload: text } } },
      }),
    );
  } catch (thrown) {
    return thrown instanceof Error ? thrown.name : 'refused';
  }
  let status = '';
  await until(
    'the push is over',
    async () => {
      status = (await control.send(new GetGatewayTargetCommand(target))).status ?? '';
      return !status.endsWith('ING');
    },
    70_000,
  );
  return status;
}

async function badPushes(): Promise<readonly Check[]> {
  const upstream = await openHostileUpstream();
  const server = await startServer({ env: EGRESS });
  const control = controlOf(server);
  const made = await make(control, 'pushed', {
    api: apiOf(upstream.url, 'find'),
    odd: apiOf(upstream.url, 'other'),
  });
  const target = { gatewayIdentifier: made.gatewayId, targetId: made.targetIds['api'] ?? '' };
  const oddTarget = { gatewayIdentifier: made.gatewayId, targetId: made.targetIds['odd'] ?? '' };
  const ask = (): Promise<Answer> => call(`${server.url}${made.path}`, 'api___find');
  await until('served', async () => (await ask()).isGood);
  const good = JSON.stringify(
    describeApi(upstream.url, { find: { query: { q: { type: 'string' } } }, ...manyOperations(4_000) }),
  );

  const load = underLoad(2, ask, 5);
  // Documents that are large and right, and what others see of that.
  const before = await openProbe(server.url);
  const first = [await push(control, target, good), await push(control, target, good)];
  const baseline = await before.end();
  const probe = await openProbe(server.url);
  const taken: string[] = [];
  let longest = 0;
  for (const [name, text] of Object.entries(DOCUMENTS)) {
    const from = performance.now();
    const outcome = await push(control, target, text());
    longest = Math.max(longest, performance.now() - from);
    if (!/^ValidationException$|UNSUCCESSFUL|FAILED/.test(outcome)) taken.push(`${name}: ${outcome}`);
  }
  const outcomes: string[] = [];
  for (const text of Object.values(ODD)) outcomes.push(await push(control, oddTarget, text()));
  const health = await probe.end();
  const answers = await load.stop();
  const last = await push(control, target, good);
  return [
    exactly('large and right ones', first.join(), 'READY,READY'),
    exactly(`of ${Object.keys(DOCUMENTS).length} bad ones taken`, taken.join(' | ') || 0, 0),
    exactly(
      'odd ones that came to no end',
      outcomes.filter((outcome) => !/^(READY|ValidationException)$|UNSUCCESSFUL$/.test(outcome)).join() || 0,
      0,
    ),
    atMost('seconds until the slowest was refused', longest / 1_000, 60),
    exactly('calls of the target all the while', goodShare(answers), 1),
    atLeast('calls', answers.length, 200),
    atMost('p99 of health beside bad pushes, to right ones', health.p99 / baseline.p99, 10),
    exactly('health not 200', health.failed + baseline.failed, 0),
    atLeast('asked', health.asked, 200),
    exactly('a right one after them', last, 'READY'),
    exactly('serves', String((await ask()).isGood), 'true'),
  ];
}

export const BUSY_ROWS: readonly Row[] = [
  { id: 'F28', words: 'bodies, schemas, patterns, answers that are dear', isTimed: true, run: dearWork },
  { id: 'F36', words: 'bad documents of 5 MiB and bombs are pushed', isTimed: true, run: badPushes },
];
