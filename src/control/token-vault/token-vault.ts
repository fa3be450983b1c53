// The token vault as AWS's API shows it. Which KMS key is meant is noted for those who ask; tokens are sealed with the
// key of this installation (vault/).

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StoreReader } from '../../stores/store.ts';
import type { Handler } from '../context.ts';
import { validationFailure } from '../validate.ts';

const ONLY = 'default';
const SERVICE_KEY: JsonObject = Object.freeze({ keyType: 'ServiceManagedKey' });

/** Handles GetTokenVault. */
export const getTokenVault: Handler = async (input, ctx) => {
  requireDefault(input);
  return render(ctx.store);
};

/** Handles SetTokenVaultCMK. */
export const setTokenVaultCmk: Handler = async (input, ctx) => {
  requireDefault(input);
  const kmsConfiguration = input['kmsConfiguration'] as JsonObject;
  const hasArn = kmsConfiguration['kmsKeyArn'] !== undefined;
  if (hasArn !== (kmsConfiguration['keyType'] === 'CustomerManagedKey'))
    throw validationFailure([
      {
        name: 'kmsConfiguration.kmsKeyArn',
        message: 'Member must be there with CustomerManagedKey, and with nothing else',
      },
    ]);
  return ctx.store.transaction(async (tx) => {
    const row = await tx.get('token-vault', ONLY);
    if (row) await tx.replace('token-vault', row, { kmsConfiguration });
    else await tx.create('token-vault', { id: ONLY, name: ONLY, document: { kmsConfiguration } });
    return render(tx);
  });
};

function requireDefault({ tokenVaultId = ONLY }: JsonObject): void {
  if (tokenVaultId !== ONLY)
    throw new GatewayError('NotFound', `Token vault ${String(tokenVaultId)} not found; there is ${ONLY}`);
}

async function render(reader: StoreReader): Promise<JsonObject> {
  const row = await reader.get('token-vault', ONLY);
  return {
    tokenVaultId: ONLY,
    kmsConfiguration: row?.document.kmsConfiguration ?? SERVICE_KEY,
    lastModifiedDate: row?.updatedAt ?? 0,
  };
}
