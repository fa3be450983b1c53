// Code archives as they come from outside: a zip file is looked at whole before anything of it counts, and unpacked entry
// by entry into a folder of its own. Entries that would lie outside, be links or devices, come twice or hold more than
// they say are refused. Knows no function. Format: PKWARE APPNOTE 6.3.

import { createWriteStream } from 'node:fs';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { GatewayError } from '../core/errors.ts';
import { FUNCTION_LIMITS } from './function-host.ts';
import type { ArchiveFacts } from './function-host.ts';

/** More files than the largest node_modules that fits; each costs an inode and a system call. */
const MAX_ENTRIES = 65_535;
const MAX_NAME_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
/** UNIX file types, in the upper half of the external attributes. */
const TYPE_MASK = 0o170_000;
const REGULAR = 0o100_000;
const FOLDER = 0o040_000;
const MADE_BY_UNIX = [3, 19];

const refused = (why: string, cause?: unknown): GatewayError =>
  new GatewayError(
    'Validation',
    `Could not unzip uploaded file: ${why}.`,
    cause === undefined ? {} : { cause },
  );

interface Member {
  readonly entry: Entry;
  /** Cleaned: segments without `.`, joined by `/`. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly isExecutable: boolean;
}

/**
 * Looks at every entry, and at every byte: what is stored can be unpacked.
 * @throws GatewayError Validation that says what is wrong
 */
export async function checkArchive(bytes: Uint8Array): Promise<ArchiveFacts> {
  let total = 0;
  await eachMember(bytes, async (zip, { entry, isFolder }) => {
    if (isFolder) return;
    total += await drain(zip, entry, total);
  });
  return { unzippedBytes: total };
}

/**
 * Writes what the archive holds below a folder, which has to be there. What an earlier archive put there under the same
 * name is replaced.
 * @throws GatewayError Validation as `checkArchive`
 */
export async function unpackArchive(bytes: Uint8Array, folder: string): Promise<void> {
  const made = new Set<string>([folder]);
  let total = 0;
  await eachMember(bytes, async (zip, { entry, path, isFolder, isExecutable }) => {
    const target = join(folder, path);
    const parent = isFolder ? target : dirname(target);
    if (!made.has(parent)) {
      await makeFolder(folder, parent);
      made.add(parent);
    }
    if (isFolder) return;
    await rm(target, { recursive: true, force: true });
    const { through, count } = counter(total);
    // `wx`: nothing is ever written through a name that is there already.
    await pipeline(await open(zip, entry), through, createWriteStream(target, { flags: 'wx' }));
    total += count();
    await chmod(target, isExecutable ? 0o555 : 0o444);
  });
}

/** A folder below another, whatever lay there before: only files are replaced by it. */
async function makeFolder(root: string, folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if ((code !== 'EEXIST' && code !== 'ENOTDIR') || folder === root) throw thrown;
    await makeFolder(root, dirname(folder));
    await rm(folder, { force: true });
    await mkdir(folder, { recursive: true });
  }
}

async function eachMember(
  bytes: Uint8Array,
  visit: (zip: ZipFile, member: Member) => Promise<void>,
): Promise<void> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let zip: ZipFile;
  try {
    zip = await fromBufferPromise(buffer, {
      lazyEntries: true,
      strictFileNames: true,
      validateEntrySizes: true,
    });
  } catch (thrown) {
    throw refused('it is not a zip file', thrown);
  }
  if (zip.entryCount > MAX_ENTRIES) throw refused(`it has more than ${MAX_ENTRIES} entries`);
  const seen = new Map<string, boolean>();
  let files = 0;
  let promised = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const member = memberOf(entry);
      promised += entry.uncompressedSize;
      if (promised > FUNCTION_LIMITS.unzippedBytes) throw tooLarge();
      claim(seen, member);
      if (!member.isFolder) files += 1;
      await visit(zip, member);
    }
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw refused(messageOf(thrown), thrown);
  } finally {
    zip.close();
  }
  if (files === 0) throw refused('it holds no files');
}

/** @throws GatewayError Validation */
function memberOf(entry: Entry): Member {
  const name = entry.fileName;
  const shown = JSON.stringify(name.slice(0, 100));
  if (entry.isEncrypted()) throw refused(`the entry ${shown} is encrypted`);
  if (!entry.canDecodeFileData()) throw refused(`the entry ${shown} is packed in a way other than deflate`);
  const isFolder = name.endsWith('/');
  const segments = (isFolder ? name.slice(0, -1) : name).split('/');
  if (segments[0] === '.') segments.shift();
  const isBad = (segment: string): boolean =>
    segment === '' || segment === '.' || segment === '..' || Buffer.byteLength(segment) > MAX_SEGMENT_BYTES;
  // A folder `./` alone is the root itself.
  if (segments.some(isBad) || (segments.length === 0 && !isFolder))
    throw refused(`the entry ${shown} has a name that cannot stand below a folder`);
  if (/[\p{Cc}\\]/u.test(name) || !name.isWellFormed() || Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw refused(`the entry ${shown} has a name that is no file name`);
  const mode = MADE_BY_UNIX.includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const type = mode & TYPE_MASK;
  if (type !== 0 && type !== REGULAR && type !== FOLDER)
    throw refused(
      `the entry ${shown} is a ${type === 0o120_000 ? 'symbolic link' : 'special file'}; put the files themselves into the archive`,
    );
  if ((type === FOLDER) !== isFolder && type !== 0)
    throw refused(
      `the entry ${shown} is a file by its name and a folder by its attributes, or the other way round`,
    );
  if (isFolder && entry.uncompressedSize > 0) throw refused(`the folder ${shown} has content`);
  return { entry, path: segments.join('/'), isFolder, isExecutable: mode === 0 || (mode & 0o111) !== 0 };
}

/** Each name once, and no file where a folder has to be. @throws GatewayError Validation */
function claim(seen: Map<string, boolean>, { path, isFolder }: Member): void {
  const shown = JSON.stringify(path.slice(0, 100));
  const known = seen.get(path);
  if (known !== undefined && !(known && isFolder)) throw refused(`the entry ${shown} comes twice`);
  seen.set(path, isFolder);
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    if (seen.get(parent) === false)
      throw refused(`the entry ${shown} lies below ${JSON.stringify(parent.slice(0, 100))}, which is a file`);
    if (seen.get(parent) === true) break;
    seen.set(parent, true);
  }
}

async function open(zip: ZipFile, entry: Entry): Promise<NodeJS.ReadableStream> {
  try {
    return await zip.openReadStreamPromise(entry);
  } catch (thrown) {
    throw refused(messageOf(thrown), thrown);
  }
}

async function drain(zip: ZipFile, entry: Entry, before: number): Promise<number> {
  let bytes = 0;
  let sum = 0;
  for await (const chunk of (await open(zip, entry)) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    sum = crc32(chunk, sum);
    if (before + bytes > FUNCTION_LIMITS.unzippedBytes) throw tooLarge();
  }
  if (sum !== entry.crc32)
    throw refused(`the entry ${JSON.stringify(entry.fileName.slice(0, 100))} is damaged`);
  return bytes;
}

/** Counts what passes and ends it at the limit: what an entry says of its own size is not believed. */
function counter(before: number): { readonly through: Transform; readonly count: () => number } {
  let bytes = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (before + bytes > FUNCTION_LIMITS.unzippedBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  return { through, count: () => bytes };
}

function tooLarge(): GatewayError {
  return new GatewayError(
    'Validation',
    `Unzipped size must be smaller than ${FUNCTION_LIMITS.unzippedBytes} bytes`,
  );
}

function messageOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, '');
}
