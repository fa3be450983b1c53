// A folder as an archive of code: the same files give the same bytes, whenever and wherever they are packed. Knows what a
// folder looks like that holds a function, and nothing of servers.

import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { createIgnores } from './ignore-rules.ts';
import type { Ignores } from './ignore-rules.ts';

/** The earliest time that archives know, by the wall clock wherever it is packed. */
const EPOCH = new Date(1980, 0, 1);
const MAX_DEPTH = 64;

/** One file of a folder. */
export interface FolderFile {
  /** Below the folder, with `/`. */
  readonly name: string;
  readonly path: string;
  readonly isExecutable: boolean;
}

/** The files that go into the archive, in order. @throws Error that says what cannot be packed */
export function filesOf(folder: string): readonly FolderFile[] {
  let root: string;
  try {
    root = realpathSync(folder);
    if (!statSync(root).isDirectory()) throw new Error('it is no folder');
  } catch (cause) {
    throw new Error(`${folder} cannot be read: ${messageOf(cause)}`, { cause });
  }
  const files: FolderFile[] = [];
  walk(root, '', createIgnores(ignoreTextOf(root)), files, 0);
  if (files.length === 0) throw new Error(`${folder} holds no files to deploy.`);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function walk(root: string, below: string, ignores: Ignores, files: FolderFile[], depth: number): void {
  if (depth > MAX_DEPTH)
    throw new Error(`${below} is nested too deeply, or a link that leads back into itself.`);
  for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    const path = join(root, name);
    if (ignores(name, entry.isDirectory())) continue;
    if (entry.isSymbolicLink()) requireInside(root, path, name);
    // Links are followed: archives of functions hold no links.
    const { mode, ...what } = statsOf(path, name);
    if (what.isFolder) {
      if (!ignores(name, true)) walk(root, name, ignores, files, depth + 1);
    } else if (what.isFile) files.push({ name, path, isExecutable: (mode & 0o111) !== 0 });
    else throw new Error(`${name} is neither a file nor a folder. Add it to .gatewrightignore.`);
  }
}

function statsOf(
  path: string,
  name: string,
): { readonly mode: number; readonly isFolder: boolean; readonly isFile: boolean } {
  try {
    const stats = statSync(path);
    return { mode: stats.mode, isFolder: stats.isDirectory(), isFile: stats.isFile() };
  } catch (cause) {
    throw new Error(`${name} cannot be read: ${messageOf(cause)}. Add it to .gatewrightignore.`, { cause });
  }
}

/** What lies elsewhere may be anything: nobody deploys it by accident. */
function requireInside(root: string, path: string, name: string): void {
  let target: string;
  try {
    target = realpathSync(path);
  } catch (cause) {
    throw new Error(`${name} is a link that leads nowhere. Add it to .gatewrightignore.`, { cause });
  }
  const way = relative(root, target);
  if (way.split(sep)[0] === '..' || way.startsWith(sep))
    throw new Error(
      `${name} is a link to ${target}, outside of the folder. Copy it there, or add it to .gatewrightignore.`,
    );
}

function ignoreTextOf(root: string): string {
  try {
    return readFileSync(join(root, '.gatewrightignore'), 'utf8');
  } catch {
    return '';
  }
}

/** The archive of these files. */
export async function archiveOf(files: readonly FolderFile[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, path, isExecutable } of files)
    zip.addBuffer(readFileSync(path), name, {
      mtime: EPOCH,
      mode: isExecutable ? 0o100_755 : 0o100_644,
      forceDosTimestamp: true,
    });
  zip.end();
  return buffer(zip.outputStream as AsyncIterable<Uint8Array>);
}

const NODE = 'nodejs24.x';
const PYTHON = 'python3.12';

/** The places where handlers usually are, each with what shows that one is there. */
const USUAL_HANDLERS: readonly (readonly [file: string, shown: RegExp, runtime: string, handler: string])[] =
  [
    ...['index', 'handler', 'app', 'main', 'src/index'].flatMap((stem) =>
      ['.mjs', '.js', '.cjs'].map(
        (suffix) =>
          [
            `${stem}${suffix}`,
            /\bexports\.handler\b|\bexport\s+(?:const|let|var|async\s+function|function)\s+handler\b|\bexport\s*\{[^}]*\bhandler\b/,
            NODE,
            `${stem}.handler`,
          ] as const,
      ),
    ),
    ...['lambda_function', 'lambda_function_code', 'app', 'handler', 'index', 'main'].flatMap((stem) => [
      [`${stem}.py`, /^(?:async )?def lambda_handler\b/m, PYTHON, `${stem}.lambda_handler`] as const,
      [`${stem}.py`, /^(?:async )?def handler\b/m, PYTHON, `${stem}.handler`] as const,
    ]),
  ];

/** Runtime and handler by what is in the folder; undefined where that says nothing. */
export function guessHandler(
  files: readonly FolderFile[],
): { readonly runtime: string; readonly handler: string } | undefined {
  const byName = new Map(files.map((file) => [file.name, file]));
  if (byName.get('bootstrap')?.isExecutable === true)
    return { runtime: 'provided.al2023', handler: 'bootstrap' };
  for (const [name, shown, runtime, handler] of USUAL_HANDLERS) {
    const file = byName.get(name);
    if (file && shown.test(readFileSync(file.path, 'utf8'))) return { runtime, handler };
  }
  return undefined;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
