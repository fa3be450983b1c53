// The first operator's access key: given by the settings, or made on first start and kept in the AWS
// shared-credentials format, so that every AWS SDK can be pointed at the file.

import { randomBytes, randomInt } from 'node:crypto';
import {
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
import { Secret } from '../lib/secret.ts';
import { syncFolder } from '../lib/sync-folder.ts';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secret: Secret;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** @throws GatewayError Unavailable when the file is there but cannot be used. */
export function loadOperatorCredentials(path: string): AccessKey {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'))
      throw new GatewayError('Unavailable', `The credentials file ${path} cannot be read.`, {
        cause: thrown,
      });
    writeCredentials(path);
    return loadOperatorCredentials(path);
  }
  if ((statSync(path).mode & 0o077) !== 0)
    throw new GatewayError(
      'Unavailable',
      `The credentials file ${path} can be read by others. Allow its owner only: chmod 600 ${path}`,
    );
  const accessKeyId = /^\s*aws_access_key_id\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  const secret = /^\s*aws_secret_access_key\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  if (accessKeyId === undefined || secret === undefined)
    throw new GatewayError(
      'Unavailable',
      `The credentials file ${path} has no aws_access_key_id and aws_secret_access_key.`,
    );
  return { accessKeyId, secret: new Secret(secret) };
}

function writeCredentials(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let id = 'AKIA';
  while (id.length < 20) id += BASE32[randomInt(BASE32.length)];
  const secret = randomBytes(30).toString('base64url');
  // Written beside and linked into place: a crash leaves a whole file or none, and two starts agree on one.
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`);
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
