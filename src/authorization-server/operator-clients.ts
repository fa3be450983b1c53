// Clients that operators make through the control plane, for calls without a user (client credentials, RFC 6749 §4.4).
// Clients that register themselves never get this grant: it would let everybody in.

import type { AdapterPayload } from 'oidc-provider';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import { OPERATOR_PREFIX } from './client-rules.ts';

/** Metadata of such a client, with its secret. */
export async function findOperatorClient(
  store: Pick<Store, 'get'>,
  clientId: string,
  open: (sealed: SealedSecret, binding: SecretBinding) => Secret,
): Promise<AdapterPayload | undefined> {
  const row = clientId.startsWith(OPERATOR_PREFIX) ? await store.get('oauth-client', clientId) : undefined;
  if (!row) return undefined;
  const { sealed, version } = row.document.secret;
  const secret = open(sealed, { type: 'oauth-client', recordId: row.id, field: 'secret', version });
  return {
    client_id: row.id,
    client_name: row.name,
    client_secret: secret.reveal(),
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_basic',
  };
}

/** Whether such a client may have tokens for a gateway. */
export async function mayUseGateway(
  store: Pick<Store, 'get'>,
  clientId: string,
  gatewayId: string,
): Promise<boolean> {
  const row = await store.get('oauth-client', clientId);
  return row !== undefined && (row.document.gateways?.includes(gatewayId) ?? true);
}
