// Which chain is this process's: each process of an installation goes on with one that nobody else writes, or begins one.
// The claim is a lock of the operating system, held through an SQLite file: it ends with the process, however that ends.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseSegmentFile } from './segment.ts';

const LOCK = /^(node-[0-9a-f]{12})\.lock$/;

export interface Claim {
  readonly node: string;
  release(): void;
}

/** Claims a chain of the folder, which is made if it is not there. @throws Error of the file system */
export function claimChain(folder: string): Claim {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const node of nodesOf(folder)) {
    const release = lock(join(folder, `${node}.lock`));
    if (release) return { node, release };
  }
  for (;;) {
    const node = `node-${randomBytes(6).toString('hex')}`;
    const release = lock(join(folder, `${node}.lock`));
    if (release) return { node, release };
  }
}

/** The nodes that have or had a chain here, in order. */
function nodesOf(folder: string): readonly string[] {
  const nodes = readdirSync(folder).map((file) => LOCK.exec(file)?.[1] ?? parseSegmentFile(file)?.node);
  return [...new Set(nodes.filter((node) => node !== undefined))].sort();
}

/** Undefined when another process has it. */
function lock(path: string): (() => void) | undefined {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    chmodSync(path, 0o600);
  } catch (thrown) {
    database.close();
    if (thrown instanceof Error && /locked|busy/i.test(thrown.message)) return undefined;
    throw thrown;
  }
  return () => database.close();
}
