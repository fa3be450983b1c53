// Shapes of the identity service: OAuth 2.0 credential providers, workload identities, the token vault, and the tokens
// and consents that applications ask for. Timestamps are numbers of seconds.

import { VENDORS } from '../../core/oauth-vendors.ts';
import { choice, epochTime, flag, list, map, must, sized, structure, text, union, whole } from './shape.ts';
import type { Shape, Shapes } from './shape.ts';

const clientSecret = {
  clientSecret: 'DefaultClientSecretType',
  clientSecretConfig: structure({ secretId: must(sized(1, 2048)), jsonKey: must('SecretJsonKeyType') }),
  clientSecretSource: 'SecretSourceType',
};
const vendorInput = structure({ clientId: must(sized(1, 256)), ...clientSecret });
const vendorOutput = structure({ oauthDiscovery: must('Oauth2Discovery'), clientId: sized(1, 256) });
const sensitive = (min: number, max: number, pattern?: string): Shape =>
  sized(min, max, { sensitive: true, ...(pattern === undefined ? {} : { pattern }) });

/** Members of a configuration union, the custom one apart. */
const NAMED = ['google', 'github', 'slack', 'salesforce', 'atlassian', 'linkedin'] as const;
const members = (shape: Shape): Record<string, Shape> =>
  Object.fromEntries(NAMED.map((name) => [`${name}Oauth2ProviderConfig`, shape]));

const customSettings = {
  oauthDiscovery: must('Oauth2Discovery'),
  clientId: sized(0, 256),
  onBehalfOfTokenExchangeConfig: 'OnBehalfOfTokenExchangeConfigType',
  clientAuthenticationMethod: choice(
    'CLIENT_SECRET_BASIC',
    'CLIENT_SECRET_POST',
    'AWS_IAM_ID_TOKEN_JWT',
    'PRIVATE_KEY_JWT',
  ),
  privateKeyJwtConfig: 'PrivateKeyJwtConfig',
  privateEndpoint: 'PrivateEndpoint',
  privateEndpointOverrides: list('PrivateEndpointOverride', 0, 5),
};

const createdProvider = {
  clientSecretArn: must('Secret'),
  clientSecretJsonKey: 'SecretJsonKeyType',
  clientSecretSource: 'SecretSourceType',
  name: must('CredentialProviderName'),
  credentialProviderArn: must(text()),
  callbackUrl: text(),
};
const status = choice(
  'CREATING',
  'CREATE_FAILED',
  'UPDATING',
  'UPDATE_FAILED',
  'READY',
  'DELETING',
  'DELETE_FAILED',
);
const times = { createdTime: must(epochTime), lastUpdatedTime: must(epochTime) };
const providerItem = {
  name: must('CredentialProviderName'),
  credentialProviderVendor: must('CredentialProviderVendorType'),
  credentialProviderArn: must(text()),
  ...times,
};
const workload = {
  name: must('WorkloadIdentityNameType'),
  workloadIdentityArn: must(sized(1, 1024)),
  allowedResourceOauth2ReturnUrls: list('ResourceOauth2ReturnUrlType'),
};
const workloadSettings = {
  name: must('WorkloadIdentityNameType'),
  allowedResourceOauth2ReturnUrls: list('ResourceOauth2ReturnUrlType'),
};
const tokenVault = {
  tokenVaultId: must('TokenVaultIdType'),
  kmsConfiguration: must('KmsConfiguration'),
  lastModifiedDate: must(epochTime),
};
const workloadToken = must(sensitive(1, 131_072));

/** Shapes of the identity service. */
export const IDENTITY_SHAPES: Shapes = {
  CreateOauth2CredentialProviderRequest: structure({
    name: must('CredentialProviderName'),
    credentialProviderVendor: must('CredentialProviderVendorType'),
    oauth2ProviderConfigInput: must('Oauth2ProviderConfigInput'),
    tags: 'TagMap',
  }),
  CreateOauth2CredentialProviderResponse: structure({
    ...createdProvider,
    oauth2ProviderConfigOutput: 'Oauth2ProviderConfigOutput',
    status,
  }),
  UpdateOauth2CredentialProviderRequest: structure({
    name: must('CredentialProviderName'),
    credentialProviderVendor: must('CredentialProviderVendorType'),
    oauth2ProviderConfigInput: must('Oauth2ProviderConfigInput'),
  }),
  UpdateOauth2CredentialProviderResponse: structure({
    ...createdProvider,
    credentialProviderVendor: must('CredentialProviderVendorType'),
    oauth2ProviderConfigOutput: must('Oauth2ProviderConfigOutput'),
    ...times,
    status,
  }),
  Oauth2CredentialProviderRequest: structure({ name: must('CredentialProviderName') }),
  Oauth2CredentialProviderResponse: structure({
    ...createdProvider,
    credentialProviderVendor: must('CredentialProviderVendorType'),
    oauth2ProviderConfigOutput: must('Oauth2ProviderConfigOutput'),
    ...times,
    status,
    failureReason: text(),
  }),
  ListOauth2CredentialProvidersRequest: structure({ nextToken: text(), maxResults: whole(1, 20) }),
  ListOauth2CredentialProvidersResponse: structure({
    credentialProviders: must(list('Oauth2CredentialProviderItem')),
    nextToken: text(),
  }),
  Oauth2CredentialProviderItem: structure(providerItem),
  CredentialProviderVendorType: choice(...Object.keys(VENDORS)),
  Oauth2ProviderConfigInput: union({
    customOauth2ProviderConfig: structure({ ...customSettings, ...clientSecret }),
    ...members(vendorInput),
    microsoftOauth2ProviderConfig: structure({
      clientId: must(sized(1, 256)),
      ...clientSecret,
      tenantId: sized(1, 2048),
    }),
    includedOauth2ProviderConfig: structure({
      clientId: must(sized(1, 256)),
      ...clientSecret,
      issuer: text(),
      authorizationEndpoint: text(),
      tokenEndpoint: text(),
    }),
  }),
  Oauth2ProviderConfigOutput: union({
    customOauth2ProviderConfig: structure(customSettings),
    ...members(vendorOutput),
    microsoftOauth2ProviderConfig: vendorOutput,
    includedOauth2ProviderConfig: vendorOutput,
  }),
  DefaultClientSecretType: sized(0, 16_384, {
    sensitive: true,
    widened: 'AWS takes 2048 characters; with PRIVATE_KEY_JWT this is the private key (PKCS #8 PEM, or JWK).',
  }),
  Oauth2Discovery: union({
    discoveryUrl: text({
      pattern: String.raw`.+/\.well-known/(openid-configuration|oauth-authorization-server|oauth-protected-resource(/.*)?)`,
      widened:
        'AWS takes no address of a protected resource (RFC 9728); here the server that tokens are for stands for its authorization server.',
    }),
    authorizationServerMetadata: structure({
      issuer: must(text()),
      authorizationEndpoint: must(text()),
      tokenEndpoint: must(text()),
      responseTypes: list(text()),
      tokenEndpointAuthMethods: list(text({ pattern: '(client_secret_post|client_secret_basic)' }), 1, 2),
    }),
  }),
  OnBehalfOfTokenExchangeConfigType: structure({
    grantType: must(choice('TOKEN_EXCHANGE', 'JWT_AUTHORIZATION_GRANT')),
    tokenExchangeGrantTypeConfig: structure({
      actorTokenContent: must(choice('NONE', 'M2M', 'AWS_IAM_ID_TOKEN_JWT')),
      actorTokenScopes: list('ScopeType'),
    }),
  }),
  PrivateKeyJwtConfig: structure({
    privateKeySource: union({ kmsKeySource: structure({ kmsKeyArn: must('KmsKeyArn') }) }),
    signingAlgorithm: choice('RS256', 'PS256', 'ES256'),
    additionalHeaderClaims: map('AdditionalClaimName', 'AdditionalClaimValue', 1, 10),
    additionalPayloadClaims: map('AdditionalClaimName', 'AdditionalClaimValue', 1, 10),
  }),
  AdditionalClaimName: sized(1, 255, { pattern: '[A-Za-z0-9_.:#-]+' }),
  AdditionalClaimValue: sensitive(1, 2048),
  ScopeType: sized(1, 128),

  CreateWorkloadIdentityRequest: structure({ ...workloadSettings, tags: 'TagMap' }),
  CreateWorkloadIdentityResponse: structure(workload),
  UpdateWorkloadIdentityRequest: structure(workloadSettings),
  WorkloadIdentityRequest: structure({ name: must('WorkloadIdentityNameType') }),
  WorkloadIdentityResponse: structure({ ...workload, ...times }),
  ListWorkloadIdentitiesRequest: structure({ nextToken: text(), maxResults: whole(1, 20) }),
  ListWorkloadIdentitiesResponse: structure({
    workloadIdentities: must(
      list(structure({ name: must('WorkloadIdentityNameType'), workloadIdentityArn: must(sized(1, 1024)) })),
    ),
    nextToken: text(),
  }),
  WorkloadIdentityNameType: sized(3, 255, { pattern: '[A-Za-z0-9_.-]+' }),
  ResourceOauth2ReturnUrlType: sized(1, 2048, { pattern: String.raw`\w+:(\/?\/?)[^\s]+` }),

  GetTokenVaultRequest: structure({ tokenVaultId: 'TokenVaultIdType' }),
  SetTokenVaultCMKRequest: structure({
    tokenVaultId: 'TokenVaultIdType',
    kmsConfiguration: must('KmsConfiguration'),
  }),
  TokenVaultResponse: structure(tokenVault),
  TokenVaultIdType: sized(1, 64, { pattern: String.raw`[a-zA-Z0-9\-_]+` }),
  KmsConfiguration: structure({
    keyType: must(choice('CustomerManagedKey', 'ServiceManagedKey')),
    kmsKeyArn: 'KmsKeyArn',
  }),

  GetWorkloadAccessTokenRequest: structure({ workloadName: must('WorkloadIdentityNameType') }),
  GetWorkloadAccessTokenForJWTRequest: structure({
    workloadName: must('WorkloadIdentityNameType'),
    userToken: must('UserTokenType'),
  }),
  GetWorkloadAccessTokenForUserIdRequest: structure({
    workloadName: must('WorkloadIdentityNameType'),
    userId: must('UserIdType'),
  }),
  WorkloadAccessTokenResponse: structure({ workloadAccessToken: workloadToken }),
  UserTokenType: sensitive(1, 131_072, String.raw`[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+`),
  UserIdType: sized(1, 128),
  GetResourceOauth2TokenRequest: structure({
    workloadIdentityToken: workloadToken,
    resourceCredentialProviderName: must('CredentialProviderName'),
    scopes: must(list('ScopeType')),
    oauth2Flow: must(choice('USER_FEDERATION', 'M2M', 'ON_BEHALF_OF_TOKEN_EXCHANGE')),
    sessionUri: 'RequestUri',
    resourceOauth2ReturnUrl: 'ResourceOauth2ReturnUrlType',
    forceAuthentication: flag,
    customParameters: map(sized(1, 256, { pattern: String.raw`[a-zA-Z0-9\-_\.]+` }), sensitive(1, 2048)),
    customState: sensitive(1, 4096),
    resources: list(sized(1, 2048)),
    audiences: list(sized(1, 2048)),
  }),
  GetResourceOauth2TokenResponse: structure({
    authorizationUrl: text({ min: 1, sensitive: true }),
    accessToken: sensitive(1, 131_072),
    sessionUri: 'RequestUri',
    sessionStatus: choice('IN_PROGRESS', 'FAILED'),
  }),
  GetResourceApiKeyRequest: structure({
    workloadIdentityToken: workloadToken,
    resourceCredentialProviderName: must('CredentialProviderName'),
  }),
  GetResourceApiKeyResponse: structure({ apiKey: must(sensitive(1, 65_536)) }),
  CompleteResourceTokenAuthRequest: structure({
    userIdentifier: must(union({ userToken: 'UserTokenType', userId: 'UserIdType' })),
    sessionUri: must('RequestUri'),
  }),
  RequestUri: sized(1, 1024, { pattern: 'urn:ietf:params:oauth:request_uri:[a-zA-Z0-9-._~]+' }),

  ListUserConsentsRequest: structure({ userId: sized(1, 2048), issuer: sized(1, 2048) }),
  ListUserConsentsResponse: structure({ consents: must(list('UserConsent')) }),
  UserConsent: structure({
    consentId: must(text()),
    credentialProviderName: must(text()),
    workloadName: must(text()),
    userId: must(text()),
    issuer: text(),
    scopes: must(list(text())),
    grantedTime: must(epochTime),
    expiresTime: epochTime,
    refreshable: must(flag),
  }),
  RevokeUserConsentRequest: structure({ consentId: must(sized(1, 64)) }),
};
