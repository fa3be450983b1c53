// Who may run which operation. Every call is authorised, not only authenticated: by the role of its key, and by the
// gateways that the key is limited to. What is not listed for a role is denied.

import type { ArnScope } from '../core/arn.ts';
import { parseArn } from '../core/arn.ts';
import { mayTouch } from '../core/access.ts';
import type { Caller, Role } from '../core/access.ts';
import { GatewayError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import type { OperationModel } from './model/shape.ts';

/** For administrators alone: who may do what, and under which key secrets lie. */
const ADMINISTRATION: ReadonlySet<string> = new Set([
  'CreateAccessKey',
  'GetAccessKey',
  'ListAccessKeys',
  'UpdateAccessKey',
  'RotateAccessKey',
  'DeleteAccessKey',
  'SetTokenVaultCMK',
  'RotateVaultKey',
  'CreateLocalUser',
  'ListLocalUsers',
  'SetLocalUserPassword',
  'DeleteLocalUser',
  'CreateOauthClient',
  'ListOauthClients',
  'DeleteOauthClient',
]);
/** What every key may do for itself, or on a user's behalf with a proof of its own. */
const EVERYBODY: ReadonlySet<string> = new Set(['GetSessionToken', 'CompleteResourceTokenAuth']);
/** Read in form, but they hand out tokens and keys. */
const SECRETS: ReadonlySet<string> = new Set([
  'GetResourceApiKey',
  'GetResourceOauth2Token',
  'GetWorkloadAccessToken',
  'GetWorkloadAccessTokenForJWT',
  'GetWorkloadAccessTokenForUserId',
]);
/** What a key that is limited to some gateways may do although no gateway is named. */
const WITHOUT_GATEWAY: ReadonlySet<string> = new Set(['ListGateways', ...EVERYBODY]);

/** Settings by which credentials would be used, for more, or sent to another address. */
const CREDENTIAL_SETTINGS: ReadonlySet<string> = new Set([
  'gatewright:assume-role',
  'gatewright:aws-region',
  'gatewright:endpoint-params',
  'gatewright:exclude-operations',
  'gatewright:include-operations',
  'gatewright:model-files',
  'gatewright:protocol',
  'gatewright:search-embedder',
  'gatewright:search-endpoint',
  'gatewright:search-key-provider',
  'gatewright:server-url',
  'gatewright:service',
]);

/** @throws GatewayError Forbidden, in AWS's words */
export function checkAccess(
  operation: OperationModel,
  input: JsonObject,
  caller: Caller,
  scope: ArnScope,
): void {
  if (mayRun(caller.role, operation) && isWithinGrant(operation, input, caller, scope)) return;
  throw new GatewayError(
    'Forbidden',
    `User: ${caller.arn} is not authorized to perform: bedrock-agentcore:${operation.name}`,
  );
}

/** Whether an operation hands out a token or key, although it may change nothing. */
export const revealsSecret = (operation: string): boolean => SECRETS.has(operation);

function mayRun(role: Role, { name, readonly }: OperationModel): boolean {
  if (EVERYBODY.has(name)) return true;
  switch (role) {
    case 'administrator':
      return true;
    case 'operator':
      return !ADMINISTRATION.has(name);
    case 'reader':
      return readonly === true && !SECRETS.has(name) && !ADMINISTRATION.has(name);
    default:
      return false;
  }
}

function isWithinGrant(
  { name }: OperationModel,
  input: JsonObject,
  caller: Caller,
  scope: ArnScope,
): boolean {
  if (caller.gateways === undefined || WITHOUT_GATEWAY.has(name)) return true;
  if (usesCredentials(input) || callsFunction(input)) return false;
  const { gatewayIdentifier, resourceArn } = input;
  if (typeof gatewayIdentifier === 'string') return mayTouch(caller, gatewayIdentifier);
  const named = typeof resourceArn === 'string' ? parseArn(resourceArn, scope) : undefined;
  if (named?.kind === 'gateway') return mayTouch(caller, named.id);
  return named?.kind === 'gateway-target' && mayTouch(caller, named.gatewayId);
}

/**
 * Credentials belong to no gateway: who is limited to some gateways attaches none, or whoever may point a target at a
 * server of theirs would have the keys of all.
 */
function usesCredentials({
  credentialProviderConfigurations: credentials,
  tags,
  tagKeys,
}: JsonObject): boolean {
  if (Array.isArray(credentials) && credentials.length > 0) return true;
  // Taking one of them away changes the same.
  if (Array.isArray(tagKeys) && tagKeys.some((name) => CREDENTIAL_SETTINGS.has(String(name)))) return true;
  return isJsonObject(tags) && Object.keys(tags).some((name) => CREDENTIAL_SETTINGS.has(name));
}

/** Functions belong to no gateway either, and what they may do is theirs. */
function callsFunction({ targetConfiguration: configuration }: JsonObject): boolean {
  const mcp = isJsonObject(configuration) ? configuration['mcp'] : undefined;
  return isJsonObject(mcp) && mcp['lambda'] !== undefined;
}
