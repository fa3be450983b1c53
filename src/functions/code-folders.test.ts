// Folders of code on disk: whose they are, and what becomes of those of servers that were killed.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Log } from '../core/call.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import { createCodeFolders } from './code-folders.ts';
import type { CodeFolders } from './code-folders.ts';

const silent = (): void => undefined;
const silentLog: Log = { debug: silent, info: silent, warn: silent, error: silent };
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function dataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'gatewright-folders-'));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function foldersIn(dir: string): Promise<CodeFolders> {
  const store = await openSqliteStore(':memory:');
  const folders = createCodeFolders(dir, store, silentLog);
  closing.push(
    () => store.close(),
    () => folders.close(),
  );
  await folders.open();
  return folders;
}

/** Another server over the same data directory: its process, and its folder. */
async function another(dir: string): Promise<{ readonly child: ChildProcess; readonly root: string }> {
  const module = new URL('./code-folders.ts', import.meta.url).href;
  const program = `const { createCodeFolders } = await import(${JSON.stringify(module)});
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const folders = createCodeFolders(${JSON.stringify(dir)}, {}, log);
    await folders.open();
    console.log(folders.root);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  closing.push(() => child.kill('SIGKILL'));
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, root: chunk.toString().trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const inside = (dir: string): readonly string[] =>
  readdirSync(join(dir, 'functions'))
    .map((name) => join(dir, 'functions', name))
    .toSorted((a, b) => a.localeCompare(b));

it('what a killed server left is removed, also when this process has its number, as in a container', async () => {
  const dir = dataDir();
  const killed = await Promise.all([another(dir), another(dir)]);
  await Promise.all(killed.map(({ child }) => kill(child)));
  writeFileSync(join(killed[0].root, 'owner'), String(process.pid));
  const folders = await foldersIn(dir);
  expect(inside(dir)).toEqual([folders.root]);
  expect(existsSync(join(await folders.temporary('one'), 'files'))).toBe(true);
});

it('what another server uses stays, also one of the same process, and what is no folder of a server', async () => {
  const dir = dataDir();
  const others: Readonly<Record<string, string>> = {
    'run-0': '0',
    'run-x': 'x',
    'run--1': '-1',
    'run-1.5': '1.5',
  };
  for (const [name, owner] of Object.entries(others)) {
    mkdirSync(join(dir, 'functions', name), { recursive: true });
    writeFileSync(join(dir, 'functions', name, 'owner'), owner);
  }
  mkdirSync(join(dir, 'functions', 'run-unclaimed'));
  writeFileSync(join(dir, 'functions', 'a file'), '');
  const strange = inside(dir);
  const { child, root } = await another(dir);
  const [first, second] = [await foldersIn(dir), await foldersIn(dir)];
  expect(inside(dir)).toHaveLength(strange.length + 3);
  for (const each of [root, first.root, second.root]) expect(existsSync(each)).toBe(true);
  await first.close();
  expect(existsSync(first.root)).toBe(false);
  await kill(child);
  const third = await foldersIn(dir);
  expect(new Set(inside(dir))).toEqual(new Set([...strange, second.root, third.root]));
});
