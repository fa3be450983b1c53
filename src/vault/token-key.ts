// The key that tokens carried by clients are sealed with: random, sealed itself in the store, the same for every process
// and through every rotation of the master key. That it opens also shows that the master key is the right one. Without
// it a process makes do with a key of its own: its tokens then hold for itself alone, and until it stops.

import { randomBytes } from 'node:crypto';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import type { Vault } from './vault.ts';

const ID = 'token-key';
const BINDING = { type: 'token-key', recordId: ID, field: 'key', version: 1 } as const;

export interface TokenKey {
  readonly key: Buffer;
  /** What is wrong with the master key, for operators; undefined when all is well. */
  readonly trouble?: string;
}

/** The installation's token key, made on the very first start. */
export async function openTokenKey(store: Store, vault: Vault, log: Log): Promise<TokenKey> {
  try {
    const row = (await store.get('secret', ID)) ?? (await create(store, vault));
    return { key: Buffer.from(vault.open(row.document, BINDING).reveal(), 'base64') };
  } catch (thrown) {
    const fault = toGatewayError(thrown);
    if (fault.code === 'Unavailable' && vault.locked() === undefined) throw fault;
    const trouble =
      vault.locked() ??
      'The master key is not the one that the stored secrets were sealed with. Put the right one back, or enter the secrets again.';
    log.error({ kekId: vault.kekId(), reason: reasonOf(fault) }, `the vault is not whole: ${trouble}`);
    return { key: randomBytes(32), trouble };
  }
}

async function create(store: Store, vault: Vault) {
  const document = vault.seal(new Secret(randomBytes(32).toString('base64')), BINDING);
  try {
    return await store.transaction((tx) => tx.create('secret', { id: ID, name: ID, document }));
  } catch (thrown) {
    // Another process was quicker.
    const row = toGatewayError(thrown).code === 'Conflict' ? await store.get('secret', ID) : undefined;
    if (row) return row;
    throw thrown;
  }
}
