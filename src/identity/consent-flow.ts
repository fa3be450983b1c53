// The steps of a consent (RFC 6749 §4.1 with PKCE, RFC 9207 and session binding): off to the provider, back with a
// code, and, only when the user who began it has come back too, the code for tokens. A code alone is worth nothing to
// whoever brings it: it lies sealed until then.

import { randomBytes } from 'node:crypto';
import {
  AuthorizationResponseError,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  validateAuthResponse,
} from 'oauth4webapi';
import type { AuthorizationServer } from 'oauth4webapi';
import type { Log } from '../core/call.ts';
import { GatewayError, reasonOf, toGatewayError } from '../core/errors.ts';
import { isOwnParameter } from '../core/oauth-provider.ts';
import type { TokenUser } from '../core/resources.ts';
import { endpointFault } from '../core/web-address.ts';
import { Secret } from '../lib/secret.ts';
import type { Store } from '../stores/store.ts';
import { isSameUser, sha256 } from './consent-sessions.ts';
import type { ConsentSessions, SessionRow } from './consent-sessions.ts';
import type { Grants } from './grants.ts';
import { forServer } from './wanted.ts';
import type { ProtectedServers } from './protected-servers.ts';
import type { Provider, Providers, Sealing } from './providers.ts';
import { isOffline, scopesForUser } from './scopes.ts';
import type { AuthorizationServers } from './servers.ts';
import type { TokenNeed } from './token-need.ts';
import type { TokenVault } from './token-vault.ts';

/** How a way back from a provider ended. */
export type CallbackEnd =
  | { readonly kind: 'authorized'; readonly row: SessionRow; readonly sessionUri: string }
  /** The user has said no, or the provider for them. */
  | { readonly kind: 'denied'; readonly row: SessionRow };

/** What lies sealed with a session while the user is away. */
interface FlowState {
  readonly sessionUri: string;
  readonly verifier: string;
  /** The server that the user was sent to (RFC 9207). */
  readonly issuer: string;
  readonly code?: string;
}

/** What a consent that has not been given yet comes down to, now. */
export interface ConsentPlan {
  readonly provider: Provider;
  readonly server: AuthorizationServer;
  readonly scopes: readonly string[];
}

export interface ConsentFlow {
  /** @throws GatewayError when the provider cannot be used at the moment */
  plan(row: SessionRow): Promise<ConsentPlan>;
  /** Where to send the browser. @throws GatewayError when the provider cannot be used at the moment */
  start(row: SessionRow, sessionUri: string, browser: string): Promise<string>;
  /** @throws GatewayError Forbidden for whatever is not the answer to a request of this browser */
  callback(providerId: string, query: URLSearchParams, browser: string | undefined): Promise<CallbackEnd>;
  /** The code for tokens. @throws GatewayError */
  exchange(row: SessionRow): Promise<void>;
  /** @throws GatewayError as Consents.complete */
  complete(
    sessionUri: string,
    user: TokenUser,
    mayTouch: (workloadId: string) => boolean,
  ): Promise<SessionRow>;
}

export interface FlowServices extends Sealing {
  readonly log: Log;
  readonly store: Pick<Store, 'get'>;
  readonly sessions: ConsentSessions;
  readonly providers: Providers;
  readonly protectedServers: ProtectedServers;
  readonly servers: AuthorizationServers;
  readonly grants: Grants;
  readonly vault: TokenVault;
  readonly callbackUrl: (providerId: string) => string;
}

/** The consent flow on these services. */
export function createConsentFlow(services: FlowServices): ConsentFlow {
  const { sessions, providers, servers, log } = services;

  async function providerOf({ document }: SessionRow): Promise<Provider> {
    const provider = await providers.byId(document.providerId);
    if (!provider) throw new GatewayError('NotFound', 'The credential provider no longer exists.');
    return provider;
  }

  async function hasWorkload(id: string): Promise<boolean> {
    const { store } = services;
    return ((await store.get('gateway', id)) ?? (await store.get('workload-identity', id))) !== undefined;
  }

  async function plan(row: SessionRow): Promise<ConsentPlan> {
    const provider = await services.protectedServers.ready(await providerOf(row));
    const server = await servers.find(provider.settings);
    const { scopes } = row.document;
    const isOpen = scopes.length === 0 && provider.settings.protects !== undefined;
    return { provider, server, scopes: isOpen ? scopesForUser(provider.wantedScopes, server) : scopes };
  }

  async function start(row: SessionRow, sessionUri: string, browser: string): Promise<string> {
    const { provider, server, scopes } = await plan(row);
    const address = authorizationEndpoint(server, provider);
    const verifier = generateRandomCodeVerifier();
    const state = `${row.id}.${randomBytes(32).toString('base64url')}`;
    for (const [name, value] of Object.entries(parametersOf(row, provider)))
      address.searchParams.set(name, value);
    const { resources } = forServer(row.document, provider);
    for (const resource of resources) address.searchParams.append('resource', resource);
    for (const audience of row.document.audiences) address.searchParams.append('audience', audience);
    const own = {
      response_type: 'code',
      client_id: provider.settings.clientId,
      redirect_uri: services.callbackUrl(provider.id),
      ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
      // OpenID Connect Core §11: without it, a request for offline access may be passed over.
      ...(provider.settings.protects !== undefined && isOffline(scopes) ? { prompt: 'consent' } : {}),
      state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(own)) address.searchParams.set(name, value);
    await sessions.move(row, {
      status: 'started',
      scopes,
      stateHash: sha256(state),
      browserHash: sha256(browser),
      clientKey: provider.clientKey,
      sealed: seal(row.id, { sessionUri, verifier, issuer: server.issuer }),
    });
    return address.href;
  }

  async function callback(
    providerId: string,
    query: URLSearchParams,
    browser: string | undefined,
  ): Promise<CallbackEnd> {
    const state = only(query, 'state') ?? '';
    const row = await sessions.findByState(state);
    if (!row) throw unexpected('its state is unknown, used, or too old');
    const { document } = row;
    if (document.providerId !== providerId) throw unexpected('it came to the address of another provider');
    if (browser === undefined || sha256(browser) !== document.browserHash)
      throw unexpected('it came from another browser than the one that was sent away');
    const provider = await providerOf(row);
    const { issuer, ...flow } = unseal(row);
    const server = { ...(await servers.find(provider.settings)), issuer };
    // Used up before anything is believed of it: there is no second try with the same state.
    const spent = await sessions.move(row, { status: 'failed', stateHash: '' });
    let callbackParameters: URLSearchParams;
    try {
      // RFC 9207 §2.4, as simple texts; `error` counts only when it comes from the right server.
      callbackParameters = validateAuthResponse(
        server,
        { client_id: provider.settings.clientId },
        query,
        state,
      );
    } catch (thrown) {
      if (!(thrown instanceof AuthorizationResponseError))
        throw unexpected('it is not from the server that was asked');
      log.info({ provider: provider.name, error: thrown.error.slice(0, 100) }, 'a consent was not given');
      return { kind: 'denied', row: spent };
    }
    const code = only(callbackParameters, 'code');
    if (code === undefined || code === '') throw unexpected('it has no code');
    const authorized = await sessions.move(spent, {
      status: 'authorized',
      sealed: seal(row.id, { ...flow, issuer, code }),
    });
    return { kind: 'authorized', row: authorized, sessionUri: flow.sessionUri };
  }

  async function exchange(row: SessionRow): Promise<void> {
    const { document } = row;
    // The step first, so that a code is never sent twice.
    const taken = await sessions.move(row, { status: 'exchanging' });
    try {
      const provider = await providerOf(row);
      if (!(await hasWorkload(document.workloadId)))
        throw new GatewayError(
          'NotFound',
          'The gateway or workload identity of this consent no longer exists.',
        );
      const { verifier, issuer, code } = unseal(row);
      if (document.clientKey !== provider.clientKey || code === undefined)
        throw new GatewayError('CredentialUnavailable', 'The credential provider was changed meanwhile.');
      const server = await servers.find(provider.settings);
      if (server.issuer !== issuer) throw unexpected('the server now has another issuer');
      const need = needOf(row);
      // The parameters have been checked at the callback; the package wants to see its own mark on them.
      const checked = validateAuthResponse(
        { ...server, authorization_response_iss_parameter_supported: false },
        { client_id: provider.settings.clientId },
        new URLSearchParams({ code }),
      );
      const granted = await services.grants.authorizationCode(
        provider,
        { callback: checked, redirectUri: services.callbackUrl(provider.id), verifier },
        need,
      );
      // Stored and complete at once: a consent that was taken back meanwhile leaves no token behind.
      await services.vault.store(document.tokenKey, need, provider, granted, (tx) =>
        sessions.moveIn(tx, taken, { status: 'completed' }),
      );
      log.info({ provider: provider.name, workload: document.workloadId }, 'a consent was given and kept');
    } catch (thrown) {
      const fault = toGatewayError(thrown);
      log.warn({ reason: reasonOf(fault) }, 'a consent could not be completed');
      // Over already when it was taken back.
      await sessions.move(taken, { status: 'failed' }).catch(() => undefined);
      throw fault;
    }
  }

  async function complete(
    sessionUri: string,
    user: TokenUser,
    mayTouch: (workloadId: string) => boolean,
  ): Promise<SessionRow> {
    const row = await sessions.find(sessionUri);
    if (!row || !mayTouch(row.document.workloadId))
      throw new GatewayError('NotFound', 'There is no such session, or it is over.');
    const { status, workloadId } = row.document;
    if (!isSameUser(user, row.document.user)) {
      await sessions.move(row, { status: 'failed', stateHash: '' });
      log.warn(
        { workload: workloadId, session: row.id },
        'a consent was completed by another user than the one who began it; it is void',
      );
      throw new GatewayError('Forbidden', 'The user is not the one who began this session.');
    }
    if (status !== 'authorized')
      throw new GatewayError(
        'Validation',
        status === 'exchanging'
          ? 'This session is being completed.'
          : status === 'completed' || status === 'failed'
            ? 'This session is over.'
            : 'The user has not given consent in this session yet.',
        { reason: 'FieldValidationFailed', fields: [{ name: 'sessionUri', message: `is ${status}` }] },
      );
    await exchange(row);
    return row;
  }

  function seal(rowId: string, value: FlowState) {
    return services.seal(new Secret(JSON.stringify(value)), binding(rowId));
  }

  function unseal({ id, document }: SessionRow): FlowState {
    if (!document.sealed) throw unexpected('it was never sent away');
    return JSON.parse(services.open(document.sealed, binding(id)).reveal()) as FlowState;
  }

  return Object.freeze({ plan, start, callback, exchange, complete });
}

/** The authorization endpoint, for PKCE with S256 (RFC 7636 §4.2). @throws GatewayError CredentialUnavailable */
function authorizationEndpoint(server: AuthorizationServer, { name, settings }: Provider): URL {
  const address = server.authorization_endpoint;
  // A server that was found by its issuer alone has to say that it takes them (MCP 2025-11-25, "PKCE").
  const methods =
    server.code_challenge_methods_supported ?? ('metadataOf' in settings.server ? [] : undefined);
  const fault =
    address === undefined
      ? 'has no authorization endpoint'
      : methods && !methods.includes('S256')
        ? 'does not take code challenges by S256'
        : endpointFault(address);
  if (address === undefined || fault !== undefined)
    throw new GatewayError('CredentialUnavailable', 'This provider cannot be used for consent.', {
      internal: `credential provider ${name}: the authorization server ${fault}`,
    });
  return new URL(address);
}

/** The target's own word counts more than the vendor's habit. */
function parametersOf({ document }: SessionRow, { settings }: Provider): Record<string, string> {
  const own = Object.entries(document.customParameters).filter(([name]) => !isOwnParameter(name));
  return { ...settings.parameters, ...Object.fromEntries(own) };
}

function needOf({ document }: SessionRow): TokenNeed {
  const { workloadId, user, scopes, customParameters, resources, audiences } = document;
  return { grant: 'AUTHORIZATION_CODE', workloadId, user, scopes, customParameters, resources, audiences };
}

function only(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

function binding(recordId: string) {
  return { type: 'consent-session', recordId, field: 'flow', version: 1 };
}

function unexpected(internal: string): GatewayError {
  return new GatewayError('Forbidden', 'This is not an answer that was expected here.', {
    internal: `a return from a provider was refused: ${internal}`,
  });
}
