// Servers that want tokens bound to a key (RFC 9449): each request proves the key, for itself alone, and a token that is
// not bound, or a proof that could be used again, never leaves.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedJWK, calculateJwkThumbprint, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestApp } from './support/app.ts';
import { openProtectedBench, wordsOf } from './support/protected-bench.ts';
import type { ProtectedBench } from './support/protected-bench.ts';
import { ScriptedOauth, answerMcp } from './support/scripted-oauth.ts';
import type { Seen } from './support/scripted-oauth.ts';

interface Proved {
  readonly thumbprint: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Verifies the proof of a request as its receiver has to (RFC 9449 §4.3). @throws when it is none for this request */
async function verifyProof({ method, path, headers }: Seen, origin: string, token?: string): Promise<Proved> {
  const proof = headers['dpop'];
  if (typeof proof !== 'string' || proof.includes(',')) throw new Error('there is not one proof');
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
    typ: 'dpop+jwt',
    algorithms: ['ES256'],
    maxTokenAge: 60,
  });
  if (protectedHeader.jwk === undefined || 'd' in protectedHeader.jwk) throw new Error('no public key');
  expect(payload).toMatchObject({ htm: method, htu: `${origin}${path}`, jti: expect.any(String) });
  if (token !== undefined)
    expect(payload['ath']).toBe(createHash('sha256').update(token).digest('base64url'));
  return { thumbprint: await calculateJwkThumbprint(protectedHeader.jwk), claims: payload };
}

let bench: ProtectedBench;
let server: ScriptedOauth;
/** Key by token, as the authorization server has bound them. */
let keys: Map<string, string>;
let proofs: Set<unknown>;
let nonce: string | undefined;
beforeEach(async () => {
  bench = await openProtectedBench();
  server = await new ScriptedOauth().open();
  keys = new Map();
  proofs = new Set();
  nonce = undefined;
  server.set('/.well-known/oauth-protected-resource/mcp', () =>
    server.resource({ dpop_bound_access_tokens_required: true }),
  );
  server.set('/.well-known/oauth-authorization-server', () =>
    server.metadata({ dpop_signing_alg_values_supported: ['RS256', 'ES256'] }),
  );
  server.routes.set('/token', (seen, response) => {
    void verifyProof(seen, server.url).then(({ thumbprint, claims }) => {
      if (nonce !== undefined && claims['nonce'] !== nonce) {
        response
          .writeHead(400, { 'content-type': 'application/json', 'dpop-nonce': nonce })
          .end('{"error":"use_dpop_nonce"}');
        return;
      }
      const token = `token-${(server.tokens += 1)}`;
      keys.set(token, thumbprint);
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          access_token: token,
          refresh_token: 'refresh',
          token_type: 'DPoP',
          expires_in: 3600,
        }),
      );
    });
  });
  server.routes.set('/mcp', (seen, response) => {
    const token = /^DPoP (\S+)$/.exec(seen.headers.authorization ?? '')?.[1];
    const challenge = (parameters: string): void =>
      void response.writeHead(401, { 'www-authenticate': `DPoP ${parameters}` }).end();
    if (token === undefined) return challenge('algs="ES256"');
    void verifyProof(seen, server.url, token).then(
      ({ thumbprint, claims }) => {
        if (nonce !== undefined && claims['nonce'] !== nonce) {
          response.setHeader('dpop-nonce', nonce);
          return challenge('error="use_dpop_nonce"');
        }
        if (keys.get(token) !== thumbprint || proofs.has(claims['jti']))
          return challenge('error="invalid_token"');
        proofs.add(claims['jti']);
        answerMcp(seen, response);
      },
      () => challenge('error="invalid_dpop_proof"'),
    );
  });
});
afterEach(async () => {
  await bench.close();
  await server.close();
});

async function target(tools = ['tool']): Promise<string> {
  const arn = await bench.provider(`${server.url}/mcp`, { name: 'bound' });
  return (await bench.target(`${server.url}/mcp`, arn, { tools })).url;
}

test('each request has a proof of its own, with the one key of the client', async () => {
  const url = await target();
  for (const user of ['alice', 'bob', 'alice', 'alice'])
    expect(wordsOf(await bench.callWithConsent(url, user, 'tool'))).toBe('done');
  expect(new Set(keys.values()).size).toBe(1);
  expect(proofs.size).toBeGreaterThanOrEqual(4);
  // Neither key nor token is anywhere to be read.
  const said = bench.app.lines.map((line) => JSON.stringify(line)).join('\n');
  expect(said).not.toMatch(/token-\d|"d":/);
});

test('nonces are taken up where they are asked for, and kept for the next request', async () => {
  nonce = 'first-nonce';
  const url = await target();
  expect(wordsOf(await bench.callWithConsent(url, 'alice', 'tool'))).toBe('done');
  const before = server.count('/mcp');
  expect(wordsOf(await bench.call(url, 'alice', 'tool'))).toBe('done');
  expect(server.count('/mcp')).toBe(before + 1);
  nonce = 'second-nonce';
  expect(wordsOf(await bench.call(url, 'alice', 'tool'))).toBe('done');
  expect(server.tokens).toBe(1);
});

test('a nonce that is none is not taken up', async () => {
  const url = await target();
  await bench.callWithConsent(url, 'alice', 'tool');
  server.routes.set('/mcp', (_seen, response) =>
    response
      .writeHead(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'x'.repeat(5_000) })
      .end(),
  );
  const before = server.count('/mcp');
  expect((await bench.call(url, 'alice', 'tool')).result).toMatchObject({ isError: true });
  expect(server.count('/mcp') - before).toBeLessThanOrEqual(4);
});

test('the key stays over a restart, and its tokens with it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-proofs-'));
  const config = { dataDir, masterKeyFile: join(dataDir, 'key') };
  const first = await openProtectedBench(config);
  try {
    const arn = await first.provider(`${server.url}/mcp`);
    const { url } = await first.target(`${server.url}/mcp`, arn, { tools: ['tool'] });
    await first.callWithConsent(url, 'alice', 'tool');
    await first.app.app.close(1_000);
    const again = await openTestApp({ ...config, listen: { host: '127.0.0.1', port: first.app.port } });
    try {
      expect(wordsOf(await first.call(url, 'alice', 'tool'))).toBe('done');
      expect(server.tokens).toBe(1);
    } finally {
      await again.close();
    }
  } finally {
    await first.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('a token that is not bound is not used', async () => {
  server.set('/token', () => ({ access_token: 'plain', token_type: 'Bearer', expires_in: 3600 }));
  await expect(bench.callWithConsent(await target(), 'alice', 'tool')).rejects.toThrow(
    /the consent ended at/,
  );
  expect(bench.reasons('a consent could not be completed').join()).toContain('is not bound to the key');
});

test('nor is one that is bound where nothing was proved', async () => {
  server.set('/.well-known/oauth-protected-resource/mcp', () => server.resource());
  server.routes.set('/mcp', (seen, response) =>
    seen.headers.authorization === undefined
      ? server.challenge(response, 401, '')
      : answerMcp(seen, response),
  );
  server.set('/token', () => ({ access_token: 'bound', token_type: 'DPoP', expires_in: 3600 }));
  await expect(bench.callWithConsent(await target(), 'alice', 'tool')).rejects.toThrow(
    /the consent ended at/,
  );
  expect(bench.reasons('a consent could not be completed').join()).toContain('a key that nobody has proved');
});

test('without an authorization server that binds tokens there are none', async () => {
  server.set('/.well-known/oauth-authorization-server', () => server.metadata());
  const answer = await bench.call(await target(), 'alice', 'tool');
  expect(JSON.stringify(answer.result)).toContain('binds none by ES256');
  expect(server.count('/register')).toBe(0);
});

test('applications get none: they could not prove the key', async () => {
  await target();
  const { control } = bench.app.app;
  await control.invoke('CreateWorkloadIdentity', { name: 'agent' });
  const { workloadAccessToken } = await control.invoke('GetWorkloadAccessTokenForUserId', {
    workloadName: 'agent',
    userId: 'alice',
  });
  await expect(
    control.invoke('GetResourceOauth2Token', {
      workloadIdentityToken: workloadAccessToken,
      resourceCredentialProviderName: 'bound',
      scopes: [],
      oauth2Flow: 'USER_FEDERATION',
    }),
  ).rejects.toThrow(/bound to a key of the gateway/);
});

test('a server that takes both kinds is content with the simple one', async () => {
  server.set('/.well-known/oauth-protected-resource/mcp', () => server.resource());
  server.routes.set('/mcp', (seen, response) => {
    if (seen.headers.authorization?.startsWith('Bearer ') === true) return answerMcp(seen, response);
    return response
      .writeHead(401, { 'www-authenticate': 'DPoP algs="ES256", Bearer scope="mcp:read"' })
      .end();
  });
  server.set('/token', () => ({ access_token: 'plain', token_type: 'Bearer', expires_in: 3600 }));
  expect(wordsOf(await bench.callWithConsent(await target(), 'alice', 'tool'))).toBe('done');
  expect(server.seen.every(({ headers }) => headers['dpop'] === undefined)).toBe(true);
});
