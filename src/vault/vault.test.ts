import { mkdtempSync, rmSync, statSync, writeFileSync, chmodSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../lib/secret.ts';
import { keyFile } from './key-file.ts';
import { openKeyRing, singleKeyRing } from './key-ring.ts';
import type { KeySource } from './key-ring.ts';
import { createVault } from './vault.ts';

const binding = { type: 'api-key', recordId: 'r1', field: 'apiKey', version: 1 };

describe('vault', () => {
  const kek = Buffer.alloc(32, 7);
  const vault = createVault(singleKeyRing(kek), '000000000000');

  it('opens what it sealed, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(vault.open(vault.seal(new Secret(text), binding), binding).reveal()).toBe(text);
      }),
    );
  });

  it('never seals the same value to the same bytes', () => {
    expect(vault.seal(new Secret('x'), binding)).not.toEqual(vault.seal(new Secret('x'), binding));
  });

  it('refuses a value moved to another record, field, type, version or account', () => {
    const sealed = vault.seal(new Secret('hunter2'), binding);
    for (const other of [{ recordId: 'r2' }, { field: 'x' }, { type: 'y' }, { version: 2 }])
      expect(() => vault.open(sealed, { ...binding, ...other })).toThrow(/does not belong to its record/);
    expect(() => createVault(singleKeyRing(kek), '111111111111').open(sealed, binding)).toThrow(
      /does not belong/,
    );
  });

  it('refuses a flipped bit in every part, and a truncated tag', () => {
    const sealed = vault.seal(new Secret('hunter2'), binding);
    for (const part of ['wrappedKey', 'iv', 'ciphertext', 'tag'] as const) {
      const bytes = Buffer.from(sealed[part], 'base64');
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => vault.open({ ...sealed, [part]: changed.toString('base64') }, binding)).toThrow();
      }
    }
    const short = Buffer.from(sealed.tag, 'base64').subarray(0, 4).toString('base64');
    expect(() => vault.open({ ...sealed, tag: short }, binding)).toThrow(/does not belong/);
  });

  it('says that another key is in use rather than that the value is broken', () => {
    const sealed = vault.seal(new Secret('x'), binding);
    expect(() =>
      createVault(singleKeyRing(Buffer.alloc(32, 8)), '000000000000').open(sealed, binding),
    ).toThrow(/another master key/);
  });
});

describe('Secret', () => {
  it('shows nothing however it is printed', () => {
    const secret = new Secret('hunter2');
    const shown = [
      String(secret),
      [secret].join(),
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
    ];
    for (const text of shown) expect(text).not.toContain('hunter2');
  });
});

describe('key file', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'gatewright-key-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = (name: string, mayCreate: boolean) => openKeyRing(keyFile(join(folder, name)), mayCreate);

  it('is made once, owner-only, and read again', async () => {
    const ring = await open('deep/master.key', true);
    expect(ring.primary()?.key).toHaveLength(32);
    expect(statSync(join(folder, 'deep/master.key')).mode & 0o777).toBe(0o600);
    expect((await open('deep/master.key', false)).primary()).toEqual(ring.primary());
  });

  it('is not made anew when secrets exist: the vault stays locked', async () => {
    const ring = await open('master.key', false);
    expect(ring.primary()).toBeUndefined();
    expect(() => readFileSync(join(folder, 'master.key'))).toThrow();
    const vault = createVault(ring, '000000000000');
    expect(() => vault.seal(new Secret('x'), binding)).toThrow(/locked.*master\.key/);
    const sealed = createVault(singleKeyRing(Buffer.alloc(32, 7)), '000000000000').seal(
      new Secret('x'),
      binding,
    );
    expect(() => vault.open(sealed, binding)).toThrow(/another master key/);
  });

  it('refuses a file that others can read or that holds no key', async () => {
    writeFileSync(join(folder, 'master.key'), 'short\n', { mode: 0o600 });
    await expect(open('master.key', true)).rejects.toThrow(/32 bytes/);
    await open('b.key', true);
    chmodSync(join(folder, 'b.key'), 0o644);
    await expect(open('b.key', true)).rejects.toThrow(/chmod 600/);
  });

  it('rotates: the new key seals, both open until the end, and other processes notice by themselves', async () => {
    const ring = await open('master.key', true);
    const idle = await open('master.key', false);
    const elsewhere = await open('master.key', false);
    const vault = createVault(ring, '000000000000');
    const old = vault.seal(new Secret('hunter2'), binding);
    await ring.begin();
    // Broken off and begun again: no third key.
    await ring.begin();
    expect(ring.ids()).toHaveLength(2);
    const rewrapped = vault.rewrap(old);
    if (!rewrapped) throw new Error('nothing was rewrapped');
    expect(rewrapped.kekId).not.toBe(old.kekId);
    expect(vault.rewrap(rewrapped)).toBeUndefined();
    for (const sealed of [old, rewrapped]) expect(vault.open(sealed, binding).reveal()).toBe('hunter2');
    expect(createVault(elsewhere, '000000000000').open(rewrapped, binding).reveal()).toBe('hunter2');
    const moved = { ...old, bound: { ...old.bound, recordId: 'r2' } };
    expect(() => vault.rewrap(moved)).toThrow(/does not belong/);
    await ring.finish();
    // One that has only sealed all the while.
    const sealedLate = createVault(idle, '000000000000').seal(new Secret('late'), binding);
    expect(sealedLate.kekId).toBe(rewrapped.kekId);
    expect(ring.ids()).toEqual([rewrapped.kekId]);
    expect(() => vault.open(old, binding)).toThrow(/another master key/);
    expect(readFileSync(join(folder, 'master.key'), 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('notices a rotation also where keys have to be waited for: until they are there, nothing is sealed', async () => {
    // What a key management service stands behind: names lie here, keys are fetched.
    let names = ['one'];
    const keyOf = (name: string): Buffer => Buffer.alloc(32, name);
    const source: KeySource = {
      name: 'remote',
      look: () => names.join(),
      load: () => Promise.resolve(names.map(keyOf)),
      add: () => Promise.resolve(void (names = ['two', ...names])),
      retire: () => Promise.resolve(void (names = names.slice(0, 1))),
    };
    const [rotating, idle] = [await openKeyRing(source, true), await openKeyRing(source, false)];
    const old = createVault(rotating, '000000000000').seal(new Secret('hunter2'), binding);
    await rotating.begin();
    const rewrapped = createVault(rotating, '000000000000').rewrap(old);
    await rotating.finish();
    if (!rewrapped) throw new Error('nothing was rewrapped');
    const vault = createVault(idle, '000000000000');
    expect(() => vault.seal(new Secret('late'), binding)).toThrow(/locked/);
    await expect.poll(() => idle.ids()).toEqual([rewrapped.kekId]);
    expect(vault.seal(new Secret('late'), binding).kekId).toBe(rewrapped.kekId);
    expect(vault.open(rewrapped, binding).reveal()).toBe('hunter2');
  });
});
