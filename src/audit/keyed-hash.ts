// HMAC-SHA-256 (RFC 2104) of small texts, on the way of every call: Node's object for it costs several times the hashing, so
// the two hashes are taken in one go each.

import { hash } from 'node:crypto';

const BLOCK = 64;
const DIGEST = 32;
const ROOM = 4096;

/** The keyed hash, in hexadecimal. @param key at most 64 bytes */
export function createKeyedHash(key: Uint8Array): (text: string) => string {
  if (key.length > BLOCK) throw new RangeError('the key is longer than a block');
  const inner = Buffer.alloc(BLOCK + ROOM);
  const outer = Buffer.alloc(BLOCK + DIGEST);
  for (let at = 0; at < BLOCK; at += 1) {
    inner[at] = (key[at] ?? 0) ^ 0x36;
    outer[at] = (key[at] ?? 0) ^ 0x5c;
  }
  const prefix = inner.subarray(0, BLOCK);
  return (text) => {
    // UTF-8 takes at most three bytes for a UTF-16 code unit.
    const isSmall = text.length * 3 <= ROOM;
    const message = isSmall
      ? inner.subarray(0, BLOCK + inner.write(text, BLOCK, 'utf8'))
      : Buffer.concat([prefix, Buffer.from(text)]);
    // By way of a string: an object for the bytes would cost more than both hashes.
    outer.write(hash('sha256', message, 'binary'), BLOCK, 'binary');
    return hash('sha256', outer);
  };
}
