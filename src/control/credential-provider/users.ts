// What uses a credential provider: targets, and the search of gateways. It cannot be deleted under them.

import { settingsOf } from '../../core/settings.ts';
import type { Row, StoreReader } from '../../stores/store.ts';
import { everyRow } from '../context.ts';
import type { ControlContext } from '../context.ts';
import { providerArnsOf } from '../gateway-target/settings.ts';

const SHOWN = 10;

/** Targets that refer to the provider, in what they are configured with or in what is served of them. */
export async function targetsUsing(
  reader: StoreReader,
  providerArn: string,
  ctx: ControlContext,
): Promise<readonly Row<'gateway-target'>[]> {
  const users: Row<'gateway-target'>[] = [];
  // Both forms of the ARN end alike.
  const suffix = providerArn.slice(providerArn.indexOf(':token-vault/'));
  for await (const target of everyRow(reader, 'gateway-target')) {
    const { status, credentialProviderConfigurations: wanted, live } = target.document;
    const arns = providerArnsOf([...wanted, ...(live?.credentialProviderConfigurations ?? [])], ctx);
    if (status !== 'DELETING' && arns.some((arn) => arn.endsWith(suffix))) users.push(target);
  }
  return users;
}

/** Gateways whose search is embedded with the provider's key. */
export async function searchesUsing(
  reader: StoreReader,
  providerArn: string,
): Promise<readonly Row<'gateway'>[]> {
  const suffix = providerArn.slice(providerArn.indexOf(':token-vault/'));
  const users: Row<'gateway'>[] = [];
  for await (const gateway of everyRow(reader, 'gateway')) {
    const { status, tags } = gateway.document;
    if (status !== 'DELETING' && settingsOf(tags)['search-key-provider']?.endsWith(suffix) === true)
      users.push(gateway);
  }
  return users;
}

/** The rest of a sentence that begins with the provider. */
export function describeUsers(
  targets: readonly Row<'gateway-target'>[],
  searches: readonly Row<'gateway'>[] = [],
): string {
  const names = [
    ...targets.map((target) => `${target.parentId}/${target.name}`),
    ...searches.map(({ id }) => `${id} (its search)`),
  ];
  const shown = names.length > SHOWN ? [...names.slice(0, SHOWN), '…'] : names;
  const kinds = [
    ...(targets.length > 0 ? [`${targets.length} target(s)`] : []),
    ...(searches.length > 0 ? [`${searches.length} gateway(s)`] : []),
  ];
  return `is used by ${kinds.join(' and ')}: ${shown.join(', ')}. Delete or update them first.`;
}
