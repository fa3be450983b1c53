// Grants at a token endpoint, over oauth4webapi: client credentials (RFC 6749 §4.4), authorization code with PKCE
// (§4.1.3, RFC 7636), refresh (§6), token exchange (RFC 8693), JWT bearer (RFC 7523 §2.1), and revocation (RFC 7009).
// What a server says of a failure is for operators; callers learn that there is no token.

import {
  DPoP,
  ResponseBodyError,
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  clientCredentialsGrantRequest,
  customFetch,
  genericTokenEndpointRequest,
  isDPoPNonceError,
  processGenericTokenEndpointResponse,
  refreshTokenGrantRequest,
  revocationRequest,
} from 'oauth4webapi';
import type {
  AuthorizationServer,
  Client,
  ClientAuth,
  TokenEndpointRequestOptions,
  TokenEndpointResponse,
} from 'oauth4webapi';
import { GatewayError, reasonOf } from '../core/errors.ts';
import type { Egress } from '../core/outbound.ts';
import { Secret } from '../lib/secret.ts';
import { clientAuthentication } from './client-authentication.ts';
import type { Provider, Providers } from './providers.ts';
import { refused } from './grant-outcome.ts';
import type { GrantedTokens } from './grant-outcome.ts';
import type { AuthorizationServers } from './servers.ts';
import { createTokenFetch } from './token-endpoint.ts';
import { createTokenRequests } from './token-requests.ts';
import type { GrantLabel, TokenRequest, TokenRequestServices } from './token-requests.ts';
import { createWorkloadGrant } from './workload-grant.ts';
import { ID_JAG_TYPE, JWT_BEARER, createTokenExchange } from './token-exchange.ts';
import type { SendGrant, TokenExchange } from './token-exchange.ts';
import { forItself, forServer, parametersOf, targetsOf } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/** What is no access token has no type of one (RFC 8693 §2.2.1). */
const TOKEN_TYPES = { n_a: (): void => undefined };

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
  readonly onBehalfOf: TokenExchange;
  /** Best effort: nothing happens where the server has no such endpoint. */
  revoke(provider: Provider, token: Secret): Promise<void>;
}

/** What a grant is sent with. */
interface GrantSession {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly auth: ClientAuth;
  readonly options: TokenEndpointRequestOptions;
}

interface GrantAnswer {
  readonly tokens: GrantedTokens;
  readonly answer: TokenEndpointResponse;
}

/** The grants of one process. */
export function createGrants(
  services: TokenRequestServices & {
    readonly egress: Egress;
    readonly servers: AuthorizationServers;
    readonly providers: Pick<Providers, 'byName'>;
    readonly workloadToken: () => Promise<Secret>;
  },
): Grants {
  const { clock, servers } = services;
  const run = createTokenRequests(services);
  const options: TokenEndpointRequestOptions = {
    [customFetch]: createTokenFetch(services.egress),
    // Plain http passes for loopback only, which is checked where addresses come in (core/web-address.ts).
    [allowInsecureRequests]: true,
  };

  async function open(provider: Provider): Promise<GrantSession> {
    const { settings, proof } = provider;
    const client: Client = { client_id: settings.clientId };
    return {
      server: await servers.find(settings),
      client,
      auth: await clientAuthentication(settings, provider.secret()),
      options: proof ? { ...options, DPoP: DPoP(client, await proof.open()) } : options,
    };
  }

  async function grant(
    provider: Provider,
    asked: Pick<TokenRequest, 'grant' | 'wanted'>,
    send: (session: GrantSession) => Promise<Response>,
  ): Promise<GrantAnswer> {
    const session = await open(provider).catch((thrown: unknown) => explain(thrown, provider));
    const endpoint = session instanceof GatewayError ? undefined : session.server.token_endpoint;
    return run({ provider, ...asked, ...(endpoint === undefined ? {} : { endpoint }) }, async () => {
      if (session instanceof GatewayError) throw session;
      try {
        return await exchange(provider, session, send);
      } catch (thrown) {
        throw explain(thrown, provider);
      }
    });
  }

  async function exchange(
    provider: Provider,
    session: GrantSession,
    send: (session: GrantSession) => Promise<Response>,
  ): Promise<GrantAnswer> {
    const ask = async (): Promise<TokenEndpointResponse> =>
      processGenericTokenEndpointResponse(session.server, session.client, await send(session), {
        recognizedTokenTypes: TOKEN_TYPES,
      });
    // Once more with the nonce that came along (RFC 9449 §8).
    const answer = await ask().catch((thrown: unknown) => {
      if (isDPoPNonceError(thrown)) return ask();
      throw thrown;
    });
    if ((answer.token_type === 'dpop') !== (provider.proof !== undefined))
      throw refused(
        provider,
        provider.proof
          ? 'the token is not bound to the key that was proved'
          : 'the token is bound to a key that nobody has proved',
      );
    if (answer.token_type === 'n_a' && answer['issued_token_type'] !== ID_JAG_TYPE)
      throw refused(provider, 'the answer holds no access token (token_type)');
    return { tokens: read(answer, clock.now()), answer };
  }

  const only = async (granted: Promise<GrantAnswer>): Promise<GrantedTokens> => (await granted).tokens;

  const clientCredentials: Grants['clientCredentials'] = async (provider, wanted) => {
    if (provider.isWorkload) return asWorkload(provider, wanted);
    return only(
      grant(provider, { grant: 'client_credentials', wanted }, ({ server, client, auth, options }) =>
        clientCredentialsGrantRequest(
          server,
          client,
          auth,
          parametersOf(forItself(wanted, provider)),
          options,
        ),
      ),
    );
  };

  const send: SendGrant = (provider, grantType, parameters, wanted) =>
    grant(provider, { grant: labelOf(grantType), wanted }, ({ server, client, auth, options }) =>
      genericTokenEndpointRequest(server, client, auth, grantType, parameters, options),
    );

  const asWorkload = createWorkloadGrant({ send, clock, servers, workloadToken: services.workloadToken });

  return Object.freeze({
    clientCredentials,
    authorizationCode: (provider, { callback, redirectUri, verifier }, wanted) =>
      only(
        grant(provider, { grant: 'authorization_code', wanted }, ({ server, client, auth, options }) =>
          authorizationCodeGrantRequest(server, client, auth, callback, redirectUri, verifier, {
            ...options,
            additionalParameters: targetsOf(forServer(wanted, provider)),
          }),
        ),
      ),
    refresh: (provider, refreshToken, wanted) =>
      only(
        grant(provider, { grant: 'refresh_token', wanted }, ({ server, client, auth, options }) =>
          refreshTokenGrantRequest(server, client, auth, refreshToken.reveal(), {
            ...options,
            additionalParameters: targetsOf(forServer(wanted, provider)),
          }),
        ),
      ),
    onBehalfOf: createTokenExchange({ send, clientCredentials, servers, providers: services.providers }),
    async revoke(provider, token) {
      const { server, client, auth } = await open(provider);
      const endpoint = server.revocation_endpoint;
      if (endpoint === undefined) return;
      await run({ provider, grant: 'revocation', endpoint }, async () => {
        const answer = await revocationRequest(server, client, auth, token.reveal(), options);
        if (answer.status !== 200)
          throw refused(provider, `revocation answered with status ${answer.status}`);
      });
    },
  } satisfies Grants);
}

const labelOf = (grantType: string): GrantLabel =>
  grantType === JWT_BEARER ? 'jwt_bearer' : 'token_exchange';

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

function explain(thrown: unknown, provider: Provider): GatewayError {
  if (thrown instanceof GatewayError) {
    if (thrown.code === 'CredentialUnavailable') return thrown;
    return refused(provider, reasonOf(thrown));
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
