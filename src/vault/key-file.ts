// The key-encryption key in a file: 32 bytes as base64, readable by its owner only. A key is made only while
// nothing has been sealed yet: making a new one later would lose every secret silently.

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { createOwnerFile, readOwnerFile } from './owner-file.ts';

/**
 * Reads the key file, or makes it on the very first start.
 * @param path where the key lies
 * @param mayCreate false as soon as the store holds sealed secrets
 * @throws GatewayError Unavailable with the cause and the cure.
 */
export function loadKeyFile(path: string, mayCreate: boolean): Buffer {
  const text = readOwnerFile(path, 'master key');
  if (text === undefined) {
    if (!mayCreate)
      throw new GatewayError(
        'Unavailable',
        `The master key file ${path} is missing, but the database holds secrets that only it can open. Put the file back (or point GATEWRIGHT_MASTER_KEY_FILE at it).`,
      );
    createOwnerFile(path, `${randomBytes(32).toString('base64')}\n`);
    return loadKeyFile(path, false);
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32 || key.toString('base64') !== text.trim())
    throw new GatewayError('Unavailable', `The master key file ${path} does not hold 32 bytes in base64.`);
  return key;
}
