// Grants at a token endpoint, over oauth4webapi: client credentials (RFC 6749 §4.4), authorization code with PKCE
// (§4.1.3, RFC 7636), refresh (§6), token exchange (RFC 8693), JWT bearer (RFC 7523 §2.1), and revocation (RFC 7009).
// What a server says of a failure is for operators; callers learn that there is no token.

import {
  ResponseBodyError,
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  clientCredentialsGrantRequest,
  customFetch,
  genericTokenEndpointRequest,
  processGenericTokenEndpointResponse,
  refreshTokenGrantRequest,
  revocationRequest,
} from 'oauth4webapi';
import type { AuthorizationServer, Client, ClientAuth, TokenEndpointResponse } from 'oauth4webapi';
import { GatewayError } from '../core/errors.ts';
import type { Egress } from '../core/outbound.ts';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import { clientAuthentication } from './client-authentication.ts';
import type { Provider } from './providers.ts';
import type { AuthorizationServers } from './servers.ts';
import { createTokenFetch } from './token-endpoint.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** What a server gave. Times are milliseconds since the epoch. */
export interface GrantedTokens {
  readonly accessToken: Secret;
  readonly refreshToken?: Secret;
  readonly obtainedAt: number;
  readonly expiresAt?: number;
  /** Where the server says that it gave others than were asked for (RFC 6749 §5.1). */
  readonly scopes?: readonly string[];
}

/** What a token is asked for. */
export interface Wanted {
  readonly scopes: readonly string[];
  readonly customParameters: Readonly<Record<string, string>>;
  readonly resources: readonly string[];
  readonly audiences: readonly string[];
}

export interface Grants {
  clientCredentials(provider: Provider, wanted: Wanted): Promise<GrantedTokens>;
  /** @param callback as `validateAuthResponse` gave it */
  authorizationCode(
    provider: Provider,
    code: { readonly callback: URLSearchParams; readonly redirectUri: string; readonly verifier: string },
    wanted: Wanted,
  ): Promise<GrantedTokens>;
  refresh(provider: Provider, refreshToken: Secret, wanted: Wanted): Promise<GrantedTokens>;
  /** With the token of a caller that this gateway has verified. */
  onBehalfOf(provider: Provider, subject: Secret, wanted: Wanted): Promise<GrantedTokens>;
  /** Best effort: nothing happens where the server has no such endpoint. */
  revoke(provider: Provider, token: Secret): Promise<void>;
}

/** `details.reason` of a grant that the server has refused for good: consent has to be given again. */
export const INVALID_GRANT = 'invalid_grant';
/** The same of a client that the server does not know, or does not believe. */
export const INVALID_CLIENT = 'invalid_client';

interface Session {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly auth: ClientAuth;
}

/** The grants of one process. */
export function createGrants(services: {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly servers: AuthorizationServers;
}): Grants {
  const { clock, servers } = services;
  const options = {
    [customFetch]: createTokenFetch(services.egress),
    // Plain http passes for loopback only, which is checked where addresses come in (core/web-address.ts).
    [allowInsecureRequests]: true,
  };

  async function open(provider: Provider): Promise<Session> {
    const { settings } = provider;
    return {
      server: await servers.find(settings),
      client: { client_id: settings.clientId },
      auth: await clientAuthentication(settings, provider.secret()),
    };
  }

  async function grant(
    provider: Provider,
    send: (session: Session) => Promise<Response>,
  ): Promise<{ readonly tokens: GrantedTokens; readonly answer: TokenEndpointResponse }> {
    try {
      const session = await open(provider);
      const answer = await processGenericTokenEndpointResponse(
        session.server,
        session.client,
        await send(session),
      );
      return { tokens: read(answer, clock.now()), answer };
    } catch (thrown) {
      throw explain(thrown, provider);
    }
  }

  const only = async (granted: ReturnType<typeof grant>): Promise<GrantedTokens> => (await granted).tokens;

  const clientCredentials: Grants['clientCredentials'] = (provider, wanted) =>
    only(
      grant(provider, ({ server, client, auth }) =>
        clientCredentialsGrantRequest(
          server,
          client,
          auth,
          parametersOf(forItself(wanted, provider)),
          options,
        ),
      ),
    );

  async function actorParameters(provider: Provider): Promise<readonly (readonly [string, string])[]> {
    const { actorToken, actorTokenScopes } = provider.settings.onBehalfOf;
    if (actorToken === 'NONE') return [];
    const nothing = { customParameters: {}, resources: [], audiences: [] };
    const actor = await clientCredentials(provider, { ...nothing, scopes: actorTokenScopes });
    return [
      ['actor_token', actor.accessToken.reveal()],
      ['actor_token_type', ACCESS_TOKEN_TYPE],
    ];
  }

  return Object.freeze({
    clientCredentials,
    authorizationCode: (provider, { callback, redirectUri, verifier }, wanted) =>
      only(
        grant(provider, ({ server, client, auth }) =>
          authorizationCodeGrantRequest(server, client, auth, callback, redirectUri, verifier, {
            ...options,
            additionalParameters: targetsOf(forServer(wanted, provider)),
          }),
        ),
      ),
    refresh: (provider, refreshToken, wanted) =>
      only(
        grant(provider, ({ server, client, auth }) =>
          refreshTokenGrantRequest(server, client, auth, refreshToken.reveal(), {
            ...options,
            additionalParameters: targetsOf(forServer(wanted, provider)),
          }),
        ),
      ),
    async onBehalfOf(provider, subject, wanted) {
      const parameters = parametersOf(forItself(wanted, provider));
      if (provider.settings.onBehalfOf.grantType === 'JWT_AUTHORIZATION_GRANT') {
        parameters.set('assertion', subject.reveal());
        const { tokens } = await grant(provider, ({ server, client, auth }) =>
          genericTokenEndpointRequest(server, client, auth, JWT_BEARER, parameters, options),
        );
        return withinScopes(tokens, wanted, provider);
      }
      parameters.set('subject_token', subject.reveal());
      parameters.set('subject_token_type', JWT_TYPE);
      for (const [name, value] of await actorParameters(provider)) parameters.set(name, value);
      const { tokens, answer } = await grant(provider, ({ server, client, auth }) =>
        genericTokenEndpointRequest(server, client, auth, TOKEN_EXCHANGE, parameters, options),
      );
      // RFC 8693 §2.2.1: what comes back has to be something that opens doors, and says so.
      if (![ACCESS_TOKEN_TYPE, JWT_TYPE].includes(String(answer['issued_token_type'])))
        throw refused(provider, 'the exchange gave no access token (issued_token_type)');
      return withinScopes(tokens, wanted, provider);
    },
    async revoke(provider, token) {
      const { server, client, auth } = await open(provider);
      if (server.revocation_endpoint === undefined) return;
      const answer = await revocationRequest(server, client, auth, token.reveal(), options);
      if (answer.status !== 200) throw refused(provider, `revocation answered with status ${answer.status}`);
    },
  } satisfies Grants);
}

/** A token for a protected server names it, letter by letter (RFC 8707), unless the configuration names something else. */
export function forServer<W extends Wanted>(wanted: W, { resource }: Pick<Provider, 'resource'>): W {
  const isNamed = wanted.resources.length > 0 || wanted.customParameters['resource'] !== undefined;
  return resource === undefined || isNamed ? wanted : { ...wanted, resources: [resource] };
}

/** The same without a user at hand: also the scopes are the server's wish, where none are configured. */
function forItself(wanted: Wanted, provider: Provider): Wanted {
  const { scopes } = wanted;
  return { ...forServer(wanted, provider), scopes: scopes.length > 0 ? scopes : provider.wantedScopes };
}

/** Resource indicators (RFC 8707 §2.2) and audiences go along with every request of a grant. */
function targetsOf({ resources, audiences, customParameters }: Wanted): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const name of ['resource', 'audience'])
    if (customParameters[name] !== undefined) parameters.append(name, customParameters[name]);
  for (const resource of resources) parameters.append('resource', resource);
  for (const audience of audiences) parameters.append('audience', audience);
  return parameters;
}

function parametersOf(wanted: Wanted): URLSearchParams {
  const parameters = targetsOf(wanted);
  for (const [name, value] of Object.entries(wanted.customParameters))
    if (!parameters.has(name)) parameters.set(name, value);
  if (wanted.scopes.length > 0) parameters.set('scope', wanted.scopes.join(' '));
  return parameters;
}

function read(answer: TokenEndpointResponse, now: number): GrantedTokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope } = answer;
  return {
    accessToken: new Secret(accessToken),
    ...(refreshToken === undefined || refreshToken === '' ? {} : { refreshToken: new Secret(refreshToken) }),
    obtainedAt: now,
    ...(expiresIn === undefined || expiresIn <= 0 ? {} : { expiresAt: now + expiresIn * 1000 }),
    ...(scope === undefined ? {} : { scopes: scope.split(/[\s,]+/).filter((name) => name !== '') }),
  };
}

/** An exchange must not give more than was asked for. */
function withinScopes(tokens: GrantedTokens, { scopes }: Wanted, provider: Provider): GrantedTokens {
  const extra = tokens.scopes?.find((scope) => scopes.length > 0 && !scopes.includes(scope));
  if (extra !== undefined)
    throw refused(provider, `the exchange gave a scope that was not asked for: ${extra}`);
  return tokens;
}

function refused({ name }: Pick<Provider, 'name'>, internal: string, reason?: string): GatewayError {
  return new GatewayError('CredentialUnavailable', 'The authorization server gave no token.', {
    internal: `credential provider ${name}: ${internal}`,
    ...(reason === undefined ? {} : { reason }),
  });
}

function explain(thrown: unknown, provider: Provider): GatewayError {
  if (thrown instanceof GatewayError) {
    if (thrown.code === 'CredentialUnavailable') return thrown;
    return refused(provider, thrown.details.internal ?? thrown.message);
  }
  if (thrown instanceof ResponseBodyError) {
    // Not its description: servers repeat in it what they were sent, codes and refresh tokens too.
    return refused(
      provider,
      `the server refused the grant (${provider.conceal(thrown.error).slice(0, 100)})`,
      thrown.error,
    );
  }
  // The package's own errors carry answers in their cause: nothing of it is kept.
  return refused(
    provider,
    `the answer cannot be used (${thrown instanceof Error ? thrown.message : 'unknown'})`,
  );
}
