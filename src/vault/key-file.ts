// Key-encryption keys in a file: 32 bytes as base64 a line, the first one seals; readable by its owner only. A key is made
// only while nothing has been sealed yet: making a new one later would lose every secret silently.

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { KeySource } from './key-ring.ts';
import { createOwnerFile, readOwnerFile, replaceOwnerFile } from './owner-file.ts';

/** The keys of a file. */
export function keyFile(path: string): KeySource {
  const read = (): readonly Buffer[] => parse(path, readOwnerFile(path, 'master key') ?? '');
  return Object.freeze({
    name: `the file ${path}`,
    load(mayCreate: boolean): Promise<readonly Buffer[]> {
      if (mayCreate && readOwnerFile(path, 'master key') === undefined)
        createOwnerFile(path, `${newKey()}\n`);
      return Promise.resolve(read());
    },
    loadNow: read,
    add(): Promise<void> {
      const keys = [newKey(), ...read().map((key) => key.toString('base64'))];
      replaceOwnerFile(path, `${keys.join('\n')}\n`);
      return Promise.resolve();
    },
    retire(): Promise<void> {
      const [first] = read();
      if (first) replaceOwnerFile(path, `${first.toString('base64')}\n`);
      return Promise.resolve();
    },
  });
}

/** Keys that the operator puts into the environment: a rotation is theirs to begin, by putting a new one first. */
export function keysFromText(text: string, name: string): KeySource {
  const load = (): readonly Buffer[] => parse(name, text.split(',').join('\n'));
  return Object.freeze({
    name,
    load: () => Promise.resolve(load()),
    add: () =>
      Promise.reject(
        new GatewayError(
          'Validation',
          `The master key comes from ${name}. To rotate it, put a new key before the old one, with a comma between them, restart every process, and run this again.`,
        ),
      ),
    // The old ones are of no use any more; taking them out is the operator's.
    retire: () => Promise.resolve(),
  });
}

function parse(where: string, text: string): readonly Buffer[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.map((line) => {
    const key = Buffer.from(line, 'base64');
    if (key.length !== 32 || key.toString('base64') !== line)
      throw new GatewayError('Unavailable', `The master key of ${where} is not 32 bytes in base64.`);
    return key;
  });
}

function newKey(): string {
  return randomBytes(32).toString('base64');
}
