// The keys that tokens are signed with: made once, sealed in the store, the same for every process. A new key is
// published a day before it signs, so that nobody meets a signature by a key they could not have seen; an old one stays
// published until its last token is over.

import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import { newId } from '../core/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';

const ID = 'authorization-server-keys';
const ALGORITHM = 'RS256';
const DAY_MS = 24 * 3_600_000;
const PUBLISH_AHEAD_MS = DAY_MS;
const KEEP_AFTER_MS = DAY_MS;
const ROTATE_AFTER_MS = 90 * DAY_MS;

/** A private key with its key id. */
export interface SigningKey {
  readonly jwk: JWK & { readonly kid: string };
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface KeyVault {
  seal(secret: Secret, binding: SecretBinding): SealedSecret;
  open(sealed: SealedSecret, binding: SecretBinding): Secret;
}

/**
 * The keys in force, the one that signs first. Makes the first and every next one when it is time.
 * @throws GatewayError when the vault is locked or the store cannot be reached
 */
export async function loadSigningKeys(store: Store, clock: Clock, vault: KeyVault): Promise<SigningKey[]> {
  const row = await store.get('secret', ID);
  const stored = row ? parseKeys(vault.open(row.document, row.document.bound).reveal()) : [];
  const kept = keysInForce(stored, clock.now());
  const isDue = isNextKeyDue(stored, clock.now());
  if (!isDue && kept.length === stored.length) return kept;
  const keys = isDue ? [...kept, await createKey(clock.now())] : kept;
  const version = (row?.document.bound.version ?? 0) + 1;
  const binding = { type: 'authorization-server-keys', recordId: ID, field: 'keys', version };
  const document = vault.seal(new Secret(JSON.stringify(keys)), binding);
  try {
    await store.transaction(async (tx) => {
      if (row) await tx.replace('secret', row, document);
      else await tx.create('secret', { id: ID, name: ID, document });
    });
  } catch (thrown) {
    // Another process was quicker: its keys count.
    if (['Conflict', 'StaleRevision'].includes(toGatewayError(thrown).code))
      return loadSigningKeys(store, clock, vault);
    throw thrown;
  }
  return keysInForce(keys, clock.now());
}

/** Without those whose last token is over, the one that signs first: the newest that has been published for a day. */
export function keysInForce(keys: readonly SigningKey[], now: number): SigningKey[] {
  const byAge = keys.toSorted((left, right) => left.createdAt - right.createdAt);
  const signing = byAge.findLast((key) => key.createdAt + PUBLISH_AHEAD_MS <= now) ?? byAge[0];
  if (!signing) return [];
  const isOver = signing.createdAt + PUBLISH_AHEAD_MS + KEEP_AFTER_MS < now;
  const others = byAge.filter((key) => key !== signing && (key.createdAt > signing.createdAt || !isOver));
  return [signing, ...others];
}

/** True when there is no key, or the newest has grown old. */
export function isNextKeyDue(keys: readonly SigningKey[], now: number): boolean {
  return keys.every((key) => key.createdAt + ROTATE_AFTER_MS < now);
}

/** The public half, as JWKS members (RFC 7517). */
export function publicJwk({ jwk }: SigningKey): JWK {
  const { kty, n, e, kid, alg, use } = jwk;
  return { kty, n, e, kid, alg, use } as JWK;
}

async function createKey(createdAt: number): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true, modulusLength: 2048 });
  const jwk = { ...(await exportJWK(privateKey)), kid: newId(), alg: ALGORITHM, use: 'sig' };
  return { jwk, createdAt };
}

function parseKeys(text: string): SigningKey[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value) || !value.every((key) => isJsonObject(key) && isJsonObject(key['jwk'])))
    throw new GatewayError('Internal', 'The stored signing keys of the authorization server cannot be read.');
  return value as SigningKey[];
}
