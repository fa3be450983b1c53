// The address of an AWS service whose model has no endpoint rules, by AWS's naming: prefix, region, suffix of the
// partition; for S3 with the bucket as its addressing styles have it. Models with rules never come here.

import type { JsonValue } from '../../../core/json.ts';
import { encodeStrict } from '../../../lib/percent.ts';
import type { ServicePlan } from '../plan.ts';
import { serviceKey } from '../protocols/customisations.ts';
import { partitionOf } from './partitions.ts';

/** A bucket that can be the first label of a host name. */
const HOST_BUCKET = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;

type Parameters = Readonly<Record<string, JsonValue | undefined>>;

/** The address, or undefined where the model says neither prefix nor signing name. */
export function conventionalAddress(
  service: ServicePlan,
  parameters: Parameters,
  region: string,
): URL | undefined {
  const prefix = service.endpointPrefix;
  if (prefix === undefined || !/^[a-z0-9][a-z0-9.-]*$/.test(prefix)) return undefined;
  if (!/^[a-z0-9-]{1,40}$/.test(region)) return undefined;
  const { dnsSuffix, dualStackDnsSuffix } = partitionOf(region);
  const isDualStack = parameters['UseDualStack'] === true;
  if (serviceKey(service) === 's3') return s3Address(prefix, parameters, region, dnsSuffix);
  const fips = parameters['UseFIPS'] === true ? '-fips' : '';
  return new URL(`https://${prefix}${fips}.${region}.${isDualStack ? dualStackDnsSuffix : dnsSuffix}`);
}

/** An operator's own store: the bucket in the path, or in front of the host where the settings say so. */
export function ownStoreAddress(custom: URL, parameters: Parameters): URL {
  const bucket = parameters['Bucket'];
  if (typeof bucket !== 'string' || bucket === '') return custom;
  const url = new URL(custom);
  if (parameters['ForcePathStyle'] === false && HOST_BUCKET.test(bucket))
    url.hostname = `${bucket}.${custom.hostname}`;
  else url.pathname = `${custom.pathname.replace(/\/+$/, '')}/${encodeStrict(bucket)}`;
  return url;
}

function s3Address(prefix: string, parameters: Parameters, region: string, suffix: string): URL {
  const dual = parameters['UseDualStack'] === true ? '.dualstack' : '';
  const bucket = parameters['Bucket'];
  const isByHost =
    typeof bucket === 'string' && HOST_BUCKET.test(bucket) && parameters['ForcePathStyle'] !== true;
  if (isByHost && parameters['Accelerate'] === true)
    return new URL(`https://${bucket}.${prefix}-accelerate${dual}.${suffix}`);
  const fips = parameters['UseFIPS'] === true ? '-fips' : '';
  const host = `${prefix}${fips}${dual}.${region}.${suffix}`;
  if (isByHost) return new URL(`https://${bucket}.${host}`);
  return new URL(`https://${host}${typeof bucket === 'string' ? `/${encodeStrict(bucket)}` : ''}`);
}
