// The keys of the audit log: the one that arguments are hashed with, and the one that segments are signed with. Made on
// first use, sealed in the store, the same for every process. While the vault is not whole there are none: segments then
// stay open until it is, and digests hold for one process.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import type { Vault } from './vault.ts';

const ID = 'audit-keys';
const BINDING = { type: 'audit-keys', recordId: ID, field: 'keys', version: 1 } as const;

export interface AuditKeys {
  /** For HMAC-SHA-256. */
  readonly digestKey: Buffer;
  /** PEM (PKCS #8) of an Ed25519 key; absent while the vault is not whole. */
  readonly signingKey?: Secret;
}

/** The installation's keys. @throws GatewayError while they do not open */
export async function readAuditKeys(store: Store, vault: Vault): Promise<Required<AuditKeys>> {
  const row = (await store.get('secret', ID)) ?? (await create(store, vault));
  const value: unknown = JSON.parse(vault.open(row.document, BINDING).reveal());
  const { digest, signing } = isJsonObject(value) ? value : {};
  return {
    digestKey: Buffer.from(String(digest), 'base64'),
    signingKey: new Secret(String(signing)),
  };
}

/** The installation's keys, or a digest key for this process alone. */
export async function openAuditKeys(store: Store, vault: Vault, log: Log): Promise<AuditKeys> {
  try {
    return await readAuditKeys(store, vault);
  } catch (thrown) {
    log.error(
      { reason: reasonOf(thrown) },
      'the keys of the audit log do not open: its segments are not signed until they do',
    );
    return { digestKey: randomBytes(32) };
  }
}

async function create(store: Store, vault: Vault) {
  const { privateKey } = generateKeyPairSync('ed25519');
  const keys = {
    digest: randomBytes(32).toString('base64'),
    signing: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
  const document = vault.seal(new Secret(JSON.stringify(keys)), BINDING);
  try {
    return await store.transaction((tx) => tx.create('secret', { id: ID, name: ID, document }));
  } catch (thrown) {
    // Another process was quicker.
    const row = toGatewayError(thrown).code === 'Conflict' ? await store.get('secret', ID) : undefined;
    if (row) return row;
    throw thrown;
  }
}
