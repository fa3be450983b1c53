// The house keeps its shape: imports go down only and never sideways, no circles, one list of plug-ins, no file with
// two jobs (by length), one door to the network and one reader of the environment, and ARCHITECTURE.md names real files.

import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const MAX_LINES = 400;
const BANNED_NAME = /(^|[-/])(utils?|helpers?|common|misc|manager|base)([-./]|$)/;

/** Room → floor. A room may import rooms of lower floors; on one floor only its own files and the contracts. */
const FLOORS: Readonly<Record<string, number>> = {
  cli: 7,
  edge: 6,
  control: 5,
  mcp: 5,
  snapshot: 4,
  sessions: 4,
  identity: 4,
  'authorization-server': 4,
  access: 4,
  targets: 3,
  authorizers: 3,
  credentials: 3,
  search: 3,
  functions: 3,
  stores: 2,
  vault: 2,
  upstream: 2,
  telemetry: 2,
  audit: 2,
  core: 1,
  lib: 0,
};
const CONTRACTS: ReadonlySet<string> = new Set([
  'targets/target-type.ts',
  'authorizers/authorizer.ts',
  'credentials/credential-type.ts',
  'stores/store.ts',
  'sessions/session.ts',
  'identity/identity.ts',
  'search/tool-search.ts',
  'search/embedder.ts',
  'functions/function-host.ts',
]);
/** Planes and the middle floors see plug-ins and engines through their contracts only. */
const BY_CONTRACT_ONLY: ReadonlySet<string> = new Set([
  'targets',
  'authorizers',
  'credentials',
  'stores',
  'vault',
  'upstream',
  'telemetry',
  'audit',
  'sessions',
  'identity',
  'search',
  'functions',
]);
/** Who may read what of another room on purpose. */
const ALLOWED: readonly (readonly [from: string, to: string])[] = [
  // The edge serves the data plane's endpoint; the answer types are the endpoint's.
  ['edge/', 'mcp/endpoint.ts'],
  // The data plane runs on snapshots.
  ['mcp/', 'snapshot/snapshot.ts'],
];
/** Folders whose folders are plug-ins. */
const PLUGIN_ROOMS = ['targets', 'authorizers', 'credentials', 'search/embedders'];

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && statSync(join(folder, name)).isFile())
    .map((name) => name.replaceAll('\\', '/'));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
}

const files = filesBelow(SRC);
const sources = files.filter((file) => !file.endsWith('.test.ts'));
const graph = new Map(
  sources.map((file) => [
    file,
    importsOf(file)
      .filter((name) => name.startsWith('.') && name.endsWith('.ts'))
      .map((name) => relative(SRC, join(SRC, dirname(file), name)).replaceAll('\\', '/')),
  ]),
);

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : 'top';
}

function mayImport(from: string, to: string): boolean {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === 'top' || room === 'cli') return true;
  if (other === 'top') return false;
  if (room === other) return !isAcrossPlugins(from, to);
  if (ALLOWED.some(([start, end]) => from.startsWith(start) && to.startsWith(end))) return true;
  if (CONTRACTS.has(to)) return (FLOORS[other] ?? 9) <= (FLOORS[room] ?? -1);
  if (BY_CONTRACT_ONLY.has(other)) return false;
  return (FLOORS[other] ?? 9) < (FLOORS[room] ?? -1) && (other === 'core' || other === 'lib');
}

/** A plug-in never imports another plug-in of its room, and the rest of its room never imports plug-ins. */
function isAcrossPlugins(from: string, to: string): boolean {
  const [own, other] = [pluginOf(from), pluginOf(to)];
  return other !== undefined && own !== other;
}

/** The folder of the plug-in that a file belongs to; undefined for what plug-ins of a room share. */
function pluginOf(file: string): string | undefined {
  const folder = PLUGIN_ROOMS.find((room) => file.startsWith(`${room}/`));
  const [name, inside] = folder === undefined ? [] : file.slice(folder.length + 1).split('/');
  return inside === undefined ? undefined : `${folder}/${name}`;
}

describe('the house', () => {
  it('knows every room', () => {
    const rooms = new Set(sources.map(roomOf).filter((room) => room !== 'top'));
    expect([...rooms].filter((room) => FLOORS[room] === undefined)).toEqual([]);
  });

  it('imports downwards only, and plug-ins through their contracts', () => {
    const wrong = [...graph].flatMap(([from, targets]) =>
      targets.filter((to) => !mayImport(from, to)).map((to) => `${from} → ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it('imports files that exist, and has no circles', () => {
    const missing = [...graph].flatMap(([from, targets]) =>
      targets.filter((to) => !graph.has(to)).map((to) => `${from} → ${to}`),
    );
    expect(missing).toEqual([]);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file) || path.includes(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('lists every plug-in in plugins.ts', () => {
    const listed = readFileSync(join(SRC, 'plugins.ts'), 'utf8');
    for (const room of PLUGIN_ROOMS)
      for (const entry of readdirSync(join(SRC, room), { withFileTypes: true }))
        if (entry.isDirectory())
          expect(listed, `${room}/${entry.name}`).toContain(`'./${room}/${entry.name}/index.ts'`);
  });

  it('has no long files, no banned names, and a comment at the head of each file', () => {
    const faults = sources.flatMap((file) => {
      const text = readFileSync(join(SRC, file), 'utf8');
      const lines = text.split('\n').length;
      return [
        ...(lines > MAX_LINES ? [`${file}: ${lines} lines`] : []),
        ...(BANNED_NAME.test(file) ? [`${file}: banned name`] : []),
        ...(/^(#!.*\n)?\/\//.test(text) ? [] : [`${file}: no comment at its head`]),
        ...(/export default/.test(text) ? [`${file}: default export`] : []),
      ];
    });
    expect(faults).toEqual([]);
  });

  it('has one door to the network and one reader of the environment', () => {
    const faults = sources.flatMap((file) => {
      const text = readFileSync(join(SRC, file), 'utf8');
      const imports = importsOf(file);
      return [
        ...(imports.includes('undici') && !file.startsWith('upstream/') ? [`${file}: undici`] : []),
        ...(/\bprocess\.env\b/.test(text.replace(/^\s*\/\/.*$/gm, '')) && file !== 'cli/main.ts'
          ? [`${file}: process.env`]
          : []),
        ...(imports.some((name) => /^node:(http|https|net|tls|dns)$/.test(name)) &&
        !/^(edge|upstream)\//.test(file) &&
        // The Runtime API, for processes of this machine; and sockets of the database's own client, to be closed by force.
        !['functions/runtime-api.ts', 'stores/postgres/open.ts'].includes(file) &&
        !isHarmless(text)
          ? [`${file}: sockets`]
          : []),
      ];
    });
    expect(faults).toEqual([]);
  });

  it('is described truly: every file that ARCHITECTURE.md names is there, and every room is named', () => {
    const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const named = [...text.matchAll(/`((?:src|test|bench|docs|examples)\/[\w./-]+)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    for (const room of Object.keys(FLOORS)) expect(text, room).toContain(`\`src/${room}/`);
  });
});

/** `isIP`, `STATUS_CODES` and types open no socket. */
function isHarmless(text: string): boolean {
  return [...text.matchAll(/import (type )?\{([^}]*)\} from 'node:(?:http|https|net|tls|dns)'/g)].every(
    (match) =>
      match[1] !== undefined ||
      /^\s*(isIP|STATUS_CODES)(\s*,\s*(isIP|STATUS_CODES))*\s*$/.test(match[2] ?? ''),
  );
}
