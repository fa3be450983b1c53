// Conventions of single AWS services that their models do not carry (Smithy, "AWS customizations"; the SDKs' own
// middleware). Each is a few lines here, named by the service; nobody else knows of them.

import { createHash } from 'node:crypto';
import { GatewayError } from '../../../core/errors.ts';
import { shapeName } from '../model.ts';
import { payloadOf, type OperationPlan, type ServicePlan } from '../plan.ts';
import type { RuntimeInput } from '../runtime/input.ts';
import { bytesOf, withHeaders } from './finish.ts';
import type { WireRequest, WireResponse } from './protocol.ts';

const MEGABYTE = 1024 * 1024;

/** The name the SDKs know a service by, in lower case; for models without one, the signing name. */
export function serviceKey(service: Pick<ServicePlan, 'sdkId' | 'signingName'>): string {
  return (service.sdkId ?? service.signingName ?? '').toLowerCase();
}

/** Members that the caller need not give, because a convention fills them in: member → value. */
export function conventionalValues(
  service: Pick<ServicePlan, 'sdkId' | 'signingName'>,
): Readonly<Record<string, string>> {
  // A hyphen stands for the account of the credentials.
  return serviceKey(service) === 'glacier' ? { accountId: '-' } : {};
}

/** Changes the input before it is written. @throws GatewayError Validation */
export function prepareInput(service: ServicePlan, input: RuntimeInput): RuntimeInput {
  const key = serviceKey(service);
  // In a path it would name the folder above.
  if (key === 's3' && (input['Bucket'] === '.' || input['Bucket'] === '..'))
    throw new GatewayError('Validation', 'Bucket: the arguments do not fit into the URL of the service.');
  const conventions = conventionalValues(service);
  if (Object.keys(conventions).length === 0 && key !== 'route 53') return input;
  const out = { ...input };
  for (const [member, value] of Object.entries(conventions))
    if (out[member] === undefined || out[member] === '') out[member] = value;
  // Answers give ids with the kind in front; requests take them without.
  if (key === 'route 53')
    for (const member of ['Id', 'HostedZoneId', 'ResourceId', 'DelegationSetId'])
      if (typeof out[member] === 'string')
        out[member] = out[member].replace(/^\/?(hostedzone|change|delegationset|healthcheck)\//, '');
  return out;
}

/** Changes the request after it is written. */
export function prepareRequest(service: ServicePlan, plan: OperationPlan, request: WireRequest): WireRequest {
  switch (serviceKey(service)) {
    case 'api gateway':
      return withHeaders(request, { accept: 'application/json' });
    case 'glacier':
      return prepareGlacier(service, plan, request);
    default:
      return request;
  }
}

function prepareGlacier(service: ServicePlan, plan: OperationPlan, request: WireRequest): WireRequest {
  const headers: Record<string, string> = { 'x-amz-glacier-version': service.version };
  const isUpload = /^Upload(Archive|MultipartPart)$/.test(shapeName(plan.operation));
  if (isUpload && request.body !== undefined) {
    const body = bytesOf(request.body);
    headers['x-amz-content-sha256'] = sha256(body).toString('hex');
    headers['x-amz-sha256-tree-hash'] ??= treeHash(body).toString('hex');
  }
  return withHeaders(request, headers);
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Glacier's tree hash: SHA-256 of each megabyte, and of pairs of hashes until one is left. */
function treeHash(body: Uint8Array): Buffer {
  let level: Buffer[] = [];
  for (let start = 0; start === 0 || start < body.byteLength; start += MEGABYTE)
    level.push(sha256(body.subarray(start, start + MEGABYTE)));
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let index = 0; index < level.length; index += 2)
      next.push(
        level[index + 1] === undefined
          ? (level[index] as Buffer)
          : sha256(Buffer.concat(level.slice(index, index + 2))),
      );
    level = next;
  }
  return level[0] ?? sha256(new Uint8Array());
}

/**
 * Machine Learning's Predict goes to the address that the caller names, as long as it is one of the service's.
 * @throws GatewayError Validation
 */
export function conventionalEndpoint(
  service: ServicePlan,
  plan: OperationPlan,
  input: RuntimeInput,
  endpoint: URL,
  isAwsHost: (hostname: string) => boolean,
): URL {
  const wanted = input['PredictEndpoint'];
  if (
    serviceKey(service) !== 'machine learning' ||
    shapeName(plan.operation) !== 'Predict' ||
    typeof wanted !== 'string'
  )
    return endpoint;
  const url = URL.canParse(wanted) ? new URL(wanted) : undefined;
  const isOwn =
    url !== undefined &&
    (url.hostname.endsWith(`.${endpoint.hostname}`) || url.host === endpoint.host || isAwsHost(url.hostname));
  if (url === undefined || url.protocol !== endpoint.protocol || !isOwn || url.username !== '')
    throw new GatewayError(
      'Validation',
      'PredictEndpoint: must be an address of the service, as CreateRealtimeEndpoint gives it.',
    );
  return new URL(url.origin);
}

/** Changes an answer before it is read. */
export function prepareResponse(
  service: ServicePlan,
  plan: OperationPlan,
  response: WireResponse,
): WireResponse {
  if (service.protocol !== 'restXml') return response;
  let out = response;
  if (plan.traits?.['aws.customizations#s3UnwrappedXmlOutput'] !== undefined) out = wrapRoot(plan, out);
  if (serviceKey(service) !== 's3') return out;
  // Old objects have times in this header that are none.
  const { expires } = out.headers;
  if (expires !== undefined && !isHttpDate(expires)) {
    const { expires: _, ...headers } = out.headers;
    out = { ...out, headers };
  }
  // S3 may fail after it has begun to answer with 200; the body says so.
  const isFailure = out.status === 200 && /^\s*(<\?xml[^>]*>\s*)?<Error[\s>]/.test(startOf(out.body));
  return isFailure && !hasPayload(plan) ? { ...out, status: 500 } : out;
}

/** An object's own bytes may look like an error. */
function hasPayload(plan: OperationPlan): boolean {
  const payload = payloadOf(plan, plan.output);
  return payload !== undefined && plan.shapes[payload.target]?.type === 'blob';
}

/** The answer's root is the one member itself, not an element around it. */
function wrapRoot(plan: OperationPlan, response: WireResponse): WireResponse {
  if (response.status >= 300) return response;
  const name = `${shapeName(plan.operation)}Output`;
  const text = Buffer.from(response.body)
    .toString('utf8')
    .replace(/^\s*<\?xml[^>]*>/, '');
  return { ...response, body: Buffer.from(`<${name}>${text}</${name}>`, 'utf8') };
}

/** Any of the three forms of RFC 9110 §5.6.7: all begin with the day's name. */
const isHttpDate = (text: string): boolean =>
  /^[A-Z][a-z]{2,8},? /.test(text) && !Number.isNaN(Date.parse(text));

const startOf = (body: Uint8Array): string => Buffer.from(body.subarray(0, 512)).toString('utf8');
