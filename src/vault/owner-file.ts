// Files that only their owner may read, made once: the key of the vault, the first access key.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../core/errors.ts';
import { syncFolder } from '../lib/sync-folder.ts';

/**
 * The file's text, or undefined when there is no such file.
 * @param what names the file in messages, for example `master key`
 * @throws GatewayError Unavailable when it cannot be read, or others can read it.
 */
export function readOwnerFile(path: string, what: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw new GatewayError('Unavailable', `The ${what} file ${path} cannot be read.`, { cause: thrown });
  }
  if ((statSync(path).mode & 0o077) !== 0)
    throw new GatewayError(
      'Unavailable',
      `The ${what} file ${path} can be read by others. Allow its owner only: chmod 600 ${path}`,
    );
  return text;
}

/** Writes beside and links into place, so that a crash leaves a whole file or none, and two starts agree on one. */
export function createOwnerFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (thrown) {
    if (!hasCode(thrown, 'EEXIST')) throw thrown;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dirname(path));
}

/** Puts a new text in place of the old one: after a crash the file holds the one or the other, whole. */
export function replaceOwnerFile(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  syncFolder(dirname(path));
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
