// What keeps one bad target from costing the others: so many of its calls at a time, the next ones in a line that is no
// longer than that, and none at all for a while after it has failed again and again (a circuit breaker). Never sends a call
// twice. One guard a target lives as long as the process, whatever is configured anew.

import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { TargetGuard } from '../core/target-guard.ts';
import type { Clock } from '../lib/clock.ts';
import { isClosedConnection } from './faults.ts';

/** Calls of one target at a time, unless its setting says otherwise. */
export const DEFAULT_CONCURRENCY = 1_000;
/** Failures in a row after which a target rests, and for how long: twice as long after each probe that fails (ms). */
const FAILURES = 10;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 30_000;
const RETRY_AFTER_MS = 1_000;
/** Answers of proxies and servers that say: nobody there, or not now. */
const AWAY: ReadonlySet<number> = new Set([502, 503, 504]);
const FAULTS: ReadonlySet<string> = new Set(['UpstreamRefused', 'UpstreamTimeout']);

export interface TargetGuards {
  /** The guard of a target. @param concurrency calls at a time */
  guardOf(targetId: string, concurrency?: number): TargetGuard;
  /** Forgets targets that are gone. */
  retain(targetIds: ReadonlySet<string>): void;
  /** For figures, by target: calls under way, calls in line, and 1 while it rests. */
  figures(): Readonly<Record<'running' | 'waiting' | 'resting', ReadonlyMap<string, number>>>;
}

/** The guards of this process. */
export function createTargetGuards(clock: Pick<Clock, 'monotonic'>): TargetGuards {
  const states = new Map<string, GuardState>();
  return {
    guardOf(targetId, concurrency = DEFAULT_CONCURRENCY) {
      let state = states.get(targetId);
      if (!state) states.set(targetId, (state = new GuardState(clock)));
      state.concurrency = concurrency;
      return guardWith(state);
    },
    retain(targetIds) {
      for (const targetId of states.keys()) if (!targetIds.has(targetId)) states.delete(targetId);
    },
    figures() {
      const by = (read: (state: GuardState) => number): ReadonlyMap<string, number> =>
        new Map([...states].map(([targetId, state]) => [targetId, read(state)]));
      return {
        running: by(({ running }) => running),
        waiting: by(({ waiting }) => waiting),
        resting: by((state) => Number(state.isResting)),
      };
    },
  };
}

function guardWith(state: GuardState): TargetGuard {
  return {
    egress: (door) => ({
      request: (request, options) => state.run(() => door.request(request, options), isAway, options.signal),
      // Only until the head is there: what listens for long is no call under way.
      stream: (request, options) => state.run(() => door.stream(request, options), isAway, options.signal),
    }),
    functions: (invoker) => ({
      invoke: (invocation, ctx) => state.run(() => invoker.invoke(invocation, ctx), neverAway, ctx.signal),
    }),
  };
}

const isAway = ({ status }: { readonly status: number }): boolean => AWAY.has(status);
const neverAway = (): boolean => false;

class GuardState {
  concurrency = DEFAULT_CONCURRENCY;
  running = 0;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #line: (() => void)[] = [];
  #failures = 0;
  #restMs = 0;
  #restsUntil = 0;
  #isProbing = false;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** Until it may be tried again; whether anybody does then is another matter. */
  get isResting(): boolean {
    return this.#restMs > 0 && (this.#isProbing || this.#clock.monotonic() < this.#restsUntil);
  }

  async run<T>(
    work: () => Promise<T>,
    isAway: (answer: T) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const isProbe = this.#letThrough();
    try {
      if (this.running < this.concurrency) this.running += 1;
      else await this.#waitInLine(signal);
    } catch (thrown) {
      if (isProbe) this.#isProbing = false;
      throw thrown;
    }
    try {
      const answer = await work();
      this.#note(isAway(answer));
      return answer;
    } catch (thrown) {
      // Whoever went away says nothing about the target.
      if (signal?.aborted !== true)
        this.#note(FAULTS.has(toGatewayError(thrown).code) || isClosedConnection(thrown));
      throw thrown;
    } finally {
      if (isProbe) this.#isProbing = false;
      // The place goes to the next in line, so that nobody slips in between.
      const next = this.#line.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  /** True for the one call that finds out whether a resting target is back. */
  #letThrough(): boolean {
    if (this.#restMs === 0) return false;
    const leftMs = this.#restsUntil - this.#clock.monotonic();
    if (leftMs <= 0 && !this.#isProbing) {
      this.#isProbing = true;
      return true;
    }
    throw new GatewayError(
      'UpstreamRefused',
      'The target has failed again and again and is left alone for a moment.',
      {
        retryAfterMs: Math.max(RETRY_AFTER_MS, leftMs),
        internal: `circuit breaker open after ${this.#failures} failures in a row`,
      },
    );
  }

  /** The line is as long as what may run: more would only wait for their deadline. */
  async #waitInLine(signal: AbortSignal | undefined): Promise<void> {
    if (this.#line.length >= this.concurrency)
      throw new GatewayError(
        'Unavailable',
        'This target has too many calls at once. Try again in a moment.',
        {
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    const givenUp = (): GatewayError =>
      new GatewayError('UpstreamTimeout', 'The call was given up while it waited for its target.');
    if (signal?.aborted === true) throw givenUp();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#line.push(resolve);
    const leave = (): void => {
      const place = this.#line.indexOf(resolve);
      if (place >= 0) this.#line.splice(place, 1);
      reject(givenUp());
    };
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  #note(isFailure: boolean): void {
    if (!isFailure) {
      this.#failures = 0;
      this.#restMs = 0;
      return;
    }
    this.#failures += 1;
    if (this.#failures < FAILURES) return;
    // Failures of calls that were under way together are one reason to rest, not many.
    const now = this.#clock.monotonic();
    if (this.#restMs > 0 && now < this.#restsUntil) return;
    this.#restMs = this.#restMs === 0 ? FIRST_REST_MS : Math.min(this.#restMs * 2, LONGEST_REST_MS);
    this.#restsUntil = now + this.#restMs;
  }
}
