// Tokens of one caller at one gateway: no use to anybody else, for anything else, or for ever.

import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import { createSealer } from '../vault/sealer.ts';
import { createTokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';

const MINUTE = 60_000;
const ALICE: Principal = { type: 'oauth-user', id: 'alice', issuer: 'https://one.example' };
const PARAMS: JsonObject = { name: 't___tool', arguments: { a: 1, b: 12345678901234567890n as never } };
const STATE = { targetId: 'T', state: 'own' };
const TASK = { targetId: 'T', taskId: 'own' };
const sealer = createSealer(new Uint8Array(32).fill(3), '000000000000');

let now: number;
beforeEach(() => {
  now = 1_000_000;
});

const tokensOf = (principal: Principal = ALICE, gateway = 'gw'): Tokens =>
  createTokens(sealer, { now: () => now, monotonic: () => now }, gateway, principal);

test('open for the request they were given for, with its answers, another id and other `_meta`', () => {
  const tokens = tokensOf();
  const token = tokens.sealState(STATE, 'tools/call', { ...PARAMS, _meta: { progressToken: 1 } });
  const retry = { ...PARAMS, requestState: token, inputResponses: { a: {} }, _meta: { progressToken: 2 } };
  expect(tokens.openState(token, 'tools/call', retry)).toMatchObject(STATE);
  expect(token).not.toContain('own');
  expect(tokens.openTask(tokens.sealTask(TASK))).toMatchObject(TASK);
  expect(tokens.openCursor(tokens.sealCursor(['tools', 'T', 'next']))).toEqual(['tools', 'T', 'next']);
});

test.each([
  ['another caller', tokensOf({ ...ALICE, id: 'bob' })],
  ['the same subject of another issuer', tokensOf({ ...ALICE, issuer: 'https://two.example' })],
  ['a subject without issuer', tokensOf({ type: 'oauth-user', id: 'alice' })],
  ['another kind of caller', tokensOf({ ...ALICE, type: 'iam' })],
  ['another gateway', tokensOf(ALICE, 'other')],
])('do not open for %s', (_who, others) => {
  const tokens = tokensOf();
  expect(others.caller).not.toBe(tokens.caller);
  expect(
    others.openState(tokens.sealState(STATE, 'tools/call', PARAMS), 'tools/call', PARAMS),
  ).toBeUndefined();
  expect(others.openTask(tokens.sealTask(TASK))).toBeUndefined();
  expect(others.openCursor(tokens.sealCursor(['x']))).toBeUndefined();
});

test('a state opens for no other method, tool or arguments', () => {
  const tokens = tokensOf();
  const token = tokens.sealState(STATE, 'tools/call', PARAMS);
  expect(tokens.openState(token, 'prompts/get', PARAMS)).toBeUndefined();
  for (const change of [
    { name: 't___other' },
    { arguments: {} },
    { arguments: { a: '1', b: 12345678901234567890n as never } },
    { arguments: { a: 1, b: 12345678901234567891n as never } },
    { more: null },
  ])
    expect(tokens.openState(token, 'tools/call', { ...PARAMS, ...change })).toBeUndefined();
});

test('any two different arguments are different requests', () => {
  const tokens = tokensOf();
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      const [mine, theirs] = [{ arguments: one as never }, { arguments: other as never }];
      const opened = tokens.openState(tokens.sealState(STATE, 'm', mine), 'm', theirs);
      expect(opened !== undefined).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
  );
});

test('one kind of token is none of another', () => {
  const tokens = tokensOf();
  const state = tokens.sealState(STATE, 'tools/call', PARAMS);
  const [task, cursor] = [tokens.sealTask(TASK), tokens.sealCursor(['T'])];
  for (const token of [state, cursor, '', 'garbage', task.slice(1)])
    expect(tokens.openTask(token)).toBeUndefined();
  for (const token of [state, task]) expect(tokens.openCursor(token)).toBeUndefined();
  for (const token of [task, cursor]) expect(tokens.openState(token, 'tools/call', PARAMS)).toBeUndefined();
});

test('a state lasts ten minutes, a task a week', () => {
  const tokens = tokensOf();
  const state = tokens.sealState(STATE, 'tools/call', PARAMS);
  const task = tokens.sealTask(TASK);
  now += 10 * MINUTE - 1;
  expect(tokens.openState(state, 'tools/call', PARAMS)).toBeDefined();
  now += 1;
  expect(tokens.openState(state, 'tools/call', PARAMS)).toBeUndefined();
  now += 7 * 24 * 60 * MINUTE - 10 * MINUTE - 1;
  expect(tokens.openTask(task)).toBeDefined();
  now += 1;
  expect(tokens.openTask(task)).toBeUndefined();
});
