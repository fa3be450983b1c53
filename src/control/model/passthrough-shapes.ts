// Shapes of HTTP and inference targets, and of private endpoints. They are known so that a request that names
// them is checked and answered properly; which target types can be had is a matter of the plug-ins.

import { choice, flag, list, map, must, sized, structure, text, union, whole } from './shape.ts';
import type { Shapes } from './shape.ts';

const inferencePath = sized(1, 256, { pattern: String.raw`/[a-zA-Z0-9\-\._/]+` });

/** Shapes reachable from `targetConfiguration.http`, `targetConfiguration.inference` and `privateEndpoint`. */
export const PASSTHROUGH_SHAPES: Shapes = {
  HttpTargetConfiguration: union({
    agentcoreRuntime: structure({
      arn: must(
        text({
          pattern:
            'arn:aws(-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:runtime/[a-zA-Z][a-zA-Z0-9_]{0,47}-[a-zA-Z0-9]{10}',
        }),
      ),
      qualifier: text({ pattern: '.*([1-9][0-9]{0,4})|([a-zA-Z][a-zA-Z0-9_]{0,47}).*' }),
      schema: 'HttpApiSchemaConfiguration',
    }),
    passthrough: 'PassthroughTargetConfiguration',
    connector: structure({
      source: must(structure({ connectorId: must('ConnectorId') })),
      parameters: map(sized(1, 128, { pattern: '[a-zA-Z][a-zA-Z0-9_-]*' }), sized(1, 1024), 0, 10),
    }),
  }),
  HttpApiSchemaConfiguration: structure({ source: must('ApiSchemaConfiguration') }),
  PassthroughTargetConfiguration: structure({
    endpoint: must('PassthroughEndpoint'),
    protocolType: must(choice('MCP', 'A2A', 'INFERENCE', 'CUSTOM')),
    schema: 'HttpApiSchemaConfiguration',
    stickinessConfiguration: structure({
      identifier: must(sized(1, 256)),
      compositeIdentifier: list(text()),
      timeout: whole(1, 86_400),
    }),
    staticQueryParameters: map(text(), text({ sensitive: true })),
    staticQueryParameterConflictResolution: choice('CLIENT_OVERRIDE', 'STATIC_OVERRIDE'),
  }),
  PassthroughEndpoint: sized(1, 2048, { pattern: String.raw`https://[a-zA-Z0-9\-\.]+(:[0-9]{1,5})?(/.*)?` }),
  InferenceTargetConfiguration: union({
    connector: structure({ source: must(structure({ connectorId: must('ConnectorId') })) }),
    provider: structure({
      endpoint: must('PassthroughEndpoint'),
      modelMapping: structure({ providerPrefix: structure({ strip: flag, separator: sized(1, 1) }) }),
      operations: list('InferenceOperationConfiguration', 1, 10),
    }),
  }),
  InferenceOperationConfiguration: structure({
    path: must(inferencePath),
    providerPath: inferencePath,
    models: list(
      structure({
        model: must(sized(1, 256, { pattern: String.raw`[a-zA-Z0-9\-\._\*\?@]+(/[a-zA-Z0-9\-\._\*\?@]+)*` })),
      }),
      1,
      100,
    ),
  }),

  PrivateEndpoint: union({
    selfManagedLatticeResource: union({
      resourceConfigurationIdentifier: sized(20, 2048, {
        pattern: String.raw`((rcfg-[0-9a-z]{17})|(arn:[a-z0-9\-]+:vpc-lattice:[a-zA-Z0-9\-]+:\d{12}:resourceconfiguration/rcfg-[0-9a-z]{17}))`,
      }),
    }),
    managedVpcResource: 'ManagedVpcResource',
  }),
  ManagedVpcResource: structure({
    vpcIdentifier: must(text({ pattern: 'vpc-(([0-9a-z]{8})|([0-9a-z]{17}))' })),
    subnetIds: must(list(text({ pattern: 'subnet-[0-9a-zA-Z]{8,17}' }))),
    endpointIpAddressType: must(choice('IPV4', 'IPV6')),
    securityGroupIds: list(text({ pattern: 'sg-(([0-9a-z]{8})|([0-9a-z]{17}))' }), 0, 5),
    tags: 'TagMap',
    routingDomain: sized(3, 255),
  }),
  PrivateEndpointOverride: structure({
    domain: must(sized(1, 253)),
    privateEndpoint: must('PrivateEndpoint'),
  }),
};
