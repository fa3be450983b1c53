// Shapes of access keys (Gatewright's own operations, in the form of the identity operations) and of resource policies.
// A key is named by `keyId`: `accessKeyId` is what every command of the command line signs with.

import { choice, epochTime, label, list, must, sized, structure, text, whole } from './shape.ts';
import type { Shapes } from './shape.ts';

const settings = {
  role: choice('administrator', 'operator', 'reader', 'caller'),
  gatewayIdentifiers: list('GatewayIdentifier', 0, 1000),
  description: sized(0, 200),
};
const shown = {
  accessKeyId: must('AccessKeyId'),
  userName: must('AccessKeyUserName'),
  userArn: must(text()),
  role: must(settings.role),
  gatewayIdentifiers: settings.gatewayIdentifiers,
  description: settings.description,
  status: must('AccessKeyStatus'),
  createdTime: must(epochTime),
  expiresTime: epochTime,
  lastUsedTime: epochTime,
};

/** Shapes reachable from the operations of access keys and resource policies. */
export const ACCESS_SHAPES: Shapes = {
  CreateAccessKeyRequest: structure({
    userName: must('AccessKeyUserName'),
    ...settings,
    role: must(settings.role),
    durationSeconds: whole(60, 315_360_000),
  }),
  CreateAccessKeyResponse: structure({ ...shown, secretAccessKey: must('SecretAccessKey') }),
  AccessKeyRequest: structure({ keyId: must('AccessKeyId') }),
  AccessKeyResponse: structure(shown),
  ListAccessKeysRequest: structure({ nextToken: text(), maxResults: whole(1, 100) }),
  ListAccessKeysResponse: structure({ accessKeys: must(list('AccessKeyResponse')), nextToken: text() }),
  UpdateAccessKeyRequest: structure({
    keyId: must('AccessKeyId'),
    ...settings,
    status: 'AccessKeyStatus',
  }),
  RotateAccessKeyRequest: structure({
    keyId: must('AccessKeyId'),
    keepPreviousForSeconds: whole(0, 604_800),
  }),
  GetSessionTokenRequest: structure({ durationSeconds: whole(900, 43_200) }),
  GetSessionTokenResponse: structure({
    accessKeyId: must('AccessKeyId'),
    secretAccessKey: must('SecretAccessKey'),
    sessionToken: must(text({ sensitive: true })),
    expiration: must(epochTime),
  }),
  AccessKeyId: sized(16, 128, { pattern: String.raw`\w+` }),
  AccessKeyUserName: sized(1, 64, { pattern: String.raw`[\w+=,.@-]+` }),
  AccessKeyStatus: choice('Active', 'Inactive'),
  SecretAccessKey: text({ sensitive: true }),

  RotateVaultKeyRequest: structure({}),
  RotateVaultKeyResponse: structure({
    keyId: must(text()),
    rewrapped: must({ type: 'integer' }),
    unreadable: must({ type: 'integer' }),
  }),

  ResourcePolicyRequest: structure({ resourceArn: label('PolicyResourceArn') }),
  PutResourcePolicyRequest: structure({
    resourceArn: label('PolicyResourceArn'),
    policy: must('ResourcePolicyBody'),
  }),
  PutResourcePolicyResponse: structure({ policy: must('ResourcePolicyBody') }),
  GetResourcePolicyResponse: structure({ policy: 'ResourcePolicyBody' }),
  PolicyResourceArn: sized(20, 1011, {
    pattern: 'arn:aws[a-z-]*:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:.+',
  }),
  ResourcePolicyBody: sized(1, 20_480),
};
