// AWS KMS as far as the vault uses it (GenerateDataKey, Decrypt), on loopback: it can be down in all the ways that services
// are down. It verifies nothing; that requests are signed is shown elsewhere.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closing } from '../support/process.ts';

/** `dying`: the next key is made, and after that none is opened; `empty`: 200 without what was asked for; `other`: another key. */
export type KmsState =
  | 'well'
  | 'reset'
  | 'silent'
  | 'broken'
  | 'denied'
  | 'dying'
  | 'dead'
  | 'empty'
  | 'other';

export interface StandInKms {
  /** What a process needs to use it. */
  readonly env: Readonly<Record<string, string>>;
  state: KmsState;
  /** Requests so far. */
  readonly asked: () => number;
}

/** Opens one on a free port; closed with the row. */
export async function openKms(): Promise<StandInKms> {
  const wrapped = new Map<string, Buffer>();
  let asked = 0;
  const answer = (
    input: Record<string, string>,
    request: IncomingMessage,
    response: ServerResponse,
  ): void => {
    const say = (body: object, status = 200): void =>
      void response
        .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
        .end(JSON.stringify(body));
    const blob = input['CiphertextBlob'];
    switch (kms.state) {
      case 'reset':
        return void request.socket.resetAndDestroy();
      case 'silent':
        return undefined;
      case 'broken':
        return say({ __type: 'KMSInternalException' }, 500);
      case 'denied':
        return say({ __type: 'AccessDeniedException' }, 400);
      case 'empty':
        return say({});
      case 'dead':
        return say({ __type: 'KMSInternalException' }, 500);
      case 'dying':
        if (blob === undefined) kms.state = 'dead';
        break;
      case 'other':
        if (blob !== undefined) return say({ Plaintext: randomBytes(32).toString('base64') });
        break;
      case 'well':
    }
    if (blob !== undefined) return say({ Plaintext: wrapped.get(blob)?.toString('base64') });
    const [key, name] = [randomBytes(32), randomBytes(48).toString('base64')];
    wrapped.set(name, key);
    return say({ CiphertextBlob: name, Plaintext: key.toString('base64') });
  };
  const server = createServer((request, response) => {
    asked += 1;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      answer(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>, request, response),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const kms: StandInKms = {
    env: {
      GATEWRIGHT_MASTER_KEY_KMS: 'arn:aws:kms:us-west-2:123456789012:key/1234abcd',
      AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'AKIAPROCESS000000000',
      AWS_SECRET_ACCESS_KEY: 'process-secret',
    },
    state: 'well',
    asked: () => asked,
  };
  return kms;
}
