// The key-encryption key in a file: 32 bytes as base64, readable by its owner only. A key is made only while
// nothing has been sealed yet: making a new one later would lose every secret silently.

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../core/errors.ts';
import { syncFolder } from '../lib/sync-folder.ts';

/**
 * Reads the key file, or makes it on the very first start.
 * @param path where the key lies
 * @param mayCreate false as soon as the store holds sealed secrets
 * @throws GatewayError Unavailable with the cause and the cure.
 */
export function loadKeyFile(path: string, mayCreate: boolean): Buffer {
  const text = readIfPresent(path);
  if (text === undefined) {
    if (!mayCreate)
      throw new GatewayError(
        'Unavailable',
        `The master key file ${path} is missing, but the database holds secrets that only it can open. Put the file back (or point GATEWRIGHT_MASTER_KEY_FILE at it).`,
      );
    createKeyFile(path);
    return loadKeyFile(path, false);
  }
  if ((statSync(path).mode & 0o077) !== 0)
    throw new GatewayError(
      'Unavailable',
      `The master key file ${path} can be read by others. Allow its owner only: chmod 600 ${path}`,
    );
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32 || key.toString('base64') !== text.trim())
    throw new GatewayError('Unavailable', `The master key file ${path} does not hold 32 bytes in base64.`);
  return key;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw new GatewayError('Unavailable', `The master key file ${path} cannot be read.`, { cause: thrown });
  }
}

/** Writes beside and links into place, so that a crash leaves a whole file or none, and two starts agree on one. */
function createKeyFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    chmodSync(draft, 0o600);
    writeSync(file, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dirname(path));
}
