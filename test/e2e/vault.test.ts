// The vault of a running server: its master key is rotated under load, the rotation is broken off by kill -9 at any
// moment and goes on, and whoever copies the database without the key has nothing.

import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { closing, filesOf, runGatewright, startServer, temporaryFolder } from '../support/process.ts';
import type { RunningServer } from '../support/process.ts';

const SECRET = 'k-planted-secret-7f3a';

const run = (server: RunningServer, ...args: string[]) =>
  runGatewright([...args, '--endpoint-url', server.controlEndpoint, '--data-dir', server.dataDir]);

/** Makes API-key providers and says what each answered. */
async function makeProviders(server: RunningServer, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const made = await run(
      server,
      'create-api-key-credential-provider',
      '--name',
      `p${index}`,
      '--api-key',
      `${SECRET}-${index}`,
    );
    expect(made.code).toBe(0);
  }
}

const keysIn = (dataDir: string): string[] =>
  readFileSync(join(dataDir, 'master.key'), 'utf8').trim().split('\n');

test('is rotated by one command, and everything opens with the new key alone', async () => {
  const server = await startServer();
  await makeProviders(server, 3);
  const [before] = keysIn(server.dataDir);
  const rotated = await run(server, 'vault', 'rotate');
  expect([rotated.code, rotated.stderr]).toEqual([0, '']);
  expect(JSON.parse(rotated.stdout)).toMatchObject({ unreadable: 0 });
  const after = keysIn(server.dataDir);
  expect(after).toHaveLength(1);
  expect(after).not.toContain(before);
  await server.stop();
  const again = await startServer({ dataDir: server.dataDir });
  expect(again.stdout()).not.toMatch(/does not open|vault is not whole/);
  // A second rotation proves that every value opens: it would count what does not.
  expect(JSON.parse((await run(again, 'vault', 'rotate')).stdout)).toMatchObject({
    rewrapped: 5,
    unreadable: 0,
  });
  await again.stop();
  // The old key opens nothing any more.
  writeFileSync(join(server.dataDir, 'master.key'), `${before}\n`, { mode: 0o600 });
  const wrong = await startServer({ dataDir: server.dataDir });
  expect(wrong.stdout()).toContain('The master key is not the one that the stored secrets were sealed with');
  await wrong.stop();
}, 60_000);

test('a rotation that kill -9 breaks off goes on when it is run again', async () => {
  let server = await startServer();
  await makeProviders(server, 4);
  for (let round = 0; round < 4; round += 1) {
    const rotation = run(server, 'vault', 'rotate');
    await new Promise((resolve) => setTimeout(resolve, randomInt(250, 900)));
    await server.kill('SIGKILL');
    await rotation;
    server = await startServer({ dataDir: server.dataDir });
    expect(server.stdout()).not.toMatch(/does not open|vault is not whole/);
    expect(keysIn(server.dataDir).length).toBeLessThanOrEqual(2);
  }
  expect(JSON.parse((await run(server, 'vault', 'rotate')).stdout)).toMatchObject({ unreadable: 0 });
  expect(keysIn(server.dataDir)).toHaveLength(1);
  await server.stop();
}, 120_000);

test('the master key may come from the environment, and is rotated there by the operator', async () => {
  const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  const dataDir = `${temporaryFolder()}/data`;
  const server = await startServer({ dataDir, env: { GATEWRIGHT_MASTER_KEY: first } });
  await makeProviders(server, 1);
  const refused = await run(server, 'vault', 'rotate');
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('put a new key before the old one'),
  ]);
  await server.stop();
  expect(readdirSync(dataDir)).not.toContain('master.key');
  const both = await startServer({ dataDir, env: { GATEWRIGHT_MASTER_KEY: `${second},${first}` } });
  expect(JSON.parse((await run(both, 'vault', 'rotate')).stdout)).toMatchObject({
    rewrapped: 3,
    unreadable: 0,
  });
  await both.stop();
  const alone = await startServer({ dataDir, env: { GATEWRIGHT_MASTER_KEY: second } });
  expect(alone.stdout()).not.toMatch(/does not open|vault is not whole/);
  await alone.stop();
}, 60_000);

test('the master key may be wrapped by AWS KMS, which is asked at the start only', async () => {
  const asked: string[] = [];
  const wrapped = new Map<string, Buffer>();
  const kms = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      asked.push(String(request.headers['x-amz-target']));
      expect(request.headers['authorization']).toContain('/us-west-2/kms/aws4_request');
      expect(input['EncryptionContext']).toEqual({ application: 'gatewright', account: '000000000000' });
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      if (input['CiphertextBlob'] === undefined) {
        const key = randomBytes(32);
        const blob = randomBytes(48).toString('base64');
        wrapped.set(blob, key);
        response.end(JSON.stringify({ CiphertextBlob: blob, Plaintext: key.toString('base64') }));
      } else
        response.end(JSON.stringify({ Plaintext: wrapped.get(input['CiphertextBlob'])?.toString('base64') }));
    });
  });
  await new Promise<void>((resolve) => kms.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => kms.close(resolve)));
  const { port } = kms.address() as AddressInfo;
  const env = {
    GATEWRIGHT_MASTER_KEY_KMS: 'arn:aws:kms:us-west-2:123456789012:key/1234abcd',
    AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'AKIAPROCESS000000000',
    AWS_SECRET_ACCESS_KEY: 'process-secret',
  };
  const server = await startServer({ env });
  await makeProviders(server, 1);
  const atStart = asked.length;
  expect(JSON.parse((await run(server, 'vault', 'rotate')).stdout)).toMatchObject({
    rewrapped: 3,
    unreadable: 0,
  });
  await server.stop();
  const again = await startServer({ dataDir: server.dataDir, env });
  expect(again.stdout()).not.toMatch(/does not open|vault is not whole/);
  await again.stop();
  expect(atStart).toBe(2);
  kms.closeAllConnections();
}, 60_000);

test('a copy of the database without the key is of no use', async () => {
  const server = await startServer();
  await makeProviders(server, 2);
  await server.stop();
  rmSync(join(server.dataDir, 'master.key'));
  rmSync(join(server.dataDir, 'credentials'));
  for (const name of filesOf(server.dataDir)) {
    const bytes = readFileSync(join(server.dataDir, name));
    for (const form of [SECRET, Buffer.from(SECRET).toString('base64'), Buffer.from(SECRET).toString('hex')])
      expect([name, bytes.includes(form)]).toEqual([name, false]);
  }
  expect(server.stdout()).not.toContain(SECRET);
  expect(server.stderr()).not.toContain(SECRET);
}, 60_000);
