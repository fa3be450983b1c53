// Calls of clients that cannot be asked while a request runs (2026-07-28) to servers that ask while it runs (earlier
// revisions). The call to the server stays open here; the client is told `input_required` with a sealed state that
// names it, and its retry brings the answers. A retry that reaches another process is handed to the one that has the
// call (sessions/session.ts).

import { randomBytes } from 'node:crypto';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { RelayedError } from '../core/relay.ts';
import type { ClientLink } from '../core/client-link.ts';
import { parseLossless, stringifyLossless } from '../lib/lossless-json.ts';
import type { Mailbox } from '../sessions/session.ts';
import { canBeAsked } from './capabilities.ts';
import { INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND } from './error-response.ts';

/** How long a call waits for the client's next round (milliseconds). */
const PARKED_MS = 10 * 60_000;
const MAX_PARKED = 1_000;
const MAX_OF_CALLER = 100;
/** Questions of one call that are open at a time. */
const MAX_QUESTIONS = 32;
/** How long the round of a call in another process may take (milliseconds); calls have as long. */
const ROUND_WITHIN_MS = 15 * 60_000;

interface Question {
  readonly method: string;
  readonly params: JsonObject;
  readonly resolve: (result: JsonObject) => void;
}

/** What a round ends with: the server's result, or questions to the client. */
export type Round =
  | { readonly result: JsonObject }
  | { readonly parked: string; readonly inputRequests: JsonObject };

export interface ParkedCalls {
  /**
   * Runs a call whose server may ask the client.
   * @param caller whose call it is: each may have only so many waiting
   * @param link the client's link in this round; questions are taken over from it
   * @param run sends the request with the link and signal it is given
   */
  start(
    caller: string,
    link: ClientLink,
    capabilities: JsonObject,
    signal: AbortSignal,
    run: (link: ClientLink, signal: AbortSignal) => Promise<JsonObject>,
  ): Promise<Round>;
  /**
   * Gives the client's answers to a call, wherever it waits, and goes on to the end of the next round.
   * @throws RelayedError when it does not wait any more; GatewayError Throttled, UpstreamTimeout
   */
  resume(
    caller: string,
    id: string,
    answers: JsonObject,
    link: ClientLink,
    signal: AbortSignal,
  ): Promise<Round>;
  close(): void;
}

/** The parked calls of this process. */
export function createParkedCalls(mailbox: Mailbox): ParkedCalls {
  const calls = new Map<string, { readonly call: ParkedCall; readonly stopServing: () => void }>();

  async function nextRound(call: ParkedCall, link: ClientLink, signal: AbortSignal): Promise<Round> {
    const round = await call.round(link, signal);
    if ('result' in round) return round;
    const own = [...calls.values()].filter((entry) => entry.call.caller === call.caller);
    if (calls.size >= MAX_PARKED || own.length >= MAX_OF_CALLER) {
      call.stop();
      throw new GatewayError('Throttled', 'Too many calls wait for input of their clients. Try again later.');
    }
    calls.set(call.id, { call, stopServing: serve(call) });
    call.expire(PARKED_MS, () => take(call.id));
    return round;
  }

  function take(id: string): ParkedCall | undefined {
    const entry = calls.get(id);
    entry?.stopServing();
    calls.delete(id);
    return entry?.call;
  }

  /** Retries that reach another process arrive here as a message, and their round goes back as one. */
  function serve(call: ParkedCall): () => void {
    return mailbox.wait(addressOf(call.id), (text) => {
      take(call.id);
      const { answers, back } = parseLossless(text) as { answers: JsonObject; back: string };
      call.answer(answers);
      const left = new AbortController();
      const stopWaiting = mailbox.wait(leftAddressOf(back), () => left.abort());
      nextRound(call, { capabilities: {}, notify: () => undefined }, left.signal)
        .finally(stopWaiting)
        .then((round) => ({ round }), describe)
        .then(async (outcome) => {
          if (await mailbox.post(back, stringifyLossless(outcome))) return;
          await mailbox.post(back, stringifyLossless(describe(new RelayedError(INTERNAL_ERROR, TOO_LONG))));
        })
        .catch(() => call.stop());
    });
  }

  async function resumeElsewhere(
    caller: string,
    id: string,
    answers: JsonObject,
    signal: AbortSignal,
  ): Promise<Round> {
    const back = `round/${randomBytes(18).toString('base64url')}`;
    const { promise, resolve, reject } = Promise.withResolvers<Round>();
    const stop = mailbox.wait(back, (text) => {
      const { round, error } = parseLossless(text) as { round?: Round; error?: RelayedFault };
      if (round) resolve(round);
      else reject(new RelayedError(error?.code ?? INTERNAL_ERROR, error?.message ?? OVER, error?.data));
    });
    const giveUp = (): void => {
      reject(new GatewayError('UpstreamTimeout', 'The call was given up.'));
      mailbox.post(leftAddressOf(back), '{}').catch(() => false);
    };
    const timer = setTimeout(giveUp, ROUND_WITHIN_MS).unref();
    promise.catch(() => undefined);
    try {
      if (!(await mailbox.post(addressOf(id), stringifyLossless({ answers, back }), caller)))
        throw new RelayedError(INVALID_PARAMS, OVER);
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      stop();
    }
  }

  return Object.freeze({
    start: (caller: string, link: ClientLink, capabilities: JsonObject, signal: AbortSignal, run: RunCall) =>
      nextRound(new ParkedCall(caller, capabilities, run), link, signal),
    resume(
      caller: string,
      id: string,
      answers: JsonObject,
      link: ClientLink,
      signal: AbortSignal,
    ): Promise<Round> {
      const call = take(id);
      if (!call) return resumeElsewhere(caller, id, answers, signal);
      call.answer(answers);
      return nextRound(call, link, signal);
    },
    close(): void {
      for (const id of calls.keys()) take(id)?.stop();
    },
  });
}

interface RelayedFault {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonObject;
}

const TOO_LONG = 'The result is too long to be handed from one process of this gateway to another';
const OVER = 'The call that this requestState belongs to is over; send the request anew, without it';

function addressOf(id: string): string {
  return `parked/${id}`;
}

/** Where the process with the call hears that the client of a round has left. */
function leftAddressOf(back: string): string {
  return `left/${back}`;
}

function describe(thrown: unknown): JsonObject {
  if (thrown instanceof RelayedError)
    return { error: { code: thrown.code, message: thrown.message, data: thrown.data } };
  return { error: { code: INTERNAL_ERROR, message: toGatewayError(thrown).message } };
}

type RunCall = Parameters<ParkedCalls['start']>[4];

class ParkedCall {
  readonly id = randomBytes(18).toString('base64url');
  readonly caller: string;
  readonly #abort = new AbortController();
  readonly #questions = new Map<string, Question>();
  readonly #outcome: Promise<JsonObject>;
  #link: ClientLink | undefined;
  #asked = Promise.withResolvers<void>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(caller: string, capabilities: JsonObject, run: RunCall) {
    this.caller = caller;
    const link: ClientLink = {
      capabilities,
      notify: (method, params) => this.#link?.notify(method, params),
      request: (method, params) => this.#ask(capabilities, method, params),
    };
    // Started in the next turn, when the first round listens.
    this.#outcome = Promise.resolve().then(() =>
      run(
        this.#link?.logLevel === undefined ? link : { ...link, logLevel: this.#link.logLevel },
        this.#abort.signal,
      ),
    );
    this.#outcome.catch(() => undefined);
  }

  #ask(capabilities: JsonObject, method: string, params: JsonObject): Promise<JsonObject> {
    if (!canBeAsked(capabilities, method, params))
      return Promise.reject(
        new RelayedError(METHOD_NOT_FOUND, `The client has not declared what ${method} needs`),
      );
    if (this.#questions.size >= MAX_QUESTIONS)
      return Promise.reject(new RelayedError(INTERNAL_ERROR, 'Too many questions are open'));
    const { promise, resolve } = Promise.withResolvers<JsonObject>();
    this.#count += 1;
    this.#questions.set(`input-${this.#count}`, { method, params, resolve });
    this.#asked.resolve();
    return promise;
  }

  async round(link: ClientLink, signal: AbortSignal): Promise<Round> {
    clearTimeout(this.#timer);
    this.#link = link;
    const onAbort = (): void => this.#abort.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const result = await Promise.race([this.#outcome, this.#asked.promise]);
      if (result) return { result };
      const inputRequests = Object.fromEntries(
        [...this.#questions].map(([key, { method, params }]) => [key, { method, params }]),
      );
      return { parked: this.id, inputRequests };
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#link = undefined;
    }
  }

  /** Questions without a usable answer stay open, and are asked again. */
  answer(answers: JsonObject): void {
    for (const [key, { resolve }] of this.#questions) {
      const answer = answers[key];
      if (!isJsonObject(answer)) continue;
      resolve(answer);
      this.#questions.delete(key);
    }
    if (this.#questions.size === 0) this.#asked = Promise.withResolvers<void>();
  }

  expire(ms: number, gone: () => void): void {
    this.#timer = setTimeout(() => {
      this.stop();
      gone();
    }, ms);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }
}
