// The handler of each operation of the model.

import {
  createAccessKey,
  deleteAccessKey,
  getAccessKey,
  getSessionToken,
  listAccessKeys,
  rotateAccessKey,
  updateAccessKey,
} from './access-key/access-key.ts';
import {
  createOauthClient,
  deleteOauthClient,
  listOauthClients,
} from './authorization-server/oauth-clients.ts';
import {
  createLocalUser,
  deleteLocalUser,
  listLocalUsers,
  setLocalUserPassword,
} from './authorization-server/users.ts';
import type { Handler } from './context.ts';
import {
  createApiKeyCredentialProvider,
  deleteApiKeyCredentialProvider,
  getApiKeyCredentialProvider,
  listApiKeyCredentialProviders,
  updateApiKeyCredentialProvider,
} from './credential-provider/api-key.ts';
import { completeResourceTokenAuth, listUserConsents, revokeUserConsent } from './consent/consent.ts';
import {
  createOauth2CredentialProvider,
  deleteOauth2CredentialProvider,
  getOauth2CredentialProvider,
  listOauth2CredentialProviders,
  updateOauth2CredentialProvider,
} from './credential-provider/oauth2.ts';
import { getTokenVault, setTokenVaultCmk } from './token-vault/token-vault.ts';
import {
  getWorkloadAccessToken,
  getWorkloadAccessTokenForJwt,
  getWorkloadAccessTokenForUserId,
} from './workload-identity/access-token.ts';
import { getResourceApiKey, getResourceOauth2Token } from './workload-identity/resource.ts';
import {
  createWorkloadIdentity,
  deleteWorkloadIdentity,
  getWorkloadIdentity,
  listWorkloadIdentities,
  updateWorkloadIdentity,
} from './workload-identity/workload-identity.ts';
import { createGatewayTarget } from './gateway-target/create.ts';
import { deleteGatewayTarget } from './gateway-target/delete.ts';
import { getGatewayTarget } from './gateway-target/get.ts';
import { getGatewayTargetImportReport } from './gateway-target/import-report.ts';
import { listGatewayTargets } from './gateway-target/list.ts';
import { synchronizeGatewayTargets } from './gateway-target/synchronize.ts';
import { updateGatewayTarget } from './gateway-target/update.ts';
import { createGateway } from './gateway/create.ts';
import { deleteGateway } from './gateway/delete.ts';
import { getGateway } from './gateway/get.ts';
import { listGateways } from './gateway/list.ts';
import { getGatewaySearchMetrics, searchGatewayTools } from './gateway/search.ts';
import { updateGateway } from './gateway/update.ts';
import {
  deleteResourcePolicy,
  getResourcePolicy,
  putResourcePolicy,
} from './resource-policy/resource-policy.ts';
import { listTagsForResource } from './tag/list.ts';
import { tagResource } from './tag/tag.ts';
import { rotateVaultKey } from './vault/rotate.ts';
import { untagResource } from './tag/untag.ts';

/** Handlers by operation name. */
export const HANDLERS: Readonly<Record<string, Handler>> = Object.freeze({
  CreateGateway: createGateway,
  GetGateway: getGateway,
  ListGateways: listGateways,
  UpdateGateway: updateGateway,
  DeleteGateway: deleteGateway,
  SearchGatewayTools: searchGatewayTools,
  GetGatewaySearchMetrics: getGatewaySearchMetrics,
  CreateGatewayTarget: createGatewayTarget,
  GetGatewayTarget: getGatewayTarget,
  GetGatewayTargetImportReport: getGatewayTargetImportReport,
  ListGatewayTargets: listGatewayTargets,
  UpdateGatewayTarget: updateGatewayTarget,
  DeleteGatewayTarget: deleteGatewayTarget,
  SynchronizeGatewayTargets: synchronizeGatewayTargets,
  CreateApiKeyCredentialProvider: createApiKeyCredentialProvider,
  GetApiKeyCredentialProvider: getApiKeyCredentialProvider,
  ListApiKeyCredentialProviders: listApiKeyCredentialProviders,
  UpdateApiKeyCredentialProvider: updateApiKeyCredentialProvider,
  DeleteApiKeyCredentialProvider: deleteApiKeyCredentialProvider,
  CreateAccessKey: createAccessKey,
  GetAccessKey: getAccessKey,
  ListAccessKeys: listAccessKeys,
  UpdateAccessKey: updateAccessKey,
  RotateAccessKey: rotateAccessKey,
  DeleteAccessKey: deleteAccessKey,
  GetSessionToken: getSessionToken,
  RotateVaultKey: rotateVaultKey,
  CreateLocalUser: createLocalUser,
  ListLocalUsers: listLocalUsers,
  SetLocalUserPassword: setLocalUserPassword,
  DeleteLocalUser: deleteLocalUser,
  CreateOauthClient: createOauthClient,
  ListOauthClients: listOauthClients,
  DeleteOauthClient: deleteOauthClient,
  PutResourcePolicy: putResourcePolicy,
  GetResourcePolicy: getResourcePolicy,
  DeleteResourcePolicy: deleteResourcePolicy,
  TagResource: tagResource,
  UntagResource: untagResource,
  ListTagsForResource: listTagsForResource,
  CreateOauth2CredentialProvider: createOauth2CredentialProvider,
  GetOauth2CredentialProvider: getOauth2CredentialProvider,
  ListOauth2CredentialProviders: listOauth2CredentialProviders,
  UpdateOauth2CredentialProvider: updateOauth2CredentialProvider,
  DeleteOauth2CredentialProvider: deleteOauth2CredentialProvider,
  CreateWorkloadIdentity: createWorkloadIdentity,
  GetWorkloadIdentity: getWorkloadIdentity,
  ListWorkloadIdentities: listWorkloadIdentities,
  UpdateWorkloadIdentity: updateWorkloadIdentity,
  DeleteWorkloadIdentity: deleteWorkloadIdentity,
  GetTokenVault: getTokenVault,
  SetTokenVaultCMK: setTokenVaultCmk,
  GetWorkloadAccessToken: getWorkloadAccessToken,
  GetWorkloadAccessTokenForJWT: getWorkloadAccessTokenForJwt,
  GetWorkloadAccessTokenForUserId: getWorkloadAccessTokenForUserId,
  GetResourceOauth2Token: getResourceOauth2Token,
  GetResourceApiKey: getResourceApiKey,
  CompleteResourceTokenAuth: completeResourceTokenAuth,
  ListUserConsents: listUserConsents,
  RevokeUserConsent: revokeUserConsent,
});
