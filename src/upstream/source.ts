// Reads schema documents by URI for imports: s3:// (any S3-compatible endpoint), https:// and, where the operator
// allows it, http://. All of it through the one egress client; S3 requests are signed here (SigV4).

import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Audit } from '../core/audit.ts';
import { credentialUse } from '../core/credential-use.ts';
import { GatewayError } from '../core/errors.ts';
import type { Egress, OutboundRequest } from '../core/outbound.ts';
import { recorded } from '../core/recorded.ts';
import { signRequest } from '../lib/sigv4-sign.ts';
import type { SigningCredentials } from '../lib/sigv4-sign.ts';

/** The bucket becomes a host name: anything else could make it another host, which would get what is signed for S3. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
const TIMEOUT_MS = 30_000;

export interface SourceOptions {
  readonly egress: Pick<Egress, 'request'>;
  readonly maxBytes: number;
  readonly region: string;
  /** Endpoint of an S3-compatible store; AWS itself when absent. */
  readonly s3Endpoint?: URL;
  /** The process's AWS credentials, or undefined where there are none (then S3 is read unsigned). */
  readonly awsCredentials: () => Promise<SigningCredentials | undefined>;
  /** Is told of each request that is signed. */
  readonly audit?: Audit;
}

/**
 * Makes the reader of documents.
 * @returns a function from URI to text; gzip-packed documents are unpacked
 * @throws GatewayError Validation that names the URI, the cause and the cure.
 */
export function createSourceReader(
  options: SourceOptions,
): (uri: string, signal: AbortSignal) => Promise<string> {
  return async (uri, signal) => {
    const body = await read(uri, signal, options);
    const bytes = await unpack(body, options.maxBytes, uri);
    return new TextDecoder('utf-8').decode(bytes);
  };
}

/** Makes a reader of objects as they are, byte by byte. @throws GatewayError as the reader of documents */
export function createObjectReader(
  options: SourceOptions,
): (uri: string, signal: AbortSignal) => Promise<Buffer> {
  return (uri, signal) => read(uri, signal, options);
}

async function read(uri: string, signal: AbortSignal, options: SourceOptions): Promise<Buffer> {
  const { request, isSigned } = uri.startsWith('s3://')
    ? await s3Request(uri, options)
    : { request: webRequest(uri), isSigned: false };
  if (!isSigned) return send(uri, request, signal, options);
  const use = credentialUse({
    purpose: 'source-document',
    type: 'AWS',
    resource: { arn: `arn:aws:s3:::${uri.slice('s3://'.length)}`, type: 'AWS::S3::Object' },
    destination: request.url,
  });
  return recorded(options.audit, use, () => send(uri, request, signal, options));
}

async function send(
  uri: string,
  request: OutboundRequest,
  signal: AbortSignal,
  options: SourceOptions,
): Promise<Buffer> {
  const response = await options.egress
    .request(request, {
      signal,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: options.maxBytes,
      maxRedirects: 3,
    })
    .catch((thrown: unknown) => {
      const cause = thrown instanceof Error ? thrown.message : String(thrown);
      throw new GatewayError('Validation', `The document ${uri} cannot be read: ${cause}`, {
        cause: thrown,
      });
    });
  if (response.status !== 200)
    throw new GatewayError(
      'Validation',
      `The document ${uri} cannot be read: ${request.url.host} answered with status ${response.status}.`,
      {
        internal: response.body.subarray(0, 500).toString('utf8'),
      },
    );
  return response.body;
}

function webRequest(uri: string): OutboundRequest {
  if (!URL.canParse(uri)) throw new GatewayError('Validation', `The document address ${uri} is not a URL.`);
  return {
    method: 'GET',
    url: new URL(uri),
    headers: { accept: 'application/json, application/yaml, */*;q=0.5', 'user-agent': 'gatewright' },
  };
}

async function s3Request(
  uri: string,
  options: SourceOptions,
): Promise<{ readonly request: OutboundRequest; readonly isSigned: boolean }> {
  const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri);
  const [, bucket, key] = match ?? [];
  if (bucket === undefined || key === undefined)
    throw new GatewayError('Validation', `The S3 address ${uri} is not of the form s3://bucket/key.`);
  if (!BUCKET.test(bucket) || key.split('/').some((segment) => segment === '.' || segment === '..'))
    throw new GatewayError(
      'Validation',
      `The S3 address ${uri} names no bucket and key that can stand in a URL.`,
    );
  const path = key.split('/').map(encodeSegment).join('/');
  // A bucket with a dot has no matching TLS certificate as a host name, and other stores rarely have such names.
  const byPath = options.s3Endpoint !== undefined || bucket.includes('.');
  const base =
    options.s3Endpoint ?? new URL(`https://${byPath ? '' : `${bucket}.`}s3.${options.region}.amazonaws.com`);
  const prefix = base.pathname.replace(/\/$/, '');
  const url = new URL(base);
  url.pathname = `${prefix}/${byPath ? `${encodeSegment(bucket)}/` : ''}${path}`;
  const credentials = await options.awsCredentials();
  const request = { method: 'GET', url, headers: { 'user-agent': 'gatewright' } };
  if (!credentials) return { request, isSigned: false };
  const headers = await signRequest(request, { service: 's3', region: options.region, credentials });
  return { request: { ...request, headers }, isSigned: true };
}

function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function unpack(body: Buffer, maxOutputLength: number, uri: string): Promise<Buffer> {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return await promisify(gunzip)(body, { maxOutputLength });
  } catch (thrown) {
    throw new GatewayError(
      'Validation',
      `The document ${uri} is gzip-packed and cannot be unpacked within ${maxOutputLength} bytes.`,
      { cause: thrown },
    );
  }
}
