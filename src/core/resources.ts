// What is stored: one document type per kind of resource. Members that AWS's API has are spelled as on its
// wire; members of our own are few and explained. The store keeps these as JSON.

import type { Role } from './access.ts';
import type { PasswordHash } from '../lib/password-hash.ts';
import type { JsonObject } from './json.ts';
import type { Catalogue } from './tool.ts';

export type GatewayStatus = 'CREATING' | 'UPDATING' | 'UPDATE_UNSUCCESSFUL' | 'DELETING' | 'READY' | 'FAILED';
export type TargetStatus =
  | GatewayStatus
  | 'SYNCHRONIZING'
  | 'SYNCHRONIZE_UNSUCCESSFUL'
  | 'CREATE_PENDING_AUTH'
  | 'UPDATE_PENDING_AUTH'
  | 'SYNCHRONIZE_PENDING_AUTH';
export type AuthorizerTypeName = 'CUSTOM_JWT' | 'AWS_IAM' | 'NONE' | 'AUTHENTICATE_ONLY';
export type CredentialProviderTypeName =
  | 'GATEWAY_IAM_ROLE'
  | 'OAUTH'
  | 'API_KEY'
  | 'CALLER_IAM_CREDENTIALS'
  | 'JWT_PASSTHROUGH';

export type Tags = Readonly<Record<string, string>>;

/** A gateway. `settings` holds the wire members that the service only stores and returns. */
export interface GatewayDocument {
  readonly status: GatewayStatus;
  readonly statusReasons: readonly string[];
  readonly description?: string;
  readonly roleArn: string;
  readonly protocolType?: 'MCP';
  readonly protocolConfiguration?: JsonObject;
  readonly authorizerType: AuthorizerTypeName;
  readonly authorizerConfiguration?: JsonObject;
  readonly exceptionLevel?: 'DEBUG';
  /** kmsKeyArn, interceptorConfigurations, policyEngineConfiguration, customTransformConfiguration, wafConfiguration. */
  readonly settings: JsonObject;
  readonly tags: Tags;
}

/** What the data plane serves of a target: fixed together, so that configuration and catalogue always match. */
export interface LiveTarget {
  readonly targetConfiguration: JsonObject;
  readonly credentialProviderConfigurations: readonly JsonObject[];
  readonly metadataConfiguration?: JsonObject;
  /** Id of the `catalogue` row. */
  readonly catalogueId: string;
}

/** A gateway target. `live` is absent until discovery has succeeded once. */
export interface TargetDocument {
  readonly status: TargetStatus;
  readonly statusReasons: readonly string[];
  readonly description?: string;
  /** Without the text of an inline document, which lies in the `inline-payload` row named by `payloadId`. */
  readonly targetConfiguration: JsonObject;
  readonly payloadId?: string;
  readonly credentialProviderConfigurations: readonly JsonObject[];
  readonly metadataConfiguration?: JsonObject;
  readonly privateEndpoint?: JsonObject;
  readonly lastSynchronizedAt?: number;
  /** The consent that its tools are read with (authorization code grant). */
  readonly authorization?: { readonly authorizationUrl: string; readonly userId: string };
  readonly live?: LiveTarget;
  readonly tags: Tags;
}

/** An API-key credential provider: the key itself lies sealed in the `secret` row named by `secretId`. */
export interface ApiKeyProviderDocument {
  readonly secretId: string;
  readonly secretVersion: number;
  readonly secretSource: 'MANAGED' | 'EXTERNAL';
  readonly tags: Tags;
}

/** What a sealed value belongs to. All four parts are authenticated. */
export interface SecretBinding {
  readonly type: string;
  readonly recordId: string;
  readonly field: string;
  readonly version: number;
}

/** A value sealed by the vault: AES-256-GCM envelope, all members base64 except ids. */
export interface SealedSecret {
  readonly v: 1;
  readonly kekId: string;
  readonly wrappedKey: string;
  readonly iv: string;
  readonly ciphertext: string;
  readonly tag: string;
  /** Said in the open, so that everything can be rewrapped without knowing what it is. */
  readonly bound: SecretBinding;
}

/** Remembers a `clientToken`, so that a repeated request changes nothing (kept for a day). */
export interface ClientTokenDocument {
  readonly requestHash: string;
  readonly resourceId: string;
}

/** A document given inline with a target. */
export interface InlinePayloadDocument {
  readonly text: string;
}

/** What has been noted of an MCP client's session, for all processes. Absent as long as there is nothing to note. */
export interface SessionDocument {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly ended?: boolean;
  readonly logLevel?: string;
  readonly subscriptions?: readonly string[];
  /** Target id → what its connector remembers, sealed. */
  readonly upstream?: Readonly<Record<string, string>>;
}

/** A message from one process to another, to be taken within seconds. */
export interface MailboxDocument {
  readonly sealed: string;
  readonly expiresAt: number;
}

/** An access key made through the API; its id is the access key id. */
export interface AccessKeyDocument {
  readonly userName: string;
  readonly role: Role;
  /** Ids of the gateways it is limited to; absent: all. */
  readonly gateways?: readonly string[];
  readonly status: 'Active' | 'Inactive';
  readonly description?: string;
  readonly secret: { readonly sealed: SealedSecret; readonly version: number };
  /** The secret before the last rotation, as long as it still counts. */
  readonly previous?: { readonly sealed: SealedSecret; readonly version: number; readonly until: number };
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly lastUsedAt?: number;
}

/** A resource policy; its name is the ARN of the resource. */
export interface ResourcePolicyDocument {
  readonly policy: string;
}

/** An OAuth 2.0 credential provider. Its row id is the last part of its callback address. */
export interface Oauth2ProviderDocument {
  readonly vendor: string;
  /** The one member of `oauth2ProviderConfigInput` that was given, without secrets. */
  readonly config: JsonObject;
  /** The client's secret or private key; absent for public clients. */
  readonly secret?: { readonly sealed: SealedSecret; readonly version: number };
  readonly tags: Tags;
}

/** A workload identity: an application, or a gateway, on whose account tokens are kept. */
export interface WorkloadIdentityDocument {
  readonly allowedResourceOauth2ReturnUrls: readonly string[];
  /** The gateway it was made for, which it lives and goes with. */
  readonly gatewayId?: string;
  readonly tags: Tags;
}

/** A token vault: there is one, `default`. */
export interface TokenVaultDocument {
  readonly kmsConfiguration: JsonObject;
}

/** Whose account is meant: a subject of an issuer, byte by byte, or a name that an application chose. */
export type TokenUser = { readonly issuer: string; readonly subject: string } | { readonly userId: string };

/** Tokens of one grant. The name of its row is a digest of all that tells it from others; its parent is the provider. */
export interface OauthTokenDocument {
  /** JSON of access and refresh token. */
  readonly sealed: SealedSecret;
  readonly version: number;
  readonly workloadId: string;
  readonly user?: TokenUser;
  readonly scopes: readonly string[];
  /** What was asked for where the protected server says it, and how often that has grown. */
  readonly asked?: readonly string[];
  readonly stepUps?: number;
  /** Digest of issuer, token endpoint and client: tokens go nowhere else. */
  readonly clientKey: string;
  /** Milliseconds since the epoch; absent: the access token does not expire. */
  readonly obtainedAt: number;
  readonly expiresAt?: number;
  readonly isRefreshable: boolean;
}

/**
 * The gateway as a client of one authorization server, for a provider that is known by the server it protects. Name of
 * the row: the issuer.
 */
export interface OauthRegistrationDocument {
  /** Of a provider's registrations, the one with the highest number is in use. */
  readonly generation: number;
  /** `given`: of the provider's configuration; `metadata-document`: the client's id is its address; or RFC 7591. */
  readonly source: 'given' | 'metadata-document' | 'dynamic';
  readonly clientId: string;
  readonly secret?: SealedSecret;
  readonly authentication: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none';
  readonly redirectUri: string;
  /** The key that tokens are bound to (RFC 9449), where the protected server wants that, and its name (RFC 7638). */
  readonly proofKey?: { readonly sealed: SealedSecret; readonly thumbprint: string };
  /** RFC 8707 identifier of the protected server; absent where it publishes none. */
  readonly resource?: string;
  /** Endpoints of a server without metadata (MCP 2025-03-26). */
  readonly endpoints?: { readonly authorizationEndpoint: string; readonly tokenEndpoint: string };
  /** Milliseconds since the epoch, of `client_secret_expires_at`. */
  readonly expiresAt?: number;
}

/** A user's way through a consent, from the link to the stored token. */
export interface ConsentSessionDocument {
  /**
   * `created` → `started` (gone to the provider) → `authorized` (back with a code) → `exchanging` (the code has been sent)
   * → `completed` (the token is stored); or `failed`.
   */
  readonly status: 'created' | 'started' | 'authorized' | 'exchanging' | 'completed' | 'failed';
  readonly providerId: string;
  readonly workloadId: string;
  /** A target whose tools are read once the consent is there. */
  readonly targetId?: string;
  readonly user: TokenUser;
  /** The application that the user was working with, as far as it is known. */
  readonly clientId?: string;
  /** What is asked for, and the name of the token's row. */
  readonly tokenKey: string;
  readonly scopes: readonly string[];
  readonly customParameters: Readonly<Record<string, string>>;
  readonly resources: readonly string[];
  readonly audiences: readonly string[];
  readonly returnUrl?: string;
  readonly customState?: string;
  readonly expiresAt: number;
  /** Digests of the state of the authorization request and of the browser that it was sent with. */
  readonly stateHash?: string;
  readonly browserHash?: string;
  /** Where the user was sent: a code goes to no other server. */
  readonly clientKey?: string;
  /** JSON of code verifier and, after the callback, the code. */
  readonly sealed?: SealedSecret;
}

/** A person who signs in at the authorization server: the id is the subject of their tokens, the name what they type. */
export interface LocalUserDocument {
  readonly password: PasswordHash;
  /** Milliseconds since the epoch: what was signed in before counts no more. */
  readonly passwordChangedAt: number;
}

/** A client of the authorization server that an operator made, for calls without a user. */
export interface OauthClientDocument {
  readonly secret: { readonly sealed: SealedSecret; readonly version: number };
  /** Ids of the gateways it may have tokens for; absent: all that use the server. */
  readonly gateways?: readonly string[];
}

/** What the authorization server remembers of clients, sign-ins and grants. */
export interface OidcRecordDocument {
  readonly model: string;
  /** JSON, sealed: the ids of many records are what their bearers show. */
  readonly sealed: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly consumedAt?: number;
}

/** Vectors of a target’s tools by one model, for the search. All binary members are base64, row by row. */
export interface ToolVectorsDocument {
  readonly model: string;
  readonly dimensions: number;
  /** Names of the texts the vectors were made from, 16 bytes each. */
  readonly texts: string;
  /** Float32, little-endian. */
  readonly scales: string;
  /** Int8. */
  readonly vectors: string;
}

/** What is fixed when a version of a function is published. Members of Lambda’s API are spelled as on its wire. */
export interface FunctionConfigurationDocument {
  readonly Runtime: string;
  readonly Handler?: string;
  readonly Role: string;
  readonly Description?: string;
  /** Seconds. */
  readonly Timeout: number;
  /** MiB. */
  readonly MemorySize: number;
  /** Id of the `function-code` row: SHA-256 of the archive in hexadecimal. */
  readonly codeId: string;
  readonly CodeSize: number;
  readonly layers: readonly { readonly Arn: string; readonly CodeSize: number; readonly codeId: string }[];
  /** JSON of the environment variables. */
  readonly environment?: { readonly sealed: SealedSecret; readonly bound: SecretBinding };
  /** Members that are only stored and given back: TracingConfig, EphemeralStorage, LoggingConfig, … */
  readonly settings: JsonObject;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
  readonly RevisionId: string;
}

/** One statement of a function’s policy, as it was added. */
export interface FunctionPolicyDocument {
  readonly RevisionId: string;
  readonly statements: readonly JsonObject[];
}

/** A function; its name is the function’s. The configuration is that of `$LATEST`. */
export interface FunctionDocument {
  readonly configuration: FunctionConfigurationDocument;
  /** Number of the version that was published last; numbers are not used twice. */
  readonly lastVersion: number;
  readonly reservedConcurrency?: number;
  /** By qualifier; the empty one is the function itself. */
  readonly policies: Readonly<Record<string, FunctionPolicyDocument>>;
  readonly tags: Tags;
}

/** A published version; its name is the number, its parent the function. */
export interface FunctionVersionDocument {
  readonly configuration: FunctionConfigurationDocument;
}

/** An alias; its parent is the function. */
export interface FunctionAliasDocument {
  readonly FunctionVersion: string;
  readonly Description?: string;
  /** Version → share of the calls, 0 to 1. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly RevisionId: string;
}

/** A version of a layer; its parent is the layer’s name, its name the number. */
export interface LayerVersionDocument {
  readonly codeId: string;
  readonly CodeSize: number;
  readonly Description?: string;
  readonly LicenseInfo?: string;
  readonly CompatibleRuntimes?: readonly string[];
  readonly CompatibleArchitectures?: readonly string[];
  readonly policy?: FunctionPolicyDocument;
  /** Deleted versions stay as long as functions use them, and their numbers for ever. */
  readonly isDeleted?: boolean;
}

/** An archive of code, by its SHA-256; its bytes lie in `function-code-part` rows. */
export interface FunctionCodeDocument {
  readonly bytes: number;
  readonly parts: number;
  readonly unzippedBytes: number;
}

/** A part of an archive; its parent is the archive, its name the place. */
export interface FunctionCodePartDocument {
  readonly base64: string;
}

/** Kind → document. Adding a kind here and in stores/sql/migrations is all that the store needs. */
export interface ResourceDocuments {
  gateway: GatewayDocument;
  'gateway-target': TargetDocument;
  'api-key-credential-provider': ApiKeyProviderDocument;
  secret: SealedSecret;
  catalogue: Catalogue;
  'inline-payload': InlinePayloadDocument;
  'client-token': ClientTokenDocument;
  'access-key': AccessKeyDocument;
  'resource-policy': ResourcePolicyDocument;
  'oauth2-credential-provider': Oauth2ProviderDocument;
  'workload-identity': WorkloadIdentityDocument;
  'token-vault': TokenVaultDocument;
  'oauth-token': OauthTokenDocument;
  'oauth-registration': OauthRegistrationDocument;
  'consent-session': ConsentSessionDocument;
  'mcp-session': SessionDocument;
  mailbox: MailboxDocument;
  'tool-vectors': ToolVectorsDocument;
  'local-user': LocalUserDocument;
  'oauth-client': OauthClientDocument;
  'oidc-record': OidcRecordDocument;
  function: FunctionDocument;
  'function-version': FunctionVersionDocument;
  'function-alias': FunctionAliasDocument;
  'layer-version': LayerVersionDocument;
  'function-code': FunctionCodeDocument;
  'function-code-part': FunctionCodePartDocument;
}
export type ResourceKind = keyof ResourceDocuments;
