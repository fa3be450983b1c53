// One request through to a target that is an MCP server, and its result back: parameters in the canonical form, tokens
// sealed, questions of the server brought to the client in the way of its era (reference: MCP 2026-07-28, multi
// round-trip requests; 2025-11-25, elicitation and sampling). Everything else of a result passes untouched.

import { randomUUID } from 'node:crypto';
import type { CallContext } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import {
  META_CAPABILITIES,
  META_CLIENT_INFO,
  META_LOG_LEVEL,
  META_VERSION,
  RelayedError,
} from '../core/relay.ts';
import type { ClientLink } from '../core/client-link.ts';
import type { UpstreamServer } from '../core/relay.ts';
import { canBeAsked } from './capabilities.ts';
import { INTERNAL_ERROR, INVALID_PARAMS, ProtocolError, URL_ELICITATION_REQUIRED } from './error-response.ts';
import { metaOf } from './message.ts';
import type { MethodContext } from './methods/method.ts';
import type { Round } from './parked.ts';
import type { RequestState } from './tokens.ts';

/** Rounds of questions that one request of an earlier revision may go through. */
const MAX_ROUNDS = 8;
const MAX_QUESTIONS = 32;
/** A sealed state comes back in a body, a sealed task id also in a header (characters). */
const MAX_STATE = 1024 * 1024;
const MAX_TASK = 8 * 1024;
/** Until 2025-11-25; later revisions use −32602. */
const RESOURCE_NOT_FOUND = -32002;
/** The methods of multi round-trip requests. */
const ASKING: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
const PROTOCOL_KEYS: ReadonlySet<string> = new Set([
  META_VERSION,
  META_CAPABILITIES,
  META_CLIENT_INFO,
  META_LOG_LEVEL,
]);

export interface RelayTarget {
  readonly targetId: string;
  readonly server: UpstreamServer;
  /** What discovery wrote down of the tool that is called. */
  readonly plan?: string;
}

/**
 * Sends a request to a target's server.
 * @param params in the target's own names; what the client sent besides passes along
 * @returns the result in the canonical form, its tokens sealed for this client
 * @throws RelayedError what the server answered; ProtocolError for a bad `requestState`; GatewayError Upstream…
 */
export async function relay(
  ctx: MethodContext,
  target: RelayTarget,
  method: string,
  params: JsonObject,
): Promise<JsonObject> {
  const round = ctx.isModern
    ? await modernRound(ctx, target, method, params)
    : { result: await legacyRounds(ctx, target, method, params) };
  if ('result' in round) {
    checkQuestions(ctx, method, round.result);
    return sealTokens(ctx, target, method, round.result);
  }
  const requestState = ctx
    .tokens()
    .sealState({ targetId: target.targetId, parked: round.parked }, method, ctx.request.params);
  return { resultType: 'input_required', inputRequests: round.inputRequests, requestState };
}

function modernRound(
  ctx: MethodContext,
  target: RelayTarget,
  method: string,
  params: JsonObject,
): Promise<Round> {
  const state = readState(ctx, target, method);
  const { inputResponses } = ctx.request.params;
  const answers = isJsonObject(inputResponses) ? inputResponses : {};
  const link = ctx.link();
  const caller = ctx.tokens().caller;
  if (state?.parked !== undefined)
    return ctx.parked
      .resume(caller, state.parked, answers, link, ctx.call.signal)
      .catch((thrown: unknown) => ({ result: asModern(ctx, thrown) }));
  const whole = canonical(ctx, params, {
    ...(inputResponses === undefined ? {} : { inputResponses }),
    ...(state?.state === undefined ? {} : { requestState: state.state }),
  });
  return ctx.parked
    .start(caller, link, ctx.capabilities(), ctx.call.signal, (given, signal) =>
      target.server.request(method, whole, { ...ctx.call, client: given, signal }, target.plan),
    )
    .catch((thrown: unknown) => ({ result: asModern(ctx, thrown) }));
}

/** The state of the round before, if the client brings one. @throws ProtocolError when it is not one of ours */
function readState(ctx: MethodContext, target: RelayTarget, method: string): RequestState | undefined {
  const { requestState } = ctx.request.params;
  if (requestState === undefined) return undefined;
  const state =
    typeof requestState === 'string'
      ? ctx.tokens().openState(requestState, method, ctx.request.params)
      : undefined;
  if (state?.targetId !== target.targetId)
    throw new ProtocolError(
      200,
      INVALID_PARAMS,
      'The requestState is not one that was given for this request',
    );
  return state;
}

/** A client of an earlier revision is asked while its request runs; the server is called anew with the answers. */
async function legacyRounds(
  ctx: MethodContext,
  target: RelayTarget,
  method: string,
  params: JsonObject,
): Promise<JsonObject> {
  const client = ctx.link();
  const call: CallContext = { ...ctx.call, client };
  let more: JsonObject = {};
  for (let round = 0; round <= MAX_ROUNDS; round += 1) {
    const result = await target.server.request(method, canonical(ctx, params, more), call, target.plan);
    if (result['resultType'] !== 'input_required') return result;
    const { inputRequests, requestState } = result;
    const questions = Object.entries(isJsonObject(inputRequests) ? inputRequests : {});
    if (questions.length > MAX_QUESTIONS)
      throw new RelayedError(
        INTERNAL_ERROR,
        `The server asked for more than ${MAX_QUESTIONS} inputs at once`,
      );
    const answers: [string, JsonObject][] = [];
    for (const [key, asked] of questions) answers.push([key, await answerTo(asked, client, ctx)]);
    more = {
      inputResponses: Object.fromEntries(answers),
      ...(requestState === undefined ? {} : { requestState }),
    };
  }
  throw new RelayedError(INTERNAL_ERROR, `The server asked for input more than ${MAX_ROUNDS} times`);
}

function answerTo(asked: unknown, client: ClientLink, ctx: MethodContext): Promise<JsonObject> {
  const { method, params } = isJsonObject(asked) ? asked : {};
  if (typeof method !== 'string' || !client.request)
    throw new RelayedError(
      INTERNAL_ERROR,
      'The server needs input from the client, which this client cannot be asked for: it takes a session, a stream and the declared capability',
    );
  const given = isJsonObject(params) ? params : {};
  // Earlier revisions name each visit to a URL by an id.
  const known =
    given['mode'] === 'url' && given['elicitationId'] === undefined
      ? { ...given, elicitationId: randomUUID() }
      : given;
  return client.request(method, known, ctx.call.signal);
}

/** Parameters as targets get them: the client's own `_meta` keys, none of the protocol's. */
function canonical(ctx: MethodContext, params: JsonObject, more: JsonObject): JsonObject {
  const meta = metaOf(ctx.request.params);
  const kept = meta && Object.entries(meta).filter(([key]) => !PROTOCOL_KEYS.has(key));
  return { ...params, ...(kept && kept.length > 0 ? { _meta: Object.fromEntries(kept) } : {}), ...more };
}

/** Errors that 2026-07-28 has no more, as its clients can understand them; others go on as they are. */
function asModern(ctx: MethodContext, thrown: unknown): JsonObject {
  if (!(thrown instanceof RelayedError)) throw thrown;
  if (thrown.code === RESOURCE_NOT_FOUND) throw new RelayedError(INVALID_PARAMS, thrown.message, thrown.data);
  if (thrown.code !== URL_ELICITATION_REQUIRED) throw thrown;
  const listed = isJsonObject(thrown.data) ? thrown.data['elicitations'] : undefined;
  const visits = (Array.isArray(listed) ? (listed as readonly unknown[]) : []).filter(isJsonObject);
  if (visits.length === 0 || !canBeAsked(ctx.capabilities(), 'elicitation/create', { mode: 'url' }))
    throw new RelayedError(INTERNAL_ERROR, thrown.message);
  return {
    resultType: 'input_required',
    inputRequests: Object.fromEntries(
      visits.map((params, index) => [`visit-${index + 1}`, { method: 'elicitation/create', params }]),
    ),
    requestState: '',
  };
}

/** A server may ask for input by three methods, and only for what the client has declared. @throws GatewayError */
function checkQuestions(ctx: MethodContext, method: string, result: JsonObject): void {
  if (result['resultType'] !== 'input_required') return;
  const { inputRequests = {}, requestState } = result;
  const questions = isJsonObject(inputRequests) ? Object.values(inputRequests) : [undefined];
  const isAllowed = questions.every(
    (question) =>
      isJsonObject(question) &&
      typeof question['method'] === 'string' &&
      canBeAsked(
        ctx.capabilities(),
        question['method'],
        isJsonObject(question['params']) ? question['params'] : {},
      ),
  );
  if (ASKING.has(method) && isAllowed && (questions.length > 0 || requestState !== undefined)) return;
  throw new GatewayError('UpstreamInvalid', 'The MCP server asked for input that it may not ask for.');
}

/** Nothing that lets one client steer another's work leaves unsealed. */
function sealTokens(
  ctx: MethodContext,
  { targetId }: RelayTarget,
  method: string,
  result: JsonObject,
): JsonObject {
  const { requestState, taskId } = result;
  if (typeof requestState === 'string') {
    const state = ctx.tokens().sealState({ targetId, state: requestState }, method, ctx.request.params);
    return { ...result, requestState: noLonger(state, MAX_STATE) };
  }
  if (result['resultType'] === 'task' && typeof taskId === 'string')
    return { ...result, taskId: noLonger(ctx.tokens().sealTask({ targetId, taskId }), MAX_TASK) };
  return result;
}

/** Better no token than one that cannot come back. */
function noLonger(token: string, limit: number): string {
  if (token.length <= limit) return token;
  throw new GatewayError('UpstreamInvalid', 'The MCP server gave a state or task id that is too long.');
}
