// The one list of what is plugged in. A new kind is a folder beside its contract and a line here.

import type { AuthorizerType } from './authorizers/authorizer.ts';
import { awsIamAuthorizer } from './authorizers/aws-iam/index.ts';
import { authenticateOnlyAuthorizer, customJwtAuthorizer } from './authorizers/custom-jwt/index.ts';
import { noneAuthorizer } from './authorizers/none/index.ts';
import { apiKeyCredential } from './credentials/api-key/index.ts';
import { callerIamCredential, gatewayIamRoleCredential } from './credentials/iam/index.ts';
import { jwtPassthroughCredential } from './credentials/jwt-passthrough/index.ts';
import type { CredentialType } from './credentials/credential-type.ts';
import type { EmbedderType } from './search/embedder.ts';
import { bedrockEmbedder } from './search/embedders/bedrock/index.ts';
import { embeddedEmbedder } from './search/embedders/embedded/index.ts';
import { ollamaEmbedder } from './search/embedders/ollama/index.ts';
import { openAiEmbedder } from './search/embedders/openai/index.ts';
import { oauthCredential } from './credentials/oauth/index.ts';
import { lambdaTargetType } from './targets/lambda/index.ts';
import { mcpServerTargetType } from './targets/mcp-server/index.ts';
import { openApiTargetType } from './targets/openapi/index.ts';
import { smithyTargetType } from './targets/smithy/index.ts';
import type { TargetType } from './targets/target-type.ts';

export const TARGET_TYPES: readonly TargetType[] = Object.freeze([
  openApiTargetType,
  smithyTargetType,
  mcpServerTargetType,
  lambdaTargetType,
]);
export const AUTHORIZER_TYPES: readonly AuthorizerType[] = Object.freeze([
  customJwtAuthorizer,
  authenticateOnlyAuthorizer,
  awsIamAuthorizer,
  noneAuthorizer,
]);
export const CREDENTIAL_TYPES: readonly CredentialType[] = Object.freeze([
  apiKeyCredential,
  gatewayIamRoleCredential,
  callerIamCredential,
  jwtPassthroughCredential,
  oauthCredential,
]);
export const EMBEDDER_TYPES: readonly EmbedderType[] = Object.freeze([
  embeddedEmbedder,
  openAiEmbedder,
  ollamaEmbedder,
  bedrockEmbedder,
]);
