// `oidc-provider` as this house uses it: authorization code with PKCE (S256) and client credentials, nothing else. Tokens
// are JWTs for one gateway each (RFC 9068, RFC 8707). Everything it fetches goes through the egress door.

import type * as Package from 'oidc-provider';
import type { Adapter, Client, KoaContext, Provider } from 'oidc-provider';
import type { Log } from '../core/call.ts';
import type { Egress } from '../core/outbound.ts';
import type { AuthorizationAudit } from './authorization-audit.ts';
import { OPERATOR_PREFIX, REGISTERED_PREFIX, normalizeClient } from './client-rules.ts';
import { BASE_SCOPE } from './gateway-resources.ts';
import type { GatewayResource, GatewayResources } from './gateway-resources.ts';
import { messagePage } from '../core/web-page.ts';
import type { SigningKey } from './signing-keys.ts';
import { newId } from '../core/ids.ts';

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const ACCESS_TOKEN_S = 15 * MINUTE;
const INTERACTION_S = 30 * MINUTE;
const LONGEST_ASSERTION_S = 5 * MINUTE;
const FETCH_TIMEOUT_MS = 3_000;
const MAX_FETCHED_BYTES = 64 * 1024;

/** Where browsers are asked, below the issuer. */
export const INTERACTION_PATH = '/interaction/';

export interface Account {
  readonly accountId: string;
  /** Claims of the access token besides those of RFC 9068. */
  readonly tokenClaims: Readonly<Record<string, string>>;
}

export interface ProviderServices {
  readonly issuer: string;
  readonly keys: readonly SigningKey[];
  readonly adapterFor: (model: string) => Adapter;
  readonly resources: GatewayResources;
  /** The user of an account, as long as it may sign in; `since` (seconds) is when the sign-in was. */
  readonly findAccount: (accountId: string, since: number | undefined) => Promise<Account | undefined>;
  /** Whether a client that an operator made may have tokens for this gateway. */
  readonly mayUse: (clientId: string, resource: GatewayResource) => Promise<boolean>;
  readonly mayFetch: (context: KoaContext) => boolean;
  readonly egress: Egress;
  readonly log: Log;
  readonly trail: Pick<AuthorizationAudit, 'watch'>;
}

/** A provider on these keys. Keys are fixed in it: for others make another one. */
export function createProvider({ Provider, errors }: typeof Package, services: ProviderServices): Provider {
  const { issuer, resources } = services;
  const isHttps = issuer.startsWith('https:');
  const base = new URL(issuer).pathname;

  async function resourceInfo(context: KoaContext, indicator: string, client: Client): Promise<object> {
    const resource = await resources.find(indicator);
    const isAllowed =
      resource &&
      (!client.clientId.startsWith(OPERATOR_PREFIX) || (await services.mayUse(client.clientId, resource)));
    if (!resource || !isAllowed)
      throw new errors.InvalidTarget('the resource must be the URL of a gateway that uses this server');
    const { params } = context.oidc;
    // A client that asks for no scope asks to call the gateway: without any, there would be nothing to consent to.
    if (params && context.oidc.route === 'authorization')
      params['scope'] = [...new Set([...scopesOf(params['scope']), BASE_SCOPE])].join(' ');
    return {
      scope: [BASE_SCOPE, ...resource.scopes].join(' '),
      audience: resource.url,
      accessTokenTTL: ACCESS_TOKEN_S,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'RS256' } },
    };
  }

  const provider = new Provider(issuer, {
    adapter: (model: string) => services.adapterFor(model),
    jwks: { keys: services.keys.map(({ jwk }) => jwk) },
    scopes: ['openid', 'offline_access'],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'RS256',
    },
    enabledJWA: {
      idTokenSigningAlgValues: ['RS256'],
      clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    },
    pkce: { required: () => true },
    // Ids of assertions are kept until these expire: that is soon, or the assertion is refused (RFC 7523 §3).
    assertJwtClientAuthClaimsAndHeader: (_context: KoaContext, { exp }: { readonly exp?: unknown }) => {
      if (typeof exp !== 'number' || exp > Date.now() / 1000 + LONGEST_ASSERTION_S)
        throw new errors.InvalidClientAuth('the assertion must expire within five minutes');
    },
    allowOmittingSingleRegisteredRedirectUri: false,
    rotateRefreshToken: () => true,
    issueRefreshToken: (_context: KoaContext, client: Client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    clientBasedCORS: (_context: KoaContext, origin: string, client: Client) =>
      client.redirectUris.some((uri) => URL.parse(uri)?.origin === origin),
    extraClientMetadata: {
      properties: ['client_rules'],
      validator(_context: KoaContext | undefined, _key: string, _value: unknown, metadata: object) {
        const fault = normalizeClient(metadata as Record<string, unknown>);
        if (fault !== undefined) throw new errors.InvalidClientMetadata(fault);
      },
    },
    extraTokenClaims: async (_context: KoaContext, token: { readonly accountId?: string }) =>
      token.accountId === undefined
        ? undefined
        : { ...(await services.findAccount(token.accountId, undefined))?.tokenClaims },
    findAccount: async (
      _context: KoaContext,
      accountId: string,
      token: { readonly authTime?: number; readonly iiat?: number } | undefined,
    ) => {
      const account = await services.findAccount(accountId, token?.authTime ?? token?.iiat);
      return account && { accountId, claims: () => ({ sub: accountId }) };
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_context: KoaContext, client: Client, token: { readonly clientId?: string }) =>
          token.clientId === client.clientId,
      },
      registration: {
        enabled: true,
        issueRegistrationAccessToken: false,
        idFactory: () => `${REGISTERED_PREFIX}${newId()}`,
      },
      clientIdMetadataDocument: {
        enabled: true,
        ack: 'draft-02',
        allowFetch: (context: KoaContext) => services.mayFetch(context),
      },
      resourceIndicators: {
        enabled: true,
        async defaultResource(_context: KoaContext, _client: Client, oneOf: readonly string[] | undefined) {
          const only = oneOf ?? (await resources.only())?.url;
          if (only === undefined)
            throw new errors.InvalidTarget('the request must name the gateway with the parameter resource');
          return only;
        },
        useGrantedResource: () => true,
        getResourceServerInfo: resourceInfo,
      },
    },
    interactions: {
      url: (_context: KoaContext, { uid }: { readonly uid: string }) => `${base}${INTERACTION_PATH}${uid}`,
    },
    cookies: {
      // The two short ones belong to one path each, which the prefix __Host- does not allow.
      names: {
        session: `${isHttps ? '__Host-' : ''}gatewright-session`,
        interaction: `${isHttps ? '__Secure-' : ''}gatewright-interaction`,
        resume: `${isHttps ? '__Secure-' : ''}gatewright-resume`,
      },
      long: { httpOnly: true, sameSite: 'lax', path: '/' },
      short: { httpOnly: true, sameSite: 'lax' },
    },
    ttl: {
      AccessToken: () => ACCESS_TOKEN_S,
      ClientCredentials: () => ACCESS_TOKEN_S,
      AuthorizationCode: MINUTE,
      IdToken: 10 * MINUTE,
      Interaction: INTERACTION_S,
      Session: 12 * 60 * MINUTE,
      RefreshToken: 30 * DAY,
      Grant: 180 * DAY,
    },
    fetch: createFetch(services.egress),
    fetchResponseBodyLimits: { jwks_uri: MAX_FETCHED_BYTES },
    renderError(context: KoaContext, out: { readonly error: string; readonly error_description?: string }) {
      const { headers, body } = messagePage(
        context.status,
        'This does not work',
        `${out.error_description ?? 'The request cannot be answered.'} (${out.error})`,
      );
      for (const [name, value] of Object.entries(headers)) context.set(name, value);
      context.body = body;
    },
  });
  // The address that browsers see comes from the settings, as headers that authorization-server.ts sets itself.
  provider.proxy = true;
  services.trail.watch(provider);
  provider.on('server_error', (_context: KoaContext, error: Error) =>
    services.log.error({ reason: error.message }, 'the authorization server failed'),
  );
  return provider;
}

/** Words of a `scope` parameter (RFC 6749 §3.3). */
export function scopesOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((scope) => scope !== '') : [];
}

/** What the package calls instead of `fetch`: no redirects, little time, small answers, only allowed addresses. */
function createFetch(egress: Egress) {
  return async (
    url: string | URL,
    options?: { readonly headers?: ConstructorParameters<typeof Headers>[0] },
  ) => {
    const answer = await egress.request(
      {
        method: 'GET',
        url: new URL(url),
        headers: { accept: new Headers(options?.headers).get('accept') ?? 'application/json' },
      },
      { timeoutMs: FETCH_TIMEOUT_MS, maxResponseBytes: MAX_FETCHED_BYTES },
    );
    const hasBody = ![204, 205, 304].includes(answer.status);
    return new Response(hasBody ? new Uint8Array(answer.body) : null, {
      status: answer.status,
      headers: { ...answer.headers },
    });
  };
}
