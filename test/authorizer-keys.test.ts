// The identity provider's keys over time: rotation, removal, floods of unknown ids, outages, poisoned answers, and
// remembered tokens, with the clock in the test's hand.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSigningKey, openIssuer } from './support/issuer.ts';
import type { Issuer, IssuerMode } from './support/issuer.ts';
import { HOUR, MINUTE, SECOND, openAuthorizer } from './support/issuer-authorizer.ts';
import type { AuthorizerBench } from './support/issuer-authorizer.ts';

let issuer: Issuer;
let bench: AuthorizerBench;

beforeEach(async () => {
  issuer = await openIssuer();
  bench = openAuthorizer(issuer);
});
afterEach(async () => {
  await bench.close();
  await issuer.close();
});

/** A token that is fresh by the test's clock. */
const fresh = (claims: Record<string, unknown> = {}): Promise<string> =>
  issuer.token(claims, { now: bench.now() });
const longLived = (): Promise<string> => fresh({ exp: Math.floor(bench.now() / 1000) + 7 * 24 * 3_600 });

describe('rotation', () => {
  test('keys are fetched once, however many tokens come at once', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => fresh({ sub: `user-${index}` })),
    );
    expect(await Promise.all(tokens.map((token) => bench.verdict(token)))).toEqual(tokens.map(() => 'ok'));
    expect(issuer.jwksFetches()).toBe(1);
  });

  test('a new key works after one more fetch', async () => {
    expect(await bench.verdict(await fresh())).toBe('ok');
    bench.pass(31 * SECOND);
    const next = await createSigningKey('key-2');
    issuer.keys = [...issuer.keys, next];
    const tokens = await Promise.all(
      Array.from({ length: 5 }, (_, n) => issuer.token({ sub: `u${n}` }, { key: next, now: bench.now() })),
    );
    expect(await Promise.all(tokens.map((token) => bench.verdict(token)))).toEqual(tokens.map(() => 'ok'));
    expect(issuer.jwksFetches()).toBe(2);
  });

  test('a removed key dies with the next fetch, for remembered tokens too', async () => {
    const old = await longLived();
    expect(await bench.verdict(old)).toBe('ok');
    const next = await createSigningKey('key-2');
    issuer.keys = [next];
    expect(await bench.verdict(old)).toBe('ok');
    bench.pass(31 * SECOND);
    expect(await bench.verdict(await fresh())).toBe('ok');
    expect(await bench.verdict(old)).toBe('Unauthenticated');
  });

  test('a removed key dies within ten minutes although only remembered tokens come', async () => {
    const old = await longLived();
    expect(await bench.verdict(old)).toBe('ok');
    issuer.keys = [await createSigningKey('key-2')];
    bench.pass(10 * MINUTE + SECOND);
    expect(await bench.verdict(old)).toBe('Unauthenticated');
  });

  test('a key replaced under its old id invalidates what it signed', async () => {
    const old = await longLived();
    expect(await bench.verdict(old)).toBe('ok');
    issuer.keys = [await createSigningKey('key-1')];
    bench.pass(10 * MINUTE + SECOND);
    expect(await bench.verdict(old)).toBe('Unauthenticated');
    expect(await bench.verdict(await fresh())).toBe('ok');
  });

  test('a flood of unknown key ids causes one fetch in half a minute at most', async () => {
    expect(await bench.verdict(await fresh())).toBe('ok');
    const stranger = await createSigningKey('nobody');
    for (let round = 1; round <= 3; round += 1) {
      bench.pass(31 * SECOND);
      const flood = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          issuer.token({}, { key: stranger, header: { kid: `nobody-${round}-${index}` }, now: bench.now() }),
        ),
      );
      for (const token of flood) expect(await bench.verdict(token)).toBe('Unauthenticated');
      expect(issuer.jwksFetches()).toBe(1 + round);
    }
  });

  test('a good token is not held up behind strangers', async () => {
    expect(await bench.verdict(await fresh())).toBe('ok');
    bench.pass(31 * SECOND);
    issuer.mode = 'hang';
    const stranger = await createSigningKey('nobody');
    const waiting = bench.verdict(await issuer.token({}, { key: stranger, now: bench.now() }));
    expect(await bench.verdict(await fresh({ sub: 'bob' }))).toBe('ok');
    await issuer.down();
    expect(await waiting).toBe('Unauthenticated');
  });
});

describe('outages', () => {
  test('known keys go on for a day, then tokens are refused, never believed unseen', async () => {
    expect(await bench.verdict(await fresh())).toBe('ok');
    await issuer.down();
    bench.pass(HOUR);
    expect(await bench.verdict(await fresh())).toBe('ok');
    expect(await bench.verdict(await fresh({ aud: 'other' }))).toBe('Unauthenticated');
    expect(
      await bench.verdict(await issuer.token({}, { key: await createSigningKey('key-1'), now: bench.now() })),
    ).toBe('Unauthenticated');
    expect(
      await bench.verdict(await issuer.token({}, { key: await createSigningKey('new'), now: bench.now() })),
    ).toBe('Unauthenticated');
    bench.pass(22 * HOUR);
    expect(await bench.verdict(await fresh())).toBe('ok');
    bench.pass(2 * HOUR);
    expect(await bench.verdict(await fresh())).toBe('Unavailable');
    await issuer.up();
    bench.pass(6 * SECOND);
    expect(await bench.verdict(await fresh())).toBe('ok');
  });

  test('a provider that was never reached gives Unavailable, without an attempt for every token', async () => {
    await issuer.down();
    for (let n = 0; n < 5; n += 1)
      expect(await bench.verdict(await fresh({ sub: `u${n}` }))).toBe('Unavailable');
    expect(bench.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await issuer.up();
    expect(await bench.verdict(await fresh())).toBe('Unavailable');
    bench.pass(6 * SECOND);
    expect(await bench.verdict(await fresh())).toBe('ok');
  });

  test('tokens that cannot be right cause no fetch at all', async () => {
    for (const token of ['x', 'a.b.c', 'e30.e30.e30', `${await fresh()}x=`])
      expect(await bench.verdict(token)).toBe('Unauthenticated');
    expect(issuer.hits).toEqual([]);
  });
});

describe('answers that are not the provider’s keys', () => {
  const modes: readonly IssuerMode[] = ['wrong-issuer', 'html', 'endless', 'many-keys', 'redirect', 'error'];

  test.each(modes)('%s: refused at first', async (mode) => {
    issuer.mode = mode;
    expect(await bench.verdict(await fresh())).toBe('Unavailable');
    expect(issuer.hits).not.toContain('/stolen');
  });

  test.each(modes)('%s: later, the good keys stay', async (mode) => {
    expect(await bench.verdict(await fresh())).toBe('ok');
    issuer.mode = mode;
    bench.pass(11 * MINUTE);
    expect(await bench.verdict(await fresh())).toBe('ok');
    expect(issuer.hits).not.toContain('/stolen');
  });

  test.each(['private-keys', 'symmetric-keys', 'same-kid-twice'] as const)(
    '%s: no such key fits',
    async (mode) => {
      issuer.mode = mode;
      expect(await bench.verdict(await fresh())).toBe('Unauthenticated');
    },
  );

  test('what the provider sent is neither shown nor logged', async () => {
    issuer.mode = 'html';
    const outcome = await bench.authorize(`Bearer ${await fresh()}`);
    expect(JSON.stringify([outcome, bench.lines])).not.toContain('Sign in');
  });
});

describe('egress', () => {
  test('a provider at a private address is not asked unless the operator allows it', async () => {
    const guarded = openAuthorizer(issuer, {}, []);
    expect(await guarded.verdict(await fresh())).toBe('Unavailable');
    expect(issuer.hits).toEqual([]);
    await guarded.close();
  });

  test.each([
    'http://169.254.169.254/latest',
    'http://10.0.0.1/jwks',
    'file:///etc/passwd',
    'http://user:pw@127.0.0.1/jwks',
    'no url',
  ])('a discovery document that points to %s gets nothing fetched', async (elsewhere) => {
    issuer.mode = 'jwks-elsewhere';
    issuer.elsewhere = elsewhere;
    expect(await bench.verdict(await fresh())).toBe('Unavailable');
    expect(issuer.jwksFetches()).toBe(0);
  });
});

describe('remembered tokens', () => {
  test('are forgotten at their expiry', async () => {
    const token = await fresh();
    expect(await bench.verdict(token)).toBe('ok');
    bench.pass(5 * MINUTE + 29 * SECOND);
    expect(await bench.verdict(token)).toBe('ok');
    bench.pass(3 * SECOND);
    expect(await bench.verdict(token)).toBe('Unauthenticated');
  });

  test('never lend their outcome to another spelling', async () => {
    const token = await fresh();
    expect(await bench.verdict(token)).toBe('ok');
    const [head, body, signature = ''] = token.split('.');
    for (const spelling of [
      `${token}=`,
      `${token} `,
      ` ${token}x`,
      `${head}.${body}.${signature}A`,
      `${head}=.${body}.${signature}`,
      token.toLowerCase(),
    ])
      expect(await bench.verdict(spelling), spelling.slice(-8)).toBe('Unauthenticated');
  });

  test('a refusal is not remembered', async () => {
    const next = await createSigningKey('key-2');
    const early = await issuer.token({}, { key: next, now: bench.now() });
    expect(await bench.verdict(early)).toBe('Unauthenticated');
    issuer.keys = [...issuer.keys, next];
    bench.pass(31 * SECOND);
    expect(await bench.verdict(early)).toBe('ok');
  });
});
