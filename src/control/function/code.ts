// Archives on their way into the store: from the request or from S3, checked whole, kept once under their digest in parts
// of bounded size, and let go when nothing runs on them any more.

import { createHash } from 'node:crypto';
import { GatewayError } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FunctionConfigurationDocument } from '../../core/resources.ts';
import { FUNCTION_LIMITS } from '../../functions/function-host.ts';
import type { StoreReader, StoreTransaction } from '../../stores/store.ts';
import { everyRow } from '../context.ts';
import type { FunctionContext } from './context.ts';

/** Bytes of one part: rows of this size are what every SQL engine takes gladly. */
const PART_BYTES = 1024 * 1024;
const READ_MS = 60_000;
const KINDS = ['function', 'function-version', 'layer-version'] as const;

/** An archive that has been looked at and can be stored. */
export interface CheckedCode {
  /** SHA-256 in hexadecimal. */
  readonly codeId: string;
  readonly bytes: Uint8Array;
  readonly unzippedBytes: number;
}

/** What a request gives as code, checked. @throws GatewayError Validation, TooLarge */
export async function readCodeInput(code: JsonObject, ctx: FunctionContext): Promise<CheckedCode> {
  const bytes = await bytesOf(code, ctx);
  const { unzippedBytes } = await ctx.host.checkArchive(bytes);
  return { codeId: createHash('sha256').update(bytes).digest('hex'), bytes, unzippedBytes };
}

async function bytesOf(code: JsonObject, ctx: FunctionContext): Promise<Uint8Array> {
  const { ZipFile: zip, S3Bucket: bucket, S3Key: key, S3ObjectVersion: version, ImageUri: image } = code;
  if (image !== undefined)
    throw new GatewayError(
      'Validation',
      'ImageUri: functions from container images do not run here. Give the code as a zip archive (ZipFile, or S3Bucket and S3Key).',
    );
  if (typeof zip === 'string') {
    if (bucket !== undefined || key !== undefined)
      throw new GatewayError(
        'Validation',
        'Please do not provide other FunctionCode parameters when providing a ZipFile.',
      );
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(zip) || zip.length % 4 !== 0)
      throw new GatewayError('Validation', 'ZipFile: the archive is not base64.');
    const bytes = Buffer.from(zip, 'base64');
    if (bytes.length === 0) throw new GatewayError('Validation', 'Uploaded file must be a non-empty zip');
    return sized(bytes);
  }
  if (typeof bucket !== 'string' || typeof key !== 'string')
    throw new GatewayError('Validation', 'Please provide a source for function code.');
  if (version !== undefined)
    throw new GatewayError(
      'Validation',
      'S3ObjectVersion: versions of objects are not read here. Leave it out to use the newest.',
    );
  return sized(await ctx.readObject(`s3://${bucket}/${key}`, AbortSignal.timeout(READ_MS)));
}

function sized(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength <= FUNCTION_LIMITS.zippedBytes) return bytes;
  throw new GatewayError(
    'TooLarge',
    `The archive has ${bytes.byteLength} bytes; ${FUNCTION_LIMITS.zippedBytes} bytes are the most a function may be deployed with.`,
  );
}

/** Stores an archive, or finds that it is there. @throws GatewayError QuotaExceeded when there is no room for it */
export async function storeCode(
  tx: StoreTransaction,
  { codeId, bytes, unzippedBytes }: CheckedCode,
): Promise<void> {
  if (await tx.get('function-code', codeId)) return;
  if ((await storedBytes(tx)) + bytes.byteLength > FUNCTION_LIMITS.storedBytes)
    throw new GatewayError('QuotaExceeded', 'Code storage limit exceeded.');
  const parts = Math.ceil(bytes.byteLength / PART_BYTES);
  await tx.create('function-code', {
    id: codeId,
    name: codeId,
    document: { bytes: bytes.byteLength, parts, unzippedBytes },
  });
  for (let index = 0; index < parts; index += 1) {
    const part = bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
    await tx.create('function-code-part', {
      id: `${codeId}.${index}`,
      parentId: codeId,
      name: String(index),
      document: { base64: Buffer.from(part).toString('base64') },
    });
  }
}

/** Bytes of all archives. */
export async function storedBytes(reader: StoreReader): Promise<number> {
  let bytes = 0;
  for await (const { document } of everyRow(reader, 'function-code')) bytes += document.bytes;
  return bytes;
}

/** Removes the archives among these that nothing needs any more. */
export async function sweepCode(tx: StoreTransaction, codeIds: Iterable<string>): Promise<void> {
  const candidates = new Set(codeIds);
  if (candidates.size === 0) return;
  for (const kind of KINDS)
    for await (const { document } of everyRow(tx, kind))
      for (const codeId of codeIdsOf(document)) candidates.delete(codeId);
  for (const codeId of candidates) {
    const row = await tx.get('function-code', codeId);
    if (!row) continue;
    for (let index = 0; index < row.document.parts; index += 1)
      await tx.remove('function-code-part', `${codeId}.${index}`);
    await tx.remove('function-code', codeId);
  }
}

/** Archives that a configuration runs on. */
export function codeOf({ codeId, layers }: FunctionConfigurationDocument): readonly string[] {
  return [codeId, ...layers.map((layer) => layer.codeId)];
}

function codeIdsOf(document: object): readonly string[] {
  if ('configuration' in document) return codeOf(document.configuration as FunctionConfigurationDocument);
  if ('codeId' in document && !('isDeleted' in document && document.isDeleted === true))
    return [String(document.codeId)];
  return [];
}

/** The unpacked size of a function together with its layers has a limit. @throws GatewayError Validation */
export async function checkUnzippedSize(
  reader: StoreReader,
  code: Pick<CheckedCode, 'unzippedBytes'>,
  layers: FunctionConfigurationDocument['layers'],
): Promise<void> {
  let total = code.unzippedBytes;
  for (const { codeId } of layers)
    total += (await reader.get('function-code', codeId))?.document.unzippedBytes ?? 0;
  if (total > FUNCTION_LIMITS.unzippedBytes)
    throw new GatewayError(
      'Validation',
      `Function code combined with layers exceeds the maximum allowed size of ${FUNCTION_LIMITS.unzippedBytes} bytes. The actual size is ${total} bytes.`,
    );
}

/** Members of an input that say where code comes from. */
export function codeMembersOf(input: JsonObject): JsonObject {
  const { Code: code } = input;
  return isJsonObject(code) ? code : input;
}
