// A caller's token for one of the target's own: token exchange (RFC 8693), JWT bearer (RFC 7523 §2.1), or both one after
// the other, across two applications of one enterprise (ID-JAG). How a grant is sent is grants.ts's matter.

import type { TokenEndpointResponse } from 'oauth4webapi';
import { GatewayError } from '../core/errors.ts';
import type { Secret } from '../lib/secret.ts';
import { refused } from './grant-outcome.ts';
import type { GrantedTokens } from './grant-outcome.ts';
import type { Provider, Providers } from './providers.ts';
import type { AuthorizationServers } from './servers.ts';
import { forItself, parametersOf } from './wanted.ts';
import type { Wanted } from './wanted.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** RFC 7523 §2.1. */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
/** What an identity provider gives for another authorization server. */
export const ID_JAG_TYPE = 'urn:ietf:params:oauth:token-type:id-jag';

/** Sends a grant of a type as the provider's client. @throws GatewayError CredentialUnavailable */
export type SendGrant = (
  provider: Provider,
  grantType: string,
  parameters: URLSearchParams,
  wanted: Wanted,
) => Promise<{ readonly tokens: GrantedTokens; readonly answer: TokenEndpointResponse }>;

/** With the token of a caller that this gateway has verified. @throws GatewayError CredentialUnavailable */
export type TokenExchange = (provider: Provider, subject: Secret, wanted: Wanted) => Promise<GrantedTokens>;

/** Exchanges over these grants. */
export function createTokenExchange({
  send,
  clientCredentials,
  servers,
  providers,
}: {
  readonly send: SendGrant;
  readonly clientCredentials: (provider: Provider, wanted: Wanted) => Promise<GrantedTokens>;
  readonly servers: AuthorizationServers;
  readonly providers: Pick<Providers, 'byName'>;
}): TokenExchange {
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

  /** RFC 7523 §2.1. */
  async function withAssertion(
    provider: Provider,
    assertion: Secret,
    parameters: URLSearchParams,
    wanted: Wanted,
  ): Promise<GrantedTokens> {
    parameters.set('assertion', assertion.reveal());
    const { tokens } = await send(provider, JWT_BEARER, parameters, wanted);
    return withinScopes(tokens, wanted, provider);
  }

  /**
   * Enterprise-managed authorization (MCP extension; draft-ietf-oauth-identity-assertion-authz-grant): the identity
   * provider, which the user has signed in at, gives a grant for one client at one authorization server and one resource.
   */
  async function acrossApplications(
    provider: Provider,
    { name, subjectTokenType }: NonNullable<Provider['identityProvider']>,
    subject: Secret,
    wanted: Wanted,
  ): Promise<GrantedTokens> {
    const { issuer } = await servers.find(provider.settings);
    const asked = forItself(wanted, provider);
    const parameters = new URLSearchParams({
      requested_token_type: ID_JAG_TYPE,
      audience: issuer,
      subject_token: subject.reveal(),
      subject_token_type: subjectTokenType,
      ...(asked.scopes.length === 0 ? {} : { scope: asked.scopes.join(' ') }),
    });
    for (const resource of asked.resources) parameters.append('resource', resource);
    const identityProvider = await findProvider(name, provider);
    const { tokens, answer } = await send(identityProvider, TOKEN_EXCHANGE, parameters, wanted);
    if (answer['issued_token_type'] !== ID_JAG_TYPE)
      throw refused(identityProvider, 'the exchange gave no identity assertion grant (issued_token_type)');
    // What it is for, the grant itself says.
    return withAssertion(provider, tokens.accessToken, parametersOf({ ...asked, resources: [] }), wanted);
  }

  async function findProvider(name: string, { name: asking }: Provider): Promise<Provider> {
    try {
      return await providers.byName(name);
    } catch (thrown) {
      if (!(thrown instanceof GatewayError) || thrown.code !== 'NotFound') throw thrown;
      throw refused({ name: asking }, `its identity provider ${name} is no credential provider`);
    }
  }

  return async (provider, subject, wanted) => {
    if (provider.identityProvider)
      return acrossApplications(provider, provider.identityProvider, subject, wanted);
    const parameters = parametersOf(forItself(wanted, provider));
    if (provider.settings.onBehalfOf.grantType === 'JWT_AUTHORIZATION_GRANT')
      return withAssertion(provider, subject, parameters, wanted);
    parameters.set('subject_token', subject.reveal());
    parameters.set('subject_token_type', JWT_TYPE);
    for (const [name, value] of await actorParameters(provider)) parameters.set(name, value);
    const { tokens, answer } = await send(provider, TOKEN_EXCHANGE, parameters, wanted);
    // RFC 8693 §2.2.1: what comes back has to be something that opens doors, and says so.
    if (![ACCESS_TOKEN_TYPE, JWT_TYPE].includes(String(answer['issued_token_type'])))
      throw refused(provider, 'the exchange gave no access token (issued_token_type)');
    return withinScopes(tokens, wanted, provider);
  };
}

/** An exchange must not give more than was asked for. */
function withinScopes(tokens: GrantedTokens, { scopes }: Wanted, provider: Provider): GrantedTokens {
  const extra = tokens.scopes?.find((scope) => scopes.length > 0 && !scopes.includes(scope));
  if (extra !== undefined)
    throw refused(provider, `the exchange gave a scope that was not asked for: ${extra}`);
  return tokens;
}
