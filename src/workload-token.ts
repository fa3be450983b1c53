// Part of the composition root: the token that this process is known by where it runs (a service account's of Kubernetes,
// an instance's of a cloud), from the file that the operator names. Read at each use, because it is renewed there.

import { readFile } from 'node:fs/promises';
import { GatewayError } from './core/errors.ts';
import { Secret } from './lib/secret.ts';

const MAX_BYTES = 64 * 1024;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Reads the token. @throws GatewayError CredentialUnavailable with what is wrong with the file */
export async function readWorkloadToken(file: string | undefined): Promise<Secret> {
  if (file === undefined) throw unavailable('there is none: set GATEWRIGHT_WORKLOAD_TOKEN_FILE');
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw unavailable(`${file} cannot be read (${code})`);
  }
  // Nothing of the text: the wrong file may hold anything.
  if (text.length > MAX_BYTES || !JWT.test(text)) throw unavailable(`${file} does not hold a signed JWT`);
  return new Secret(text);
}

function unavailable(internal: string): GatewayError {
  return new GatewayError('CredentialUnavailable', 'This process has no token of its own.', {
    internal: `the token of this workload: ${internal}`,
  });
}
