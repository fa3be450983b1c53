// AWS's partitions as the official package knows them: which DNS suffixes are AWS's own. Knows no service.

import { awsEndpointFunctions, partition } from '@aws-sdk/core/client';
import { customEndpointFunctions } from '@smithy/core/endpoints';

/** A region of each partition; the package tells partitions by region. */
const REGIONS = [
  'us-east-1',
  'cn-north-1',
  'us-gov-west-1',
  'us-iso-east-1',
  'us-isob-east-1',
  'eu-isoe-west-1',
  'us-isof-south-1',
  'eusc-de-east-1',
];

export interface Partition {
  readonly name: string;
  readonly dnsSuffix: string;
  readonly dualStackDnsSuffix: string;
}

let suffixes: readonly string[] | undefined;

/** Makes AWS's functions (`aws.partition`, `aws.parseArn`, …) known to the evaluator of endpoint rules. */
export function enableAwsFunctions(): void {
  customEndpointFunctions['aws'] = awsEndpointFunctions;
}

/** The partition of a region; of a region nobody knows, the first. */
export function partitionOf(region: string): Partition {
  const found = partition(region) as unknown as Partition;
  return { name: found.name, dnsSuffix: found.dnsSuffix, dualStackDnsSuffix: found.dualStackDnsSuffix };
}

/** Whether a host is AWS's own by its name. */
export function isAwsHost(hostname: string): boolean {
  suffixes ??= [
    ...new Set(
      REGIONS.map(partitionOf).flatMap(({ dnsSuffix, dualStackDnsSuffix }) => [
        dnsSuffix,
        dualStackDnsSuffix,
      ]),
    ),
  ];
  return suffixes.some((suffix) => hostname.endsWith(`.${suffix}`));
}
