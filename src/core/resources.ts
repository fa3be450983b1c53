// What is stored: one document type per kind of resource. Members that AWS's API has are spelled as on its
// wire; members of our own are few and explained. The store keeps these as JSON.

import type { Role } from './access.ts';
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

/** A value sealed by the vault: AES-256-GCM envelope, all members base64 except ids. */
export interface SealedSecret {
  readonly v: 1;
  readonly kekId: string;
  readonly wrappedKey: string;
  readonly iv: string;
  readonly ciphertext: string;
  readonly tag: string;
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
  'mcp-session': SessionDocument;
  mailbox: MailboxDocument;
  'tool-vectors': ToolVectorsDocument;
}
export type ResourceKind = keyof ResourceDocuments;
