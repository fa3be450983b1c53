// Tokens that targets give to clients (`requestState`, task ids, cursors) on their way through the gateway: sealed, and
// bound to the gateway and the caller, since the gateway calls many targets' servers under one credential and they
// cannot tell its clients apart (MCP 2026-07-28, multi round-trip requests; security best practices, state handles).

import { createHash } from 'node:crypto';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/principal.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import { stringifyLossless } from '../lib/lossless-json.ts';

/** How long a request may stay half done between two rounds; a call that waits here (parked.ts) waits as long. */
const STATE_LIFE_MS = 10 * 60_000;
const TASK_LIFE_MS = 7 * 24 * 60 * 60_000;

export interface RequestState {
  readonly targetId: string;
  /** The server's own, if it has one. */
  readonly state?: string;
  /** The call that waits for the client's answers (parked.ts). */
  readonly parked?: string;
}

export interface TaskHandle {
  readonly targetId: string;
  readonly taskId: string;
}

export interface Tokens {
  /** Gateway and caller as one text. */
  readonly caller: string;
  sealState(state: RequestState, method: string, params: JsonObject): string;
  /** Undefined for everything that was not given out for this very request of this caller, or is too old. */
  openState(token: string, method: string, params: JsonObject): RequestState | undefined;
  sealTask(handle: TaskHandle): string;
  openTask(token: string): TaskHandle | undefined;
  sealCursor(parts: readonly string[]): string;
  openCursor(token: string): readonly string[] | undefined;
}

/** The tokens of one caller at one gateway. */
export function createTokens(
  sealer: Sealer,
  clock: Clock,
  gatewayId: string,
  { type, issuer = '', id }: Principal,
): Tokens {
  const caller = [gatewayId, type, issuer, id];
  const withLife = (value: object, lifeMs: number): string =>
    JSON.stringify({ ...value, until: clock.now() + lifeMs });
  const alive = (text: string | undefined): unknown => {
    if (text === undefined) return undefined;
    const value = JSON.parse(text) as { readonly until: number };
    return value.until > clock.now() ? value : undefined;
  };
  return {
    caller: JSON.stringify(caller),
    sealState: (state, method, params) =>
      sealer.seal('request-state', withLife(state, STATE_LIFE_MS), [...caller, digest(method, params)]),
    openState: (token, method, params) =>
      alive(sealer.open('request-state', token, [...caller, digest(method, params)])) as
        | RequestState
        | undefined,
    sealTask: ({ targetId, taskId }) =>
      sealer.seal('task', withLife({ targetId, taskId }, TASK_LIFE_MS), caller),
    openTask: (token) => alive(sealer.open('task', token, caller)) as TaskHandle | undefined,
    sealCursor: (parts) => sealer.seal('cursor', JSON.stringify(parts), caller),
    openCursor(token) {
      const text = sealer.open('cursor', token, caller);
      return text === undefined ? undefined : (JSON.parse(text) as readonly string[]);
    },
  };
}

/** What must be the same in the retry of a request: everything but the answers, the state and `_meta`. */
function digest(method: string, params: JsonObject): string {
  const { inputResponses: _answers, requestState: _state, _meta, ...same } = params;
  return createHash('sha256').update(method).update('\0').update(stringifyLossless(same)).digest('base64url');
}
