// The figures of the rooms that calls pass through, as Prometheus reads them: tokens for targets, tokens of callers and
// the keys they are verified with, the search, the vault, work that is shared. Each by what causes it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COUNTS, createFigures } from '../src/core/figures.ts';
import { openTestApp } from './support/app.ts';
import type { TestApp } from './support/app.ts';
import { openIdentityBench } from './support/identity-bench.ts';
import type { IdentityBench } from './support/identity-bench.ts';
import {
  callSearch,
  embedded,
  fillerTools,
  found,
  openEmbeddingProvider,
  toolTarget,
} from './support/search.ts';
import type { EmbeddingProvider } from './support/search.ts';

/** Every series of `/metrics` by its name and labels. */
async function figuresOf({ app }: Pick<TestApp, 'app'>): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${app.controlUrl}/metrics`)).text();
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
  );
}

/** What some work has added to each series. */
async function added(app: Pick<TestApp, 'app'>, work: () => Promise<unknown>) {
  const before = await figuresOf(app);
  await work();
  const after = await figuresOf(app);
  return (series: string): number => (after.get(series) ?? Number.NaN) - (before.get(series) ?? 0);
}

test('every series is there from the beginning, with fixed labels', async () => {
  const app = await openTestApp();
  const figures = await figuresOf(app);
  await app.close();
  for (const { name, labels } of Object.values(COUNTS)) {
    const series = [...figures.keys()].filter((key) => key === name || key.startsWith(`${name}{`));
    const expected = Object.values(labels).reduce(
      (count, values: readonly string[]) => count * values.length,
      1,
    );
    expect(series, name).toHaveLength(expected);
  }
});

test('a count is one cell for the same labels, and another one for others', () => {
  const figures = createFigures();
  const cell = figures.count('vault', { operation: 'open', outcome: 'success' });
  cell.value += 2;
  figures.count('vault', { outcome: 'success', operation: 'open' }).value += 1;
  expect(figures.series('vault').filter(({ value }) => value > 0)).toEqual([
    { labels: { operation: 'open', outcome: 'success' }, value: 3 },
  ]);
});

describe('tokens', () => {
  let bench: IdentityBench;
  let arn: string;
  beforeAll(async () => {
    bench = await openIdentityBench();
    arn = await bench.credentialProvider('own');
  });
  afterAll(() => bench.close());
  const grant = 'gatewright_token_requests_total{grant_type="client_credentials"';

  test('for targets: asked for once, found in memory, failed', async () => {
    const { url } = await bench.gateway({
      app: { providerArn: arn, scopes: ['read'], grantType: 'CLIENT_CREDENTIALS' },
      other: { providerArn: arn, scopes: ['write'], grantType: 'CLIENT_CREDENTIALS' },
    });
    const token = await bench.issuer.token();
    const calls = await added(bench.app, async () => {
      for (let count = 0; count < 3; count += 1)
        expect((await bench.call(url, token, 'app')).result).toMatchObject({ isError: false });
    });
    expect(calls(`${grant},outcome="success"}`)).toBe(1);
    expect(calls('gatewright_token_cache_requests_total{result="hit"}')).toBe(2);
    expect(calls('gatewright_token_cache_requests_total{result="miss"}')).toBe(1);
    expect(calls('gatewright_token_request_duration_seconds_count')).toBe(1);
    expect(calls('gatewright_token_cache_entries')).toBe(1);
    // The token of the caller was verified once as well, with keys that were fetched once.
    expect(calls('gatewright_verified_token_cache_requests_total{result="miss"}')).toBe(1);
    expect(calls('gatewright_verified_token_cache_requests_total{result="hit"}')).toBe(2);
    expect(calls('gatewright_jwks_fetches_total{outcome="success"}')).toBe(1);
    // Its metadata, the token, and the keys: each was worked for once.
    expect(calls('gatewright_single_flight_requests_total{work="token",result="run"}')).toBe(1);
    expect(calls('gatewright_single_flight_requests_total{work="signing_keys",result="run"}')).toBe(1);

    bench.provider.mode = 'error';
    const failed = await added(bench.app, () => bench.call(url, token, 'other'));
    bench.provider.mode = 'ok';
    expect(failed(`${grant},outcome="failure"}`)).toBe(1);
    expect(failed(`${grant},outcome="success"}`)).toBe(0);
    expect(failed('gatewright_token_cache_requests_total{result="miss"}')).toBe(1);
  });

  test('many that ask at once join the one who does the work', async () => {
    const { url } = await bench.gateway({
      many: { providerArn: arn, scopes: ['read', 'write'], grantType: 'CLIENT_CREDENTIALS' },
    });
    const token = await bench.issuer.token();
    const answer = bench.provider.holdTokenAnswer();
    const calls = await added(bench.app, async () => {
      const asking = Array.from({ length: 8 }, () => bench.call(url, token, 'many'));
      await answer.made;
      await expect
        .poll(async () =>
          (await figuresOf(bench.app)).get(
            'gatewright_single_flight_requests_total{work="token",result="joined"}',
          ),
        )
        .toBeGreaterThanOrEqual(7);
      answer.release();
      for (const { result } of await Promise.all(asking)) expect(result).toMatchObject({ isError: false });
    });
    expect(calls(`${grant},outcome="success"}`)).toBe(1);
    expect(calls('gatewright_single_flight_requests_total{work="token",result="run"}')).toBe(1);
    expect(calls('gatewright_single_flight_requests_total{work="token",result="joined"}')).toBe(7);
  });

  test('the keys of an identity provider have an age, by gateway, once they are fetched', async () => {
    const { url, id } = await bench.gateway({});
    const series = `gatewright_jwks_age_seconds{gateway_id="${id}"}`;
    expect((await figuresOf(bench.app)).has(series)).toBe(false);
    const listed = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${await bench.issuer.token()}`, 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(listed.status).toBe(200);
    const age = (await figuresOf(bench.app)).get(series) ?? -1;
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(60);
  });

  test('keys that cannot be fetched are counted', async () => {
    const app = await openTestApp();
    const gateway = await app.gateway({
      jwt: {
        discoveryUrl: 'http://127.0.0.1:9/.well-known/openid-configuration',
        allowedAudience: ['gateway'],
      },
    });
    const calls = await added(app, async () =>
      expect(
        (
          await fetch(gateway.url, {
            method: 'POST',
            headers: { authorization: `Bearer ${await bench.issuer.token()}` },
            body: '{}',
          })
        ).status,
      ).toBe(503),
    );
    expect(calls('gatewright_jwks_fetches_total{outcome="failure"}')).toBe(1);
    await app.close();
  });
});

describe('the search', () => {
  let app: TestApp;
  let provider: EmbeddingProvider;
  beforeAll(async () => {
    provider = await openEmbeddingProvider();
    app = await openTestApp();
  });
  afterAll(async () => {
    await app.close();
    await provider.close();
  });

  test('queries by what they were answered by, refusals, time and size', async () => {
    const servers = {
      kitchen: toolTarget([{ name: 'bake', description: 'Bakes bread' }, ...fillerTools(9)]),
    };
    const mcp = { searchType: 'SEMANTIC' };
    const gateways: Record<string, { id: string; url: string }> = {};
    for (const embedder of ['none', 'words', 'ollama'])
      gateways[embedder] = await app.gateway({
        mcp,
        servers,
        tags: {
          'gatewright:search-embedder': embedder,
          ...(embedder === 'ollama'
            ? { 'gatewright:search-endpoint': provider.url, 'gatewright:search-model': 'm' }
            : {}),
        },
      });
    const { none, words, ollama } = gateways;
    await embedded(app, ollama?.id ?? '');
    const calls = await added(app, async () => {
      for (const gateway of [none, words, ollama])
        expect((await found(gateway?.url ?? '', 'bread'))[0]).toBe('kitchen___bake');
      // Longer than any question.
      await callSearch(words?.url ?? '', 'bread '.repeat(1_000));
    });
    for (const answeredBy of ['lexical', 'words', 'sentences'])
      expect(calls(`gatewright_search_queries_total{answered_by="${answeredBy}"}`), answeredBy).toBe(1);
    expect(calls('gatewright_search_refusals_total')).toBe(1);
    expect(calls('gatewright_search_duration_seconds_count')).toBe(3);
    expect(calls('gatewright_embedding_requests_total{purpose="query",outcome="success"}')).toBe(1);
    const figures = await figuresOf(app);
    expect(figures.get('gatewright_search_tools')).toBe(30);
    expect(figures.get('gatewright_search_embedded_tools')).toBe(10);
    expect(figures.get('gatewright_search_index_bytes')).toBeGreaterThan(0);
    expect(
      figures.get('gatewright_embedding_requests_total{purpose="tool",outcome="success"}'),
    ).toBeGreaterThan(0);
    provider.mode = 'refuses';
    const failed = await added(app, () => found(ollama?.url ?? '', 'other bread'));
    provider.mode = 'well';
    expect(failed('gatewright_embedding_requests_total{purpose="query",outcome="failure"}')).toBe(1);
    expect(failed('gatewright_search_queries_total{answered_by="words"}')).toBe(1);
  });

  test('secrets that the vault seals and opens', async () => {
    const calls = await added(app, async () => {
      await app.app.control.invoke('CreateApiKeyCredentialProvider', { name: 'sealed', apiKey: 'k-1234567' });
      await app.app.control.invoke('RotateVaultKey', {});
    });
    expect(calls('gatewright_vault_operations_total{operation="seal",outcome="success"}')).toBe(1);
    // The one above, the key of tokens, and those of the audit log.
    expect(
      calls('gatewright_vault_operations_total{operation="rewrap",outcome="success"}'),
    ).toBeGreaterThanOrEqual(3);
    expect(calls('gatewright_vault_operations_total{operation="open",outcome="failure"}')).toBe(0);
  });
});
