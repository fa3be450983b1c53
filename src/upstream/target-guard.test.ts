import { expect, test } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import type { Egress, OutboundRequest, UpstreamResponse } from '../core/outbound.ts';
import { createTargetGuards } from './target-guard.ts';

const REQUEST: OutboundRequest = { method: 'POST', url: new URL('https://api.example.com/'), headers: {} };
const OPTIONS = { timeoutMs: 1_000, maxResponseBytes: 1_000 };
const answer = (status: number): UpstreamResponse => ({ status, headers: {}, body: Buffer.alloc(0) });
const refused = () => Promise.reject(new GatewayError('UpstreamRefused', 'nobody there'));

function bench(concurrency?: number) {
  const clock = { time: 0 };
  const guards = createTargetGuards({ monotonic: () => clock.time });
  let sent = 0;
  let respond: () => Promise<UpstreamResponse> = () => Promise.resolve(answer(200));
  const door: Egress = {
    request: () => {
      sent += 1;
      return respond();
    },
    stream: () => Promise.reject(new Error('not here')),
  };
  const egress = guards.guardOf('t', concurrency).egress(door);
  return {
    clock,
    guards,
    call: (signal?: AbortSignal) => egress.request(REQUEST, signal ? { ...OPTIONS, signal } : OPTIONS),
    from: (next: () => Promise<UpstreamResponse>) => void (respond = next),
    sent: () => sent,
  };
}

test('a target that fails again and again rests, and is back with the first call that succeeds', async () => {
  const { clock, call, from, sent, guards } = bench();
  from(refused);
  for (let at = 0; at < 10; at += 1) await expect(call()).rejects.toThrow('nobody there');
  await expect(call()).rejects.toMatchObject({
    code: 'UpstreamRefused',
    message: expect.stringContaining('left alone') as unknown,
  });
  expect(sent()).toBe(10);
  expect(guards.figures().resting.get('t')).toBe(1);
  // The probe fails: twice as long.
  clock.time += 1_000;
  await expect(call()).rejects.toThrow('nobody there');
  clock.time += 1_999;
  await expect(call()).rejects.toThrow('left alone');
  clock.time += 1;
  from(() => Promise.resolve(answer(404)));
  expect((await call()).status).toBe(404);
  expect((await call()).status).toBe(404);
  expect([sent(), guards.figures().resting.get('t')]).toEqual([13, 0]);
});

test('one call at a time finds out whether a resting target is back', async () => {
  const { clock, call, from, sent } = bench();
  from(refused);
  for (let at = 0; at < 10; at += 1) await call().catch(() => undefined);
  clock.time += 1_000;
  const held = Promise.withResolvers<UpstreamResponse>();
  from(() => held.promise);
  const probe = call();
  await expect(call()).rejects.toThrow('left alone');
  held.resolve(answer(200));
  expect((await probe).status).toBe(200);
  expect(sent()).toBe(11);
});

test('a target that takes calls and breaks them off is one that fails', async () => {
  const { call, from, sent } = bench();
  const cause = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  from(() => Promise.reject(new GatewayError('UpstreamInvalid', 'it broke off', { cause })));
  for (let at = 0; at < 12; at += 1) await call().catch(() => undefined);
  expect(sent()).toBe(10);
  const other = bench();
  // It is there, and says something else than HTTP, or too much.
  other.from(() => Promise.reject(new GatewayError('UpstreamInvalid', 'too much')));
  for (let at = 0; at < 12; at += 1) await other.call().catch(() => undefined);
  expect(other.sent()).toBe(12);
});

test('a target that nobody calls any more is not said to rest for ever', async () => {
  const { clock, call, from, guards } = bench();
  from(refused);
  for (let at = 0; at < 10; at += 1) await call().catch(() => undefined);
  expect(guards.figures().resting.get('t')).toBe(1);
  clock.time += 1_000;
  expect(guards.figures().resting.get('t')).toBe(0);
});

test('answers that say that nobody is there count as failures; errors of the API do not', async () => {
  for (const [status, sentInTheEnd] of [
    [503, 10],
    [500, 20],
    [429, 20],
  ] as const) {
    const { call, from, sent } = bench();
    from(() => Promise.resolve(answer(status)));
    for (let at = 0; at < 20; at += 1) await call().catch(() => undefined);
    expect([status, sent()]).toEqual([status, sentInTheEnd]);
  }
});

test('callers that go away say nothing about the target', async () => {
  const { call, from, sent } = bench();
  from(() => Promise.reject(new GatewayError('UpstreamTimeout', 'given up')));
  for (let at = 0; at < 20; at += 1) await call(AbortSignal.abort()).catch(() => undefined);
  expect(sent()).toBe(20);
});

test('so many calls at a time, as many in line, and the rest is told to come again', async () => {
  const { call, from, sent, guards } = bench(2);
  const open: PromiseWithResolvers<UpstreamResponse>[] = [];
  from(() => {
    const next = Promise.withResolvers<UpstreamResponse>();
    open.push(next);
    return next.promise;
  });
  const calls = Array.from({ length: 4 }, () => call());
  await expect(call()).rejects.toMatchObject({ code: 'Unavailable', details: { retryAfterMs: 1_000 } });
  expect([sent(), guards.figures().running.get('t'), guards.figures().waiting.get('t')]).toEqual([2, 2, 2]);
  const leaving = new AbortController();
  await expect(call(AbortSignal.abort())).rejects.toMatchObject({ code: 'Unavailable' });
  open[0]?.resolve(answer(200));
  await calls[0];
  await expect(call(AbortSignal.abort())).rejects.toMatchObject({ code: 'UpstreamTimeout' });
  const late = call(leaving.signal);
  leaving.abort();
  await expect(late).rejects.toMatchObject({ code: 'UpstreamTimeout' });
  for (let at = 1; at < 4; at += 1) {
    open[at]?.resolve(answer(200));
    await calls[at];
  }
  expect([sent(), guards.figures().running.get('t'), guards.figures().waiting.get('t')]).toEqual([4, 0, 0]);
});
