// How the audit log is told of a credential that leaves this process, or is handed on, elsewhere than on a call of a
// target (those are snapshot/secret-use.ts's): which one, what for, where to, on whose behalf. Never the secret.

import type { AuditFact, AuditResource } from './audit.ts';
import type { JsonObject } from './json.ts';
import type { TokenUser } from './resources.ts';

/** What a credential is used for. */
export type CredentialPurpose =
  | 'assume-role'
  | 'database'
  | 'embedding'
  | 'function-environment'
  | 'master-key'
  | 'revoke-token'
  | 'sign-in'
  | 'source-document'
  | 'telemetry'
  | 'token-request';

export interface CredentialUse {
  readonly purpose: CredentialPurpose;
  /** What kind of credential it is, for example `OAUTH` or `AWS`. */
  readonly type: string;
  /** The credential provider, function or key it belongs to. */
  readonly resource?: AuditResource;
  /** Where it goes; path and query are left out, which may hold what is secret. */
  readonly destination?: URL;
  readonly gatewayId?: string;
  /** Whom it stands for. */
  readonly user?: TokenUser;
  /** Plain values. */
  readonly more?: JsonObject;
}

/** The fact of a use. */
export function credentialUse(use: CredentialUse): AuditFact {
  const { purpose, type, resource, destination, gatewayId, user, more } = use;
  return {
    eventName: 'UseCredential',
    category: 'Data',
    isReadOnly: true,
    // No caller stands behind it alone: one token serves many of them.
    actor: { kind: 'service' },
    ...(gatewayId === undefined ? {} : { gatewayId }),
    ...(resource === undefined ? {} : { resources: [resource] }),
    requestParameters: {
      ...more,
      ...(resource?.type === PROVIDER ? { credentialProviderArn: resource.arn } : {}),
      credentialProviderType: type,
      ...(destination === undefined ? {} : { destination: destination.origin }),
      purpose,
      ...(user === undefined ? {} : { user: userText(user) }),
    },
  };
}

const PROVIDER = 'AWS::BedrockAgentCore::CredentialProvider';
const MAX_TEXT = 512;

/** A credential provider as a resource of records. */
export const credentialProvider = (arn: string): AuditResource => ({ arn, type: PROVIDER });

/** A user as records name one: subjects and ids are text of others. */
export function userText(user: TokenUser): string {
  const text = 'userId' in user ? user.userId : `${user.issuer} ${user.subject}`;
  return text.slice(0, MAX_TEXT);
}
