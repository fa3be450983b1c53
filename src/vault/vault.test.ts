import { mkdtempSync, rmSync, statSync, writeFileSync, chmodSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../lib/secret.ts';
import { loadKeyFile } from './key-file.ts';
import { createVault } from './vault.ts';

const binding = { type: 'api-key', recordId: 'r1', field: 'apiKey', version: 1 };

describe('vault', () => {
  const kek = Buffer.alloc(32, 7);
  const vault = createVault(kek, '000000000000');

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
    expect(() => createVault(kek, '111111111111').open(sealed, binding)).toThrow(/does not belong/);
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
    expect(() => createVault(Buffer.alloc(32, 8), '000000000000').open(sealed, binding)).toThrow(
      /another master key/,
    );
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

  it('is made once, owner-only, and read again', () => {
    const path = join(folder, 'deep', 'master.key');
    const key = loadKeyFile(path, true);
    expect(key).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadKeyFile(path, false)).toEqual(key);
  });

  it('is not made anew when secrets exist', () => {
    const path = join(folder, 'master.key');
    expect(() => loadKeyFile(path, false)).toThrow(/is missing/);
    expect(() => readFileSync(path)).toThrow();
  });

  it('refuses a file that others can read or that holds no key', () => {
    const path = join(folder, 'master.key');
    writeFileSync(path, 'short\n', { mode: 0o600 });
    expect(() => loadKeyFile(path, true)).toThrow(/32 bytes/);
    loadKeyFile(join(folder, 'b.key'), true);
    chmodSync(join(folder, 'b.key'), 0o644);
    expect(() => loadKeyFile(join(folder, 'b.key'), true)).toThrow(/chmod 600/);
  });
});
