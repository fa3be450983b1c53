// Tables as Kysely types: one description for every SQL engine. One table a kind of resource, all of one form:
// real columns for what is looked up, the document as JSON text. Knows no document's content.

import type { ColumnType, Insertable, Selectable } from 'kysely';
import type { ResourceKind } from '../../core/resources.ts';

/** A 64-bit column: some drivers read it as text. Written as a number. */
type BigIntColumn = ColumnType<number | string, number, number | string>;

export interface ResourceTable {
  id: string;
  parent_id: string;
  name: string;
  revision: number;
  created_at: BigIntColumn;
  updated_at: BigIntColumn;
  document: string;
}

export interface ChangeTable {
  sequence: BigIntColumn;
  kind: string;
  id: string;
  parent_id: string;
}

export interface LeaseTable {
  name: string;
  owner: string;
  expires_at: BigIntColumn;
}

/** One row: the newest change's number. Its row lock is what orders commits on every engine. */
export interface CounterTable {
  name: string;
  value: BigIntColumn;
}

export interface Tables {
  gateway: ResourceTable;
  gateway_target: ResourceTable;
  api_key_credential_provider: ResourceTable;
  secret: ResourceTable;
  catalogue: ResourceTable;
  inline_payload: ResourceTable;
  client_token: ResourceTable;
  access_key: ResourceTable;
  resource_policy: ResourceTable;
  oauth2_credential_provider: ResourceTable;
  workload_identity: ResourceTable;
  token_vault: ResourceTable;
  oauth_token: ResourceTable;
  oauth_registration: ResourceTable;
  consent_session: ResourceTable;
  mcp_session: ResourceTable;
  mailbox: ResourceTable;
  tool_vectors: ResourceTable;
  local_user: ResourceTable;
  oauth_client: ResourceTable;
  oidc_record: ResourceTable;
  function: ResourceTable;
  function_version: ResourceTable;
  function_alias: ResourceTable;
  layer_version: ResourceTable;
  function_code: ResourceTable;
  function_code_part: ResourceTable;
  change: ChangeTable;
  lease: LeaseTable;
  counter: CounterTable;
}

const TABLE_OF: Readonly<Record<ResourceKind, Exclude<keyof Tables, 'change' | 'lease' | 'counter'>>> =
  Object.freeze({
    gateway: 'gateway',
    'gateway-target': 'gateway_target',
    'api-key-credential-provider': 'api_key_credential_provider',
    secret: 'secret',
    catalogue: 'catalogue',
    'inline-payload': 'inline_payload',
    'client-token': 'client_token',
    'access-key': 'access_key',
    'resource-policy': 'resource_policy',
    'oauth2-credential-provider': 'oauth2_credential_provider',
    'workload-identity': 'workload_identity',
    'token-vault': 'token_vault',
    'oauth-token': 'oauth_token',
    'oauth-registration': 'oauth_registration',
    'consent-session': 'consent_session',
    'mcp-session': 'mcp_session',
    mailbox: 'mailbox',
    'tool-vectors': 'tool_vectors',
    'local-user': 'local_user',
    'oauth-client': 'oauth_client',
    'oidc-record': 'oidc_record',
    function: 'function',
    'function-version': 'function_version',
    'function-alias': 'function_alias',
    'layer-version': 'layer_version',
    'function-code': 'function_code',
    'function-code-part': 'function_code_part',
  });

/** Every kind of row. */
export const RESOURCE_KINDS = Object.freeze(Object.keys(TABLE_OF)) as readonly ResourceKind[];

/** The table of a kind. All resource tables have one form, so the compiler is told of one of them. */
export function tableOf(kind: ResourceKind): 'gateway' {
  return TABLE_OF[kind] as 'gateway';
}

export type StoredRow = Selectable<ResourceTable>;
export type NewRow = Insertable<ResourceTable>;
