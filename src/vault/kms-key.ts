// The key-encryption key under an AWS KMS key: what lies beside the database is a data key that only KMS can decrypt
// (GenerateDataKey, Decrypt), bound to this installation by its encryption context. KMS is asked at the start and at
// rotations, never by a call.

import type { Audit } from '../core/audit.ts';
import { credentialUse } from '../core/credential-use.ts';
import { GatewayError, reasonOf, toGatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { Egress, OutboundRequest } from '../core/outbound.ts';
import { recorded } from '../core/recorded.ts';
import { signRequest } from '../lib/sigv4-sign.ts';
import type { SigningCredentials } from '../lib/sigv4-sign.ts';
import type { KeySource } from './key-ring.ts';
import { createOwnerFile, readOwnerFile, replaceOwnerFile } from './owner-file.ts';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;
/** Of a data key (AES_256). */
const KEY_BYTES = 32;

export interface KmsKeyOptions {
  readonly keyArn: string;
  /** Where the wrapped keys lie. */
  readonly path: string;
  readonly accountId: string;
  readonly egress: Pick<Egress, 'request'>;
  readonly credentials: () => Promise<SigningCredentials | undefined>;
  /** Is told of each request. */
  readonly audit?: Audit;
  /** The SDKs' own variable AWS_ENDPOINT_URL_KMS. */
  readonly endpoint?: URL;
}

/** The keys behind a KMS key. */
export function kmsKey(options: KmsKeyOptions): KeySource {
  const { keyArn, path } = options;
  const context = { application: 'gatewright', account: options.accountId };
  const lines = (): readonly string[] =>
    (readOwnerFile(path, 'wrapped master key') ?? '').split('\n').filter((line) => line.trim() !== '');
  const generate = async (): Promise<string> => {
    const answer = await ask(
      'GenerateDataKey',
      { KeyId: keyArn, KeySpec: 'AES_256', EncryptionContext: context },
      options,
    );
    return blobOf('GenerateDataKey', answer, 'CiphertextBlob').toString('base64');
  };
  return Object.freeze({
    name: `AWS KMS (${keyArn}, wrapped in ${path})`,
    look: () => lines().join('\n'),
    async load(mayCreate: boolean): Promise<readonly Buffer[]> {
      if (mayCreate && lines().length === 0) createOwnerFile(path, `${await generate()}\n`);
      return Promise.all(
        lines().map(async (CiphertextBlob) => {
          const answer = await ask(
            'Decrypt',
            { CiphertextBlob, KeyId: keyArn, EncryptionContext: context },
            options,
          );
          const key = blobOf('Decrypt', answer, 'Plaintext');
          if (key.length !== KEY_BYTES) throw unavailable(`Decrypt answered with ${key.length} bytes`);
          return key;
        }),
      );
    },
    async add(): Promise<void> {
      replaceOwnerFile(path, `${[await generate(), ...lines()].join('\n')}\n`);
    },
    retire(): Promise<void> {
      const [first] = lines();
      if (first !== undefined) replaceOwnerFile(path, `${first}\n`);
      return Promise.resolve();
    },
  });
}

async function ask(
  action: 'GenerateDataKey' | 'Decrypt',
  input: object,
  { keyArn, egress, credentials, endpoint, audit }: KmsKeyOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const region = keyArn.split(':')[3] ?? '';
  const signer = await credentials();
  if (!signer) throw unavailable('this process has no AWS credentials');
  const request = {
    method: 'POST',
    url: endpoint ?? new URL(`https://kms.${region}.amazonaws.com/`),
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}` },
    body: JSON.stringify(input),
  };
  const use = credentialUse({
    purpose: 'master-key',
    type: 'AWS',
    resource: { arn: keyArn, type: 'AWS::KMS::Key' },
    destination: request.url,
    more: { operation: action },
  });
  return recorded(audit, use, () => send(action, request, { region, signer, egress }));
}

async function send(
  action: string,
  request: OutboundRequest,
  { region, signer, egress }: { region: string; signer: SigningCredentials; egress: Pick<Egress, 'request'> },
): Promise<Readonly<Record<string, unknown>>> {
  try {
    const headers = await signRequest(request, { service: 'kms', region, credentials: signer });
    const answer = await egress.request(
      { ...request, headers },
      { timeoutMs: TIMEOUT_MS, maxResponseBytes: MAX_ANSWER },
    );
    const body: unknown = JSON.parse(answer.body.toString('utf8'));
    const members: Readonly<Record<string, unknown>> = isJsonObject(body) ? body : {};
    if (answer.status === 200) return members;
    throw unavailable(`${action} answered ${answer.status} ${String(members['__type'] ?? '')}`);
  } catch (thrown) {
    const fault = toGatewayError(thrown);
    throw fault.code === 'Unavailable' ? fault : unavailable(reasonOf(fault));
  }
}

/** What an answer of KMS is for: what takes its place and is none must never lie there as a key. */
function blobOf(action: string, answer: Readonly<Record<string, unknown>>, member: string): Buffer {
  const text = answer[member];
  const blob = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
  if (!blob || blob.length === 0 || blob.toString('base64') !== text)
    throw unavailable(`${action} answered without a ${member}`);
  return blob;
}

function unavailable(why: string): GatewayError {
  return new GatewayError('Unavailable', `The master key cannot be had from AWS KMS: ${why}.`);
}
