// Credential providers as the grants use them: read from the store, parsed, the secret opened when it is needed.

import { createHash } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { parseProvider } from '../core/oauth-provider.ts';
import type { OauthProviderSettings } from '../core/oauth-provider.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import { settingsOf } from '../core/settings.ts';
import type { Prove } from '../core/token-source.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { createProver, openProofKey } from './dpop.ts';
import type { ProofKey } from './dpop.ts';
import type { Row, Store } from '../stores/store.ts';

export interface Sealing {
  seal(secret: Secret, binding: SecretBinding): SealedSecret;
  open(sealed: SealedSecret, binding: SecretBinding): Secret;
}

/** What providers are made with. */
export interface ProviderServices extends Sealing {
  readonly clock: Clock;
}

export interface Provider {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly config: JsonObject;
  readonly settings: OauthProviderSettings;
  /** The client as the configuration has it; another one than in `settings` where the gateway has registered itself. */
  readonly configured: Pick<OauthProviderSettings, 'clientId' | 'authentication'> & Pick<Provider, 'secret'>;
  /** Of the settings that travel as tags, for a provider that is known by the server it protects. */
  readonly issuer?: string;
  readonly registrationWay: 'auto' | 'metadata-document' | 'dynamic';
  readonly documentUrl?: string;
  /** The token of this process stands for the client (RFC 7523 §2.1). */
  readonly isWorkload: boolean;
  /** Where a caller's token becomes a grant that this provider's authorization server takes, and as what it counts there. */
  readonly identityProvider?: { readonly name: string; readonly subjectTokenType: string };
  /** The stored registration that `settings` come from. */
  readonly registrationId?: string;
  /** The key that its tokens are bound to, and the proofs of it (RFC 9449). */
  readonly proof?: { open(): Promise<ProofKey>; readonly prove: Prove };
  /** RFC 8707 identifier of the server that tokens are for, where that is known. */
  readonly resource?: string;
  /** What the protected server wants in a token when nothing else is configured. */
  readonly wantedScopes: readonly string[];
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

/** The binding of the secret that an authorization server gave the gateway. */
export function registrationBinding(registrationId: string): SecretBinding {
  return { type: 'oauth-registration', recordId: registrationId, field: 'clientSecret', version: 1 };
}

/** The binding of the key that tokens are bound to. */
export function proofKeyBinding(registrationId: string): SecretBinding {
  return { type: 'oauth-registration', recordId: registrationId, field: 'proofKey', version: 1 };
}

/** Providers of a store. */
export function createProviders(
  store: Pick<Store, 'find' | 'get' | 'list'>,
  services: ProviderServices,
): Providers {
  /** With the registration that is in use; whether it still holds is found out elsewhere (protected-servers.ts). */
  async function load(row: Row<'oauth2-credential-provider'>): Promise<Provider> {
    const provider = toProvider(row, services);
    if (provider.settings.protects === undefined) return provider;
    const [last] = await registrationsOf(store, row.id);
    return last ? withRegistration(provider, last, services) : provider;
  }

  return Object.freeze({
    async byName(name: string): Promise<Provider> {
      const row = await store.find('oauth2-credential-provider', '', name);
      if (!row) throw new GatewayError('NotFound', `Credential provider with name: ${name} not found`);
      return load(row);
    },
    async byId(id: string): Promise<Provider | undefined> {
      const row = await store.get('oauth2-credential-provider', id);
      return row && load(row);
    },
  });
}

/** The registrations of a provider, the one in use first. */
export async function registrationsOf(
  reader: Pick<Store, 'list'>,
  providerId: string,
): Promise<readonly Row<'oauth-registration'>[]> {
  const { rows } = await reader.list('oauth-registration', providerId, { limit: 100 });
  return rows.toSorted((one, other) => other.document.generation - one.document.generation);
}

function toProvider(row: Row<'oauth2-credential-provider'>, sealing: Sealing): Provider {
  const { vendor, config, secret, tags } = row.document;
  const settings = parseProvider(vendor, config, secret !== undefined);
  const { clientId, authentication } = settings;
  const own = settingsOf(tags);
  const way = own['client-registration'];
  const open = (): Secret | undefined =>
    secret && sealing.open(secret.sealed, secretBinding(row.id, secret.version));
  return {
    id: row.id,
    name: row.name,
    revision: row.revision,
    config,
    settings,
    configured: { clientId, authentication, secret: open },
    ...(own['issuer'] === undefined ? {} : { issuer: own['issuer'] }),
    ...(own['client-metadata-document'] === undefined
      ? {}
      : { documentUrl: own['client-metadata-document'] }),
    ...(own['identity-provider'] === undefined
      ? {}
      : {
          identityProvider: {
            name: own['identity-provider'],
            subjectTokenType: `urn:ietf:params:oauth:token-type:${own['subject-token-type'] ?? 'id_token'}`,
          },
        }),
    registrationWay: way === 'metadata-document' || way === 'dynamic' ? way : 'auto',
    isWorkload: own['workload-token'] === 'true',
    wantedScopes: [],
    ...withSecret(settings, open),
  };
}

/** The provider as the client that it is by one registration. */
export function withRegistration(
  provider: Provider,
  { id, name: issuer, document }: Row<'oauth-registration'>,
  services: ProviderServices,
): Provider {
  const { source, clientId, authentication, endpoints, secret, resource, proofKey } = document;
  const settings: OauthProviderSettings = {
    ...provider.settings,
    clientId,
    authentication,
    server: endpoints ? { issuer, ...endpoints } : { metadataOf: issuer },
  };
  const open =
    source === 'given'
      ? provider.configured.secret
      : () => secret && services.open(secret, registrationBinding(id));
  return {
    ...provider,
    settings,
    registrationId: id,
    ...(resource === undefined ? {} : { resource }),
    ...(proofKey === undefined
      ? {}
      : { proof: proofOf(() => services.open(proofKey.sealed, proofKeyBinding(id)), services.clock) }),
    ...withSecret(settings, open, proofKey?.thumbprint),
  };
}

function proofOf(secret: () => Secret, clock: Clock): NonNullable<Provider['proof']> {
  const open = async (): Promise<ProofKey> => openProofKey(secret());
  return { open, prove: createProver(open, clock) };
}

function withSecret(
  { server, clientId }: OauthProviderSettings,
  open: () => Secret | undefined,
  thumbprint?: string,
): Pick<Provider, 'clientKey' | 'secret' | 'conceal'> {
  const identity = JSON.stringify([server, clientId, ...(thumbprint === undefined ? [] : [thumbprint])]);
  return {
    clientKey: createHash('sha256').update(identity).digest('base64url'),
    secret: open,
    conceal(text) {
      const value = open()?.reveal() ?? '';
      return value === '' ? text : text.replaceAll(value, '[secret]');
    },
  };
}
