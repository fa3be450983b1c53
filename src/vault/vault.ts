// Seals and opens secrets. Envelope encryption: each version of each secret has a data key of its own
// (AES-256-GCM, NIST SP 800-38D), wrapped by the key-encryption key. Associated data binds a sealed value to
// the record it belongs to, so that a ciphertext moved to another row or version does not open.
// The tag is always 16 bytes: Node would accept a truncated one otherwise.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { SealedSecret } from '../core/resources.ts';
import { Secret } from '../lib/secret.ts';

const ALGORITHM = 'aes-256-gcm';
const TAG_BYTES = 16;
const IV_BYTES = 12;
const KEY_BYTES = 32;

/** What a sealed value belongs to. All four parts are authenticated. */
export interface SecretBinding {
  readonly type: string;
  readonly recordId: string;
  readonly field: string;
  readonly version: number;
}

export interface Vault {
  /** Id of the key-encryption key in use. */
  readonly kekId: string;
  seal(secret: Secret, binding: SecretBinding): SealedSecret;
  /** @throws GatewayError CredentialUnavailable when the key is another one or the record was tampered with. */
  open(sealed: SealedSecret, binding: SecretBinding): Secret;
}

/** A vault over one key-encryption key of 32 bytes. The account keeps values of one installation apart. */
export function createVault(kek: Uint8Array, accountId: string): Vault {
  if (kek.length !== KEY_BYTES) throw new RangeError('a key-encryption key has 32 bytes');
  const kekId = createHash('sha256').update('gatewright-kek').update(kek).digest('hex').slice(0, 16);

  return Object.freeze({
    kekId,
    seal(secret: Secret, binding: SecretBinding): SealedSecret {
      const associated = associatedData(accountId, binding);
      const dataKey = randomBytes(KEY_BYTES);
      const value = encrypt(dataKey, Buffer.from(secret.reveal(), 'utf8'), associated);
      const wrapped = encrypt(kek, dataKey, Buffer.concat([associated, Buffer.from(kekId)]));
      dataKey.fill(0);
      return {
        v: 1,
        kekId,
        wrappedKey: Buffer.concat([wrapped.iv, wrapped.tag, wrapped.ciphertext]).toString('base64'),
        iv: value.iv.toString('base64'),
        ciphertext: value.ciphertext.toString('base64'),
        tag: value.tag.toString('base64'),
      };
    },
    open(sealed: SealedSecret, binding: SecretBinding): Secret {
      if (sealed.kekId !== kekId)
        throw new GatewayError(
          'CredentialUnavailable',
          'A stored secret was sealed with another master key than the one in use. Restore the key file or enter the secret again.',
          { internal: `secret ${binding.recordId} needs key ${sealed.kekId}, in use is ${kekId}` },
        );
      const associated = associatedData(accountId, binding);
      try {
        const wrapped = Buffer.from(sealed.wrappedKey, 'base64');
        const dataKey = decrypt(
          kek,
          {
            iv: wrapped.subarray(0, IV_BYTES),
            tag: wrapped.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
            ciphertext: wrapped.subarray(IV_BYTES + TAG_BYTES),
          },
          Buffer.concat([associated, Buffer.from(kekId)]),
        );
        const value = decrypt(
          dataKey,
          {
            iv: Buffer.from(sealed.iv, 'base64'),
            tag: Buffer.from(sealed.tag, 'base64'),
            ciphertext: Buffer.from(sealed.ciphertext, 'base64'),
          },
          associated,
        );
        const secret = new Secret(value.toString('utf8'));
        dataKey.fill(0);
        value.fill(0);
        return secret;
      } catch (thrown) {
        throw new GatewayError(
          'CredentialUnavailable',
          'A stored secret does not belong to its record or was changed. Enter the secret again.',
          { cause: thrown, internal: `secret ${binding.recordId} version ${binding.version} does not open` },
        );
      }
    },
  });
}

interface Sealed {
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

function encrypt(key: Uint8Array, plain: Uint8Array, associated: Uint8Array): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated);
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { iv, ciphertext, tag: cipher.getAuthTag() };
}

function decrypt(key: Uint8Array, { iv, ciphertext, tag }: Sealed, associated: Uint8Array): Buffer {
  if (tag.length !== TAG_BYTES) throw new RangeError('authentication tag of the wrong length');
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

/** Length-prefixed, so that no two bindings share a byte string. */
function associatedData(accountId: string, binding: SecretBinding): Buffer {
  const parts = [
    'gatewright-1',
    accountId,
    binding.type,
    binding.recordId,
    binding.field,
    String(binding.version),
  ];
  return Buffer.concat(
    parts.map((part) => {
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  );
}
