// What a call of several requests (pages, waiters) is made of: one request and its answer, and the way to make another.

import type { JsonObject } from '../../core/json.ts';
import type { UpstreamResponse } from '../../core/outbound.ts';
import type { Answer } from './operation.ts';

/** Chance and time, for tests. */
export interface Surroundings {
  readonly newToken: () => string;
  /** Waits. @throws when the signal is aborted */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** An answer with what it was read from. */
export interface Exchange {
  readonly answer: Answer;
  readonly response: UpstreamResponse;
}

/** Sends one request of an operation and reads the answer. @throws GatewayError */
export type Exchanger = (args: JsonObject) => Promise<Exchange>;
