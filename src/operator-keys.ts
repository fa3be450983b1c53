// Part of the composition root: where the master key and the operator's first access key come from, by the configuration.

import { join } from 'node:path';
import type { Config } from './config.ts';
import type { Audit } from './core/audit.ts';
import type { Egress } from './core/outbound.ts';
import type { Store } from './stores/store.ts';
import type { createAwsCredentials } from './upstream/aws-credentials.ts';
import { keyFile, keysFromText } from './vault/key-file.ts';
import { openKeyRing } from './vault/key-ring.ts';
import type { KeyRing, KeySource } from './vault/key-ring.ts';
import { kmsKey } from './vault/kms-key.ts';
import { loadOperatorCredentials } from './vault/operator-credentials.ts';

/** Opens the master key. @throws GatewayError Unavailable when it cannot be read */
export async function openMasterKey(
  config: Config,
  store: Pick<Store, 'count'>,
  ...doors: KeyDoors
): Promise<KeyRing> {
  return openKeyRing(keySource(config, ...doors), (await store.count('secret')) === 0);
}

type KeyDoors = [egress: Egress, credentials: ReturnType<typeof createAwsCredentials>, audit: Audit];

/** Where the master key is: in the environment, behind AWS KMS, or in a file. */
function keySource(config: Config, ...[egress, credentials, audit]: KeyDoors): KeySource {
  if (config.masterKey) return keysFromText(config.masterKey.reveal(), 'GATEWRIGHT_MASTER_KEY');
  if (config.masterKeyKms === undefined) return keyFile(config.masterKeyFile);
  return kmsKey({
    keyArn: config.masterKeyKms,
    path: `${config.masterKeyFile}.kms`,
    accountId: config.accountId,
    egress,
    credentials,
    audit,
    ...(config.kmsEndpoint === undefined ? {} : { endpoint: config.kmsEndpoint }),
  });
}

/** The access key of the settings, or the one of the first start. */
export function openOperatorKey(config: Config): {
  accessKeyId: string;
  secret: NonNullable<Config['secretAccessKey']>;
  file: string | undefined;
} {
  if (config.accessKeyId !== undefined && config.secretAccessKey !== undefined)
    return { accessKeyId: config.accessKeyId, secret: config.secretAccessKey, file: undefined };
  const file = join(config.dataDir, 'credentials');
  return { ...loadOperatorCredentials(file), file };
}
