// Shapes of gateways: protocol, inbound authorization, interceptors, policy, firewall.
// Facts: the published control API of AgentCore Gateway (api version 2023-06-05).

import {
  choice,
  flag,
  isoTime,
  label,
  list,
  map,
  must,
  query,
  sized,
  structure,
  text,
  union,
  whole,
} from './shape.ts';
import type { Member, Shapes } from './shape.ts';

const token: Member = { shape: 'ClientToken', idempotencyToken: true };

const gatewayDetail = {
  gatewayArn: must('GatewayArn'),
  gatewayId: must('GatewayId'),
  gatewayUrl: 'GatewayUrl',
  createdAt: must(isoTime),
  updatedAt: must(isoTime),
  status: must('GatewayStatus'),
  statusReasons: list('StatusReason', 0, 100),
  name: must('GatewayName'),
  description: 'GatewayDescription',
  roleArn: 'RoleArn',
  protocolType: 'GatewayProtocolType',
  protocolConfiguration: 'GatewayProtocolConfiguration',
  authorizerType: must('AuthorizerType'),
  authorizerConfiguration: 'AuthorizerConfiguration',
  kmsKeyArn: 'KmsKeyArn',
  customTransformConfiguration: 'CustomTransformConfiguration',
  interceptorConfigurations: list('GatewayInterceptorConfiguration', 1, 2),
  policyEngineConfiguration: 'GatewayPolicyEngineConfiguration',
  workloadIdentityDetails: 'WorkloadIdentityDetails',
  exceptionLevel: 'ExceptionLevel',
  webAclArn: 'WebAclArn',
  wafConfiguration: 'WafConfiguration',
};

const gatewaySettings = {
  description: 'GatewayDescription',
  roleArn: must('RoleArn'),
  protocolType: 'GatewayProtocolType',
  protocolConfiguration: 'GatewayProtocolConfiguration',
  authorizerType: must('AuthorizerType'),
  authorizerConfiguration: 'AuthorizerConfiguration',
  kmsKeyArn: 'KmsKeyArn',
  interceptorConfigurations: list('GatewayInterceptorConfiguration', 1, 2),
  policyEngineConfiguration: 'GatewayPolicyEngineConfiguration',
  exceptionLevel: 'ExceptionLevel',
};

/** Shapes reachable from the gateway operations. */
export const GATEWAY_SHAPES: Shapes = {
  CreateGatewayRequest: structure({
    name: must('GatewayName'),
    clientToken: token,
    ...gatewaySettings,
    tags: 'TagMap',
  }),
  GatewayResponse: structure(gatewayDetail),
  GatewayRequest: structure({ gatewayIdentifier: label('GatewayIdentifier') }),
  DeleteGatewayResponse: structure({
    gatewayId: must('GatewayId'),
    status: must('GatewayStatus'),
    statusReasons: list('StatusReason', 0, 100),
  }),
  ListGatewaysRequest: structure({ maxResults: query(whole(1, 1000)), nextToken: query('NextToken') }),
  ListGatewaysResponse: structure({ items: must(list('GatewaySummary')), nextToken: 'NextToken' }),
  UpdateGatewayRequest: structure({
    gatewayIdentifier: label('GatewayIdentifier'),
    name: must('GatewayName'),
    ...gatewaySettings,
    customTransformConfiguration: 'CustomTransformConfiguration',
    wafConfiguration: 'WafConfiguration',
  }),
  GatewaySummary: structure({
    gatewayId: must('GatewayId'),
    name: must('GatewayName'),
    status: must('GatewayStatus'),
    description: 'GatewayDescription',
    createdAt: must(isoTime),
    updatedAt: must(isoTime),
    authorizerType: must('AuthorizerType'),
    protocolType: 'GatewayProtocolType',
  }),

  GatewayIdentifier: sized(12, 211, { pattern: '([0-9a-z][-]?){1,100}-[0-9a-z]{10}' }),
  GatewayId: text({ pattern: '([0-9a-z][-]?){1,100}-[0-9a-z]{10}' }),
  GatewayName: sized(1, 96, { pattern: '([0-9a-zA-Z][-]?){1,48}' }),
  GatewayDescription: sized(1, 200, { sensitive: true }),
  GatewayArn: text(),
  GatewayUrl: sized(1, 1024),
  GatewayStatus: choice('CREATING', 'UPDATING', 'UPDATE_UNSUCCESSFUL', 'DELETING', 'READY', 'FAILED'),
  StatusReason: sized(0, 2048),
  ClientToken: sized(33, 256, { pattern: '[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}' }),
  NextToken: sized(1, 2048, { pattern: String.raw`\S*` }),
  RoleArn: sized(1, 2048, { pattern: 'arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+' }),
  KmsKeyArn: sized(1, 2048, {
    pattern: 'arn:aws(|-cn|-us-gov):kms:[a-zA-Z0-9-]*:[0-9]{12}:key/[a-zA-Z0-9-]{36}',
  }),
  WebAclArn: sized(1, 2048),
  ExceptionLevel: choice('DEBUG'),
  GatewayProtocolType: choice('MCP'),
  AuthorizerType: choice('CUSTOM_JWT', 'AWS_IAM', 'NONE', 'AUTHENTICATE_ONLY'),

  GatewayProtocolConfiguration: union({ mcp: 'MCPGatewayConfiguration' }),
  MCPGatewayConfiguration: structure({
    supportedVersions: list(text()),
    instructions: 'McpInstructions',
    searchType: 'SearchType',
    sessionConfiguration: structure({ sessionTimeoutInSeconds: whole(900, 28_800) }),
    streamingConfiguration: structure({ enableResponseStreaming: flag }),
    disableMcpListToolsPagination: flag,
  }),
  McpInstructions: sized(1, 2048, { sensitive: true }),
  SearchType: choice('SEMANTIC'),

  AuthorizerConfiguration: union({ customJWTAuthorizer: 'CustomJWTAuthorizerConfiguration' }),
  CustomJWTAuthorizerConfiguration: structure({
    discoveryUrl: must('DiscoveryUrl'),
    allowedAudience: list(text(), 1),
    allowedClients: list(text(), 1),
    allowedScopes: list('AllowedScopeType', 1),
    advertisedScopeMapping: map('AllowedScopeType', 'AllowedScopeType', 1, 50),
    customClaims: list('CustomClaimValidationType', 1),
    privateEndpoint: 'PrivateEndpoint',
    privateEndpointOverrides: list('PrivateEndpointOverride', 0, 5),
    allowedWorkloadConfiguration: 'AllowedWorkloadConfiguration',
  }),
  DiscoveryUrl: text({ pattern: String.raw`.+/\.well-known/openid-configuration` }),
  AllowedScopeType: sized(1, 255, { pattern: String.raw`[\x21\x23-\x5B\x5D-\x7E]+` }),
  CustomClaimValidationType: structure({
    inboundTokenClaimName: must(sized(1, 255, { pattern: '[A-Za-z0-9_.-:]+' })),
    inboundTokenClaimValueType: must(choice('STRING', 'STRING_ARRAY')),
    authorizingClaimMatchValue: must('AuthorizingClaimMatchValueType'),
  }),
  AuthorizingClaimMatchValueType: structure({
    claimMatchValue: must(
      union({ matchValueString: 'MatchValueString', matchValueStringList: list('MatchValueString', 1) }),
    ),
    claimMatchOperator: must(choice('EQUALS', 'CONTAINS', 'CONTAINS_ANY')),
  }),
  MatchValueString: sized(1, 255, { pattern: '[A-Za-z0-9_.-]+' }),
  AllowedWorkloadConfiguration: structure({
    hostingEnvironments: list(structure({ arn: must(sized(20, 1011)) }), 1, 10),
    workloadIdentities: list('WorkloadIdentityNameType', 1, 10),
  }),
  WorkloadIdentityNameType: sized(3, 255, { pattern: '[A-Za-z0-9_.-]+' }),

  GatewayInterceptorConfiguration: structure({
    interceptor: must(union({ lambda: structure({ arn: must('LambdaFunctionArn') }) })),
    interceptionPoints: must(list(choice('REQUEST', 'RESPONSE'), 1, 2)),
    inputConfiguration: 'InterceptorInputConfiguration',
  }),
  InterceptorInputConfiguration: structure({
    passRequestHeaders: must(flag),
    payloadFilter: structure({ exclude: must(list(union({ field: choice('RESPONSE_BODY') }), 1, 1)) }),
  }),
  GatewayPolicyEngineConfiguration: structure({
    arn: must(
      sized(1, 170, {
        pattern:
          'arn:aws:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:policy-engine/[a-zA-Z][a-zA-Z0-9-_]{0,99}-[a-zA-Z0-9_]{10}',
      }),
    ),
    mode: must(choice('LOG_ONLY', 'ENFORCE')),
  }),
  CustomTransformConfiguration: structure({ lambda: structure({ arn: 'LambdaFunctionArn' }) }),
  WafConfiguration: structure({ failureMode: choice('FAIL_CLOSE', 'FAIL_OPEN') }),
  WorkloadIdentityDetails: structure({ workloadIdentityArn: must(sized(1, 1024)) }),
  LambdaFunctionArn: sized(1, 170, {
    pattern: String.raw`arn:(aws[a-zA-Z-]*)?:lambda:([a-z]{2}(-gov)?-[a-z]+-\d{1}):(\d{12}):function:([a-zA-Z0-9-_.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`,
  }),
};
