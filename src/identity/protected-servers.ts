// Credential providers that are known by the server they protect: which authorization server that names today, the
// gateway as its client, and both remembered in the store. A client counts at one issuer only: when a server moves to
// another, the gateway registers there anew; a client that was given to it by hand stays where it was used first.

import type { AuthorizationServer } from 'oauth4webapi';
import type { AuthChallenge } from '../core/auth-challenge.ts';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import { newId } from '../core/ids.ts';
import { namesAuthentication } from '../core/oauth-provider.ts';
import type { ServerLocation } from '../core/oauth-provider.ts';
import type { Egress } from '../core/outbound.ts';
import type { OauthRegistrationDocument } from '../core/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { Row, Store } from '../stores/store.ts';
import { documentAddress } from './client-document.ts';
import { authenticationAt, register } from './client-registration.ts';
import type { RegisteredClient } from './client-registration.ts';
import { PROOF_ALGORITHM, createProofKey } from './dpop.ts';
import { proofKeyBinding, registrationBinding, registrationsOf, withRegistration } from './providers.ts';
import type { Provider, Sealing } from './providers.ts';
import { UNREACHABLE, createResourceMetadata } from './resource-metadata.ts';
import type { ResourceMetadata } from './resource-metadata.ts';
import { NO_METADATA } from './servers.ts';
import type { AuthorizationServers } from './servers.ts';

const RETRY_AFTER_FAILURE_MS = 5_000;
const KEPT_FAILURES = 500;
/** Issuers that the gateway remains a client of, of one provider. */
const MAX_REGISTRATIONS = 10;
const NO_CLIENT = 'The gateway is no client of the authorization server of this target.';
/** A server that forgets each client at once gets no new one with every call. */
const REGISTRATION_PAUSE_MS = 60_000;
type Registration = Row<'oauth-registration'>;

export interface ProtectedServers {
  /**
   * The provider as it can be used now: any other one unchanged, one that is known by its server discovered and
   * registered. @throws GatewayError CredentialUnavailable with what the operator can do
   */
  ready(provider: Provider): Promise<Provider>;
  /** The protected server of this address has refused a token: what is known of it may be old. */
  refused(protects: string, challenge?: AuthChallenge): void;
  /**
   * The authorization server does not know the client that it registered (any more): the next use registers anew. False
   * where that is of no use, because the client is not registered that way, or has been just now.
   */
  forgetClient(provider: Provider): Promise<boolean>;
}

export interface ProtectedServerServices extends Sealing {
  readonly store: Store;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly servers: AuthorizationServers;
  readonly publicUrl: () => string;
  readonly callbackUrl: (providerId: string) => string;
  readonly figures?: Figures;
}

/** The protected servers of one process. */
export function createProtectedServers(services: ProtectedServerServices): ProtectedServers {
  const { store, clock, log, servers } = services;
  const resources = createResourceMetadata(services);
  const flights = new SingleFlight<Registration>(services.figures?.flights('client_registration'));
  const failures = new Map<string, { readonly at: number; readonly fault: GatewayError }>();

  async function ready(provider: Provider): Promise<Provider> {
    const { protects } = provider.settings;
    if (protects === undefined) return provider;
    const kept = await registrationsOf(store, provider.id);
    let resource: ResourceMetadata;
    try {
      resource = await resources.find(protects);
    } catch (thrown) {
      // The server cannot be asked, and will hardly have moved: what was found out before still holds.
      const [last] = kept;
      if (last && thrown instanceof GatewayError && thrown.details.reason === UNREACHABLE)
        return withRegistration(provider, last, services);
      throw thrown;
    }
    const issuer = chooseIssuer(provider, resource, kept);
    const known = kept.find((row) => row.name === issuer && isUsable(row, provider, resource));
    const registration =
      known !== undefined && known === kept[0]
        ? known
        : await flights.run(JSON.stringify([provider.id, issuer]), async () => {
            const again = known && (await useAgain(known));
            return again ?? registerAndKeep(provider, issuer, resource);
          });
    return { ...withRegistration(provider, registration, services), wantedScopes: resource.scopes };
  }

  /** The server has come back to an authorization server that it had named before. */
  async function useAgain(known: Registration): Promise<Registration | undefined> {
    try {
      return await store.transaction(async (tx) => {
        const [newest] = await registrationsOf(tx, known.parentId);
        const row = await tx.get('oauth-registration', known.id);
        const generation = (newest?.document.generation ?? 0) + 1;
        return row && tx.replace('oauth-registration', row, { ...row.document, generation });
      });
    } catch (thrown) {
      // Another process does the same at this very moment.
      if (thrown instanceof GatewayError && thrown.code === 'StaleRevision') return known;
      throw thrown;
    }
  }

  function isUsable({ document }: Registration, provider: Provider, resource: ResourceMetadata): boolean {
    if (document.redirectUri !== services.callbackUrl(provider.id)) return false;
    if (document.resource !== resource.identifier) return false;
    if ((document.proofKey !== undefined) !== resource.isProofWanted) return false;
    if (document.expiresAt !== undefined && document.expiresAt <= clock.now()) return false;
    const { source, clientId } = document;
    const given = provider.configured.clientId;
    if (given !== '') return clientId === given;
    // The settings that it was made by are tags, which may have changed.
    const way = provider.registrationWay;
    if (source === 'metadata-document')
      return way !== 'dynamic' && clientId === documentAddress(provider, services.publicUrl());
    return source === 'dynamic' && way !== 'metadata-document';
  }

  async function registerAndKeep(
    provider: Provider,
    issuer: string,
    resource: ResourceMetadata,
  ): Promise<Registration> {
    const place = `${provider.id} ${provider.revision} ${issuer}`;
    const failed = failures.get(place);
    if (failed && clock.monotonic() - failed.at < RETRY_AFTER_FAILURE_MS) throw failed.fault;
    try {
      const { server, endpoints } = await findServer(issuer, resource);
      const algorithms = server['dpop_signing_alg_values_supported'];
      if (resource.isProofWanted && !(Array.isArray(algorithms) && algorithms.includes(PROOF_ALGORITHM)))
        throw new GatewayError('CredentialUnavailable', NO_CLIENT, {
          internal: `credential provider ${provider.name}: the server wants tokens that are bound to a key, and its authorization server ${issuer} binds none by ${PROOF_ALGORITHM}`,
        });
      const client = await clientAt(provider, server);
      const row = await keep(provider, issuer, resource, client, endpoints);
      log.info(
        { provider: provider.name, issuer, registration: client.source },
        'an authorization server was found, and the gateway is its client',
      );
      return row;
    } catch (thrown) {
      // Another process was quicker.
      const other =
        thrown instanceof GatewayError && thrown.code === 'Conflict'
          ? await store.find('oauth-registration', provider.id, issuer)
          : undefined;
      if (other) return other;
      const fault = explain(thrown, provider);
      if (failures.size >= KEPT_FAILURES) failures.clear();
      failures.set(place, { at: clock.monotonic(), fault });
      log.warn(
        { provider: provider.name, issuer, reason: fault.details.internal },
        'the gateway could not become a client of an authorization server',
      );
      throw fault;
    }
  }

  async function clientAt(
    provider: Provider,
    server: AuthorizationServer,
  ): Promise<Omit<RegisteredClient, 'source'> & Pick<OauthRegistrationDocument, 'source'>> {
    const { clientId, authentication } = provider.configured;
    if (clientId !== '')
      return {
        source: 'given',
        clientId,
        authentication: namesAuthentication(provider.config)
          ? authentication
          : authenticationAt(server, authentication !== 'none'),
      };
    const documentUrl = documentAddress(provider, services.publicUrl());
    return register(
      {
        server,
        clientName: `Gatewright (${provider.name})`,
        redirectUri: services.callbackUrl(provider.id),
        ...(documentUrl === undefined ? {} : { documentUrl }),
        way: provider.registrationWay,
      },
      services.egress,
    );
  }

  async function keep(
    provider: Provider,
    issuer: string,
    resource: ResourceMetadata,
    client: Awaited<ReturnType<typeof clientAt>>,
    endpoints: OauthRegistrationDocument['endpoints'],
  ): Promise<Registration> {
    const key = resource.isProofWanted ? await createProofKey() : undefined;
    return store.transaction(async (tx) => {
      const current = await tx.get('oauth2-credential-provider', provider.id);
      if (current?.revision !== provider.revision)
        throw new GatewayError('CredentialUnavailable', 'The credential provider was changed meanwhile.');
      const kept = await registrationsOf(tx, provider.id);
      const before = await tx.find('oauth-registration', provider.id, issuer);
      const id = before?.id ?? newId();
      const { source, clientId, authentication, secret, expiresAt } = client;
      const document: OauthRegistrationDocument = {
        generation: (kept[0]?.document.generation ?? 0) + 1,
        source,
        clientId,
        authentication,
        redirectUri: services.callbackUrl(provider.id),
        ...(secret === undefined ? {} : { secret: services.seal(secret, registrationBinding(id)) }),
        ...(key === undefined
          ? {}
          : {
              proofKey: {
                sealed: services.seal(key.secret, proofKeyBinding(id)),
                thumbprint: key.thumbprint,
              },
            }),
        ...(resource.identifier === undefined ? {} : { resource: resource.identifier }),
        ...(endpoints === undefined ? {} : { endpoints }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      if (before) return tx.replace('oauth-registration', before, document);
      // A server that names another one every day must not fill the store.
      for (const row of kept.slice(MAX_REGISTRATIONS - 1)) await tx.remove('oauth-registration', row.id);
      return tx.create('oauth-registration', { id, parentId: provider.id, name: issuer, document });
    });
  }

  /** The server of an issuer; one of MCP 2025-03-26 without metadata has its endpoints in fixed places. */
  async function findServer(
    issuer: string,
    { isWithout }: ResourceMetadata,
  ): Promise<{
    readonly server: AuthorizationServer;
    readonly endpoints?: NonNullable<OauthRegistrationDocument['endpoints']>;
  }> {
    try {
      return { server: await servers.find({ server: { metadataOf: issuer } }) };
    } catch (thrown) {
      const hasNone = thrown instanceof GatewayError && thrown.details.reason === NO_METADATA;
      if (!isWithout || !hasNone) throw thrown;
      const at = (path: string): string => new URL(path, issuer).href;
      const endpoints = { authorizationEndpoint: at('/authorize'), tokenEndpoint: at('/token') };
      const server: ServerLocation = { issuer, ...endpoints };
      return {
        server: { ...(await servers.find({ server })), registration_endpoint: at('/register') },
        endpoints,
      };
    }
  }

  return Object.freeze({
    ready,
    refused: (protects: string, challenge?: AuthChallenge) => resources.refused(protects, challenge),
    async forgetClient(provider: Provider) {
      const { registrationId } = provider;
      if (registrationId === undefined) return false;
      return store.transaction(async (tx) => {
        const row = await tx.get('oauth-registration', registrationId);
        if (row?.document.source !== 'dynamic' || clock.now() - row.updatedAt < REGISTRATION_PAUSE_MS)
          return false;
        log.info({ provider: provider.name, issuer: row.name }, 'a client is no longer known at its server');
        return tx.remove('oauth-registration', row.id);
      });
    },
  } satisfies ProtectedServers);
}

/** @throws GatewayError CredentialUnavailable for a client that was given for another issuer */
function chooseIssuer(
  provider: Provider,
  { issuers }: ResourceMetadata,
  kept: readonly Registration[],
): string {
  const pinned = provider.issuer ?? kept.find(({ document }) => document.source === 'given')?.name;
  if (provider.issuer !== undefined || (pinned !== undefined && provider.configured.clientId !== '')) {
    const found = issuers.find((issuer) => issuer.replace(/\/$/, '') === pinned?.replace(/\/$/, ''));
    if (found !== undefined) return found;
    // A client's secret goes to nobody because a protected server says so (RFC 9700 §4.4).
    throw new GatewayError(
      'CredentialUnavailable',
      'The server of this target names another authorization server than the one that the gateway is a client of.',
      {
        internal: `credential provider ${provider.name}: its client is one of ${pinned}, and the protected server names ${issuers.join(', ').slice(0, 500)}; set the tag gatewright:issuer, or update the credential provider, if that is right`,
      },
    );
  }
  return kept.find((row) => issuers.includes(row.name))?.name ?? issuers[0] ?? '';
}

function explain(thrown: unknown, { name }: Provider): GatewayError {
  if (thrown instanceof GatewayError && thrown.code === 'CredentialUnavailable') return thrown;
  return new GatewayError('CredentialUnavailable', NO_CLIENT, {
    internal: `credential provider ${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  });
}
