// Shapes of outbound credentials on targets, of API-key credential providers, and of tags.
// Timestamps of the identity operations are numbers of seconds; everywhere else they are ISO-8601 texts.

import { choice, epochTime, label, list, map, must, sized, structure, text, union, whole } from './shape.ts';
import type { Member, Shapes } from './shape.ts';

const providerArn = text({ pattern: 'arn:([^:]*):([^:]*):([^:]*):([0-9]{12})?:(.+)' });

const keySettings = {
  name: must('CredentialProviderName'),
  apiKey: 'DefaultApiKeyType',
  apiKeySecretConfig: structure({ secretId: must(sized(1, 2048)), jsonKey: must('SecretJsonKeyType') }),
  apiKeySecretSource: 'SecretSourceType',
};

const createdProvider = {
  apiKeySecretArn: must('Secret'),
  apiKeySecretJsonKey: 'SecretJsonKeyType',
  apiKeySecretSource: 'SecretSourceType',
  name: must('CredentialProviderName'),
  credentialProviderArn: must(text()),
};

const tagKeys: Member = { shape: list('TagKey', 0, 200), required: true, in: 'query' };

/** Shapes of credentials, API-key credential providers and tags. */
export const CREDENTIAL_SHAPES: Shapes = {
  CredentialProviderConfiguration: structure({
    credentialProviderType: must(
      choice('GATEWAY_IAM_ROLE', 'OAUTH', 'API_KEY', 'CALLER_IAM_CREDENTIALS', 'JWT_PASSTHROUGH'),
    ),
    credentialProvider: 'CredentialProvider',
  }),
  CredentialProvider: union({
    oauthCredentialProvider: 'OAuthCredentialProvider',
    apiKeyCredentialProvider: 'GatewayApiKeyCredentialProvider',
    iamCredentialProvider: structure({
      service: must(sized(1, 64, { pattern: '[a-zA-Z0-9._-]+' })),
      region: sized(1, 32, { pattern: '[a-zA-Z0-9-]+' }),
    }),
  }),
  OAuthCredentialProvider: structure({
    providerArn: must(providerArn),
    scopes: must(list(sized(1, 64), 0, 100)),
    customParameters: map(sized(1, 256), sized(1, 2048, { sensitive: true }), 1, 10),
    grantType: choice('CLIENT_CREDENTIALS', 'AUTHORIZATION_CODE', 'TOKEN_EXCHANGE'),
    defaultReturnUrl: sized(1, 2048, { pattern: String.raw`\w+:(\/?\/?)[^\s]+` }),
  }),
  GatewayApiKeyCredentialProvider: structure({
    providerArn: must(providerArn),
    credentialParameterName: sized(1, 64),
    credentialPrefix: sized(1, 64),
    credentialLocation: choice('HEADER', 'QUERY_PARAMETER'),
  }),

  CreateApiKeyCredentialProviderRequest: structure({ ...keySettings, tags: 'TagMap' }),
  CreateApiKeyCredentialProviderResponse: structure(createdProvider),
  UpdateApiKeyCredentialProviderRequest: structure(keySettings),
  ApiKeyCredentialProviderRequest: structure({ name: must('CredentialProviderName') }),
  ApiKeyCredentialProviderResponse: structure({
    ...createdProvider,
    createdTime: must(epochTime),
    lastUpdatedTime: must(epochTime),
  }),
  ListApiKeyCredentialProvidersRequest: structure({ nextToken: text(), maxResults: whole(1, 100) }),
  ListApiKeyCredentialProvidersResponse: structure({
    credentialProviders: must(list('ApiKeyCredentialProviderItem')),
    nextToken: text(),
  }),
  ApiKeyCredentialProviderItem: structure({
    name: must('CredentialProviderName'),
    credentialProviderArn: must(text()),
    createdTime: must(epochTime),
    lastUpdatedTime: must(epochTime),
  }),
  CredentialProviderName: sized(1, 128, { pattern: String.raw`[a-zA-Z0-9\-_]+` }),
  DefaultApiKeyType: sized(0, 65_536, { sensitive: true }),
  Secret: structure({ secretArn: must(text()) }),
  SecretJsonKeyType: sized(1, 128),
  SecretSourceType: choice('MANAGED', 'EXTERNAL'),

  TagResourceRequest: structure({ resourceArn: label('TaggableResourcesArn'), tags: must('TagMap') }),
  UntagResourceRequest: structure({ resourceArn: label('TaggableResourcesArn'), tagKeys }),
  ListTagsForResourceRequest: structure({ resourceArn: label('TaggableResourcesArn') }),
  ListTagsForResourceResponse: structure({ tags: 'TagMap' }),
  TaggableResourcesArn: sized(20, 1011, {
    pattern:
      'arn:(?:[^:]+)?:(?:bedrock-agentcore|acps):[a-z0-9-]+:[0-9]{12}:([a-z0-9-]+/[^/]+)(?:/[a-z0-9-]+/[^/]+)*',
    widened:
      'AWS takes bedrock-agentcore ARNs without digits in the kind; acps ARNs and oauth2credentialprovider are taken too.',
  }),
  TagMap: map('TagKey', 'TagValue', 0, 50),
  TagKey: sized(1, 128, { pattern: String.raw`[a-zA-Z0-9\s._:/=+@-]*` }),
  TagValue: sized(0, 256, { pattern: String.raw`[a-zA-Z0-9\s._:/=+@-]*` }),

  EmptyResponse: structure({}),
};
