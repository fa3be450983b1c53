// The authorization server of the house, for those who have none that MCP clients can use: local users, or a façade before
// the provider they have. It is off the trust path of every gateway that does not name it. Off by default; the package it
// stands on is loaded only when it is on.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { ArnFactory } from '../core/arn.ts';
import type { Audit } from '../core/audit.ts';
import type { Log } from '../core/call.ts';
import { reasonOf, toGatewayError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { Figures } from '../core/figures.ts';
import type { Egress } from '../core/outbound.ts';
import type { SealedSecret, SecretBinding } from '../core/resources.ts';
import type { Sealer } from '../core/sealer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import { clientAddressOf, routeOf } from './addresses.ts';
import { createAuthorizationAudit } from './authorization-audit.ts';
import { createGatewayResources } from './gateway-resources.ts';
import { createInteractions } from './interactions.ts';
import type { Interactions } from './interactions.ts';
import { createLocalUsers } from './local-users.ts';
import { findOperatorClient, mayUseGateway } from './operator-clients.ts';
import { createProvider } from './provider.ts';
import type { Account } from './provider.ts';
import { createRecords } from './records.ts';
import { createRequestHandler } from './request-handler.ts';
import { loadSigningKeys, publicJwk } from './signing-keys.ts';
import type { SigningKey } from './signing-keys.ts';
import { addressKey, createAddressLimit, createTallies } from './tallies.ts';
import { createUpstreamLogin } from './upstream-login.ts';
import type { UpstreamLogin, UpstreamSettings } from './upstream-login.ts';

const MINUTE_MS = 60_000;
const HOUSEKEEPING_MS = 10 * MINUTE_MS;
const RETRY_MS = 10_000;
/** Client documents that one address may cause to be fetched. */
const FETCHES_A_MINUTE = 60;

export interface AuthorizationServerServices {
  /** Base of every URL handed out; known once the listener is open. */
  readonly publicUrl: () => string;
  readonly urlOf: (gatewayId: string) => string;
  /** Where users sign in: here, or at a provider. */
  readonly config: { readonly mode: 'local' } | ({ readonly mode: 'upstream' } & UpstreamSettings);
  readonly store: Store;
  readonly sealer: Sealer;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit?: Audit;
  readonly figures?: Figures;
  readonly arns: Pick<ArnFactory, 'gateway'>;
  readonly vault: {
    seal(secret: Secret, binding: SecretBinding): SealedSecret;
    open(sealed: SealedSecret, binding: SecretBinding): Secret;
  };
}

export interface AuthorizationServer {
  /** Loads keys and package; without keys it answers 503 until there are some. */
  start(): Promise<void>;
  handles(path: string): boolean;
  /** @param address of the client, behind whatever proxies there are */
  handle(request: IncomingMessage, response: ServerResponse, address: string | undefined): Promise<void>;
  /** Discovery document and keys, at their exact addresses, for the gateways of this process. */
  documentAt(url: string): string | undefined;
  close(): void;
}

interface Running {
  readonly provider: Provider;
  readonly callback: ReturnType<Provider['callback']>;
  readonly keys: readonly SigningKey[];
}

/** The server on these services; it answers 503 until it has been started. */
export function createAuthorizationServer(services: AuthorizationServerServices): AuthorizationServer {
  const { store, sealer, clock, log, egress, vault, config } = services;
  const issuer = (): string => `${services.publicUrl()}/oauth`;
  const resources = createGatewayResources({
    store,
    urlOf: services.urlOf,
    discoveryUrl: () => `${issuer()}/.well-known/openid-configuration`,
  });
  const trail = createAuthorizationAudit({ ...services, issuer, resources });
  const users = createLocalUsers(store, createTallies(store, sealer, clock));
  const mayFetch = createAddressLimit(clock, FETCHES_A_MINUTE, MINUTE_MS);
  const owner = newId();
  let running: Running | undefined;
  let interactions: Interactions | undefined;
  let upstream: UpstreamLogin | undefined;
  let timer: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function findAccount(accountId: string, since: number | undefined): Promise<Account | undefined> {
    if (upstream) {
      const account = await upstream.account(accountId);
      return (
        account && {
          accountId,
          tokenClaims: {
            upstream_iss: account.issuer,
            upstream_sub: account.subject,
            ...named(account.name),
          },
        }
      );
    }
    const user = await users.find(accountId);
    if (!user || (since !== undefined && since * 1000 + 999 < user.document.passwordChangedAt))
      return undefined;
    return { accountId, tokenClaims: named(user.name) };
  }

  let adapterErrors: { InvalidGrant: new (detail: string) => Error } | undefined;
  const records = createRecords({
    store,
    sealer,
    clock,
    operatorClient: (id) => findOperatorClient(store, id, (sealed, binding) => vault.open(sealed, binding)),
    isSessionGood: async (accountId, loginTs) => (await findAccount(accountId, loginTs)) !== undefined,
    alreadyUsed: () =>
      adapterErrors ? new adapterErrors.InvalidGrant('already used') : new Error('already used'),
  });

  async function load(): Promise<void> {
    const keys = await loadSigningKeys(store, clock, vault);
    const names = (list: readonly SigningKey[]): string => list.map(({ jwk }) => jwk.kid).join();
    if (running && names(running.keys) === names(keys)) return;
    const loaded = await import('oidc-provider');
    adapterErrors = loaded.errors;
    const provider = createProvider(loaded, {
      issuer: issuer(),
      keys,
      adapterFor: records.adapterFor,
      resources,
      findAccount,
      mayUse: (clientId, resource) => mayUseGateway(store, clientId, resource.id),
      mayFetch: (context) => mayFetch(addressKey(clientAddressOf(context.req))),
      egress,
      log,
      trail,
    });
    running = { provider, callback: provider.callback(), keys };
  }

  /** A locked vault locks this server too, and nothing else: it is tried again until there are keys. */
  async function tryLoad(): Promise<void> {
    try {
      await load();
    } catch (thrown) {
      const { details, message } = toGatewayError(thrown);
      log.error({ reason: details.internal ?? message }, 'the authorization server has no keys to sign with');
      if (running || isClosed) return;
      retry = setTimeout(() => void tryLoad(), RETRY_MS);
      retry.unref();
    }
  }

  async function keepHouse(): Promise<void> {
    if (running) await tryLoad();
    if (await store.lease('authorization-server-sweep', owner, HOUSEKEEPING_MS / 2)) await records.sweep();
  }

  const handle = createRequestHandler({
    publicUrl: services.publicUrl,
    clock,
    log,
    trail,
    identityProvider: config.mode === 'upstream' ? config.discoveryUrl : undefined,
    parts: () => running && { callback: running.callback, interactions, upstream },
  });

  return Object.freeze({
    async start() {
      if (config.mode === 'upstream')
        upstream = createUpstreamLogin({
          settings: config,
          issuer: issuer(),
          egress,
          clock,
          trail,
          states: records.adapterFor('UpstreamLogin'),
          arrivals: records.adapterFor('UpstreamArrival'),
          accounts: records.adapterFor('UpstreamAccount'),
        });
      await tryLoad();
      interactions = createInteractions({
        provider: () => (running as Running).provider,
        issuer: issuer(),
        publicUrl: services.publicUrl(),
        resources,
        users,
        log,
        trail,
        ...(upstream ? { upstream } : {}),
        nameOf: async (accountId) => (await findAccount(accountId, undefined))?.tokenClaims['username'],
      });
      timer = setInterval(() => {
        keepHouse().catch((thrown: unknown) =>
          log.warn({ reason: reasonOf(thrown) }, 'the authorization server could not keep house'),
        );
      }, HOUSEKEEPING_MS);
      timer.unref();
    },
    handles: (path: string) => routeOf(path) !== undefined,
    handle,
    documentAt(url: string) {
      if (!running || !url.startsWith(issuer())) return undefined;
      const jwksUri = `${issuer()}/jwks`;
      if (url === jwksUri) return JSON.stringify({ keys: running.keys.map(publicJwk) });
      if (url === `${issuer()}/.well-known/openid-configuration`)
        return JSON.stringify({ issuer: issuer(), jwks_uri: jwksUri });
      return undefined;
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(retry);
    },
  });
}

function named(username: string | undefined): Readonly<Record<string, string>> {
  return username === undefined ? {} : { username };
}
