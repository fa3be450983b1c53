// Which targets use a credential provider: it cannot be deleted under them.

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

/** The rest of a sentence that begins with the provider. */
export function describeUsers(users: readonly Row<'gateway-target'>[]): string {
  const names = users.map((target) => `${target.parentId}/${target.name}`);
  const shown = names.length > SHOWN ? [...names.slice(0, SHOWN), '…'] : names;
  return `is used by ${names.length} target(s): ${shown.join(', ')}. Delete or update them first.`;
}
