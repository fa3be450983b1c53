// Reads and opens the secrets that targets refer to. A secret that does not open costs the calls that need it, and
// nothing else.

import { parseArn } from '../core/arn.ts';
import type { ArnScope } from '../core/arn.ts';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import type { GatewayError } from '../core/errors.ts';
import type { SealedSecret } from '../core/resources.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import type { OpenedSecrets } from './target-services.ts';

export interface SecretServices {
  readonly store: Store;
  readonly scope: ArnScope;
  readonly log: Log;
  openSecret(
    sealed: SealedSecret,
    binding: { type: string; recordId: string; field: string; version: number },
  ): Secret;
}

/** The secrets of some credential providers. @throws GatewayError Unavailable when the store cannot be reached */
export async function readSecrets(arns: Iterable<string>, services: SecretServices): Promise<OpenedSecrets> {
  const { store, log } = services;
  const secrets = new Map<string, Secret | GatewayError>();
  for (const arn of arns) {
    const reference = parseArn(arn, services.scope);
    if (reference?.kind !== 'api-key-credential-provider') continue;
    const { name } = reference;
    const provider = await unlessDamaged(log, () => store.find('api-key-credential-provider', '', name));
    const sealed =
      provider && (await unlessDamaged(log, () => store.get('secret', provider.document.secretId)));
    if (!provider || !sealed) continue;
    try {
      const binding = {
        type: 'api-key',
        recordId: sealed.id,
        field: 'apiKey',
        version: provider.document.secretVersion,
      };
      secrets.set(arn, services.openSecret(sealed.document, binding));
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      log.error({ providerArn: arn, reason: reasonOf(fault) }, 'a secret does not open');
      secrets.set(arn, fault);
    }
  }
  return secrets;
}

/** A damaged row costs only what it holds; a store that cannot be reached is another matter, and thrown. */
export async function unlessDamaged<T>(log: Log, read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    const fault = toGatewayError(thrown);
    if (fault.code !== 'Internal') throw fault;
    log.error({ reason: fault.message }, 'a stored row is damaged');
    return undefined;
  }
}
