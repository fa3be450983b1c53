// What is done to a request after the protocol has written it: compression, checksums, and the conventions of single
// services (Smithy's AWS customisations). Each is asked for by a trait or by the service's own id.

import { createHash } from 'node:crypto';
import { crc32, gzipSync } from 'node:zlib';
import { isJsonObject, type JsonValue } from '../../../core/json.ts';
import { textTrait, trait } from '../model.ts';
import type { OperationPlan } from '../plan.ts';
import { crc32c, crc64nvme } from './crc.ts';
import type { RuntimeInput } from '../runtime/input.ts';
import type { WireRequest } from './protocol.ts';

/** The SDKs' own: smaller bodies are not worth it. */
const MIN_COMPRESSION_BYTES = 10_240;

type Digest = (body: Uint8Array) => Buffer;
const CHECKSUMS: Readonly<Record<string, Digest>> = {
  MD5: (body) => createHash('md5').update(body).digest(),
  SHA1: (body) => createHash('sha1').update(body).digest(),
  SHA256: (body) => createHash('sha256').update(body).digest(),
  SHA512: (body) => createHash('sha512').update(body).digest(),
  CRC32: (body) => bigEndian(BigInt(crc32(body)), 4),
  CRC32C: (body) => bigEndian(BigInt(crc32c(body)), 4),
  CRC64NVME: (body) => bigEndian(crc64nvme(body), 8),
};

/** Compresses the body where the operation asks for it (smithy.api#requestCompression). */
export function compress(plan: OperationPlan, request: WireRequest): WireRequest {
  const asked = trait(plan.traits ?? {}, 'requestCompression');
  const encodings: JsonValue | undefined = isJsonObject(asked) ? asked['encodings'] : undefined;
  if (!Array.isArray(encodings) || !encodings.includes('gzip') || request.body === undefined) return request;
  const bytes = bytesOf(request.body);
  if (bytes.byteLength < MIN_COMPRESSION_BYTES) return request;
  const before = request.headers['content-encoding'];
  const { 'content-length': _length, ...headers } = request.headers;
  return {
    ...request,
    headers: { ...headers, 'content-encoding': before === undefined ? 'gzip' : `${before}, gzip` },
    body: gzipSync(bytes),
  };
}

/**
 * Adds the checksum that the operation asks for: Content-MD5 (smithy.api#httpChecksumRequired), or the one chosen by
 * its algorithm member, CRC32 where none is (aws.protocols#httpChecksum).
 */
export function addChecksum(plan: OperationPlan, input: RuntimeInput, request: WireRequest): WireRequest {
  const traits = plan.traits ?? {};
  const flexible = traits['aws.protocols#httpChecksum'];
  if (isJsonObject(flexible)) return addFlexible(plan, flexible, input, request);
  if (trait(traits, 'httpChecksumRequired') === undefined || request.headers['content-md5'] !== undefined)
    return request;
  return withHeaders(request, { 'content-md5': digest('MD5', request) });
}

function addFlexible(
  plan: OperationPlan,
  flexible: Readonly<Record<string, JsonValue | undefined>>,
  input: RuntimeInput,
  request: WireRequest,
): WireRequest {
  const member = flexible['requestAlgorithmMember'];
  const isRequired = flexible['requestChecksumRequired'] === true;
  if (typeof member !== 'string' && !isRequired) return request;
  const isGiven = Object.keys(request.headers).some((name) =>
    /^x-amz-checksum-(?!algorithm|type|mode)/.test(name),
  );
  if (isGiven) return request;
  const wanted = typeof member === 'string' ? input[member] : undefined;
  const algorithm = typeof wanted === 'string' && Object.hasOwn(CHECKSUMS, wanted) ? wanted : 'CRC32';
  const headers: Record<string, string> = {
    [`x-amz-checksum-${algorithm.toLowerCase()}`]: digest(algorithm, request),
  };
  const chosen = plan.shapes[plan.input]?.members?.find(({ name }) => name === member);
  const field = textTrait(chosen?.traits ?? {}, 'httpHeader')?.toLowerCase();
  if (field !== undefined) headers[field] = algorithm;
  return withHeaders(request, headers);
}

/** Asks for the checksum of the answer where the service gives one only then (aws.protocols#httpChecksum). */
export function askForChecksum(plan: OperationPlan, input: RuntimeInput): RuntimeInput {
  const flexible = plan.traits?.['aws.protocols#httpChecksum'];
  const member = isJsonObject(flexible) ? flexible['requestValidationModeMember'] : undefined;
  return typeof member !== 'string' || input[member] !== undefined
    ? input
    : { ...input, [member]: 'ENABLED' };
}

/** The name of a checksum in the answer that its body does not have; undefined when all is well, or none is given. */
export function wrongChecksum(
  plan: OperationPlan,
  response: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array },
): string | undefined {
  const flexible = plan.traits?.['aws.protocols#httpChecksum'];
  const algorithms = isJsonObject(flexible) ? flexible['responseAlgorithms'] : undefined;
  if (!Array.isArray(algorithms)) return undefined;
  return (algorithms as readonly JsonValue[]).map(String).find((algorithm) => {
    const given = response.headers[`x-amz-checksum-${algorithm.toLowerCase()}`];
    // Of objects made of parts it is a checksum of checksums, with the number of parts behind it; of ranges none at all.
    if (given === undefined || given.includes('-') || response.headers['content-range'] !== undefined)
      return false;
    return (
      CHECKSUMS[algorithm] !== undefined && CHECKSUMS[algorithm](response.body).toString('base64') !== given
    );
  });
}

/** The headers of a request with some more. */
export function withHeaders(request: WireRequest, headers: Readonly<Record<string, string>>): WireRequest {
  return { ...request, headers: { ...request.headers, ...headers } };
}

/** A body as bytes; none is an empty one. */
export function bytesOf(body: string | Uint8Array | undefined): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'utf8') : (body ?? new Uint8Array());
}

function digest(algorithm: string, { body }: WireRequest): string {
  return CHECKSUMS[algorithm]?.(bytesOf(body)).toString('base64') ?? '';
}

function bigEndian(value: bigint, length: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(value);
  return out.subarray(8 - length);
}
