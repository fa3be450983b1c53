// The product in this process with a folder that outlives it: what it has recorded is read when it is closed. And a box of
// everything that must stand in no record.

import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import type { Config } from '../../src/config.ts';
import { auditRecords } from './audit.ts';
import type { AuditRecord } from './audit.ts';

export interface AuditedFolder {
  readonly dataDir: string;
  /** What an app needs to live in it. */
  readonly settings: Pick<Config, 'dataDir' | 'masterKeyFile'>;
  readonly audit: string;
  records(): readonly AuditRecord[];
  /** Records of one event, in order. */
  of(eventName: string): readonly AuditRecord[];
}

/** A data directory that is removed when the test is over. */
export function auditedFolder(): AuditedFolder {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatewright-audited-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const audit = join(dataDir, 'audit');
  const records = (): readonly AuditRecord[] => auditRecords(audit);
  return {
    dataDir,
    settings: { dataDir, masterKeyFile: join(dataDir, 'master.key') },
    audit,
    records,
    of: (eventName) => records().filter((record) => record.eventName === eventName),
  };
}

export interface SecretBox {
  /** Keeps a secret, and gives it back. */
  keep<T extends string>(secret: T): T;
  /** No file of the folder holds one of them, in any of the forms that secrets travel in. */
  expectNoneIn(folder: string): void;
}

/** A box that is empty. */
export function secretBox(): SecretBox {
  const secrets = new Set<string>();
  return {
    keep(secret) {
      expect(secret.length, 'a secret that can be searched for').toBeGreaterThan(7);
      secrets.add(secret);
      return secret;
    },
    expectNoneIn(folder) {
      expect(secrets.size).toBeGreaterThan(0);
      for (const file of readdirSync(folder)) {
        const path = join(folder, file);
        if (!statSync(path).isFile()) continue;
        const text = readFileSync(path, 'latin1');
        for (const secret of secrets)
          for (const form of formsOf(secret)) expect(text.includes(form), `${file}: ${secret}`).toBe(false);
      }
    },
  };
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
}

/** From now on the disk takes no record: nothing else of this process writes by such handles. */
export async function fillDisk(): Promise<{ free(): void }> {
  const handle = await open(import.meta.filename);
  const handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const full = vi
    .spyOn(handles, 'datasync')
    .mockRejectedValue(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  const free = (): void => full.mockRestore();
  onTestFinished(free);
  return { free };
}
