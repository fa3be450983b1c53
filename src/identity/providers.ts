// Credential providers as the grants use them: read from the store, parsed, the secret opened when it is needed.

import { createHash } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { parseProvider } from '../core/oauth-provider.ts';
import type { OauthProviderSettings } from '../core/oauth-provider.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import type { Secret } from '../lib/secret.ts';
import type { Row, Store } from '../stores/store.ts';

export interface Sealing {
  seal(secret: Secret, binding: SecretBinding): SealedSecret;
  open(sealed: SealedSecret, binding: SecretBinding): Secret;
}

export interface Provider {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly settings: OauthProviderSettings;
  /** Digest of where tokens come from and as which client: a token goes nowhere else (RFC 9700 §4.4). */
  readonly clientKey: string;
  /** @throws GatewayError CredentialUnavailable when it does not open */
  secret(): Secret | undefined;
  /** A text without the client's secret. */
  conceal(text: string): string;
}

export interface Providers {
  /** @throws GatewayError NotFound */
  byName(name: string): Promise<Provider>;
  byId(id: string): Promise<Provider | undefined>;
}

/** The binding of a provider's secret. */
export function secretBinding(providerId: string, version: number): SecretBinding {
  return { type: 'oauth2-provider', recordId: providerId, field: 'clientSecret', version };
}

/** Providers of a store. */
export function createProviders(store: Pick<Store, 'find' | 'get'>, sealing: Sealing): Providers {
  return Object.freeze({
    async byName(name: string): Promise<Provider> {
      const row = await store.find('oauth2-credential-provider', '', name);
      if (!row) throw new GatewayError('NotFound', `Credential provider with name: ${name} not found`);
      return toProvider(row, sealing);
    },
    async byId(id: string): Promise<Provider | undefined> {
      const row = await store.get('oauth2-credential-provider', id);
      return row && toProvider(row, sealing);
    },
  });
}

function toProvider(row: Row<'oauth2-credential-provider'>, sealing: Sealing): Provider {
  const { vendor, config, secret } = row.document;
  const settings = parseProvider(vendor, config, secret !== undefined);
  const open = (): Secret | undefined =>
    secret && sealing.open(secret.sealed, secretBinding(row.id, secret.version));
  const identity = JSON.stringify([settings.server, settings.clientId]);
  return {
    id: row.id,
    name: row.name,
    revision: row.revision,
    settings,
    clientKey: createHash('sha256').update(identity).digest('base64url'),
    secret: open,
    conceal(text) {
      const value = open()?.reveal() ?? '';
      return value === '' ? text : text.replaceAll(value, '[secret]');
    },
  };
}
