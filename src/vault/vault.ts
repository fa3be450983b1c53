// Seals and opens secrets. Envelope encryption: each version of each secret has a data key of its own
// (AES-256-GCM, NIST SP 800-38D), wrapped by the key-encryption key. Associated data binds a sealed value to
// the record it belongs to, so that a ciphertext moved to another row or version does not open.
// The tag is always 16 bytes: Node would accept a truncated one otherwise.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { createFigures } from '../core/figures.ts';
import type { Figures } from '../core/figures.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import { Secret } from '../lib/secret.ts';
import type { Kek, KeyRing } from './key-ring.ts';

const ALGORITHM = 'aes-256-gcm';
const TAG_BYTES = 16;
const IV_BYTES = 12;
const KEY_BYTES = 32;

export interface Vault {
  /** Id of the key-encryption key in use; undefined while the vault is locked. */
  readonly kekId: () => string | undefined;
  /** Why the vault is locked, for operators; undefined when it is not. */
  readonly locked: () => string | undefined;
  /** @throws GatewayError Unavailable while the vault is locked */
  seal(secret: Secret, binding: SecretBinding): SealedSecret;
  /** @throws GatewayError CredentialUnavailable when the key is another one or the record was tampered with. */
  open(sealed: SealedSecret, binding: SecretBinding): Secret;
  /** The same value under the key in use; undefined when it is that already. @throws as `open` and `seal` */
  rewrap(sealed: SealedSecret): SealedSecret | undefined;
}

/** A vault over some key-encryption keys. The account keeps values of one installation apart. */
export function createVault(ring: KeyRing, accountId: string, figures: Figures = createFigures()): Vault {
  const counts = {
    seal: counted(figures, 'seal'),
    open: counted(figures, 'open'),
    rewrap: counted(figures, 'rewrap'),
  };

  function primary(): Kek {
    const kek = ring.primary();
    if (kek) return kek;
    throw new GatewayError('Unavailable', lockedBy(ring));
  }

  function unwrap(sealed: SealedSecret, binding: SecretBinding): Buffer {
    const kek = ring.find(sealed.kekId);
    if (!kek)
      throw new GatewayError(
        'CredentialUnavailable',
        'A stored secret was sealed with another master key than the one in use. Restore the key file or enter the secret again.',
        {
          internal: `secret ${binding.recordId} needs key ${sealed.kekId}, in use: ${ring.ids().join(', ') || 'none'}`,
        },
      );
    const wrapped = Buffer.from(sealed.wrappedKey, 'base64');
    return decrypt(
      kek.key,
      {
        iv: wrapped.subarray(0, IV_BYTES),
        tag: wrapped.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
        ciphertext: wrapped.subarray(IV_BYTES + TAG_BYTES),
      },
      Buffer.concat([associatedData(accountId, binding), Buffer.from(kek.id)]),
    );
  }

  function wrap(dataKey: Buffer, binding: SecretBinding): Pick<SealedSecret, 'kekId' | 'wrappedKey'> {
    const kek = primary();
    const bound = Buffer.concat([associatedData(accountId, binding), Buffer.from(kek.id)]);
    const { iv, tag, ciphertext } = encrypt(kek.key, dataKey, bound);
    return { kekId: kek.id, wrappedKey: Buffer.concat([iv, tag, ciphertext]).toString('base64') };
  }

  function foreign(thrown: unknown, { recordId, version }: SecretBinding): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    return new GatewayError(
      'CredentialUnavailable',
      'A stored secret does not belong to its record or was changed. Enter the secret again.',
      { cause: thrown, internal: `secret ${recordId} version ${version} does not open` },
    );
  }

  return Object.freeze({
    kekId: () => ring.primary()?.id,
    locked: () => (ring.primary() ? undefined : lockedBy(ring)),
    seal: counts.seal((secret: Secret, binding: SecretBinding): SealedSecret => {
      const dataKey = randomBytes(KEY_BYTES);
      const value = encrypt(
        dataKey,
        Buffer.from(secret.reveal(), 'utf8'),
        associatedData(accountId, binding),
      );
      const wrapped = wrap(dataKey, binding);
      dataKey.fill(0);
      return {
        v: 1,
        ...wrapped,
        iv: value.iv.toString('base64'),
        ciphertext: value.ciphertext.toString('base64'),
        tag: value.tag.toString('base64'),
        bound: binding,
      };
    }),
    open: counts.open((sealed: SealedSecret, binding: SecretBinding): Secret => {
      try {
        const dataKey = unwrap(sealed, binding);
        const value = decrypt(
          dataKey,
          {
            iv: Buffer.from(sealed.iv, 'base64'),
            tag: Buffer.from(sealed.tag, 'base64'),
            ciphertext: Buffer.from(sealed.ciphertext, 'base64'),
          },
          associatedData(accountId, binding),
        );
        const secret = new Secret(value.toString('utf8'));
        dataKey.fill(0);
        value.fill(0);
        return secret;
      } catch (thrown) {
        throw foreign(thrown, binding);
      }
    }),
    rewrap: counts.rewrap((sealed: SealedSecret): SealedSecret | undefined => {
      if (sealed.kekId === primary().id) return undefined;
      try {
        // What it says of itself is authenticated: a wrong word does not unwrap.
        const dataKey = unwrap(sealed, sealed.bound);
        const wrapped = wrap(dataKey, sealed.bound);
        dataKey.fill(0);
        return { ...sealed, ...wrapped };
      } catch (thrown) {
        throw foreign(thrown, sealed.bound);
      }
    }),
  });
}

/** The same, counted. */
function counted(figures: Figures, operation: 'seal' | 'open' | 'rewrap') {
  const success = figures.count('vault', { operation, outcome: 'success' });
  const failure = figures.count('vault', { operation, outcome: 'failure' });
  return <A extends readonly unknown[], R>(work: (...given: A) => R) =>
    (...given: A): R => {
      let count = failure;
      try {
        const result = work(...given);
        count = success;
        return result;
      } finally {
        count.value += 1;
      }
    };
}

function lockedBy({ source }: KeyRing): string {
  return `The vault is locked: its master key is missing from ${source}. Put it back; nothing can be sealed or opened without it.`;
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
