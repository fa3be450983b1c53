// The gateway's client ID metadata documents (draft-ietf-oauth-client-id-metadata-document): one for each credential
// provider, since each has a callback of its own. Its address is the client's id. Holds nothing secret.

import type { JsonObject } from '../core/json.ts';
import { clientMetadata } from './client-registration.ts';
import type { Provider } from './providers.ts';

const PATH = /^\/identities\/clients\/([0-9a-f-]{36})\.json$/;

/** The provider that a path is the document of. */
export function providerOfPath(path: string): string | undefined {
  return PATH.exec(path)?.[1];
}

/**
 * The address by which an authorization server knows the client: the operator's, or the gateway's own where it is https;
 * undefined where there is none that others can read.
 */
export function documentAddress(
  { id, documentUrl }: Pick<Provider, 'id' | 'documentUrl'>,
  publicUrl: string,
): string | undefined {
  if (documentUrl !== undefined) return documentUrl;
  return publicUrl.startsWith('https:') ? `${publicUrl}/identities/clients/${id}.json` : undefined;
}

/** The document of a provider. */
export function clientDocument(
  { id, name }: Pick<Provider, 'id' | 'name'>,
  publicUrl: string,
  redirectUri: string,
): JsonObject {
  return {
    client_id: `${publicUrl}/identities/clients/${id}.json`,
    client_uri: publicUrl,
    ...clientMetadata({ clientName: `Gatewright (${name})`, redirectUri, authentication: 'none' }),
  };
}
