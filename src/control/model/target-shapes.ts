// Shapes of gateway targets: the requests and answers of their operations, tool targets (`mcp`), and the
// import report. HTTP and inference targets are in passthrough-shapes.ts, credentials in credential-shapes.ts.

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
import type { Shapes } from './shape.ts';

const targetSettings = {
  name: 'TargetName',
  description: 'TargetDescription',
  targetConfiguration: must('TargetConfiguration'),
  credentialProviderConfigurations: list('CredentialProviderConfiguration', 1, 1),
  metadataConfiguration: 'MetadataConfiguration',
  privateEndpoint: 'PrivateEndpoint',
};

const oneTarget = { gatewayIdentifier: label('GatewayIdentifier'), targetId: label('TargetId') };

/** Shapes reachable from the target operations. */
export const TARGET_SHAPES: Shapes = {
  CreateGatewayTargetRequest: structure({
    gatewayIdentifier: label('GatewayIdentifier'),
    ...targetSettings,
    clientToken: { shape: 'ClientToken', idempotencyToken: true },
  }),
  UpdateGatewayTargetRequest: structure({ ...oneTarget, ...targetSettings }),
  GatewayTargetRequest: structure(oneTarget),
  GatewayTargetResponse: structure({
    gatewayArn: must('GatewayArn'),
    targetId: must('TargetId'),
    createdAt: must(isoTime),
    updatedAt: must(isoTime),
    status: must('TargetStatus'),
    statusReasons: list('StatusReason', 0, 100),
    name: must('TargetName'),
    description: 'TargetDescription',
    targetConfiguration: must('TargetConfiguration'),
    credentialProviderConfigurations: must(list('CredentialProviderConfiguration')),
    lastSynchronizedAt: isoTime,
    metadataConfiguration: 'MetadataConfiguration',
    privateEndpoint: 'PrivateEndpoint',
    privateEndpointManagedResources: list('ManagedResourceDetails'),
    authorizationData: 'AuthorizationData',
    protocolType: choice('MCP', 'HTTP'),
  }),
  DeleteGatewayTargetResponse: structure({
    gatewayArn: must('GatewayArn'),
    targetId: must('TargetId'),
    status: must('TargetStatus'),
    statusReasons: list('StatusReason', 0, 100),
  }),
  ListGatewayTargetsRequest: structure({
    gatewayIdentifier: label('GatewayIdentifier'),
    maxResults: query(whole(1, 1000)),
    nextToken: query('NextToken'),
  }),
  ListGatewayTargetsResponse: structure({ items: must(list('TargetSummary')), nextToken: 'NextToken' }),
  SynchronizeGatewayTargetsRequest: structure({
    gatewayIdentifier: label('GatewayIdentifier'),
    targetIdList: must(list('TargetId', 1, 1)),
  }),
  SynchronizeGatewayTargetsResponse: structure({ targets: list('GatewayTargetResponse') }),
  TargetSummary: structure({
    targetId: must('TargetId'),
    name: must('TargetName'),
    status: must('TargetStatus'),
    description: 'TargetDescription',
    createdAt: must(isoTime),
    updatedAt: must(isoTime),
    resourcePriority: 'TargetResourcePriority',
    lastSynchronizedAt: isoTime,
    authorizationData: 'AuthorizationData',
    targetType: 'TargetType',
    listingMode: 'ListingMode',
  }),

  TargetName: sized(1, 200, { pattern: '([0-9a-zA-Z][-]?){1,100}', sensitive: true }),
  TargetDescription: sized(1, 200, { sensitive: true }),
  TargetId: text({ pattern: '[0-9a-zA-Z]{10}' }),
  TargetStatus: choice(
    'CREATING',
    'UPDATING',
    'UPDATE_UNSUCCESSFUL',
    'DELETING',
    'READY',
    'FAILED',
    'SYNCHRONIZING',
    'SYNCHRONIZE_UNSUCCESSFUL',
    'CREATE_PENDING_AUTH',
    'UPDATE_PENDING_AUTH',
    'SYNCHRONIZE_PENDING_AUTH',
  ),
  TargetType: choice(
    'OPEN_API_SCHEMA',
    'SMITHY_MODEL',
    'MCP_SERVER',
    'LAMBDA',
    'API_GATEWAY',
    'CONNECTOR',
    'AGENTCORE_RUNTIME',
    'PASSTHROUGH',
    'PROVIDER',
    'HTTP_CONNECTOR',
  ),
  ManagedResourceDetails: structure({
    domain: text(),
    resourceGatewayArn: text(),
    resourceAssociationArn: text(),
  }),
  AuthorizationData: union({
    oauth2: structure({ authorizationUrl: must(text()), userId: sized(1, 128) }),
  }),
  TargetResourcePriority: whole(0, 1000),
  ListingMode: choice('DEFAULT', 'DYNAMIC'),
  MetadataConfiguration: structure({
    allowedRequestHeaders: list('HttpHeaderName', 1, 10),
    allowedQueryParameters: list('HttpQueryParameterName', 1, 10),
    allowedResponseHeaders: list('HttpHeaderName', 1, 10),
  }),
  HttpHeaderName: sized(1, 100),
  HttpQueryParameterName: sized(1, 40),

  TargetConfiguration: union({
    mcp: 'McpTargetConfiguration',
    http: 'HttpTargetConfiguration',
    inference: 'InferenceTargetConfiguration',
  }),
  McpTargetConfiguration: union({
    openApiSchema: 'ApiSchemaConfiguration',
    smithyModel: 'ApiSchemaConfiguration',
    lambda: structure({ lambdaArn: must('LambdaFunctionArn'), toolSchema: must('ToolSchema') }),
    mcpServer: 'McpServerTargetConfiguration',
    apiGateway: 'ApiGatewayTargetConfiguration',
    connector: 'ConnectorTargetConfiguration',
  }),
  ApiSchemaConfiguration: union({
    s3: 'S3Configuration',
    inlinePayload: text({
      sensitive: true,
      maxBytes: 'maxSchemaBytes',
      widened: 'AWS takes 1 MB; here the limit is that of documents read from S3.',
    }),
  }),
  S3Configuration: structure({ uri: 'S3BucketUri', bucketOwnerAccountId: text({ pattern: '[0-9]{12}' }) }),
  S3BucketUri: sized(6, 2051, {
    pattern: '(s3|https?)://.{1,2043}',
    widened: 'AWS takes s3:// only; here a document can also be read from an http:// or https:// URL.',
  }),
  ToolSchema: union({ s3: 'S3Configuration', inlinePayload: list('ToolDefinition') }),
  ToolDefinition: structure({
    name: must(text()),
    description: must(text()),
    inputSchema: must('SchemaDefinition'),
    outputSchema: 'SchemaDefinition',
  }),
  SchemaDefinition: structure(
    {
      type: must(choice('string', 'number', 'object', 'array', 'boolean', 'integer')),
      properties: map(text(), 'SchemaDefinition'),
      required: list(text()),
      items: 'SchemaDefinition',
      description: text(),
    },
    {
      widened:
        'AWS takes these members only; here all of JSON Schema 2020-12 (enum, default, oneOf, $defs, …).',
    },
  ),
  McpServerTargetConfiguration: structure({
    endpoint: must('McpServerEndpoint'),
    mcpToolSchema: 'McpToolSchemaConfiguration',
    listingMode: 'ListingMode',
    resourcePriority: 'TargetResourcePriority',
  }),
  McpServerEndpoint: sized(1, 2048, {
    pattern: '(https?://.+|stdio:[A-Za-z0-9][A-Za-z0-9._-]{0,63})',
    widened:
      'AWS takes https:// only; here also http:// for addresses that the operator allows, and stdio: with the name of ' +
      'a program that the operator configured.',
  }),
  McpToolSchemaConfiguration: union({
    s3: 'S3Configuration',
    inlinePayload: text({
      sensitive: true,
      maxBytes: 'maxSchemaBytes',
      widened:
        'AWS takes an mcpToolSchema with the authorization code grant only; here it fixes the tools whatever the ' +
        'credential.',
    }),
  }),
  ApiGatewayTargetConfiguration: structure({
    restApiId: must(text()),
    stage: must(text()),
    apiGatewayToolConfiguration: must('ApiGatewayToolConfiguration'),
  }),
  ApiGatewayToolConfiguration: structure({
    toolOverrides: list(
      structure({
        name: must(text()),
        description: text(),
        path: must(text()),
        method: must('RestApiMethod'),
      }),
    ),
    toolFilters: must(list(structure({ filterPath: must(text()), methods: must(list('RestApiMethod')) }))),
  }),
  RestApiMethod: choice('GET', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PUT', 'POST'),
  ConnectorTargetConfiguration: structure({
    source: must(
      structure({
        connectorId: must('ConnectorId'),
        version: sized(5, 32, {
          pattern: String.raw`(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)`,
        }),
      }),
    ),
    enabled: list(text(), 1, 50),
    configurations: list('ConnectorConfiguration'),
  }),
  ConnectorId: sized(1, 256),
  ConnectorConfiguration: structure({
    name: must(sized(0, 64, { pattern: '[a-zA-Z][a-zA-Z0-9_-]*' })),
    description: sized(0, 2000),
    parameterValues: { type: 'document' },
    parameterOverrides: list(structure({ path: must(text()), description: text(), visible: flag })),
  }),

  ImportReportResponse: structure({
    targetId: must('TargetId'),
    status: must('TargetStatus'),
    report: must('ImportReport'),
  }),
  ImportReport: structure({
    source: must(text()),
    title: text(),
    format: must(text()),
    operations: must({ type: 'integer' }),
    tools: must({ type: 'integer' }),
    prompts: { type: 'integer' },
    resources: { type: 'integer' },
    resourceTemplates: { type: 'integer' },
    skipped: must({ type: 'integer' }),
    notes: must(
      list(
        structure({
          operation: must(text()),
          tool: text(),
          outcome: must(choice('skipped', 'changed')),
          reasons: must(list(text())),
        }),
      ),
    ),
    warnings: must(list(text())),
  }),
};
