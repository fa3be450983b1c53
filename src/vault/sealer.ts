// Seals the tokens that clients carry for us: session ids, request states, cursors. AES-256-GCM under one key a
// purpose, derived once from the key-encryption key (HKDF, RFC 5869), so that every process of an installation can
// open what another has sealed. What a token belongs to is associated data: elsewhere it does not open.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { SealPurpose, Sealer } from '../core/sealer.ts';

const ALGORITHM = 'aes-256-gcm';
const FORMAT = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + IV_BYTES + TAG_BYTES;
/** No token that clients bring is longer (characters); what is, is not looked at. What lies in the store has no limit. */
const MAX_TOKEN = 1024 * 1024;
const STORED: ReadonlySet<SealPurpose> = new Set(['mailbox', 'session-state']);

/** A sealer over one key-encryption key of 32 bytes. The account keeps installations apart. */
export function createSealer(kek: Uint8Array, accountId: string): Sealer {
  const keys = new Map<SealPurpose, Buffer>();
  const keyFor = (purpose: SealPurpose): Buffer => {
    let key = keys.get(purpose);
    if (!key) {
      key = Buffer.from(hkdfSync('sha256', kek, accountId, `gatewright token ${purpose}`, 32));
      keys.set(purpose, key);
    }
    return key;
  };
  return Object.freeze({
    seal(purpose: SealPurpose, text: string, bound: readonly string[]): string {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, keyFor(purpose), iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(associated(bound));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(FORMAT), iv, cipher.getAuthTag(), sealed]).toString('base64url');
    },
    open(purpose: SealPurpose, token: string, bound: readonly string[]): string | undefined {
      if (token.length > MAX_TOKEN && !STORED.has(purpose)) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      // One spelling only: a second one of the same bytes would be a second token for whoever compares texts.
      if (bytes.length < HEAD_BYTES || bytes[0] !== FORMAT || bytes.toString('base64url') !== token)
        return undefined;
      const iv = bytes.subarray(1, 1 + IV_BYTES);
      const decipher = createDecipheriv(ALGORITHM, keyFor(purpose), iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(associated(bound));
      decipher.setAuthTag(bytes.subarray(1 + IV_BYTES, HEAD_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString(
          'utf8',
        );
      } catch {
        return undefined;
      }
    },
  });
}

/** JSON tells the parts apart, whatever is in them. */
function associated(bound: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(bound), 'utf8');
}
