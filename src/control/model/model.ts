// The table of operations and the table of shapes: the one description of the control plane's wire that
// everything else walks. A new operation is a line here, its shapes, and a handler of the same name.

import { ACCESS_SHAPES } from './access-shapes.ts';
import {
  AUTHORIZATION_SERVER_OPERATIONS,
  AUTHORIZATION_SERVER_SHAPES,
} from './authorization-server-model.ts';
import { CREDENTIAL_SHAPES } from './credential-shapes.ts';
import { IDENTITY_OPERATIONS } from './identity-operations.ts';
import { IDENTITY_SHAPES } from './identity-shapes.ts';
import { GATEWAY_SHAPES } from './gateway-shapes.ts';
import { PASSTHROUGH_SHAPES } from './passthrough-shapes.ts';
import type { OperationModel, Shape, ShapeRef, Shapes } from './shape.ts';
import { SEARCH_SHAPES } from './search-shapes.ts';
import { TARGET_SHAPES } from './target-shapes.ts';

/** Every shape by name. */
export const SHAPES: Shapes = Object.freeze({
  ...GATEWAY_SHAPES,
  ...TARGET_SHAPES,
  ...PASSTHROUGH_SHAPES,
  ...CREDENTIAL_SHAPES,
  ...IDENTITY_SHAPES,
  ...ACCESS_SHAPES,
  ...AUTHORIZATION_SERVER_SHAPES,
  ...SEARCH_SHAPES,
});

const GATEWAY = '/gateways/{gatewayIdentifier}';
const TARGET = `${GATEWAY}/targets/{targetId}`;

/** Every operation. */
export const OPERATIONS: readonly OperationModel[] = Object.freeze([
  {
    name: 'CreateGateway',
    method: 'POST',
    uri: '/gateways/',
    status: 202,
    input: 'CreateGatewayRequest',
    output: 'GatewayResponse',
    doc: 'Creates a gateway. Its URL is in the answer; poll GetGateway until its status is READY.',
  },
  {
    name: 'GetGateway',
    method: 'GET',
    uri: `${GATEWAY}/`,
    status: 200,
    input: 'GatewayRequest',
    output: 'GatewayResponse',
    doc: 'Shows a gateway.',
    readonly: true,
  },
  {
    name: 'ListGateways',
    method: 'GET',
    uri: '/gateways/',
    status: 200,
    input: 'ListGatewaysRequest',
    output: 'ListGatewaysResponse',
    doc: 'Lists the gateways, oldest first.',
    readonly: true,
  },
  {
    name: 'UpdateGateway',
    method: 'PUT',
    uri: `${GATEWAY}/`,
    status: 202,
    input: 'UpdateGatewayRequest',
    output: 'GatewayResponse',
    doc: 'Replaces the settings of a gateway: a member that is left out is cleared. Name and authorizer type stay.',
  },
  {
    name: 'DeleteGateway',
    method: 'DELETE',
    uri: `${GATEWAY}/`,
    status: 202,
    input: 'GatewayRequest',
    output: 'DeleteGatewayResponse',
    doc: 'Deletes a gateway that has no targets left.',
  },
  {
    name: 'SearchGatewayTools',
    method: 'POST',
    uri: `${GATEWAY}/searchTools`,
    status: 200,
    input: 'SearchGatewayToolsRequest',
    output: 'SearchGatewayToolsResponse',
    doc: 'Finds tools of a gateway as its search tool would, and says why each was found.',
    readonly: true,
    extension: true,
  },
  {
    name: 'GetGatewaySearchMetrics',
    method: 'GET',
    uri: `${GATEWAY}/searchMetrics`,
    status: 200,
    input: 'GatewayRequest',
    output: 'GatewaySearchMetricsResponse',
    doc: 'Shows size, model and latency of a gateway’s search, as this process has seen it since its start.',
    readonly: true,
    extension: true,
  },
  {
    name: 'CreateGatewayTarget',
    method: 'POST',
    uri: `${GATEWAY}/targets/`,
    status: 202,
    input: 'CreateGatewayTargetRequest',
    output: 'GatewayTargetResponse',
    doc: 'Adds a target to a gateway and makes its tools. Poll GetGatewayTarget until its status is READY.',
  },
  {
    name: 'GetGatewayTarget',
    method: 'GET',
    uri: `${TARGET}/`,
    status: 200,
    input: 'GatewayTargetRequest',
    output: 'GatewayTargetResponse',
    doc: 'Shows a target.',
    readonly: true,
  },
  {
    name: 'GetGatewayTargetImportReport',
    method: 'GET',
    uri: `${TARGET}/import-report`,
    status: 200,
    input: 'GatewayTargetRequest',
    output: 'ImportReportResponse',
    doc: 'Shows what the last successful import of a target made of its source, and what it left out and why.',
    readonly: true,
    extension: true,
  },
  {
    name: 'ListGatewayTargets',
    method: 'GET',
    uri: `${GATEWAY}/targets/`,
    status: 200,
    input: 'ListGatewayTargetsRequest',
    output: 'ListGatewayTargetsResponse',
    doc: 'Lists the targets of a gateway, oldest first.',
    readonly: true,
  },
  {
    name: 'UpdateGatewayTarget',
    method: 'PUT',
    uri: `${TARGET}/`,
    status: 202,
    input: 'UpdateGatewayTargetRequest',
    output: 'GatewayTargetResponse',
    doc: 'Replaces the configuration of a target and makes its tools anew; until then the old ones are served.',
  },
  {
    name: 'DeleteGatewayTarget',
    method: 'DELETE',
    uri: `${TARGET}/`,
    status: 202,
    input: 'GatewayTargetRequest',
    output: 'DeleteGatewayTargetResponse',
    doc: 'Removes a target and its tools.',
  },
  {
    name: 'SynchronizeGatewayTargets',
    method: 'PUT',
    uri: `${GATEWAY}/synchronizeTargets`,
    status: 202,
    input: 'SynchronizeGatewayTargetsRequest',
    output: 'SynchronizeGatewayTargetsResponse',
    doc: 'Reads the source of a target again and makes its tools anew.',
  },
  ...(
    [
      [
        'Create',
        201,
        'Create',
        'Create',
        'Keeps an API key, sealed, for targets to use. The key cannot be read back.',
      ],
      ['Get', 200, '', '', 'Shows an API-key credential provider, without the key.'],
      ['List', 200, 'List', 'List', 'Lists the API-key credential providers.'],
      ['Update', 200, 'Update', '', 'Replaces the API key; targets use the new one at once.'],
      ['Delete', 204, '', 'Empty', 'Deletes an API-key credential provider that no target uses.'],
    ] as const
  ).map(([verb, status, input, output, doc]): OperationModel => {
    const noun = `ApiKeyCredentialProvider${verb === 'List' ? 's' : ''}`;
    return {
      name: `${verb}${noun}`,
      method: 'POST',
      uri: `/identities/${verb}${noun}`,
      status,
      input: `${input}${noun}Request`,
      output: output === 'Empty' ? 'EmptyResponse' : `${output}${noun}Response`,
      doc,
      ...(verb === 'Get' || verb === 'List' ? { readonly: true } : {}),
    };
  }),
  ...(
    [
      [
        'Create',
        201,
        'CreateAccessKey',
        'CreateAccessKey',
        'Makes an access key with a role. Its secret is shown this once.',
      ],
      ['Get', 200, 'AccessKey', 'AccessKey', 'Shows an access key, without its secret.'],
      ['List', 200, 'ListAccessKeys', 'ListAccessKeys', 'Lists the access keys, with their last use.'],
      [
        'Update',
        200,
        'UpdateAccessKey',
        'AccessKey',
        'Changes role, gateways, description or status of an access key.',
      ],
      [
        'Rotate',
        200,
        'RotateAccessKey',
        'CreateAccessKey',
        'Gives an access key a new secret; the old one can count for a while.',
      ],
      ['Delete', 204, 'AccessKey', 'Empty', 'Deletes an access key. Temporary keys made with it end too.'],
    ] as const
  ).map(([verb, status, input, output, doc]): OperationModel => ({
    name: `${verb}AccessKey${verb === 'List' ? 's' : ''}`,
    method: 'POST',
    uri: `/identities/${verb}AccessKey${verb === 'List' ? 's' : ''}`,
    status,
    input: `${input}Request`,
    output: `${output}Response`,
    doc,
    extension: true,
    ...(verb === 'Get' || verb === 'List' ? { readonly: true } : {}),
  })),
  {
    name: 'GetSessionToken',
    method: 'POST',
    uri: '/identities/GetSessionToken',
    status: 200,
    input: 'GetSessionTokenRequest',
    output: 'GetSessionTokenResponse',
    doc: 'Makes a temporary key of the key that asks, with the same rights.',
    extension: true,
  },
  {
    name: 'RotateVaultKey',
    method: 'POST',
    uri: '/identities/RotateVaultKey',
    status: 200,
    input: 'RotateVaultKeyRequest',
    output: 'RotateVaultKeyResponse',
    doc: 'Makes a new master key and rewraps every secret under it. Run it again if it was broken off.',
    extension: true,
  },
  ...IDENTITY_OPERATIONS,
  ...AUTHORIZATION_SERVER_OPERATIONS,
  {
    name: 'PutResourcePolicy',
    method: 'PUT',
    uri: '/resourcepolicy/{resourceArn}',
    status: 201,
    input: 'PutResourcePolicyRequest',
    output: 'PutResourcePolicyResponse',
    doc: 'Says in a policy who may call a gateway whose callers sign their requests (AWS_IAM).',
  },
  {
    name: 'GetResourcePolicy',
    method: 'GET',
    uri: '/resourcepolicy/{resourceArn}',
    status: 200,
    input: 'ResourcePolicyRequest',
    output: 'GetResourcePolicyResponse',
    doc: 'Shows the policy of a gateway.',
    readonly: true,
  },
  {
    name: 'DeleteResourcePolicy',
    method: 'DELETE',
    uri: '/resourcepolicy/{resourceArn}',
    status: 204,
    input: 'ResourcePolicyRequest',
    output: 'EmptyResponse',
    doc: 'Removes the policy of a gateway.',
  },
  {
    name: 'TagResource',
    method: 'POST',
    uri: '/tags/{resourceArn}',
    status: 204,
    input: 'TagResourceRequest',
    output: 'EmptyResponse',
    doc: 'Sets tags of a gateway, a target or a credential provider. Keys beginning with gatewright: are settings.',
  },
  {
    name: 'UntagResource',
    method: 'DELETE',
    uri: '/tags/{resourceArn}',
    status: 204,
    input: 'UntagResourceRequest',
    output: 'EmptyResponse',
    doc: 'Takes tags away.',
  },
  {
    name: 'ListTagsForResource',
    method: 'GET',
    uri: '/tags/{resourceArn}',
    status: 200,
    input: 'ListTagsForResourceRequest',
    output: 'ListTagsForResourceResponse',
    doc: 'Lists the tags of a resource.',
    readonly: true,
  },
]);

/** The shape that a reference means. */
export function shapeOf(ref: ShapeRef): Shape {
  if (typeof ref !== 'string') return ref;
  const shape = Object.hasOwn(SHAPES, ref) ? SHAPES[ref] : undefined;
  if (!shape) throw new Error(`The model has no shape named ${ref}.`);
  return shape;
}
