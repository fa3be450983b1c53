import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Egress } from '../core/outbound.ts';
import { kmsKey } from './kms-key.ts';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'kms-key-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const KEY = Buffer.alloc(32, 5);
const BLOB = Buffer.from('wrapped').toString('base64');

/** Keys behind a KMS that answers each action with a text. */
function open(answers: Readonly<Record<string, string>>) {
  const egress: Pick<Egress, 'request'> = {
    request: ({ headers }) =>
      Promise.resolve({
        status: 200,
        headers: {},
        body: Buffer.from(answers[String(headers['x-amz-target']).split('.')[1] ?? ''] ?? ''),
      }),
  };
  const path = join(folder, 'master.key.kms');
  const source = kmsKey({
    keyArn: 'arn:aws:kms:us-west-2:123456789012:key/1',
    path,
    accountId: '000000000000',
    egress,
    credentials: () => Promise.resolve({ accessKeyId: 'AKIA', secretAccessKey: 'secret' }),
  });
  return { source, path };
}

it('makes a first key and reads it', async () => {
  const { source, path } = open({
    GenerateDataKey: JSON.stringify({ CiphertextBlob: BLOB }),
    Decrypt: JSON.stringify({ Plaintext: KEY.toString('base64') }),
  });
  expect(await source.load(true)).toEqual([KEY]);
  expect(readFileSync(path, 'utf8')).toBe(`${BLOB}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it.each([
  ['nothing', '{}'],
  ['null', '{"CiphertextBlob":null}'],
  ['a number', '{"CiphertextBlob":7}'],
  ['an empty one', '{"CiphertextBlob":""}'],
  ['words', '{"CiphertextBlob":"not base64!"}'],
  ['a list', '[]'],
  ['no JSON', '<html>'],
])('an answer with %s for a wrapped key leaves none behind', async (_, answer) => {
  const { source, path } = open({ GenerateDataKey: answer });
  await expect(source.load(true)).rejects.toMatchObject({ code: 'Unavailable' });
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, `${BLOB}\n`, { mode: 0o600 });
  await expect(source.add()).rejects.toMatchObject({ code: 'Unavailable' });
  expect(readFileSync(path, 'utf8')).toBe(`${BLOB}\n`);
});

it.each([
  ['nothing', '{}'],
  ['a short one', JSON.stringify({ Plaintext: Buffer.alloc(16).toString('base64') })],
  ['words', '{"Plaintext":"this is no key"}'],
  ['null', 'null'],
])('an answer with %s for a key is no key', async (_, answer) => {
  const { source, path } = open({ Decrypt: answer });
  writeFileSync(path, `${BLOB}\n`, { mode: 0o600 });
  await expect(source.load(false)).rejects.toMatchObject({ code: 'Unavailable' });
});
