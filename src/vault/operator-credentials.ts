// The first operator's access key: given by the settings, or made on first start and kept in the AWS
// shared-credentials format, so that every AWS SDK can be pointed at the file.

import { randomBytes, randomInt } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { Secret } from '../lib/secret.ts';
import { createOwnerFile, readOwnerFile } from './owner-file.ts';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secret: Secret;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** @throws GatewayError Unavailable when the file is there but cannot be used. */
export function loadOperatorCredentials(path: string): AccessKey {
  const text = readOwnerFile(path, 'credentials');
  if (text === undefined) {
    createOwnerFile(path, newCredentials());
    return loadOperatorCredentials(path);
  }
  const accessKeyId = /^\s*aws_access_key_id\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  const secret = /^\s*aws_secret_access_key\s*=\s*(\S+)\s*$/m.exec(text)?.[1];
  if (accessKeyId === undefined || secret === undefined)
    throw new GatewayError(
      'Unavailable',
      `The credentials file ${path} has no aws_access_key_id and aws_secret_access_key.`,
    );
  return { accessKeyId, secret: new Secret(secret) };
}

function newCredentials(): string {
  let id = 'AKIA';
  while (id.length < 20) id += BASE32[randomInt(BASE32.length)];
  return `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${randomBytes(30).toString('base64url')}\n`;
}
