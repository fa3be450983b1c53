// Who gets which process: whatever calls, processes and ends come in whatever order, each call gets one process of its own
// function or one refusal, and there are never more processes than there may be.

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { failedOutcome } from './faults.ts';
import type { Instance, StartFailure } from './instance.ts';
import { StartRefused, createPools } from './pools.ts';
import type { Acquired, LaunchInstance } from './pools.ts';
import type { RunnableVersion } from './registry.ts';

afterEach(() => vi.useRealTimers());

const runnable = (key: string): RunnableVersion =>
  ({ key, functionId: key, name: key, version: '$LATEST', configuration: {} }) as unknown as RunnableVersion;

type Fake = Instance & { readonly key: string; state: 'starting' | 'idle' | 'busy' | 'finishing' | 'gone' };

/** Processes that do nothing by themselves: the test says when they are ready, free and gone. */
function fakes(processes: number) {
  const all: Fake[] = [];
  const events = new Map<Fake, Parameters<LaunchInstance>[1]>();
  const starts = new Map<Fake, PromiseWithResolvers<StartFailure | undefined>>();
  const ends = new Map<Fake, () => void>();
  let refuse: Error | undefined;
  let most = 0;
  const alive = (): Fake[] => all.filter(({ state }) => state !== 'gone');
  const pools = createPools(
    async (wanted, told) => {
      if (refuse) throw refuse;
      const started = Promise.withResolvers<StartFailure | undefined>();
      const gone = Promise.withResolvers<void>();
      const fake: Fake = {
        key: wanted.key,
        state: 'starting',
        id: String(all.length),
        group: 0,
        started: started.promise,
        initMs: () => 0,
        isFirst: () => true,
        memoryBytes: () => Promise.resolve(undefined),
        run: () => undefined,
        isIdle: () => fake.state === 'idle',
        isFinishing: () => fake.state === 'finishing',
        stop: () => {
          end(fake);
          return gone.promise;
        },
        gone: gone.promise,
      };
      all.push(fake);
      events.set(fake, told);
      starts.set(fake, started);
      ends.set(fake, () => gone.resolve());
      most = Math.max(most, alive().length);
      return fake;
    },
    { processes, idleMs: 1000 },
  );
  function end(fake: Fake): void {
    if (fake.state === 'gone') return;
    fake.state = 'gone';
    starts.get(fake)?.resolve((requestId) => failedOutcome('Ended', requestId));
    events.get(fake)?.onGone(fake);
    ends.get(fake)?.();
  }
  return {
    pools,
    all,
    end,
    most: () => most,
    refuseWith: (error: Error | undefined) => void (refuse = error),
    ready(fake: Fake): void {
      fake.state = 'idle';
      starts.get(fake)?.resolve(undefined);
    },
    free(fake: Fake): void {
      fake.state = 'idle';
      events.get(fake)?.onIdle(fake);
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('pools', () => {
  it('keep their promises whatever happens', async () => {
    const step = fc.record({
      what: fc.constantFrom(
        'call',
        'call',
        'call',
        'ready',
        'ready',
        'finish',
        'free',
        'end',
        'fail',
        'retire',
      ),
      which: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 60 }),
        async (processes, steps) => {
          vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
          const house = fakes(processes);
          const calls: { key: string; answers: (Acquired | GatewayError)[] }[] = [];
          const users = new Map<Instance, number>();
          const versions = ['a', 'b'].map(runnable);
          const kept = new Map(versions.map((version) => [version.key, version]));
          const of = (states: readonly string[]): Fake[] =>
            house.all.filter(({ state }) => states.includes(state));
          for (const { what, which } of steps) {
            const pick = <T>(from: readonly T[]): T | undefined => from[which % Math.max(1, from.length)];
            if (what === 'call') {
              const version = versions[which % 2] ?? runnable('a');
              const entry = { key: version.key, answers: [] as (Acquired | GatewayError)[] };
              calls.push(entry);
              const take = (acquired: Acquired): void => {
                entry.answers.push(acquired);
                if (!('instance' in acquired)) return;
                const fake = acquired.instance as Fake;
                expect(fake.key).toBe(version.key);
                // Free when it is given away, and given to nobody else.
                if (fake.state === 'idle') fake.state = 'busy';
                users.set(fake, (users.get(fake) ?? 0) + 1);
              };
              try {
                const acquired = house.pools.acquire(version);
                if (acquired instanceof Promise)
                  acquired.then(take, (fault: unknown) => entry.answers.push(fault as GatewayError));
                else take(acquired);
              } catch (fault) {
                entry.answers.push(fault as GatewayError);
              }
            } else if (what === 'retire') house.pools.keepOnly(kept);
            else if (what === 'ready') {
              const fake = pick(of(['starting']));
              if (fake) house.ready(fake);
            } else if (what === 'finish') {
              const fake = pick(of(['busy']));
              if (fake) fake.state = 'finishing';
            } else if (what === 'free') {
              const fake = pick(of(['finishing']));
              if (fake) {
                users.set(fake, 0);
                house.free(fake);
              }
            } else if (what === 'end') {
              const fake = pick(of(['busy', 'idle', 'finishing']));
              if (fake) house.end(fake);
            } else {
              const fake = pick(of(['starting']));
              if (fake) house.end(fake);
            }
            await turn();
            for (const [fake, count] of users)
              if ((fake as Fake).state !== 'gone') expect(count).toBeLessThanOrEqual(1);
            // One that makes room for another counts until it is gone, which here is at once.
            expect(house.most()).toBeLessThanOrEqual(processes);
            vi.advanceTimersByTime(which % 3 === 0 ? 25 : 0);
          }
          // Now everything that starts gets ready, everything busy gets free: nobody may be left waiting.
          for (let rounds = 0; rounds < 200; rounds += 1) {
            for (const fake of of(['starting'])) house.ready(fake);
            await turn();
            for (const fake of of(['busy', 'finishing'])) house.free(fake);
            vi.advanceTimersByTime(25);
            await turn();
          }
          for (const { answers } of calls) expect(answers).toHaveLength(1);
          await house.pools.close();
          expect(of(['starting', 'idle', 'busy', 'finishing'])).toEqual([]);
          vi.useRealTimers();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a process that has just answered is waited for, and not for long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const house = fakes(4);
    const first = house.pools.acquire(runnable('a'));
    await turn();
    const [one] = house.all;
    if (!one) throw new Error('nothing was started');
    house.ready(one);
    expect(await first).toEqual({ instance: one });
    one.state = 'finishing';
    const second = house.pools.acquire(runnable('a'));
    await turn();
    expect(house.all).toHaveLength(1);
    house.free(one);
    expect(await second).toEqual({ instance: one });
    one.state = 'finishing';
    const third = house.pools.acquire(runnable('a'));
    vi.advanceTimersByTime(25);
    await turn();
    const [, two] = house.all;
    if (!two) throw new Error('nothing more was started');
    house.ready(two);
    expect(await third).toEqual({ instance: two });
    await house.pools.close();
  });

  it('what a launch throws reaches the one who called: refusals of the function as an answer, others as errors', async () => {
    const house = fakes(1);
    house.refuseWith(new GatewayError('UpstreamRefused', 'no Python'));
    await expect(house.pools.acquire(runnable('a'))).rejects.toMatchObject({ message: 'no Python' });
    house.refuseWith(new Error('spawn EAGAIN'));
    await expect(house.pools.acquire(runnable('a'))).rejects.toMatchObject({ code: 'UpstreamRefused' });
    const failure = (requestId: string) => failedOutcome('Runtime.InvalidEntrypoint', requestId);
    house.refuseWith(new StartRefused(failure));
    expect(await house.pools.acquire(runnable('a'))).toEqual({ failure });
    house.refuseWith(undefined);
    // None of them has cost a place.
    const acquired = house.pools.acquire(runnable('a'));
    await turn();
    const [one] = house.all;
    if (one) house.ready(one);
    expect(await acquired).toEqual({ instance: one });
    expect(() => house.pools.acquire(runnable('b'))).toThrow(GatewayError);
    await house.pools.close();
    expect(() => house.pools.acquire(runnable('a'))).toThrow(/stopping/);
  });

  it('closing refuses those that wait', async () => {
    const house = fakes(2);
    const waiting = house.pools.acquire(runnable('a'));
    const refused = expect(waiting).rejects.toMatchObject({ code: 'Unavailable' });
    await turn();
    await house.pools.close();
    await refused;
    expect(house.all.map(({ state }) => state)).toEqual(['gone']);
  });
});
