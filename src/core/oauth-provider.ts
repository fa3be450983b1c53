// An OAuth 2.0 credential provider: what is stored of it, how that is read, and how it is shown on the wire.
// The secret of the client is no part of it; it lies sealed beside.

import type { FieldFault } from './errors.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { VENDORS } from './oauth-vendors.ts';
import { resourceOfMetadataUrl } from './protected-resource.ts';
import { endpointFault } from './web-address.ts';

/** How the client proves itself at the token endpoint; `none` for a public client. */
export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none';

/** `privateKeyJwtConfig` (RFC 7523 §2.2): the key itself is the provider's secret. */
export interface PrivateKeyJwt {
  readonly algorithm: 'RS256' | 'PS256' | 'ES256';
  readonly headers: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, string>>;
}

export interface OnBehalfOf {
  readonly grantType: 'TOKEN_EXCHANGE' | 'JWT_AUTHORIZATION_GRANT';
  readonly actorToken: 'NONE' | 'M2M';
  readonly actorTokenScopes: readonly string[];
}

/** Where the authorization server is: a document to be read, an issuer to be looked up, or endpoints as they are. */
export type ServerLocation =
  | { readonly discoveryUrl: string }
  | { readonly metadataOf: string }
  | {
      readonly issuer: string;
      readonly authorizationEndpoint: string;
      readonly tokenEndpoint: string;
      readonly revocationEndpoint?: string;
    };

/** A provider as the grants use it. */
export interface OauthProviderSettings {
  readonly vendor: string;
  /**
   * Address of the server that the tokens are for (RFC 9728), where the provider is known by it: which authorization
   * server that has, and as which client, is found out when a token is needed. Until then `server` and `clientId` of such
   * a provider are empty.
   */
  readonly protects?: string;
  readonly clientId: string;
  readonly server: ServerLocation;
  readonly authentication: ClientAuthentication;
  readonly privateKeyJwt: PrivateKeyJwt;
  readonly onBehalfOf: OnBehalfOf;
  /** Parameters of the authorization request that the vendor wants. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What requests of the gateway are made of, which no parameter of a target may change (T-57). */
const OWN_PARAMETERS: ReadonlySet<string> = new Set(
  `response_type response_mode client_id client_secret redirect_uri scope state nonce request request_uri code
  code_challenge code_challenge_method code_verifier grant_type refresh_token assertion client_assertion
  client_assertion_type subject_token subject_token_type actor_token actor_token_type`.split(/\s+/),
);

/** True for parameters that are not for configurations to set. */
export function isOwnParameter(name: string): boolean {
  return OWN_PARAMETERS.has(name.toLowerCase());
}

const METHODS: Readonly<Record<string, ClientAuthentication>> = Object.freeze({
  CLIENT_SECRET_BASIC: 'client_secret_basic',
  CLIENT_SECRET_POST: 'client_secret_post',
  PRIVATE_KEY_JWT: 'private_key_jwt',
});
const DISCOVERY_SUFFIX = '/.well-known/openid-configuration';

/** What the published shapes cannot say of a provider's configuration. `member` is the one that was given. */
export function providerFaults(
  vendorName: string,
  member: string,
  config: JsonObject,
  hasSecret: boolean,
): readonly FieldFault[] {
  const vendor = VENDORS[vendorName];
  const place = `oauth2ProviderConfigInput.${member}`;
  if (vendor?.member !== member)
    return [{ name: place, message: `${vendorName} takes oauth2ProviderConfigInput.${vendor?.member}` }];
  const faults: FieldFault[] = [];
  const refuse = (name: string, message: string): void =>
    void faults.push({ name: `${place}.${name}`, message });
  const hasClient = typeof config['clientId'] === 'string' && config['clientId'] !== '';
  if (!hasClient && protectedBy(config) === undefined) refuse('clientId', 'Member must not be null or empty');
  if (!hasClient && hasSecret) refuse('clientId', 'Member must name the client whose secret is given');
  for (const [name, address] of addressesOf(config)) {
    const fault = endpointFault(address);
    if (fault !== undefined) refuse(name, `Member ${fault}`);
  }
  if (vendorName !== 'CustomOauth2' && !vendor.endpoints && !locate(vendorName, config))
    refuse(
      'issuer',
      `${vendorName} has a server for each customer: give issuer, or authorizationEndpoint and tokenEndpoint as well`,
    );
  if (config['privateEndpoint'] !== undefined)
    refuse('privateEndpoint', 'Member is not available: the gateway reaches private servers directly');
  faults.push(...authenticationFaults(config, hasSecret, place));
  return faults;
}

function authenticationFaults(config: JsonObject, hasSecret: boolean, place: string): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  const refuse = (name: string, message: string): void =>
    void faults.push({ name: `${place}.${name}`, message });
  const method = config['clientAuthenticationMethod'];
  if (method === 'AWS_IAM_ID_TOKEN_JWT')
    refuse(
      'clientAuthenticationMethod',
      'AWS_IAM_ID_TOKEN_JWT needs AWS to vouch for this service, which runs outside of it; use PRIVATE_KEY_JWT',
    );
  const key = config['privateKeyJwtConfig'];
  if (isJsonObject(key) && key['privateKeySource'] !== undefined)
    refuse(
      'privateKeyJwtConfig.privateKeySource',
      'Keys in AWS KMS are not available in this version; send the private key as clientSecret (PEM or JWK)',
    );
  if (method === 'PRIVATE_KEY_JWT' && !hasSecret)
    refuse('clientSecret', 'Member must hold the private key (PKCS #8 PEM, or JWK) with PRIVATE_KEY_JWT');
  if ((method === 'CLIENT_SECRET_BASIC' || method === 'CLIENT_SECRET_POST') && !hasSecret)
    refuse('clientSecret', 'Member must not be null or empty');
  const exchange = config['onBehalfOfTokenExchangeConfig'];
  const actor = isJsonObject(exchange) ? exchange['tokenExchangeGrantTypeConfig'] : undefined;
  if (isJsonObject(actor) && actor['actorTokenContent'] === 'AWS_IAM_ID_TOKEN_JWT')
    refuse(
      'onBehalfOfTokenExchangeConfig.tokenExchangeGrantTypeConfig.actorTokenContent',
      'AWS_IAM_ID_TOKEN_JWT is not available: AWS cannot vouch for this service; use M2M or NONE',
    );
  return faults;
}

function addressesOf(config: JsonObject): readonly (readonly [name: string, address: string])[] {
  const discovery = isJsonObject(config['oauthDiscovery']) ? config['oauthDiscovery'] : {};
  const metadata = isJsonObject(discovery['authorizationServerMetadata'])
    ? discovery['authorizationServerMetadata']
    : {};
  const named: readonly (readonly [string, unknown])[] = [
    ['oauthDiscovery.discoveryUrl', discovery['discoveryUrl']],
    ...['issuer', 'authorizationEndpoint', 'tokenEndpoint'].flatMap((name) => [
      [name, config[name]] as const,
      [`oauthDiscovery.authorizationServerMetadata.${name}`, metadata[name]] as const,
    ]),
  ];
  return named.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

/** A stored configuration in the form the grants use. Call it only on one without faults. */
export function parseProvider(
  vendorName: string,
  config: JsonObject,
  hasSecret: boolean,
): OauthProviderSettings {
  const vendor = VENDORS[vendorName];
  const protects = protectedBy(config);
  const keyConfig = isJsonObject(config['privateKeyJwtConfig']) ? config['privateKeyJwtConfig'] : {};
  return Object.freeze({
    vendor: vendorName,
    ...(protects === undefined ? {} : { protects }),
    clientId: String(config['clientId'] ?? ''),
    server: locate(vendorName, config) ?? { discoveryUrl: '' },
    authentication: authenticationOf(config, vendor?.authentication, hasSecret),
    privateKeyJwt: {
      algorithm: (keyConfig['signingAlgorithm'] as PrivateKeyJwt['algorithm'] | undefined) ?? 'RS256',
      headers: texts(keyConfig['additionalHeaderClaims']),
      claims: texts(keyConfig['additionalPayloadClaims']),
    },
    onBehalfOf: onBehalfOf(config['onBehalfOfTokenExchangeConfig']),
    parameters: vendor?.parameters ?? {},
  });
}

/** The server that a provider is for, where its discovery address is that of a protected resource (RFC 9728). */
function protectedBy(config: JsonObject): string | undefined {
  const discovery = isJsonObject(config['oauthDiscovery']) ? config['oauthDiscovery'] : {};
  const url = discovery['discoveryUrl'];
  return typeof url === 'string' ? resourceOfMetadataUrl(url) : undefined;
}

/** Whether the configuration says itself how the client proves itself. */
export function namesAuthentication(config: JsonObject): boolean {
  return METHODS[String(config['clientAuthenticationMethod'])] !== undefined;
}

function onBehalfOf(value: unknown): OnBehalfOf {
  const config = isJsonObject(value) ? value : {};
  const actor = isJsonObject(config['tokenExchangeGrantTypeConfig'])
    ? config['tokenExchangeGrantTypeConfig']
    : {};
  const scopes = actor['actorTokenScopes'];
  return {
    grantType:
      config['grantType'] === 'JWT_AUTHORIZATION_GRANT' ? 'JWT_AUTHORIZATION_GRANT' : 'TOKEN_EXCHANGE',
    actorToken: actor['actorTokenContent'] === 'M2M' ? 'M2M' : 'NONE',
    actorTokenScopes: Array.isArray(scopes) ? scopes.map(String) : [],
  };
}

function authenticationOf(
  config: JsonObject,
  vendors: ClientAuthentication | undefined,
  hasSecret: boolean,
): ClientAuthentication {
  const named = METHODS[String(config['clientAuthenticationMethod'])];
  if (named !== undefined) return named;
  if (!hasSecret) return 'none';
  const discovery = isJsonObject(config['oauthDiscovery']) ? config['oauthDiscovery'] : {};
  const metadata = isJsonObject(discovery['authorizationServerMetadata'])
    ? discovery['authorizationServerMetadata']
    : {};
  const taken = metadata['tokenEndpointAuthMethods'];
  if (Array.isArray(taken) && taken.length > 0 && !taken.includes('client_secret_basic'))
    return 'client_secret_post';
  return vendors ?? 'client_secret_basic';
}

function locate(vendorName: string, config: JsonObject): ServerLocation | undefined {
  if (protectedBy(config) !== undefined) return { metadataOf: '' };
  const discovery = isJsonObject(config['oauthDiscovery']) ? config['oauthDiscovery'] : {};
  if (typeof discovery['discoveryUrl'] === 'string') return { discoveryUrl: discovery['discoveryUrl'] };
  const metadata = discovery['authorizationServerMetadata'];
  const given = endpointsOf(isJsonObject(metadata) ? metadata : config);
  if (given) return given;
  if (typeof config['issuer'] === 'string')
    return { discoveryUrl: `${config['issuer'].replace(/\/$/, '')}${DISCOVERY_SUFFIX}` };
  const known = VENDORS[vendorName]?.endpoints;
  if (!known) return undefined;
  const tenant = encodeURIComponent(String(config['tenantId'] ?? 'common'));
  const place = (address: string): string => address.replace('{tenant}', tenant);
  return {
    ...known,
    issuer: place(known.issuer),
    authorizationEndpoint: place(known.authorizationEndpoint),
    tokenEndpoint: place(known.tokenEndpoint),
  };
}

function endpointsOf(config: JsonObject): ServerLocation | undefined {
  const { issuer, authorizationEndpoint, tokenEndpoint } = config;
  if (typeof tokenEndpoint !== 'string' || typeof authorizationEndpoint !== 'string') return undefined;
  return {
    issuer: typeof issuer === 'string' ? issuer : new URL(tokenEndpoint).origin,
    authorizationEndpoint,
    tokenEndpoint,
  };
}

/** `oauth2ProviderConfigOutput`: what was given, without any secret, and the endpoints of vendors. */
export function renderProviderConfig(vendorName: string, config: JsonObject): JsonObject {
  const member = VENDORS[vendorName]?.member ?? 'customOauth2ProviderConfig';
  if (vendorName === 'CustomOauth2') return { [member]: config };
  const server = locate(vendorName, config);
  const oauthDiscovery: JsonObject =
    server && 'issuer' in server
      ? {
          authorizationServerMetadata: {
            issuer: server.issuer,
            authorizationEndpoint: server.authorizationEndpoint,
            tokenEndpoint: server.tokenEndpoint,
          },
        }
      : { discoveryUrl: server && 'discoveryUrl' in server ? server.discoveryUrl : '' };
  return { [member]: { oauthDiscovery, clientId: String(config['clientId']) } };
}

function texts(value: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}
