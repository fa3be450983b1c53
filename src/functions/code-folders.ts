// Code on disk: each archive is taken from the store, checked against its digest and unpacked once in the life of this
// process, into a folder that nobody else writes to and that goes with the process. What an earlier process left is
// removed and never run.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Log } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { FlightCounts } from '../lib/single-flight.ts';
import type { StoreReader } from '../stores/store.ts';
import { unpackArchive } from './archive.ts';

const OWNER_FILE = 'owner';
/** Names of the folders that this process uses: all others under its number are of one before it. */
const used = new Set<string>();

export interface CodeFolders {
  /** Folder of this process; everything below it goes with `close`. */
  readonly root: string;
  /** The folder an archive is unpacked in. @throws GatewayError Unavailable, Internal when the archive is damaged */
  folderOf(codeId: string): Promise<string>;
  /** The folder that several archives are unpacked in, later ones over earlier ones; undefined for none. @throws as `folderOf` */
  layersOf(codeIds: readonly string[]): Promise<string | undefined>;
  /** Lets go of the folders of all other archives. */
  keepOnly(wanted: Iterable<{ readonly codeId: string; readonly layerIds: readonly string[] }>): void;
  /** A new folder with an empty one, `files`, in it. */
  temporary(name: string): Promise<string>;
  /** Whether programs can begin to run: the folder is made with the first call. */
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Reads an archive's bytes back from its rows. @throws GatewayError NotFound, Internal */
export async function readCode(reader: StoreReader, codeId: string): Promise<Buffer> {
  const row = await reader.get('function-code', codeId);
  if (!row) throw new GatewayError('NotFound', `The code archive ${codeId} is not stored any more.`);
  const parts: Buffer[] = [];
  for (let index = 0; index < row.document.parts; index += 1) {
    const part = await reader.find('function-code-part', codeId, String(index));
    if (part) parts.push(Buffer.from(part.document.base64, 'base64'));
  }
  const bytes = Buffer.concat(parts);
  if (createHash('sha256').update(bytes).digest('hex') !== codeId)
    throw new GatewayError('Internal', 'A stored code archive is damaged: deploy the function again.', {
      internal: `code archive ${codeId} has another digest`,
    });
  return bytes;
}

/** Code folders below `<data dir>/functions`. */
export function createCodeFolders(
  dataDir: string,
  reader: StoreReader,
  log: Log,
  counts?: FlightCounts,
): CodeFolders {
  const parent = join(dataDir, 'functions');
  const root = join(parent, `run-${process.pid}-${randomBytes(4).toString('hex')}`);
  const flights = new SingleFlight<string>(counts);
  const unpacked = new Map<string, string>();
  let opened: Promise<void> | undefined;

  async function make(): Promise<void> {
    used.add(basename(root));
    await mkdir(root, { recursive: true, mode: 0o700 });
    await writeFile(join(root, OWNER_FILE), String(process.pid), { mode: 0o600 });
    await Promise.all([mkdir(join(root, 'code')), mkdir(join(root, 'tmp'))]);
    // Or Node would look for one in all folders above, and go by what it finds there.
    await writeFile(join(root, 'code', 'package.json'), '{}');
    for (const name of await readdir(parent))
      if (await isLeftOver(join(parent, name))) await remove(join(parent, name));
  }

  const open = (): Promise<void> => (opened ??= make());

  function folderFor(name: string, codeIds: readonly string[]): Promise<string> {
    const known = unpacked.get(name);
    return known === undefined ? flights.run(name, () => unpack(name, codeIds)) : Promise.resolve(known);
  }

  async function unpack(name: string, codeIds: readonly string[]): Promise<string> {
    await open();
    const draft = join(root, 'code', `${name}.draft`);
    // A name of its own each time: the folder before may still be on its way out.
    const folder = join(root, 'code', `${name.slice(0, 80)}.${randomBytes(4).toString('hex')}`);
    await remove(draft);
    await mkdir(draft);
    for (const codeId of codeIds) await unpackArchive(await readCode(reader, codeId), draft);
    await rename(draft, folder);
    unpacked.set(name, folder);
    log.debug({ code: name }, 'function code is unpacked');
    return folder;
  }

  return Object.freeze({
    root,
    open,
    folderOf: (codeId: string) => folderFor(codeId, [codeId]),
    async layersOf(codeIds: readonly string[]): Promise<string | undefined> {
      return codeIds.length === 0 ? undefined : folderFor(layersName(codeIds), codeIds);
    },
    keepOnly(wanted: Iterable<{ readonly codeId: string; readonly layerIds: readonly string[] }>): void {
      if (unpacked.size === 0) return;
      const names = new Set<string>();
      for (const { codeId, layerIds } of wanted) names.add(codeId).add(layersName(layerIds));
      for (const [name, folder] of unpacked) {
        if (names.has(name)) continue;
        unpacked.delete(name);
        remove(folder).catch((thrown: unknown) =>
          log.warn({ folder, reason: String(thrown) }, 'old code stays on disk'),
        );
      }
    },
    async temporary(name: string): Promise<string> {
      await open();
      const folder = join(root, 'tmp', name);
      await mkdir(join(folder, 'files'), { recursive: true, mode: 0o700 });
      return folder;
    },
    async close(): Promise<void> {
      if (opened === undefined) return;
      await opened.catch(() => undefined);
      await remove(root);
      used.delete(basename(root));
    },
  });
}

function layersName(codeIds: readonly string[]): string {
  return `layers-${createHash('sha256').update(codeIds.join('\n')).digest('hex')}`;
}

/**
 * True for the folder of a process that is gone. Numbers come again, in a container at each start: there this process has
 * that of the one before it, so its own number on a folder that is not its own says that its owner is gone.
 */
async function isLeftOver(folder: string): Promise<boolean> {
  if (used.has(basename(folder))) return false;
  const pid = Number(await readFile(join(folder, OWNER_FILE), 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH';
  }
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
