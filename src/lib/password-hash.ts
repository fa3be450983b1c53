// Passwords as scrypt hashes (RFC 7914). One check costs 32 MB for about a tenth of a second, whether the user exists or
// not; only a few run at once, so that guessing in parallel costs the server no more memory.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Secret } from './secret.ts';

/** A stored password. The cost is kept with it, so that it can grow. */
export interface PasswordHash {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  /** Base64. */
  readonly salt: string;
  /** Base64. */
  readonly hash: string;
}

const COST = Object.freeze({ cost: 32_768, blockSize: 8, parallelization: 3 });
const HASH_BYTES = 32;
const MAX_MEMORY = 128 * 1024 * 1024;
const AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** Hashes a new password with a salt of its own. */
export async function hashPassword(password: Secret): Promise<PasswordHash> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, COST);
  return { ...COST, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

/** Compares in constant time. Without a known hash the same work is done, and the answer is no. */
export async function verifyPassword(password: Secret, known: PasswordHash | undefined): Promise<boolean> {
  const salt = known ? Buffer.from(known.salt, 'base64') : randomBytes(16);
  const derived = await derive(password, salt, known ?? COST);
  const expected = known ? Buffer.from(known.hash, 'base64') : randomBytes(HASH_BYTES);
  return derived.length === expected.length && timingSafeEqual(derived, expected) && known !== undefined;
}

async function derive(
  password: Secret,
  salt: Buffer,
  { cost, blockSize, parallelization }: Omit<PasswordHash, 'salt' | 'hash'>,
): Promise<Buffer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await new Promise((resolve, reject) => {
      // One spelling of letters with accents, whichever keyboard they came from (RFC 8265 §4.2).
      scrypt(
        password.reveal().normalize('NFC'),
        salt,
        HASH_BYTES,
        { cost, blockSize, parallelization, maxmem: MAX_MEMORY },
        (error, key) => (error ? reject(error) : resolve(key)),
      );
    });
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
