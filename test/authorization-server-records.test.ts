// What the authorization server keeps: sealed under digests, once for what may be used once, bounded, and gone when it is
// over. The keys it signs with are made once, also by two processes at the same time.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRecords } from '../src/authorization-server/records.ts';
import type { Records } from '../src/authorization-server/records.ts';
import { loadSigningKeys } from '../src/authorization-server/signing-keys.ts';
import { openSqliteStore } from '../src/stores/sqlite/open.ts';
import type { Store } from '../src/stores/store.ts';
import { createSealer } from '../src/vault/sealer.ts';
import { keysFromText } from '../src/vault/key-file.ts';
import { openKeyRing } from '../src/vault/key-ring.ts';
import { createVault } from '../src/vault/vault.ts';

const HOUR = 3_600_000;
let folder: string;
let store: Store;
let now: number;
let records: Records;
const clock = { now: () => now, monotonic: () => now };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatewright-records-'));
  now = Date.parse('2026-11-01T00:00:00Z');
  store = await openSqliteStore(join(folder, 'gatewright.db'), clock, {});
  records = createRecords({
    store,
    sealer: createSealer(Buffer.alloc(32, 7), '000000000000'),
    clock,
    operatorClient: () => Promise.resolve(undefined),
    isSessionGood: (_accountId, loginTs) => Promise.resolve(loginTs >= 100),
    alreadyUsed: () => new Error('already used'),
  });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test('nothing that its bearer shows lies open in the store', async () => {
  const token = 'refresh-token-value-that-is-secret';
  await records.adapterFor('RefreshToken').upsert(token, { jti: token, grantId: 'grant-id-secret' }, 60);
  expect(await records.adapterFor('RefreshToken').find(token)).toMatchObject({ jti: token });
  expect(await records.adapterFor('AuthorizationCode').find(token)).toBeUndefined();
  const text = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'latin1'))
    .join('');
  expect(text).not.toContain(token);
  expect(text).not.toContain('grant-id-secret');
});

test('is used once, and the second use ends all of the grant', async () => {
  const codes = records.adapterFor('AuthorizationCode');
  const tokens = records.adapterFor('RefreshToken');
  await records.adapterFor('Grant').upsert('g', { accountId: 'a' }, 600);
  await codes.upsert('c', { grantId: 'g' }, 60);
  await tokens.upsert('t', { grantId: 'g' }, 600);
  await tokens.upsert('other', { grantId: 'g2' }, 600);
  const uses = await Promise.allSettled(Array.from({ length: 5 }, () => codes.consume('c')));
  expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await tokens.find('t')).toBeUndefined();
  expect(await records.adapterFor('Grant').find('g')).toBeUndefined();
  expect(await tokens.find('other')).toBeDefined();
});

test('is gone when its time is over, and swept away', async () => {
  await records.adapterFor('Interaction').upsert('i', { uid: 'i' }, 60);
  await records.adapterFor('Grant').upsert('g', {}, 7200);
  now += 61_000;
  expect(await records.adapterFor('Interaction').find('i')).toBeUndefined();
  expect(await store.count('oidc-record')).toBe(2);
  await records.sweep();
  expect(await store.count('oidc-record')).toBe(1);
});

test('unused clients are bounded and forgotten; one in use lives on', async () => {
  const clients = records.adapterFor('Client');
  await clients.upsert('used', { client_id: 'used' });
  await records.adapterFor('AuthorizationCode').upsert('c', { clientId: 'used', grantId: 'g' }, 60);
  for (let index = 0; index < 1_010; index += 1) {
    now += 1;
    await clients.upsert(`flood-${index}`, { client_id: 'x' });
  }
  expect(await store.count('oidc-record', 'client-unused')).toBe(1_000);
  expect(await clients.find('used')).toBeDefined();
  expect(await clients.find('flood-0')).toBeUndefined();
  expect(await clients.find('flood-1009')).toBeDefined();
  now += 25 * HOUR;
  expect(await clients.find('flood-1009')).toBeUndefined();
  expect(await clients.find('used')).toBeDefined();
  now += 91 * 24 * HOUR;
  expect(await clients.find('used')).toBeUndefined();
});

test('sessions of nobody are not kept, and those from before a new password do not count', async () => {
  const sessions = records.adapterFor('Session');
  await sessions.upsert('nobody', { uid: 'u1' }, 600);
  expect(await store.count('oidc-record')).toBe(0);
  await sessions.upsert('old', { uid: 'u2', accountId: 'a', loginTs: 99 }, 600);
  await sessions.upsert('new', { uid: 'u3', accountId: 'a', loginTs: 100 }, 600);
  expect([await sessions.find('old'), await sessions.findByUid('u2')]).toEqual([undefined, undefined]);
  expect(await sessions.findByUid('u3')).toMatchObject({ accountId: 'a' });
  // Renewed under another id, it is one session still.
  await sessions.upsert('newer', { uid: 'u3', accountId: 'a', loginTs: 100 }, 600);
  expect(await sessions.find('new')).toBeUndefined();
});

test('keys are made once by whoever is first, sealed, and follow each other', async () => {
  const ring = await openKeyRing(keysFromText(Buffer.alloc(32, 9).toString('base64'), 'test'), true);
  const vault = createVault(ring, '000000000000');
  const load = () => loadSigningKeys(store, clock, vault);
  const [one, two] = await Promise.all([load(), load()]);
  expect(one).toEqual(two);
  const [first] = one ?? [];
  expect(readFileSync(join(folder, 'gatewright.db'), 'latin1')).not.toContain(String(first?.jwk.d));
  now += 91 * 24 * HOUR;
  const published = await load();
  expect(published.map(({ jwk }) => jwk.kid)[0]).toBe(first?.jwk.kid);
  expect(published).toHaveLength(2);
  now += 25 * HOUR;
  expect((await load()).map(({ jwk }) => jwk.kid)).toEqual([published[1]?.jwk.kid, first?.jwk.kid]);
  now += 25 * HOUR;
  expect(await load()).toHaveLength(1);
});
